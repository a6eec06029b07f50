//! Both sides over a duplex stream, with the clock paused.

use smpp_wire::connection::{self, Handle, Settings};
use smpp_wire::pdu::Pdu;
use smpp_wire::session::{CloseReason, Event};
use tokio::task::JoinSet;

use crate::pair::{Journal, Welcoming, bind, deliver, delivered, submit, submitted};

/// A bound client and its server.
struct Bound {
    client: Handle<u32>,
    client_journal: Journal,
    server: Handle<u32>,
    server_journal: Journal,
    tasks: JoinSet<CloseReason>,
}

async fn bound(settings: Settings) -> Bound {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (client_connection, client) = connection::client(near, Some(bind()), settings.clone());
    let (server_connection, server) = connection::server(far, settings);
    let (client_journal, server_journal) = (Journal::default(), Journal::default());
    let mut tasks = JoinSet::new();
    let mut handler = client_journal.clone();
    tasks.spawn(async move { client_connection.run(&mut handler).await });
    let mut handler = Welcoming(server_journal.clone());
    tasks.spawn(async move { server_connection.run(&mut handler).await });
    assert!(matches!(client_journal.next().await, Event::Bound { .. }));
    Bound { client, client_journal, server, server_journal, tasks }
}

#[tokio::test(start_paused = true)]
async fn requests_go_both_ways_and_answers_come_back_in_any_order() {
    let mut both = bound(Settings::default()).await;
    both.client.try_request(1, submit(b"one")).unwrap();
    both.client.try_request(2, submit(b"two")).unwrap();
    let mut sequence_numbers = Vec::new();
    for text in [b"one", b"two"] {
        let Event::Request { received } = both.server_journal.next().await else { panic!() };
        let Pdu::SubmitSm(message) = received.pdu() else { panic!() };
        assert_eq!(message.short_message, text);
        sequence_numbers.push(received.sequence_number());
    }
    for (sequence_number, id) in sequence_numbers.iter().zip([b"A", b"B"]).rev() {
        both.server.respond(*sequence_number, submitted(id)).unwrap();
    }
    for (asked, id) in [(2, b"B"), (1, b"A")] {
        let Event::Response { token, received } = both.client_journal.next().await else { panic!() };
        let Pdu::SubmitSmResp(resp) = received.pdu() else { panic!() };
        assert_eq!((token, resp.message_id), (asked, Some(&id[..])));
    }

    both.server.try_request(9, deliver(b"receipt")).unwrap();
    let Event::Request { received } = both.client_journal.next().await else { panic!() };
    both.client.respond(received.sequence_number(), delivered()).unwrap();
    assert!(matches!(both.server_journal.next().await, Event::Response { token: 9, .. }));

    both.client.close();
    let reasons = [both.tasks.join_next().await, both.tasks.join_next().await];
    let reasons = reasons.map(|reason| reason.unwrap().unwrap());
    assert!(reasons.contains(&CloseReason::Unbound) && reasons.contains(&CloseReason::PeerUnbound));
    let closed = both.client_journal.next().await;
    assert!(
        matches!(closed, Event::Closed { reason: CloseReason::Unbound, outstanding } if outstanding.is_empty())
    );
}
