//! As many messages as go through by SMPP: four binds with windows of 100, in and out, with a receipt for each. Then one
//! bind with a window of ten, on either side.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use smpp_wire::connection::{self, Commands, Handle, Handler, Settings};
use smpp_wire::pdu::{Address, Bind, Outgoing, Pdu, RegisteredDelivery, ShortMessage, TypeOfNumber};
use smpp_wire::session::{self, Event};
use smpp_wire::status::CommandStatus;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::{Run, Sample, Target, mebibytes};
use crate::floors::pair::deliver_sm_resp;
use crate::ledger::{Entry, Ledger, Told};
use crate::profile::{self, APP_NAMES, Class, Message, Policy};
use crate::stand::{Bench, Stand, Ways, drained};

mod one_bind;

const BINDS: usize = 4;
const WINDOW: usize = 100;
const WAYS: Ways = Ways { vendors: 2, binds: 2, window: 100, policy: Policy::Shared };
/// Submissions that wait for a slot of the window.
const QUEUED: usize = 16;
/// More than lines can see while the load writes.
const MAX_NOTES: usize = 1_000_000;
/// Binds that do nothing.
const IDLE_BINDS: usize = 1000;
const QUIET_WITHIN: Duration = Duration::from_secs(600);

pub(crate) async fn run(bench: &Bench) -> Result<Run> {
    let stand = Stand::build(&bench.folder, &bench.program, WAYS).await?;
    let mut run = Run::default();
    let door = stand.gateway.smpp().context("the program serves no SMPP")?;
    let (notes, noted) = mpsc::channel(MAX_NOTES);
    let told = Rc::new(Cell::new(0));
    let mut taking = JoinSet::new();
    taking.spawn_local(take_notes(noted, stand.ledger.clone(), Rc::clone(&told)));

    let before = stand.meter()?;
    let began = Instant::now();
    let until = began + bench.seconds;
    let (mut lines, mut submitting) = (JoinSet::new(), JoinSet::new());
    let mut handles = Vec::new();
    for _ in 0..BINDS {
        let handle = bind(door, WINDOW, notes.clone(), &mut lines).await?;
        submitting.spawn_local(submit(handle.clone(), stand.ledger.clone(), until));
        handles.push(handle);
    }
    while submitting.join_next().await.is_some() {}
    let took = began.elapsed();
    drained(&stand.ledger, || 2 * told.get()).await;
    if !stand.gateway.until_quiet(QUIET_WITHIN).await? {
        run.fail(format!("the gateway was still busy {QUIET_WITHIN:?} after the last receipt"));
    }
    let after = stand.meter()?;
    let judgement = stand.ledger.judge();
    judgement.failures().into_iter().for_each(|failure| run.fail(failure));

    run.add("accepted", "messages/s", judgement.accepted as f64 / took.as_secs_f64());
    run.with_target(Target::AtLeast(8_000.0));
    run.add("messages", "", judgement.accepted as f64);
    run.add("refused submissions", "", judgement.refusals.values().sum::<u64>() as f64);
    after.add_to(&mut run, before, judgement.accepted);
    if let Some(figure) = run.figures.iter_mut().find(|figure| figure.name == "gateway CPU") {
        figure.target = Some(Target::AtMost(80.0));
    }
    let sample = |read: fn(&Entry) -> Option<Duration>| -> Sample {
        stand.ledger.read(|entries| entries.iter().filter_map(read).collect())
    };
    run.add_percentiles("submit_sm_resp", &sample(Entry::api));
    run.add_percentiles("receipt", &sample(|entry| entry.told_delivered.since(entry.reported)));

    let before = stand.gateway.rss()?;
    let idle = if bench.smoke { 10 } else { IDLE_BINDS };
    for _ in 0..idle {
        handles.push(bind(door, WINDOW, notes.clone(), &mut lines).await?);
    }
    let grown = stand.gateway.rss()?.saturating_sub(before);
    run.add(format!("{idle} idle binds"), "MiB", mebibytes(grown));
    run.with_target(Target::AtMost(64.0));
    handles.iter().for_each(Handle::close);
    while lines.join_next().await.is_some() {}
    stand.end().await?;
    one_bind::run(bench, &mut run).await?;
    Ok(run)
}

