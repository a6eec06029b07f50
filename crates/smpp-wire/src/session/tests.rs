//! What a session does with what comes, and when.

use std::time::Duration;

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    BindKind, CloseReason, Event, Output, Outstanding, RefusalCause, Session, Settings, Side, State,
};
use crate::frame::{self, BadLength, Frame};
use crate::pdu::{Bind, CommandId, Outbind, Outgoing, Pdu, ShortMessage};
use crate::status::CommandStatus;

mod ending;

/// A session with the time and what it put out.
struct Bench {
    session: Session<u32>,
    now: Duration,
    out: Output<u32>,
}

/// What a frame says, as far as these tests look.
type Said = (CommandId, CommandStatus, u32);

impl Bench {
    fn new(side: Side, settings: Settings) -> Self {
        let session = Session::new(side, settings, Duration::ZERO);
        Self { session, now: Duration::ZERO, out: Output::default() }
    }

    fn bound_client(settings: Settings) -> Self {
        let mut bench = Self::new(Side::Client, settings);
        assert!(bench.session.bind(&bind(BindKind::Transceiver), bench.now, &mut bench.out));
        assert_eq!(bench.said(), [(CommandId::BIND_TRANSCEIVER, CommandStatus::ROK, 1)]);
        bench.hear(CommandId::BIND_TRANSCEIVER_RESP, 1);
        assert!(matches!(bench.events().as_slice(), [Event::Bound { .. }]));
        bench
    }

    fn bound_server(kind: BindKind, settings: Settings) -> Self {
        let mut bench = Self::new(Side::Server, settings);
        bench.hear(bind(kind).command_id(), 1);
        assert!(matches!(bench.events().as_slice(), [Event::BindRequested { .. }]));
        assert!(bench.respond(1, kind.response(), CommandStatus::ROK));
        assert_eq!(bench.said(), [(kind.response(), CommandStatus::ROK, 1)]);
        bench
    }

    fn hear(&mut self, command_id: CommandId, sequence_number: u32) {
        self.hear_status(command_id, CommandStatus::ROK, sequence_number);
    }

    fn hear_status(&mut self, command_id: CommandId, status: CommandStatus, sequence_number: u32) {
        self.hear_frame(frame_of(command_id, status, sequence_number));
    }

    fn hear_frame(&mut self, frame: Frame) {
        self.session.receive(frame, self.now, &mut self.out);
    }

    fn respond(&mut self, sequence_number: u32, command_id: CommandId, status: CommandStatus) -> bool {
        let pdu = Pdu::from_body(command_id, b"").unwrap();
        let response = Outgoing::response(&pdu, status).unwrap();
        self.session.respond(sequence_number, &response, &mut self.out)
    }

    fn request(&mut self, token: u32, pdu: &Pdu<'_>) {
        let request = Outgoing::request(pdu).unwrap();
        self.session.request(token, &request, self.now, &mut self.out);
    }

    fn submit(&mut self, token: u32) {
        self.request(token, &Pdu::SubmitSm(ShortMessage::default()));
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.session.tick(self.now, &mut self.out);
    }

    fn events(&mut self) -> Vec<Event<u32>> {
        std::mem::take(&mut self.out.events)
    }

    fn said(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        while let Ok(Some(frame)) = frame::cut(&mut self.out.bytes, frame::DEFAULT_MAX_LENGTH) {
            let header = frame.header();
            said.push((header.command_id, header.command_status, header.sequence_number));
        }
        said
    }
}

fn bind(kind: BindKind) -> Outgoing {
    let bind = Bind { system_id: b"shop", interface_version: 0x34, ..Bind::default() };
    let pdu = match kind {
        BindKind::Transmitter => Pdu::BindTransmitter(bind),
        BindKind::Receiver => Pdu::BindReceiver(bind),
        BindKind::Transceiver => Pdu::BindTransceiver(bind),
    };
    Outgoing::request(&pdu).unwrap()
}

/// A frame whose mandatory fields are all zero or empty.
fn frame_of(command_id: CommandId, status: CommandStatus, sequence_number: u32) -> Frame {
    let body_length = match command_id {
        CommandId::SUBMIT_SM | CommandId::DELIVER_SM => 17,
        CommandId::BIND_TRANSMITTER | CommandId::BIND_RECEIVER | CommandId::BIND_TRANSCEIVER => 7,
        CommandId::DATA_SM => 10,
        CommandId::ALERT_NOTIFICATION => 6,
        CommandId::QUERY_SM => 4,
        CommandId::OUTBIND => 2,
        _ => 0,
    };
    raw_frame(command_id, status, sequence_number, &vec![0; body_length])
}

