//! A server that ends a session owes answers to what it has taken.

use super::*;

fn owing_one(settings: Settings) -> Bench {
    let mut bench = Bench::bound_server(BindKind::Transceiver, settings);
    bench.hear(CommandId::SUBMIT_SM, 2);
    assert!(matches!(bench.events().as_slice(), [Event::Request { .. }]));
    bench.session.unbind(bench.now, &mut bench.out);
    assert!(bench.said().is_empty());
    bench
}

#[test]
fn our_unbind_waits_for_our_answers_and_leaves_with_the_last() {
    let mut bench = owing_one(Settings::default());
    bench.pass(1);
    assert!(bench.said().is_empty());
    assert!(bench.respond(2, CommandId::SUBMIT_SM_RESP, CommandStatus::ROK));
    // It is due now: whoever drives the session looks at its deadline after each answer.
    assert_eq!(bench.session.next_deadline(), Some(Duration::ZERO));
    bench.pass(0);
    let [answer, unbind] = bench.said()[..] else { panic!("not both") };
    assert_eq!(answer, (CommandId::SUBMIT_SM_RESP, CommandStatus::ROK, 2));
    assert_eq!(unbind.0, CommandId::UNBIND);
    bench.hear(CommandId::UNBIND_RESP, unbind.2);
    assert_eq!(bench.session.closing(), Some(&CloseReason::Unbound));
}

#[test]
fn what_comes_while_we_end_is_refused_for_now_and_does_not_hold_up_the_end() {
    let mut bench = owing_one(Settings::default());
    bench.hear(CommandId::SUBMIT_SM, 3);
    assert_eq!(bench.said(), [(CommandId::SUBMIT_SM_RESP, CommandStatus::RMSGQFUL, 3)]);
    assert!(bench.respond(2, CommandId::SUBMIT_SM_RESP, CommandStatus::ROK));
    bench.pass(0);
    assert_eq!(bench.said().len(), 2);
    // It may have left before our unbind arrived.
    bench.hear(CommandId::SUBMIT_SM, 4);
    assert_eq!(bench.said(), [(CommandId::SUBMIT_SM_RESP, CommandStatus::RMSGQFUL, 4)]);
}

#[test]
fn our_answers_are_not_waited_for_for_ever() {
    let mut bench = owing_one(Settings { unbind_grace: Duration::from_secs(3), ..Settings::default() });
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(3)));
    bench.pass(2);
    assert!(bench.said().is_empty());
    bench.pass(1);
    assert!(matches!(bench.said()[..], [(CommandId::UNBIND, ..)]));
    // Late, but as long as the line is there it is an answer.
    assert!(bench.respond(2, CommandId::SUBMIT_SM_RESP, CommandStatus::ROK));
    assert_eq!(bench.said(), [(CommandId::SUBMIT_SM_RESP, CommandStatus::ROK, 2)]);
}
