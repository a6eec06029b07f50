//! kill -9 under traffic by SMPP: what was answered ESME_ROK is delivered, and its receipt comes once somebody is bound.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use smpp_wire::connection::{self, Commands, Handle, Handler};
use smpp_wire::pdu::{
    Address, Bind, CommandId, MessageResp, Outgoing, Pdu, RegisteredDelivery, ShortMessage, TypeOfNumber,
};
use smpp_wire::session::{self, CloseReason, Event};
use smpp_wire::status::CommandStatus;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::gateway::Gateway;
use crate::load;
use crate::setup::{APP_PASSWORD, APP_SYSTEM_ID, Setup};
use crate::trial;

const BINDS: usize = 2;
/// Of both vendors: what may be sent twice at each death.
const WINDOWS: usize = 80;
const DELIVERED: u8 = 2;
const SETTLED_WITHIN: Duration = Duration::from_secs(90);

/// What was promised, and what came.
#[derive(Default)]
pub(crate) struct Book {
    next: u64,
    /// The id that was answered for each number.
    pub(crate) acknowledged: BTreeMap<u64, String>,
    pub(crate) refused: usize,
    /// How often each id was told of, and the last state.
    told: BTreeMap<String, (usize, u8)>,
}

pub(crate) type Shared = Arc<Mutex<Book>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_delivered_and_told_of_however_often_the_process_is_killed() {
    let seed = trial::seed();
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let vendors = [trial::vendor().await, trial::vendor().await];
    let [acme, borealis] = vendors.each_ref().map(|vendor| vendor.addr().port());
    let setup = Setup::default()
        .vendor("acme", acme, "binds = 2\nwindow = 20")
        .vendor("borealis", borealis, "binds = 2\nwindow = 20")
        .evenly()
        .door("");
    let book = Shared::default();
    let deaths = trial::cycles();
    let began = Instant::now();
    for _ in 0..deaths {
        let mut gateway = Gateway::start(folder.path(), &setup).await;
        let lines = bound(gateway.smpp_port().await, &book).await;
        let before = book.lock().acknowledged.len();
        let life = Duration::from_millis(random.random_range(300..1500));
        submit_for(life, &lines, &book).await;
        crate::deadline::until("messages are acknowledged", async || {
            (book.lock().acknowledged.len() > before).then_some(())
        })
        .await;
        gateway.kill();
    }
    let lived = began.elapsed();

    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let _lines = bound(gateway.smpp_port().await, &book).await;
    let deadline = Instant::now() + SETTLED_WITHIN;
    let untold = loop {
        let untold: Vec<u64> = {
            let book = book.lock();
            let is_untold = |id: &String| !book.told.contains_key(id);
            book.acknowledged.iter().filter(|(_, id)| is_untold(id)).map(|(number, _)| *number).collect()
        };
        if untold.is_empty() || Instant::now() > deadline {
            break untold;
        }
        sleep(Duration::from_millis(250)).await;
    };
    let mut arrived: BTreeMap<u64, usize> = BTreeMap::new();
    for message in vendors.iter().flat_map(simulator::Vendor::received) {
        *arrived.entry(load::number(&message.text)).or_default() += 1;
    }
    let book = book.lock();
    let never: Vec<&u64> = book.acknowledged.keys().filter(|number| !arrived.contains_key(number)).collect();
    let twice = arrived.values().map(|times| times - 1).sum::<usize>();
    println!(
        "seed {seed}: {deaths} deaths in {lived:?}, {} acknowledged ({} refused), {} taken by the vendor, {twice} of \
         them twice, {} receipts came more than once",
        book.acknowledged.len(),
        book.refused,
        arrived.len(),
        book.told.values().filter(|(times, _)| *times > 1).count(),
    );
    assert!(book.acknowledged.len() > 20 * deaths, "there was hardly any load");
    assert!(never.is_empty(), "seed {seed}: no vendor has {never:?}");
    assert!(untold.is_empty(), "seed {seed}: no receipt came for {untold:?}");
    assert!(twice <= deaths * WINDOWS, "seed {seed}: {twice} came twice");
    let others: Vec<_> = book.told.iter().filter(|(_, (_, state))| *state != DELIVERED).collect();
    assert!(others.is_empty(), "seed {seed}: not delivered: {others:?}");
}