fn raw_frame(command_id: CommandId, status: CommandStatus, sequence_number: u32, body: &[u8]) -> Frame {
    let mut bytes = BytesMut::new();
    let length = u32::try_from(16 + body.len()).unwrap();
    for field in [length, command_id.0, status.0, sequence_number] {
        bytes.extend_from_slice(&field.to_be_bytes());
    }
    bytes.extend_from_slice(body);
    Frame::whole(bytes.freeze()).unwrap()
}

fn settings() -> Settings {
    Settings { response_timeout: Duration::from_secs(10), ..Settings::default() }
}

#[test]
fn a_client_is_bound_when_its_bind_is_accepted() {
    let bench = Bench::bound_client(settings());
    assert_eq!(bench.session.state(), State::Bound(BindKind::Transceiver));
    assert_eq!(bench.session.free_slots(), 10);
}

#[test]
fn a_refused_bind_ends_the_session_with_its_status() {
    for (command_id, sequence_number) in [
        (CommandId::BIND_RECEIVER_RESP, 1),
        (CommandId::BIND_RECEIVER_RESP, 77),
        (CommandId::GENERIC_NACK, 1),
    ] {
        let mut bench = Bench::new(Side::Client, settings());
        bench.session.bind(&bind(BindKind::Receiver), bench.now, &mut bench.out);
        bench.hear_status(command_id, CommandStatus::RINVPASWD, sequence_number);
        assert_eq!(bench.session.closing(), Some(&CloseReason::BindRefused(CommandStatus::RINVPASWD)));
    }
}

#[test]
fn a_bind_that_nobody_answers_times_out() {
    let mut bench = Bench::new(Side::Client, settings());
    bench.session.bind(&bind(BindKind::Receiver), bench.now, &mut bench.out);
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(10)));
    bench.pass(9);
    assert_eq!(bench.session.closing(), None);
    bench.pass(1);
    assert_eq!(bench.session.closing(), Some(&CloseReason::BindTimedOut));
    assert_eq!(bench.session.next_deadline(), None);
}

#[test]
fn an_outbind_lets_a_waiting_client_bind() {
    let mut bench = Bench::new(Side::Client, settings());
    bench.hear(CommandId::OUTBIND, 1);
    assert!(matches!(bench.events().as_slice(), [Event::Notice { .. }]));
    assert_eq!(bench.session.state(), State::Outbound);
    assert!(bench.session.bind(&bind(BindKind::Receiver), bench.now, &mut bench.out));
}

#[test]
fn a_server_that_sends_outbind_waits_for_the_bind() {
    let mut bench = Bench::new(Side::Server, settings());
    let outbind = Outgoing::request(&Pdu::Outbind(Outbind::default())).unwrap();
    assert!(bench.session.notice(&outbind, &mut bench.out));
    assert_eq!(bench.session.state(), State::Outbound);
    assert!(!bench.session.notice(&outbind, &mut bench.out));
    bench.hear(CommandId::BIND_RECEIVER, 5);
    assert!(matches!(bench.events().as_slice(), [Event::BindRequested { .. }]));
}

#[test]
fn a_server_stays_open_after_refusing_a_bind_and_closes_when_none_succeeds() {
    let mut bench = Bench::new(Side::Server, settings());
    bench.hear(CommandId::BIND_TRANSMITTER, 1);
    assert!(bench.respond(1, CommandId::BIND_TRANSMITTER_RESP, CommandStatus::RINVPASWD));
    assert_eq!(bench.session.state(), State::Open);
    bench.hear(CommandId::BIND_TRANSMITTER, 2);
    assert!(bench.respond(2, CommandId::BIND_TRANSMITTER_RESP, CommandStatus::RINVPASWD));
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(30)));
    bench.pass(30);
    assert_eq!(bench.session.closing(), Some(&CloseReason::BindTimedOut));
}

#[test]
fn a_second_bind_is_refused_as_already_bound() {
    let mut bench = Bench::bound_server(BindKind::Transceiver, settings());
    bench.hear(CommandId::BIND_TRANSMITTER, 2);
    assert_eq!(bench.said(), [(CommandId::BIND_TRANSMITTER_RESP, CommandStatus::RALYBND, 2)]);
    assert!(
        matches!(bench.events().as_slice(), [Event::Refused(refusal)] if refusal.cause == RefusalCause::State)
    );
}

