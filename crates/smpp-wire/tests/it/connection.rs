//! Both sides over a duplex stream, with the clock paused.

use std::time::Duration;

use smpp_wire::connection::{self, Handle, NotTaken, Refused, Settings};
use smpp_wire::pdu::{CommandId, Pdu};
use smpp_wire::session::{self, CloseReason, Event, Outstanding};
use smpp_wire::status::CommandStatus;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
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
    bound_over(tokio::io::duplex(64 * 1024), settings).await
}

async fn bound_over((near, far): (DuplexStream, DuplexStream), settings: Settings) -> Bound {
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

/// A server whose other side is bare bytes.
struct Raw {
    socket: DuplexStream,
    journal: Journal,
    server: Handle<u32>,
    tasks: JoinSet<CloseReason>,
}

fn raw(settings: Settings, buffer: usize) -> Raw {
    let (socket, far) = tokio::io::duplex(buffer);
    let (connection, server) = connection::server(far, settings);
    let journal = Journal::default();
    let mut handler = Welcoming(journal.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.run(&mut handler).await });
    Raw { socket, journal, server, tasks }
}

impl Raw {
    async fn write(&mut self, pdus: &[Pdu<'_>]) {
        let mut bytes = bytes::BytesMut::new();
        for (sequence_number, pdu) in (1..).zip(pdus) {
            pdu.encode(CommandStatus::ROK, sequence_number, &mut bytes).unwrap();
        }
        self.socket.write_all(&bytes).await.unwrap();
    }

    /// The header of the next PDU; its body is read over.
    async fn read(&mut self) -> (CommandId, CommandStatus, u32) {
        let length = self.socket.read_u32().await.unwrap();
        let command_id = CommandId(self.socket.read_u32().await.unwrap());
        let status = CommandStatus(self.socket.read_u32().await.unwrap());
        let sequence_number = self.socket.read_u32().await.unwrap();
        let mut body = vec![0; usize::try_from(length).unwrap() - 16];
        self.socket.read_exact(&mut body).await.unwrap();
        (command_id, status, sequence_number)
    }

    async fn end(&mut self) -> CloseReason {
        self.tasks.join_next().await.unwrap().unwrap()
    }
}

/// What was given back at the end of a session, with nothing but that end left to be told.
async fn ending(journal: &Journal, expected: &CloseReason) -> (Vec<u32>, Vec<Outstanding<u32>>) {
    let mut not_sent = Vec::new();
    loop {
        let event = journal.next().await;
        if let Event::Closed { reason, outstanding } = event {
            assert_eq!(&reason, expected);
            return (not_sent, outstanding);
        }
        let Event::NotSent { token } = event else { panic!("{event:?}") };
        not_sent.push(token);
    }
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

#[tokio::test(start_paused = true)]
async fn a_stream_of_single_octets_is_as_good_as_any() {
    let both = bound_over(tokio::io::duplex(1), Settings::default()).await;
    both.client.try_request(1, submit(b"one")).unwrap();
    let Event::Request { received } = both.server_journal.next().await else { panic!() };
    both.server.respond(received.sequence_number(), submitted(b"A")).unwrap();
    assert!(matches!(both.client_journal.next().await, Event::Response { token: 1, .. }));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_stays_up() {
    let both = bound(Settings::default()).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    both.client.try_request(1, submit(b"still there")).unwrap();
    assert!(matches!(both.server_journal.next().await, Event::Request { .. }));
    assert!(!both.client.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_still_finds_its_token() {
    let both = bound(Settings::default()).await;
    both.client.try_request(1, submit(b"slow")).unwrap();
    let Event::Request { received } = both.server_journal.next().await else { panic!() };
    assert_eq!(both.client_journal.next().await, Event::TimedOut { token: 1 });
    both.server.respond(received.sequence_number(), submitted(b"A")).unwrap();
    assert!(matches!(both.client_journal.next().await, Event::LateResponse { token: 1, .. }));
}

#[tokio::test(start_paused = true)]
async fn every_token_comes_back_when_the_line_breaks() {
    let session = session::Settings { window: 2, ..session::Settings::default() };
    let mut both = bound(Settings { session, ..Settings::default() }).await;
    for token in 1..=4 {
        both.client.try_request(token, submit(b"text")).unwrap();
    }
    assert!(matches!(both.server_journal.next().await, Event::Request { .. }));
    both.server.abort();
    let (not_sent, outstanding) = ending(&both.client_journal, &CloseReason::PeerClosed).await;
    assert_eq!(not_sent, [3, 4]);
    assert_eq!(outstanding, [1, 2].map(|token| Outstanding { token, bytes_out: true }));
    let refused = both.client.try_request(5, submit(b"text"));
    assert_eq!(refused, Err(NotTaken { token: 5, cause: Refused::Closed }));
    while both.tasks.join_next().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_answers_and_gives_back_what_was_not_sent() {
    let session = session::Settings { window: 1, ..session::Settings::default() };
    let both = bound(Settings { session, ..Settings::default() }).await;
    both.client.try_request(1, submit(b"text")).unwrap();
    both.client.try_request(2, submit(b"text")).unwrap();
    let Event::Request { received } = both.server_journal.next().await else { panic!() };
    both.client.close();
    assert_eq!(both.client_journal.next().await, Event::NotSent { token: 2 });
    both.server.respond(received.sequence_number(), submitted(b"A")).unwrap();
    assert!(matches!(both.client_journal.next().await, Event::Response { token: 1, .. }));
    let reason = CloseReason::Unbound;
    assert_eq!(both.client_journal.next().await, Event::Closed { reason, outstanding: Vec::new() });
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_hangs_up_on_our_unbind_has_unbound() {
    let mut raw = raw(Settings::default(), 4096);
    raw.write(&[Pdu::from_body(CommandId::BIND_RECEIVER, b"shop\0\0\0\x34\0\0\0").unwrap()]).await;
    assert_eq!(raw.read().await.0, CommandId::BIND_RECEIVER_RESP);
    raw.server.close();
    assert_eq!(raw.read().await.0, CommandId::UNBIND);
    raw.socket.shutdown().await.unwrap();
    assert_eq!(raw.end().await, CloseReason::Unbound);
}

#[tokio::test(start_paused = true)]
async fn a_wider_window_lets_queued_requests_go() {
    let session = session::Settings { window: 1, ..session::Settings::default() };
    let both = bound(Settings { session, ..Settings::default() }).await;
    both.client.try_request(1, submit(b"one")).unwrap();
    both.client.try_request(2, submit(b"two")).unwrap();
    assert!(matches!(both.server_journal.next().await, Event::Request { .. }));
    both.client.set_window(2);
    assert!(matches!(both.server_journal.next().await, Event::Request { .. }));
}

#[tokio::test(start_paused = true)]
async fn unanswered_receipts_do_not_keep_responses_from_being_read() {
    let session = session::Settings { window: 50, max_unanswered: 3, ..session::Settings::default() };
    let both = bound(Settings { session, ..Settings::default() }).await;
    for token in 1..=5 {
        both.server.try_request(token, deliver(b"receipt")).unwrap();
    }
    both.client.try_request(9, submit(b"text")).unwrap();
    for _ in 0..3 {
        assert!(matches!(both.client_journal.next().await, Event::Request { .. }));
    }
    for token in [4, 5] {
        let Event::Response { token: refused, received } = next_response(&both.server_journal).await else {
            panic!()
        };
        assert_eq!((refused, received.command_status()), (token, CommandStatus::RMSGQFUL));
    }
    both.server.respond(2, submitted(b"A")).unwrap();
    let Event::Response { token, .. } = next_response(&both.client_journal).await else { panic!() };
    assert_eq!(token, 9);
}

async fn next_response(journal: &Journal) -> Event<u32> {
    loop {
        let event = journal.next().await;
        if matches!(event, Event::Response { .. }) {
            return event;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_fills_nothing_but_its_share_and_is_closed() {
    let session = session::Settings { window: 100_000, ..session::Settings::default() };
    let settings = Settings { session, write_limit: 4096, request_queue: 8, ..Settings::default() };
    let mut raw = raw(settings, 256);
    raw.write(&[Pdu::from_body(CommandId::BIND_RECEIVER, b"shop\0\0\0\x34\0\0\0").unwrap()]).await;
    assert_eq!(raw.read().await, (CommandId::BIND_RECEIVER_RESP, CommandStatus::ROK, 1));
    let long_text = [b'x'; 200];
    let mut taken = 0;
    while taken < 1000 {
        tokio::task::yield_now().await;
        if raw.server.try_request(taken, deliver(&long_text)).is_err() {
            break;
        }
        taken += 1;
    }
    assert!(taken < 60, "{taken} PDUs were taken for a peer that reads nothing");
    assert_eq!(raw.end().await, CloseReason::WriteStalled);
    let (mut back, outstanding) = ending(&raw.journal, &CloseReason::WriteStalled).await;
    assert!(outstanding[0].bytes_out && !outstanding[outstanding.len() - 1].bytes_out);
    back.extend(outstanding.iter().map(|outstanding| outstanding.token));
    back.sort_unstable();
    assert_eq!(back, (0..taken).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_floods_without_reading_is_read_no_further() {
    let mut raw = raw(Settings { write_limit: 1024, ..Settings::default() }, 256);
    let enquiry = Pdu::EnquireLink(smpp_wire::pdu::Bare::default());
    let flood = vec![enquiry; 100_000];
    let stuck = tokio::time::timeout(Duration::from_secs(20), raw.write(&flood)).await;
    assert!(stuck.is_err());
    assert_eq!(raw.end().await, CloseReason::WriteStalled);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_smpp_is_nacked_and_closed() {
    for (bytes, sequence_number) in [
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], u32::from_be_bytes(*b".1\r\n")),
        (&b"\0\0\0\x04\0\0\0\x15\0\0\0\0\0\0\0\x07"[..], 7),
        (&b"\0\0\x04\x01\0\0\0\x09\0\0\0\0\0\0\0\x08"[..], 8),
    ] {
        let mut raw = raw(Settings::default(), 4096);
        raw.socket.write_all(bytes).await.unwrap();
        let nack = (CommandId::GENERIC_NACK, CommandStatus::RINVCMDLEN, sequence_number);
        assert_eq!(raw.read().await, nack);
        assert_eq!(raw.socket.read(&mut [0; 16]).await.unwrap(), 0);
        assert!(matches!(raw.end().await, CloseReason::BadLength(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_length_that_no_message_has_is_nacked_and_closed_on_a_bound_session_too() {
    for length in [0_u32, 15, 0x0001_0000, 0x8000_0010, u32::MAX] {
        let mut raw = raw(Settings::default(), 4096);
        raw.write(&[Pdu::from_body(CommandId::BIND_TRANSCEIVER, b"shop\0\0\0\x34\0\0\0").unwrap()]).await;
        assert_eq!(raw.read().await, (CommandId::BIND_TRANSCEIVER_RESP, CommandStatus::ROK, 1));
        raw.socket.write_all(&length.to_be_bytes()).await.unwrap();
        // The sequence number has not come yet, so none can be quoted.
        assert_eq!(raw.read().await, (CommandId::GENERIC_NACK, CommandStatus::RINVCMDLEN, 0));
        assert_eq!(raw.socket.read(&mut [0; 16]).await.unwrap(), 0);
        assert!(matches!(raw.end().await, CloseReason::BadLength(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_body_and_an_unknown_command_leave_the_stream_in_step() {
    let mut raw = raw(Settings::default(), 4096);
    raw.write(&[Pdu::from_body(CommandId::BIND_TRANSCEIVER, b"shop\0\0\0\x34\0\0\0").unwrap()]).await;
    assert_eq!(raw.read().await, (CommandId::BIND_TRANSCEIVER_RESP, CommandStatus::ROK, 1));
    raw.socket.write_all(b"\0\0\0\x12\0\0\0\x04\0\0\0\0\0\0\0\x02no").await.unwrap();
    raw.socket.write_all(b"\0\0\0\x11\0\0\x01\x10\0\0\0\0\0\0\0\x03?").await.unwrap();
    raw.socket.write_all(b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x04").await.unwrap();
    assert_eq!(raw.read().await, (CommandId::SUBMIT_SM_RESP, CommandStatus::RINVCMDLEN, 2));
    assert_eq!(raw.read().await, (CommandId::GENERIC_NACK, CommandStatus::RINVCMDID, 3));
    assert_eq!(raw.read().await, (CommandId::ENQUIRE_LINK_RESP, CommandStatus::ROK, 4));
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_found_dead() {
    let mut raw = raw(Settings::default(), 4096);
    raw.write(&[Pdu::from_body(CommandId::BIND_TRANSCEIVER, b"shop\0\0\0\x34\0\0\0").unwrap()]).await;
    assert_eq!(raw.end().await, CloseReason::LinkDead);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_binds_is_closed() {
    let mut raw = raw(Settings::default(), 4096);
    assert_eq!(raw.end().await, CloseReason::BindTimedOut);
}

#[tokio::test(start_paused = true)]
async fn answers_that_came_before_the_line_broke_are_still_read() {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let (connection, client) = connection::client(near, Some(bind()), Settings::default());
    let journal = Journal::default();
    let mut handler = journal.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.run(&mut handler).await });
    far.write_all(b"\0\0\0\x10\x80\0\0\x09\0\0\0\0\0\0\0\x01").await.unwrap();
    assert!(matches!(journal.next().await, Event::Bound { .. }));
    client.try_request(1, submit(b"text")).unwrap();
    while far.read_u8().await.unwrap() != b'x' {}
    far.write_all(b"\0\0\0\x10\x80\0\0\x04\0\0\0\0\0\0\0\x02").await.unwrap();
    client.try_request(2, submit(b"text")).unwrap();
    drop(far);
    assert!(matches!(journal.next().await, Event::Response { token: 1, .. }));
    let Event::Closed { outstanding, .. } = journal.next().await else { panic!() };
    assert_eq!(outstanding.iter().map(|outstanding| outstanding.token).collect::<Vec<_>>(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_handles_waits_for_its_peer() {
    let mut raw = raw(Settings::default(), 4096);
    let (socket, far) = tokio::io::duplex(64);
    let (connection, handle) = connection::server::<_, u32>(far, Settings::default());
    drop(handle);
    raw.tasks.abort_all();
    let mut handler = Journal::default();
    raw.tasks.spawn(async move { connection.run(&mut handler).await });
    tokio::task::yield_now().await;
    drop(socket);
    let ends = [raw.tasks.join_next().await, raw.tasks.join_next().await];
    assert!(ends.into_iter().flatten().any(|end| matches!(end, Ok(CloseReason::PeerClosed))));
}