pub(crate) struct Lines {
    pub(crate) handles: Vec<Handle<u64>>,
    /// Each ends with its line, and says why that ended.
    pub(crate) tasks: JoinSet<CloseReason>,
}

pub(crate) async fn bound(port: u16, book: &Shared) -> Lines {
    let mut lines = Lines { handles: Vec::new(), tasks: JoinSet::new() };
    for _ in 0..BINDS {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let bind = Bind {
            system_id: APP_SYSTEM_ID.as_bytes(),
            password: APP_PASSWORD.as_bytes(),
            interface_version: 0x34,
            ..Bind::default()
        };
        let bind = Outgoing::request(&Pdu::BindTransceiver(bind)).unwrap();
        let session = session::Settings { window: 200, ..session::Settings::default() };
        let settings = connection::Settings { session, ..connection::Settings::default() };
        let (connection, handle) = connection::client(socket, Some(bind), settings);
        let book = Arc::clone(book);
        lines.tasks.spawn(async move { connection.run(&mut Line { book }).await });
        lines.handles.push(handle);
    }
    lines
}

/// Submits at an even rate; what finds no room is not sent.
pub(crate) async fn submit_for(time: Duration, lines: &Lines, book: &Shared) {
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < time {
        let due = (began.elapsed().as_secs_f64() * f64::from(trial::rate())) as usize;
        while sent < due {
            let number = {
                let mut book = book.lock();
                book.next += 1;
                book.next
            };
            // A line that was just bound takes it as well: it waits for the bind's answer.
            drop(lines.handles[sent % BINDS].try_request(number, submission(number)));
            sent += 1;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn submission(number: u64) -> Outgoing {
    let to = format!("447700{:06}", 900_000 + number % 1000);
    let text = load::short_text(number);
    let destination =
        Address { ton: TypeOfNumber::International, digits: to.as_bytes(), ..Address::default() };
    let message = ShortMessage {
        destination,
        registered_delivery: RegisteredDelivery::FINAL,
        short_message: text.as_bytes(),
        ..ShortMessage::default()
    };
    Outgoing::request(&Pdu::SubmitSm(message)).unwrap()
}

struct Line {
    book: Shared,
}

impl Handler<u64> for Line {
    fn events(&mut self, events: &mut Vec<Event<u64>>, commands: &mut Commands<u64>) {
        let mut book = self.book.lock();
        for event in events.drain(..) {
            match event {
                Event::Response { token, received } => {
                    if let Pdu::SubmitSmResp(MessageResp { message_id: Some(id), .. }) = received.pdu()
                        && received.command_status().is_ok()
                    {
                        book.acknowledged.insert(token, String::from_utf8(id.to_vec()).unwrap());
                    } else {
                        book.refused += 1;
                    }
                }
                Event::Request { received } => {
                    if let Pdu::DeliverSm(receipt) = received.pdu() {
                        let id = receipt.tlvs.receipted_message_id().unwrap();
                        let state = receipt.tlvs.message_state().unwrap().into();
                        let told = book.told.entry(String::from_utf8(id.to_vec()).unwrap()).or_default();
                        *told = (told.0 + 1, state);
                    }
                    let body = MessageResp { message_id: Some(b""), ..MessageResp::default() };
                    let response = Outgoing::response(&Pdu::DeliverSmResp(body), CommandStatus::ROK);
                    let response = response.unwrap_or_else(|_| Outgoing::bare(CommandId::DELIVER_SM_RESP));
                    commands.respond(received.sequence_number(), response);
                }
                Event::Bound { .. }
                | Event::BindRequested { .. }
                | Event::Notice { .. }
                | Event::TimedOut { .. }
                | Event::LateResponse { .. }
                | Event::NotSent { .. }
                | Event::Refused(_)
                | Event::Unmatched { .. }
                | Event::Closed { .. } => {}
            }
        }
    }
}