#[test]
fn requests_before_the_bind_or_on_the_wrong_bind_are_refused() {
    let refused = |mut bench: Bench, command_id: CommandId| {
        bench.hear(command_id, 9);
        let answer = command_id.response().unwrap_or(CommandId::GENERIC_NACK);
        bench.said() == [(answer, CommandStatus::RINVBNDSTS, 9)]
    };
    assert!(refused(Bench::new(Side::Server, settings()), CommandId::SUBMIT_SM));
    for kind in [BindKind::Transmitter, BindKind::Receiver, BindKind::Transceiver] {
        let server = || Bench::bound_server(kind, settings());
        assert!(refused(server(), CommandId::DELIVER_SM));
        assert!(refused(server(), CommandId::OUTBIND));
        assert!(refused(server(), CommandId::ALERT_NOTIFICATION));
        let receiver = kind == BindKind::Receiver;
        assert_eq!(refused(server(), CommandId::SUBMIT_SM), receiver);
        assert_eq!(refused(server(), CommandId::QUERY_SM), receiver);
        assert_eq!(refused(server(), CommandId::DATA_SM), receiver);
    }
    assert!(refused(Bench::bound_client(settings()), CommandId::SUBMIT_SM));
}

#[test]
fn a_request_that_the_bind_does_not_carry_is_not_sent() {
    let mut server = Bench::bound_server(BindKind::Transmitter, settings());
    server.request(4, &Pdu::DeliverSm(ShortMessage::default()));
    server.request(5, &Pdu::SubmitSm(ShortMessage::default()));
    server.request(6, &Pdu::Outbind(Outbind::default()));
    assert_eq!(server.events(), [4, 5, 6].map(|token| Event::NotSent { token }));
    assert!(server.said().is_empty());
}

#[test]
fn an_unknown_command_is_refused_and_the_session_lives() {
    let mut bench = Bench::bound_server(BindKind::Transceiver, settings());
    bench.hear_frame(raw_frame(CommandId(0x110), CommandStatus::ROK, 6, b"\x0f"));
    assert_eq!(bench.said(), [(CommandId::GENERIC_NACK, CommandStatus::RINVCMDID, 6)]);
    bench.hear(CommandId::ENQUIRE_LINK, 7);
    assert_eq!(bench.said(), [(CommandId::ENQUIRE_LINK_RESP, CommandStatus::ROK, 7)]);
}

#[test]
fn an_unknown_response_is_never_answered() {
    let mut bench = Bench::bound_server(BindKind::Transceiver, settings());
    bench.hear(CommandId(0x8000_0110), 6);
    assert!(bench.said().is_empty());
    assert!(matches!(bench.events().as_slice(), [Event::Unmatched { .. }]));
}

#[test]
fn an_unreadable_body_is_answered_with_what_is_wrong() {
    let mut bench = Bench::bound_server(BindKind::Transceiver, settings());
    let mut body = [0; 17];
    body[16] = 255;
    bench.hear_frame(raw_frame(CommandId::SUBMIT_SM, CommandStatus::ROK, 8, &body));
    bench.hear_frame(raw_frame(CommandId::SUBMIT_SM, CommandStatus::ROK, 9, &body[..9]));
    assert_eq!(
        bench.said(),
        [
            (CommandId::SUBMIT_SM_RESP, CommandStatus::RINVMSGLEN, 8),
            (CommandId::SUBMIT_SM_RESP, CommandStatus::RINVCMDLEN, 9),
        ]
    );
    assert_eq!(bench.session.unanswered(), 0);
}

#[test]
fn a_length_that_cannot_be_right_is_nacked_and_ends_the_session() {
    let mut bench = Bench::bound_server(BindKind::Transceiver, settings());
    let error = BadLength { length: 12, max: 65_536, sequence_number: 3 };
    bench.session.receive_bad_length(error, &mut bench.out);
    assert_eq!(bench.said(), [(CommandId::GENERIC_NACK, CommandStatus::RINVCMDLEN, 3)]);
    assert_eq!(bench.session.closing(), Some(&CloseReason::BadLength(error)));
}

