//! Clients of the SMPP door that are no clients: each gets its error or is closed in time, and a good one beside them
//! does not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use serde_json::json;
use smpp_wire::pdu::{Address, Bind, Pdu, ShortMessage, TypeOfNumber};
use smpp_wire::status::CommandStatus;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::peer::{self, Library, Peer};
use crate::setup::{APP_PASSWORD, APP_SYSTEM_ID, Setup};
use crate::wire::Wire;

/// A line that has not bound by then is closed; a bound one that does not read its answers somewhat later.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);
const STALLED_WITHIN: Duration = Duration::from_secs(60);
const GENERIC_NACK: u32 = 0x8000_0000;
const SUBMIT_SM_RESP: u32 = 0x8000_0004;
const BIND_TRANSCEIVER_RESP: u32 = 0x8000_0009;

async fn dial(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

fn encoded(pdu: &Pdu<'_>, sequence_number: u32) -> BytesMut {
    let mut out = BytesMut::new();
    pdu.encode(CommandStatus::ROK, sequence_number, &mut out).unwrap();
    out
}

fn bind(password: &str) -> BytesMut {
    encoded(&Pdu::BindTransceiver(credentials(password)), 1)
}

fn credentials(password: &str) -> Bind<'_> {
    Bind { system_id: APP_SYSTEM_ID.as_bytes(), password: password.as_bytes(), ..Bind::default() }
}

fn submission(sequence_number: u32) -> BytesMut {
    let destination =
        Address { ton: TypeOfNumber::International, digits: b"447700900201", ..Address::default() };
    let message = ShortMessage { destination, short_message: b"hello", ..ShortMessage::default() };
    encoded(&Pdu::SubmitSm(message), sequence_number)
}

/// The header of the next PDU: command, status, sequence number.
async fn header<S: AsyncRead + Unpin>(line: &mut S) -> Option<[u32; 3]> {
    let length = line.read_u32().await.ok()?;
    let header = [line.read_u32().await.ok()?, line.read_u32().await.ok()?, line.read_u32().await.ok()?];
    let mut body = vec![0; length as usize - 16];
    line.read_exact(&mut body).await.ok()?;
    Some(header)
}

