//! An SMPP client straight against the bench's vendor: what four binds with windows of 50 carry without a gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use smpp_wire::connection::{self, Commands, Handler, Settings};
use smpp_wire::pdu::{Address, Bind, CommandId, MessageResp, Outgoing, Pdu, ShortMessage};
use smpp_wire::session::{self, Event};
use smpp_wire::status::CommandStatus;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::{Run, Sample};
use crate::gateway::own_cpu;
use crate::ledger::Ledger;
use crate::stand::Bench;
use crate::vendor::{Conduct, Vendor};

const BINDS: usize = 4;
const WINDOW: usize = 50;

/// Keeps its window full until the time is over.
struct Submitter {
    window: usize,
    until: Instant,
    submitted: Arc<AtomicU64>,
    /// From each request to its response.
    took: Vec<Duration>,
}

pub(super) async fn run(bench: &Bench, run: &mut Run) -> Result<()> {
    let vendor = Vendor::start(0, 0, Conduct::USUAL, &Ledger::new()).await?;
    let (before, began) = (own_cpu()?, Instant::now());
    let until = began + bench.floor_for();
    let submitted = Arc::default();
    let mut tasks = JoinSet::new();
    for _ in 0..BINDS {
        let submitter =
            Submitter { window: WINDOW, until, submitted: Arc::clone(&submitted), took: Vec::new() };
        tasks.spawn_local(submit(vendor.address(), submitter));
    }
    let mut count = 0.0;
    while let Some(ended) = tasks.join_next().await {
        count += ended.context("a bind of the pair ended early")??.len() as f64;
    }
    let (cpu, took) = (own_cpu()?.saturating_sub(before), began.elapsed());
    run.add("SMPP pair", "submits/s", count / took.as_secs_f64());
    run.add("SMPP pair: both sides' CPU", "µs/submit", cpu.as_secs_f64() * 1e6 / count);
    Ok(())
}

/// From a submission to its answer, when nothing else is under way.
pub(crate) async fn round_trip(bench: &Bench, conduct: Conduct) -> Result<Sample> {
    let vendor = Vendor::start(0, 0, conduct, &Ledger::new()).await?;
    let until = Instant::now() + bench.floor_for();
    let submitter = Submitter { window: 1, until, submitted: Arc::default(), took: Vec::new() };
    Ok(submit(vendor.address(), submitter).await?.into_iter().collect())
}

async fn submit(vendor: SocketAddr, mut submitter: Submitter) -> Result<Vec<Duration>> {
    let socket = TcpStream::connect(vendor).await?;
    socket.set_nodelay(true)?;
    let bind = Bind { system_id: b"bench", password: b"bench", interface_version: 0x34, ..Bind::default() };
    let bind = Outgoing::request(&Pdu::BindTransceiver(bind))?;
    let session = session::Settings { window: submitter.window, ..session::Settings::default() };
    let (connection, _) = connection::client(socket, Some(bind), Settings { session, ..Settings::default() });
    connection.run(&mut submitter).await;
    Ok(submitter.took)
}

/// What an application answers a receipt with.
pub(crate) fn deliver_sm_resp() -> Outgoing {
    let body = MessageResp { message_id: Some(b""), ..MessageResp::default() };
    Outgoing::response(&Pdu::DeliverSmResp(body), CommandStatus::ROK)
        .unwrap_or_else(|_| Outgoing::bare(CommandId::DELIVER_SM_RESP))
}

impl Handler<Instant> for Submitter {
    fn events(&mut self, events: &mut Vec<Event<Instant>>, commands: &mut Commands<Instant>) {
        for event in events.drain(..) {
            match event {
                Event::Bound { .. } => (0..self.window).for_each(|_| self.submit(commands)),
                Event::Response { token, .. } => {
                    self.took.push(token.elapsed());
                    self.submit(commands);
                }
                Event::Request { received } => {
                    commands.respond(received.sequence_number(), deliver_sm_resp());
                }
                Event::BindRequested { .. }
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

impl Submitter {
    fn submit(&self, commands: &mut Commands<Instant>) {
        if Instant::now() >= self.until {
            commands.close();
            return;
        }
        let number = self.submitted.fetch_add(1, Ordering::Relaxed);
        let text = format!("#{number:08} your parcel is on its way and will be with you tomorrow.");
        let submit_sm = ShortMessage {
            destination: Address { digits: b"4915110000000", ..Address::default() },
            source: Address { digits: b"Strowger", ..Address::default() },
            short_message: text.as_bytes(),
            ..ShortMessage::default()
        };
        if let Ok(outgoing) = Outgoing::request(&Pdu::SubmitSm(submit_sm)) {
            commands.request(Instant::now(), outgoing);
        }
    }
}