#[test]
fn the_window_limits_what_is_sent() {
    let mut bench = Bench::bound_client(Settings { window: 2, ..settings() });
    for token in [1, 2, 3] {
        bench.submit(token);
    }
    assert_eq!(bench.events(), [Event::NotSent { token: 3 }]);
    assert_eq!(bench.said().len(), 2);
    assert_eq!((bench.session.outstanding(), bench.session.free_slots()), (2, 0));
    bench.hear(CommandId::SUBMIT_SM_RESP, 3);
    assert!(matches!(bench.events().as_slice(), [Event::Response { token: 2, .. }]));
    assert_eq!(bench.session.free_slots(), 1);
}

#[test]
fn a_response_after_its_time_is_told_as_late() {
    let mut bench = Bench::bound_client(settings());
    bench.submit(1);
    bench.now += Duration::from_secs(4);
    bench.submit(2);
    bench.pass(6);
    assert_eq!(bench.events(), [Event::TimedOut { token: 1 }]);
    assert_eq!(bench.session.free_slots(), 9);
    bench.hear(CommandId::SUBMIT_SM_RESP, 3);
    bench.hear(CommandId::SUBMIT_SM_RESP, 2);
    bench.hear(CommandId::SUBMIT_SM_RESP, 2);
    let events = bench.events();
    let [first, second, third] = events.as_slice() else { panic!("{events:?}") };
    assert!(matches!(first, Event::Response { token: 2, .. }));
    assert!(matches!(second, Event::LateResponse { token: 1, .. }));
    assert!(matches!(third, Event::Unmatched { .. }));
}

#[test]
fn too_many_unanswered_requests_are_refused_and_answers_free_them() {
    let settings = Settings { max_unanswered: 2, busy_status: CommandStatus::RTHROTTLED, ..settings() };
    let mut bench = Bench::bound_client(settings);
    for sequence_number in [11, 12, 13] {
        bench.hear(CommandId::DELIVER_SM, sequence_number);
    }
    assert_eq!(bench.said(), [(CommandId::DELIVER_SM_RESP, CommandStatus::RTHROTTLED, 13)]);
    assert!(bench.respond(12, CommandId::DELIVER_SM_RESP, CommandStatus::ROK));
    assert!(!bench.respond(12, CommandId::DELIVER_SM_RESP, CommandStatus::ROK));
    assert!(!bench.respond(13, CommandId::DELIVER_SM_RESP, CommandStatus::ROK));
    bench.events();
    bench.hear(CommandId::DELIVER_SM, 13);
    assert!(matches!(bench.events().as_slice(), [Event::Request { .. }]));
}

#[test]
fn two_requests_under_one_number_are_two_requests() {
    let mut bench = Bench::bound_client(settings());
    bench.hear(CommandId::DELIVER_SM, 5);
    bench.hear(CommandId::DELIVER_SM, 5);
    assert_eq!(bench.session.unanswered(), 2);
    assert!(bench.respond(5, CommandId::DELIVER_SM_RESP, CommandStatus::ROK));
    assert!(bench.respond(5, CommandId::DELIVER_SM_RESP, CommandStatus::ROK));
    assert!(!bench.respond(5, CommandId::DELIVER_SM_RESP, CommandStatus::ROK));
}

#[test]
fn a_silent_line_is_enquired_and_counts_as_dead_after_so_many_misses() {
    let mut bench = Bench::bound_client(Settings { enquire_link_misses: 2, ..settings() });
    bench.pass(29);
    assert!(bench.said().is_empty());
    bench.pass(1);
    assert_eq!(bench.said(), [(CommandId::ENQUIRE_LINK, CommandStatus::ROK, 2)]);
    bench.pass(10);
    assert_eq!(bench.said(), [(CommandId::ENQUIRE_LINK, CommandStatus::ROK, 3)]);
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(50)));
    bench.pass(10);
    assert_eq!(bench.session.closing(), Some(&CloseReason::LinkDead));
}

#[test]
fn anything_heard_proves_that_the_line_lives() {
    let mut bench = Bench::bound_client(Settings { enquire_link_misses: 1, ..settings() });
    bench.pass(30);
    assert_eq!(bench.said().len(), 1);
    bench.now += Duration::from_secs(5);
    bench.hear(CommandId::DELIVER_SM, 1);
    bench.pass(5);
    assert_eq!(bench.session.closing(), None);
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(65)));
}