/// What a line saw. The ledger stays on the bench's own thread.
enum Note {
    Accepted(u32),
    Refused(CommandStatus),
    Told(u32),
}

async fn take_notes(mut notes: mpsc::Receiver<Note>, ledger: Ledger, told: Rc<Cell<u64>>) {
    while let Some(note) = notes.recv().await {
        match note {
            Note::Accepted(number) => ledger.accepted(number),
            Note::Refused(status) => ledger.refused(&status.to_string()),
            Note::Told(number) => {
                ledger.told(number, Told::Submitted);
                ledger.told(number, Told::Delivered);
                told.set(told.get() + 1);
            }
        }
    }
}

async fn bind(
    door: SocketAddr,
    window: usize,
    notes: mpsc::Sender<Note>,
    lines: &mut JoinSet<()>,
) -> Result<Handle<u32>> {
    let socket = TcpStream::connect(door).await?;
    socket.set_nodelay(true)?;
    let bind = Bind {
        system_id: APP_NAMES[0].as_bytes(),
        password: b"bench",
        interface_version: 0x34,
        ..Bind::default()
    };
    let bind = Outgoing::request(&Pdu::BindTransceiver(bind))?;
    let session = session::Settings { window, ..session::Settings::default() };
    let settings = Settings { session, request_queue: QUEUED, ..Settings::default() };
    let (connection, handle) = connection::client(socket, Some(bind), settings);
    lines.spawn_local(async move {
        connection.run(&mut Line { notes }).await;
    });
    Ok(handle)
}

/// Keeps the window of a bind full until the time is over.
async fn submit(handle: Handle<u32>, ledger: Ledger, until: Instant) {
    while Instant::now() < until {
        if submit_one(&handle, &ledger).await.is_err() {
            return;
        }
    }
}

/// Returns once there is a place for it among those that wait for the window.
async fn submit_one(handle: &Handle<u32>, ledger: &Ledger) -> Result<()> {
    let message = ledger.send(None, |number| profile::plain(number, 0, Class::Transactional));
    let outgoing = submission(&message)?;
    handle.request(message.number, outgoing).await.ok().context("the line is gone")
}

fn submission(message: &Message) -> Result<Outgoing> {
    let (to, text) = (message.to(), message.text());
    let destination = Address {
        ton: TypeOfNumber::International,
        digits: to.trim_start_matches('+').as_bytes(),
        ..Address::default()
    };
    let source = Address { ton: TypeOfNumber::Alphanumeric, digits: b"Strowger", ..Address::default() };
    let message = ShortMessage {
        source,
        destination,
        registered_delivery: RegisteredDelivery::FINAL,
        short_message: text.as_bytes(),
        ..ShortMessage::default()
    };
    Ok(Outgoing::request(&Pdu::SubmitSm(message))?)
}

struct Line {
    notes: mpsc::Sender<Note>,
}

impl Line {
    fn note(&self, note: Note) {
        // Nobody takes notes any more when the run is over.
        self.notes.try_send(note).ok();
    }
}

impl Handler<u32> for Line {
    fn events(&mut self, events: &mut Vec<Event<u32>>, commands: &mut Commands<u32>) {
        for event in events.drain(..) {
            match event {
                Event::Response { token, received } => self.note(match received.command_status() {
                    CommandStatus::ROK => Note::Accepted(token),
                    status => Note::Refused(status),
                }),
                Event::Request { received } => {
                    if let Pdu::DeliverSm(receipt) = received.pdu()
                        && let Some(number) = reported(receipt.short_message)
                    {
                        self.note(Note::Told(number));
                    }
                    commands.respond(received.sequence_number(), deliver_sm_resp());
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

/// A receipt repeats the beginning of the text, which is the message's tag.
fn reported(receipt: &[u8]) -> Option<u32> {
    let at = receipt.windows(5).position(|window| window == b"text:")?;
    profile::tagged(receipt.get(at + 5..)?)
}
