//! A vendor that costs little: it answers after a fixed time, reports after another, and takes notes.
//!
//! The simulator's vendor can do far more and costs more than the gateway may; this one reads and writes in batches.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use smpp_wire::pdu::{Address, EsmClass, NumberingPlan, Outgoing, Pdu, ShortMessage, TypeOfNumber};
use smpp_wire::receipt;
use smpp_wire::time::Civil;
use smpp_wire::tlv::MessageState;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ledger::Ledger;

mod line;

use line::Line;

/// How it treats what comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conduct {
    /// Until a submission is answered.
    pub(crate) latency: Duration,
    /// From the answer to the receipt.
    pub(crate) receipt_after: Duration,
}

impl Conduct {
    /// Of the fixed profile.
    pub(crate) const USUAL: Self =
        Self { latency: Duration::from_millis(1), receipt_after: Duration::from_millis(300) };
    /// Answers as soon as it can, as a door would that keeps nothing.
    pub(crate) const AT_ONCE: Self = Self { latency: Duration::ZERO, ..Self::USUAL };
}

/// A vendor that listens until it is dropped.
pub(crate) struct Vendor {
    state: Rc<State>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// What its lines share.
struct State {
    number: u8,
    ledger: Ledger,
    conduct: Conduct,
    binds: Cell<usize>,
    taken: Cell<u64>,
    /// When the first and the last submission came.
    first: Cell<Option<Instant>>,
    last: Cell<Option<Instant>>,
    /// Seconds since 1970 at the start: receipts carry dates.
    unix: i64,
    began: Instant,
    /// Receipts whose line ended before they were acknowledged.
    orphans: RefCell<VecDeque<Receipt>>,
}

/// A receipt that is due, with all that it says.
#[derive(Clone)]
struct Receipt {
    due: Instant,
    number: u32,
    outgoing: Outgoing,
}

impl Vendor {
    /// Listens on this port, or on any if it is zero.
    pub(crate) async fn start(number: u8, port: u16, conduct: Conduct, ledger: &Ledger) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let state = Rc::new(State {
            number,
            ledger: ledger.clone(),
            conduct,
            binds: Cell::new(0),
            taken: Cell::new(0),
            first: Cell::new(None),
            last: Cell::new(None),
            unix: unix_seconds(),
            began: Instant::now(),
            orphans: RefCell::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn_local(accept(listener, Rc::clone(&state)));
        Ok(Self { state, address, _tasks: tasks })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn binds(&self) -> usize {
        self.state.binds.get()
    }

    /// Parts taken until now.
    pub(crate) fn taken(&self) -> u64 {
        self.state.taken.get()
    }

    /// When the first submission came.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.state.first.get()
    }

    /// When the last submission came.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.state.last.get()
    }
}

impl State {
    fn receipt(&self, id: &str, message: &ShortMessage<'_>) -> Option<Outgoing> {
        let seconds = i64::try_from(self.began.elapsed().as_secs()).unwrap_or_default();
        let date = Civil::from_unix(self.unix.saturating_add(seconds))?;
        let text = receipt::Text {
            id,
            sub: 1,
            dlvrd: 1,
            submit_date: date,
            done_date: date,
            state: MessageState::Delivered,
            err: "0",
            text: "",
        };
        let text = text.write().ok()?;
        let deliver_sm = ShortMessage {
            source: Address {
                ton: TypeOfNumber::International,
                npi: NumberingPlan::Isdn,
                digits: message.destination.digits,
            },
            destination: message.source,
            esm_class: EsmClass::RECEIPT,
            short_message: text.as_bytes(),
            ..ShortMessage::default()
        };
        Outgoing::request(&Pdu::DeliverSm(deliver_sm)).ok()
    }
}

async fn accept(listener: TcpListener, state: Rc<State>) {
    let mut lines = JoinSet::new();
    loop {
        // Both branches are cancel-safe.
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((socket, _)) = accepted && socket.set_nodelay(true).is_ok() {
                    lines.spawn_local(Line::new(Rc::clone(&state)).run(socket));
                }
            }
            Some(_) = lines.join_next() => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "receipts carry the date of the real world")]
fn unix_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}
