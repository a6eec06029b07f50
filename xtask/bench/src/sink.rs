//! The applications' endpoint for webhooks: it answers at once and takes notes.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use anyhow::Result;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http::{Whole, number_after};
use crate::ledger::{Ledger, Told};

/// A sink that listens until it is dropped.
pub(crate) struct Sink {
    address: SocketAddr,
    count: Rc<Cell<u64>>,
    _tasks: JoinSet<()>,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const READ_AT_ONCE: usize = 16 * 1024;

impl Sink {
    pub(crate) async fn start(ledger: &Ledger) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let count = Rc::new(Cell::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn_local(accept(listener, ledger.clone(), Rc::clone(&count)));
        Ok(Self { address, count, _tasks: tasks })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Webhooks taken until now.
    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }
}

async fn accept(listener: TcpListener, ledger: Ledger, count: Rc<Cell<u64>>) {
    let mut lines = JoinSet::new();
    loop {
        // Both branches are cancel-safe.
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((socket, _)) = accepted && socket.set_nodelay(true).is_ok() {
                    lines.spawn_local(serve(socket, ledger.clone(), Rc::clone(&count)));
                }
            }
            Some(_) = lines.join_next() => {}
        }
    }
}

async fn serve(mut socket: TcpStream, ledger: Ledger, count: Rc<Cell<u64>>) {
    let mut inbox = BytesMut::with_capacity(READ_AT_ONCE);
    loop {
        inbox.reserve(READ_AT_ONCE / 4);
        match socket.read_buf(&mut inbox).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        while let Ok(Some(request)) = Whole::cut(&mut inbox) {
            count.set(count.get() + 1);
            note(request.body(), &ledger);
            if socket.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }
}

fn note(body: &[u8], ledger: &Ledger) {
    let told = match body.strip_prefix(br#"{"type":"message."#).and_then(|rest| rest.first()) {
        Some(b's') => Some(Told::Submitted),
        Some(b'd') => Some(Told::Delivered),
        _ => None,
    };
    let Some((told, number)) = told.zip(number_after(body, br#""reference":""#)) else {
        ledger.stray();
        return;
    };
    ledger.told(number, told);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    #[tokio::test]
    async fn a_webhook_is_known_by_its_kind_and_its_reference() {
        let ledger = Ledger::new();
        for _ in 0..2 {
            ledger.send(None, profile::message);
        }
        note(br#"{"type":"message.submitted","data":{"id":"x","reference":"00000001"}}"#, &ledger);
        note(br#"{"type":"message.delivered","data":{"id":"x","reference":"00000000"}}"#, &ledger);
        note(br#"{"type":"message.failed","data":{"id":"x","reference":"00000000"}}"#, &ledger);
        ledger.read(|entries| {
            assert!(entries[1].told_submitted.happened() && !entries[1].told_delivered.happened());
            assert!(entries[0].told_delivered.happened() && !entries[0].told_submitted.happened());
        });
        assert_eq!(ledger.judge().strays, 1);
    }
}