#[test]
fn a_line_that_is_silent_while_an_answer_is_due_is_enquired_soon_and_counts_as_dead_after_one_miss() {
    let settings = Settings {
        enquire_link_interval_waiting: Some(Duration::from_secs(4)),
        response_timeout: Duration::from_secs(60),
        ..settings()
    };
    let mut bench = Bench::bound_client(settings.clone());
    bench.pass(20);
    bench.submit(1);
    bench.pass(3);
    assert_eq!(bench.said(), [(CommandId::SUBMIT_SM, CommandStatus::ROK, 2)]);
    bench.pass(1);
    assert_eq!(bench.said(), [(CommandId::ENQUIRE_LINK, CommandStatus::ROK, 3)]);
    // Further requests do not put it off.
    bench.pass(5);
    bench.submit(2);
    assert_eq!(bench.session.next_deadline(), Some(Duration::from_secs(34)));
    bench.pass(4);
    assert_eq!(bench.session.closing(), None);
    bench.pass(1);
    assert_eq!(bench.session.closing(), Some(&CloseReason::LinkDead));

    // Late as the tick may come, the other side has its time to answer.
    let mut bench = Bench::bound_client(settings);
    bench.submit(1);
    bench.pass(100);
    bench.pass(9);
    assert_eq!(bench.session.closing(), None);
    bench.pass(1);
    assert_eq!(bench.session.closing(), Some(&CloseReason::LinkDead));
}

#[test]
fn a_line_that_answers_enquire_links_lives_on_although_no_request_is_answered() {
    let settings = Settings {
        enquire_link_interval_waiting: Some(Duration::from_secs(4)),
        response_timeout: Duration::from_secs(60),
        ..settings()
    };
    let mut bench = Bench::bound_client(settings);
    bench.submit(1);
    for _ in 0..600 {
        bench.pass(4);
        for (command_id, _, sequence_number) in bench.said() {
            if command_id == CommandId::ENQUIRE_LINK {
                bench.hear(CommandId::ENQUIRE_LINK_RESP, sequence_number);
            }
        }
    }
    assert_eq!(bench.session.closing(), None);
    assert!(matches!(bench.events().as_slice(), [Event::TimedOut { token: 1 }]));
    bench.hear(CommandId::SUBMIT_SM_RESP, 2);
    assert!(matches!(bench.events().as_slice(), [Event::LateResponse { token: 1, .. }]));
}

#[test]
fn an_inactive_session_is_closed() {
    let inactivity_timeout = Some(Duration::from_secs(20));
    let mut bench = Bench::bound_server(BindKind::Receiver, Settings { inactivity_timeout, ..settings() });
    bench.pass(19);
    bench.hear(CommandId::ENQUIRE_LINK, 2);
    bench.pass(19);
    assert_eq!(bench.session.closing(), None);
    bench.pass(1);
    assert_eq!(bench.session.closing(), Some(&CloseReason::Inactive));
}

#[test]
fn our_unbind_waits_for_what_is_outstanding() {
    let mut bench = Bench::bound_client(settings());
    bench.submit(1);
    bench.said();
    bench.session.unbind(bench.now, &mut bench.out);
    bench.submit(2);
    assert_eq!(bench.events(), [Event::NotSent { token: 2 }]);
    assert!(bench.said().is_empty());
    bench.hear(CommandId::SUBMIT_SM_RESP, 2);
    assert_eq!(bench.said(), [(CommandId::UNBIND, CommandStatus::ROK, 3)]);
    bench.hear(CommandId::DELIVER_SM, 40);
    assert!(bench.respond(40, CommandId::DELIVER_SM_RESP, CommandStatus::ROK));
    bench.hear(CommandId::UNBIND_RESP, 3);
    assert_eq!(bench.session.closing(), Some(&CloseReason::Unbound));
}

#[test]
fn our_unbind_is_not_waited_for_for_ever() {
    let mut bench = Bench::bound_client(settings());
    bench.submit(1);
    bench.session.unbind(bench.now, &mut bench.out);
    bench.pass(10);
    assert_eq!(bench.events(), [Event::TimedOut { token: 1 }]);
    bench.pass(10);
    assert_eq!(bench.session.closing(), Some(&CloseReason::UnbindTimedOut));
}

