//! Connections to sealed files that nobody reads just now.
//!
//! The writer shares the pool: when it drops a day, readers let go of its file, so that the disk gets its room back.

use parking_lot::Mutex;
use rusqlite::Connection;

use super::day::Day;

#[derive(Default)]
pub(super) struct DayPool {
    /// Locked only to take a connection out or to put one back.
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The one used last is at the end.
    connections: Vec<(Day, Connection)>,
    /// Raised when a day is dropped: whatever was taken out before may lead to a file that is gone.
    drops: u64,
}

/// Taken before a file is opened, and shown when its connection comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// A search looks into 62 days, and to open a file costs more than to look into it.
const KEPT_OPEN: usize = 64;

impl DayPool {
    pub(super) fn take(&self, day: Day) -> (Ticket, Option<Connection>) {
        let mut idle = self.idle.lock();
        let position = idle.connections.iter().position(|(open, _)| *open == day);
        let connection = position.map(|position| idle.connections.remove(position).1);
        (Ticket(idle.drops), connection)
    }

    pub(super) fn put(&self, day: Day, ticket: Ticket, connection: Connection) {
        let mut closing = None;
        let mut idle = self.idle.lock();
        if ticket != Ticket(idle.drops) {
            closing = Some(connection);
        } else {
            if idle.connections.len() >= KEPT_OPEN {
                closing = Some(idle.connections.remove(0).1);
            }
            idle.connections.push((day, connection));
        }
        drop(idle);
        // To close a file takes longer than anybody should wait for the lock.
        drop(closing);
    }

    pub(super) fn let_go(&self, day: Day) {
        let mut idle = self.idle.lock();
        idle.drops += 1;
        idle.connections.retain(|(open, _)| *open != day);
    }
}
