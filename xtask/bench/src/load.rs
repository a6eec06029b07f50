//! The applications: keep-alive connections that post messages, as fast as they are answered or by a schedule.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::http::Whole;
use crate::ledger::Ledger;
use crate::profile::Message;

/// Makes the message of a number.
pub(crate) type Make = fn(u32) -> Message;

/// Messages at an even rate for some time.
#[derive(Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) starts: Duration,
    pub(crate) lasts: Duration,
    pub(crate) per_second: u32,
    pub(crate) make: Make,
}

/// One keep-alive connection to an API.
pub(crate) struct Client {
    address: SocketAddr,
    socket: TcpStream,
    inbox: BytesMut,
    out: String,
    body: String,
}

/// A message whose time has come.
#[derive(Clone, Copy)]
struct Ticket {
    due: Instant,
    make: Make,
}

#[derive(Default)]
struct Tickets {
    waiting: RefCell<VecDeque<Ticket>>,
    came: Notify,
    is_over: Cell<bool>,
}

/// An application that has no answer by then gives up.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
const READ_AT_ONCE: usize = 16 * 1024;
const TICK: Duration = Duration::from_millis(1);

/// Every connection posts its next message as soon as it has the answer to the one before.
pub(crate) async fn closed(
    address: SocketAddr,
    ledger: &Ledger,
    connections: usize,
    until: Instant,
    make: Make,
) -> Result<()> {
    let mut tasks = JoinSet::new();
    for client in connect(address, connections).await? {
        let (mut client, ledger) = (client, ledger.clone());
        tasks.spawn_local(async move {
            while Instant::now() < until {
                client.send(&ledger, None, make).await;
            }
        });
    }
    join(tasks).await
}

/// Messages go out when they are due, whatever the answers do; one that finds every connection taken waits for one.
pub(crate) async fn open(
    address: SocketAddr,
    ledger: &Ledger,
    connections: usize,
    schedules: &[Schedule],
) -> Result<()> {
    let tickets = Rc::new(Tickets::default());
    let mut tasks = JoinSet::new();
    for client in connect(address, connections).await? {
        let (mut client, ledger, tickets) = (client, ledger.clone(), Rc::clone(&tickets));
        tasks.spawn_local(async move {
            while let Some(ticket) = tickets.next().await {
                client.send(&ledger, Some(ticket.due), ticket.make).await;
            }
        });
    }
    issue(schedules, &tickets).await;
    join(tasks).await
}

/// Puts out what is due, a millisecond at a time.
async fn issue(schedules: &[Schedule], tickets: &Tickets) {
    let began = Instant::now();
    let mut issued = vec![0_u32; schedules.len()];
    loop {
        let mut is_over = true;
        let now = began.elapsed();
        for (schedule, issued) in schedules.iter().zip(&mut issued) {
            while let Some(offset) = schedule.offset(*issued) {
                if offset > now {
                    is_over = false;
                    break;
                }
                *issued += 1;
                tickets.put(Ticket { due: began + offset, make: schedule.make });
            }
        }
        if is_over {
            break;
        }
        sleep_until(began + now + TICK).await;
    }
    tickets.close();
}

impl Schedule {
    /// When the next is due after so many; None after the last.
    fn offset(&self, issued: u32) -> Option<Duration> {
        let offset = Duration::from_secs(1) * issued / self.per_second.max(1);
        (offset < self.lasts).then(|| self.starts + offset)
    }
}

impl Tickets {
    fn put(&self, ticket: Ticket) {
        self.waiting.borrow_mut().push_back(ticket);
        self.came.notify_one();
    }

    fn close(&self) {
        self.is_over.set(true);
        self.came.notify_waiters();
    }

    async fn next(&self) -> Option<Ticket> {
        loop {
            let came = self.came.notified();
            if let Some(ticket) = self.waiting.borrow_mut().pop_front() {
                return Some(ticket);
            }
            if self.is_over.get() {
                return None;
            }
            came.await;
        }
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let socket = dial(address).await?;
        let inbox = BytesMut::with_capacity(READ_AT_ONCE);
        Ok(Self { address, socket, inbox, out: String::with_capacity(2048), body: String::new() })
    }

    /// Posts one message and notes what came of it.
    pub(crate) async fn send(&mut self, ledger: &Ledger, due: Option<Instant>, make: Make) {
        let message = ledger.send(due, make);
        self.body.clear();
        message.write(&mut self.body);
        let answer = self.post_body("/v1/messages", message.key()).await;
        match answer {
            Ok(answer) => match answer.status() {
                Some(202) => ledger.accepted(message.number),
                Some(status) => ledger.refused(&format!("the answer {status}")),
                None => ledger.refused("an answer without a status"),
            },
            Err(error) => {
                ledger.refused(&format!("no answer ({})", error.root_cause()));
                self.reconnect().await;
            }
        }
    }

    pub(crate) async fn post(&mut self, path: &str, key: &str, body: &str) -> Result<Whole> {
        self.body.clear();
        self.body.push_str(body);
        self.post_body(path, key).await
    }

    async fn post_body(&mut self, path: &str, key: &str) -> Result<Whole> {
        self.out.clear();
        write!(
            self.out,
            "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
            self.body.len(),
            self.body
        )?;
        self.exchange().await
    }

    async fn exchange(&mut self) -> Result<Whole> {
        let answer = timeout(ANSWERED_WITHIN, async {
            self.socket.write_all(self.out.as_bytes()).await?;
            loop {
                if let Some(answer) = Whole::cut(&mut self.inbox)? {
                    return Ok(answer);
                }
                self.inbox.reserve(READ_AT_ONCE / 4);
                if self.socket.read_buf(&mut self.inbox).await? == 0 {
                    bail!("the connection was closed");
                }
            }
        });
        answer.await.context("no answer in time")?
    }

    /// A gateway that is gone is noticed by the next request, too.
    async fn reconnect(&mut self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if let Ok(socket) = dial(self.address).await {
            self.socket = socket;
            self.inbox.clear();
        }
    }
}

async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        clients.push(Client::connect(address).await?);
    }
    Ok(clients)
}

async fn dial(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpStream::connect(address).await.with_context(|| format!("cannot reach {address}"))?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

async fn join(mut tasks: JoinSet<()>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended.context("a client of the load ended early")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    #[test]
    fn a_schedule_is_even_and_ends() {
        let schedule = Schedule {
            starts: Duration::from_secs(5),
            lasts: Duration::from_secs(2),
            per_second: 4,
            make: profile::message,
        };
        let offsets: Vec<_> = (0..9).map(|issued| schedule.offset(issued)).collect();
        assert_eq!(offsets[0], Some(Duration::from_secs(5)));
        assert_eq!(offsets[7], Some(Duration::from_millis(6750)));
        assert_eq!(offsets[8], None);
    }
}