#[test]
fn their_unbind_is_answered_once_their_requests_are() {
    let mut bench = Bench::bound_server(BindKind::Transceiver, settings());
    bench.hear(CommandId::SUBMIT_SM, 2);
    bench.hear(CommandId::UNBIND, 3);
    assert!(bench.said().is_empty());
    bench.hear(CommandId::SUBMIT_SM, 4);
    assert_eq!(bench.said(), [(CommandId::SUBMIT_SM_RESP, CommandStatus::RINVBNDSTS, 4)]);
    assert!(bench.respond(2, CommandId::SUBMIT_SM_RESP, CommandStatus::ROK));
    assert_eq!(
        bench.said(),
        [(CommandId::SUBMIT_SM_RESP, CommandStatus::ROK, 2), (CommandId::UNBIND_RESP, CommandStatus::ROK, 3),]
    );
    assert_eq!(bench.session.closing(), Some(&CloseReason::PeerUnbound));
}

#[test]
fn their_unbind_is_answered_after_its_grace_at_the_latest() {
    let mut bench = Bench::bound_server(BindKind::Transceiver, settings());
    bench.hear(CommandId::SUBMIT_SM, 2);
    bench.hear(CommandId::UNBIND, 3);
    bench.pass(5);
    assert_eq!(bench.said(), [(CommandId::UNBIND_RESP, CommandStatus::ROK, 3)]);
}

#[test]
fn the_end_tells_which_requests_had_bytes_out() {
    let mut bench = Bench::bound_client(settings());
    let before = bench.session.queued();
    for token in [1, 2, 3] {
        bench.submit(token);
    }
    let length = (bench.session.queued() - before) / 3;
    bench.session.closed(CloseReason::PeerClosed, before + length + 1, &mut bench.out);
    let outstanding = [(1, true), (2, true), (3, false)]
        .map(|(token, bytes_out)| Outstanding { token, bytes_out })
        .to_vec();
    let reason = CloseReason::PeerClosed;
    assert_eq!(bench.events(), [Event::Closed { reason, outstanding }]);
    assert_eq!(bench.session.state(), State::Closed);
}

/// Something that can happen to a client's session.
#[derive(Debug, Clone)]
enum Happening {
    Submit,
    Answer(u32),
    Nack(u32),
    Receipt(u32),
    Pass(u64),
    Unbind,
    TheirUnbind,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => Just(Happening::Submit),
        6 => (1..40_u32).prop_map(Happening::Answer),
        1 => (1..40_u32).prop_map(Happening::Nack),
        2 => (1..40_u32).prop_map(Happening::Receipt),
        2 => (0..15_u64).prop_map(Happening::Pass),
        1 => Just(Happening::Unbind),
        1 => Just(Happening::TheirUnbind),
    ]
}

proptest! {
    #[test]
    fn every_token_comes_back_exactly_once(happenings in vec(happening(), 0..60), written in 0..2000_u64) {
        let mut bench = Bench::bound_client(Settings { window: 4, late_memory: 3, ..settings() });
        let mut given = 0;
        let mut back = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Submit => {
                    bench.submit(given);
                    given += 1;
                }
                Happening::Answer(number) => bench.hear(CommandId::SUBMIT_SM_RESP, number),
                Happening::Nack(number) => bench.hear(CommandId::GENERIC_NACK, number),
                Happening::Receipt(number) => bench.hear(CommandId::DELIVER_SM, number),
                Happening::Pass(seconds) => bench.pass(seconds),
                Happening::Unbind => bench.session.unbind(bench.now, &mut bench.out),
                Happening::TheirUnbind => bench.hear(CommandId::UNBIND, 99),
            }
            prop_assert!(bench.session.outstanding() <= 4);
            let due = bench.session.next_deadline();
            prop_assert!(due.is_some() || bench.session.closing().is_some());
        }
        bench.session.closed(CloseReason::PeerClosed, written, &mut bench.out);
        for event in bench.events() {
            match event {
                Event::Response { token, .. } | Event::TimedOut { token } | Event::NotSent { token } => back.push(token),
                Event::Closed { outstanding, .. } => back.extend(outstanding.iter().map(|outstanding| outstanding.token)),
                Event::LateResponse { token, .. } => prop_assert!(back.contains(&token)),
                Event::Bound { .. }
                | Event::BindRequested { .. }
                | Event::Request { .. }
                | Event::Notice { .. }
                | Event::Refused(_)
                | Event::Unmatched { .. } => {}
            }
        }
        back.sort_unstable();
        prop_assert_eq!(back, (0..given).collect::<Vec<_>>());
    }
}