/// Reads until the other side closes.
async fn is_closed(line: &mut TcpStream) {
    let to_the_end = async {
        let mut rest = [0; 4096];
        while line.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    };
    timeout(CLOSED_WITHIN, to_the_end).await.expect("the line was not closed in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_its_error_or_is_closed_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(", max_binds = 3");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;

    for length in [0_u32, 15, u32::MAX] {
        let mut line = dial(port).await;
        line.write_all(&[length.to_be_bytes(), [0; 4], [0; 4], 7_u32.to_be_bytes()].concat()).await.unwrap();
        let nack = header(&mut line).await;
        let status = CommandStatus::RINVCMDLEN.0;
        assert!(nack.is_none_or(|nack| nack[..2] == [GENERIC_NACK, status]), "{length}: {nack:?}");
        is_closed(&mut line).await;
    }

    let mut unbound = dial(port).await;
    unbound.write_all(&submission(1)).await.unwrap();
    let refused = header(&mut unbound).await;
    assert_eq!(refused, Some([SUBMIT_SM_RESP, CommandStatus::RINVBNDSTS.0, 1]));

    let mut silent = dial(port).await;
    let mut cut_short = dial(port).await;
    cut_short.write_all(&bind(APP_PASSWORD)[..20]).await.unwrap();
    let mut slow = dial(port).await;
    let dribble = async {
        for octet in bind(APP_PASSWORD) {
            if slow.write_all(&[octet]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = async { tokio::join!(is_closed(&mut unbound), is_closed(&mut silent), is_closed(&mut cut_short)); } => {}
        () = dribble => {}
    }
    is_closed(&mut slow).await;
    assert_eq!(vendor.stats().submissions, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_binds_are_slowed_down() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let answer = async |password: &str| {
        let mut line = dial(port).await;
        line.write_all(&bind(password)).await.unwrap();
        let [command, status, _] = header(&mut line).await.unwrap();
        assert_eq!(command, BIND_TRANSCEIVER_RESP);
        CommandStatus(status)
    };
    for _ in 0..200 {
        assert_eq!(answer("wrong").await, CommandStatus::RBINDFAIL);
    }
    // Not even the right one is looked at now, so that nobody learns that it is right.
    assert_eq!(answer(APP_PASSWORD).await, CommandStatus::RBINDFAIL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_never_reads_its_answers_is_cut_and_costs_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    let mut line = dial(port).await;
    line.write_all(&encoded(&Pdu::BindTransmitter(credentials(APP_PASSWORD)), 1)).await.unwrap();
    let before = resident(&gateway);
    let mut flood = JoinSet::new();
    flood.spawn(async move {
        let mut sequence_number = 1;
        let began = Instant::now();
        // A query of nothing is answered and costs no vendor anything.
        let query = smpp_wire::pdu::QuerySm { message_id: b"nothing", ..Default::default() };
        while began.elapsed() < STALLED_WITHIN {
            let mut out = BytesMut::new();
            for _ in 0..100 {
                sequence_number += 1;
                out.extend_from_slice(&encoded(&Pdu::QuerySm(query), sequence_number));
            }
            if line.write_all(&out).await.is_err() {
                return true;
            }
        }
        false
    });
    let bind = peer::Bind { port, kind: "transceiver", password: APP_PASSWORD };
    let messages = json!([{ "source_addr": "Node", "source_addr_ton": 5, "dest_addr_ton": 1,
        "destination_addr": "447700900201", "short_message": "hello", "registered_delivery": 1 }]);
    let mut good = Peer::application(Library::NodeSmpp, folder.path(), &bind, &messages);
    assert_eq!(good.hear("submitted").await["status"], 0);
    assert_eq!(good.hear("receipt").await["state"], 2);
    let cut = timeout(STALLED_WITHIN, flood.join_next()).await.expect("it still writes").unwrap().unwrap();
    assert!(cut, "it was never cut");
    until("it is back to its size", async || (resident(&gateway) < before + 64 * 1024).then_some(())).await;
}

/// In KiB.
fn resident(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.process.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// From here the attack comes; the good client has another address, as whoever fails too often has to wait.
const ATTACKER: u8 = 2;
const WRONG_BINDS: usize = 10_000;
/// Attackers at once, each with one connection at a time.
const ATTACKERS: usize = 50;
/// What the good client offers, in submissions a second, for so long.
const OFFERED: u64 = 50;
const OFFERS: u64 = 10 * OFFERED;
/// What was offered last may be answered that much later.
const GRACE: Duration = Duration::from_secs(5);

/// Offers submissions at an even rate, whatever the answers do, and how many were accepted by the end of the window and
/// its grace.
async fn accepted_of_the_offered(line: Wire) -> u64 {
    let (mut reading, mut writing) = tokio::io::split(line.socket);
    let began = Instant::now();
    let mut offering = JoinSet::new();
    offering.spawn(async move {
        for number in 0..OFFERS {
            tokio::time::sleep_until(began + Duration::from_secs(1) * number as u32 / OFFERED as u32).await;
            writing.write_all(&submission(100 + number as u32)).await.unwrap();
        }
        writing
    });
    let until = began + Duration::from_secs(OFFERS / OFFERED) + GRACE;
    let mut accepted = 0;
    while accepted < OFFERS {
        let Ok(heard) = tokio::time::timeout_at(until, header(&mut reading)).await else { break };
        let [command, status, _] = heard.expect("the good client's line has ended");
        accepted += u64::from(command == SUBMIT_SM_RESP && status == CommandStatus::ROK.0);
    }
    accepted
}

async fn good(port: u16) -> Wire {
    let mut line = Wire::dial(port).await;
    assert_eq!(line.bind(APP_PASSWORD).await, CommandStatus::ROK);
    line
}

/// Binds with a wrong password, again and again, until all of them together have done so often enough.
async fn bind_wrongly(port: u16, left: Arc<AtomicUsize>) {
    let takes_one = |left: usize| left.checked_sub(1);
    while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes_one).is_ok() {
        let mut line = Wire::dial_from(ATTACKER, port).await;
        assert_eq!(line.bind("wrong").await, CommandStatus::RBINDFAIL);
    }
}

/// Half a bind, cut off at each of its octets, and lines that say nothing, on the port with TLS too.
async fn be_half_open(port: u16, tls_port: u16) -> Vec<TcpStream> {
    let mut lines = Vec::new();
    let bind = bind(APP_PASSWORD);
    for cut in 0..bind.len() {
        let mut line = Wire::dial_from(ATTACKER, port).await.socket;
        line.write_all(&bind[..cut]).await.unwrap();
        lines.push(line);
        lines.push(Wire::dial_from(ATTACKER, tls_port).await.socket);
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_client_keeps_its_rate_beside_ten_thousand_wrong_binds() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    certify(folder.path());
    let tls = r#"tls = { listen = "127.0.0.1:0", cert = "cert.pem", key = "key.pem" }"#;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "window = 100").door("").door_with(tls);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let (port, tls_port) = (gateway.smpp_port().await, gateway.smpp_tls_port().await);
    let alone = accepted_of_the_offered(good(port).await).await;

    let line = good(port).await;
    let before = resident(&gateway);
    let half_open = be_half_open(port, tls_port).await;
    let left = Arc::new(AtomicUsize::new(WRONG_BINDS));
    let mut attack = JoinSet::new();
    (0..ATTACKERS).for_each(|_| {
        attack.spawn(bind_wrongly(port, Arc::clone(&left)));
    });
    let attacked = accepted_of_the_offered(line).await;
    println!(
        "{alone} of {OFFERS} accepted alone, {attacked} beside {} wrong binds",
        WRONG_BINDS - left.load(Ordering::SeqCst)
    );
    assert!(alone * 100 >= OFFERS * 95, "the machine is too slow for any of this: {alone}");
    assert!(attacked * 100 >= OFFERS * 95, "only {attacked} of {OFFERS} were accepted beside the attack");
    // A newcomer from elsewhere is let in while it goes on, or after.
    drop(good(port).await);
    while let Some(ended) = attack.join_next().await {
        ended.unwrap();
    }
    for mut line in half_open {
        is_closed(&mut line).await;
    }
    until("it is back to its size", async || (resident(&gateway) < before + 64 * 1024).then_some(())).await;
    // Of ten thousand refusals the log has those that were looked at.
    let told = gateway.process.log().matches("system_id or password is wrong").count();
    assert!((1..1000).contains(&told), "{told}");
}

/// A certificate that nobody gets to see.
fn certify(folder: &std::path::Path) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), certified.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), certified.signing_key.serialize_pem()).unwrap();
}
