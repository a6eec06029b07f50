//! Vendors' codes that no error map knows, as they were seen since the start.
//!
//! So many of each connection at once: where there are more, the one that was not seen for the longest time goes.

use domain::{ConnectionId, MessageId, Stage, Timestamp};
use parking_lot::Mutex;
use pipeline::VendorError;
use rustc_hash::FxHashMap;

/// Of one connection. An entry takes some 150 octets.
const MOST: usize = 200;

/// Locked for moments, and only for what is unmapped.
#[derive(Default)]
pub(crate) struct Unmapped(Mutex<FxHashMap<ConnectionId, OfConnection>>);

#[derive(Default)]
struct OfConnection {
    seen: Vec<Seen>,
    forgotten: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) stage: Stage,
    /// The vendor's own words.
    pub(crate) code: Box<str>,
    pub(crate) count: u64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
    /// The last message that met it. None where its receipts found none.
    pub(crate) message: Option<MessageId>,
}

impl Unmapped {
    pub(crate) fn saw(&self, error: &VendorError<'_>) {
        let mut all = self.0.lock();
        if !all.contains_key(error.connection) {
            all.insert(error.connection.clone(), OfConnection::default());
        }
        let Some(of) = all.get_mut(error.connection) else { return };
        let is_it = |seen: &&mut Seen| seen.stage == error.stage && *seen.code == *error.code;
        if let Some(seen) = of.seen.iter_mut().find(is_it) {
            seen.count += 1;
            seen.last_at = error.at;
            seen.message = error.message.or(seen.message);
            return;
        }
        if of.seen.len() >= MOST {
            let oldest = of.seen.iter().enumerate().min_by_key(|(_, seen)| seen.last_at);
            if let Some(place) = oldest.map(|(place, _)| place) {
                of.seen.swap_remove(place);
                of.forgotten += 1;
            }
        }
        of.seen.push(Seen {
            stage: error.stage,
            code: error.code.into(),
            count: 1,
            first_at: error.at,
            last_at: error.at,
            message: error.message,
        });
    }

    /// Those of a connection, the most frequent first, and how many others were forgotten.
    pub(crate) fn of(&self, connection: &ConnectionId) -> (Vec<Seen>, u64) {
        let all = self.0.lock();
        let Some(of) = all.get(connection) else { return (Vec::new(), 0) };
        let (mut seen, forgotten) = (of.seen.clone(), of.forgotten);
        drop(all);
        seen.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.code.cmp(&b.code)));
        (seen, forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ConnectionId {
        ConnectionId::new(name).unwrap()
    }

    fn saw(all: &Unmapped, connection: &ConnectionId, code: &str, at: i64) {
        let message = Some(MessageId::from_u128(u128::try_from(at).unwrap()));
        let at = Timestamp::from_millis(at);
        all.saw(&VendorError { connection, stage: Stage::Submit, code, class: None, message, at });
    }

    #[test]
    fn each_code_is_counted_with_when_it_was_seen_and_the_last_message_that_met_it() {
        let (all, acme) = (Unmapped::default(), id("acme-main"));
        for (code, at) in [("0x400", 1), ("0x401", 2), ("0x401", 3)] {
            saw(&all, &acme, code, at);
        }
        let receipt = VendorError {
            connection: &acme,
            stage: Stage::Receipt,
            code: "0x401",
            class: None,
            message: None,
            at: Timestamp::from_millis(4),
        };
        all.saw(&receipt);
        let (seen, forgotten) = all.of(&acme);
        let shown: Vec<_> = seen.iter().map(|one| (one.stage, &*one.code, one.count)).collect();
        assert_eq!(
            shown,
            [(Stage::Submit, "0x401", 2), (Stage::Submit, "0x400", 1), (Stage::Receipt, "0x401", 1)]
        );
        assert_eq!(
            (seen[0].first_at, seen[0].last_at),
            (Timestamp::from_millis(2), Timestamp::from_millis(3))
        );
        assert_eq!((seen[0].message, seen[2].message), (Some(MessageId::from_u128(3)), None));
        assert_eq!((forgotten, all.of(&id("borealis")).0), (0, Vec::new()));
    }

    #[test]
    fn no_connection_has_more_than_so_many_and_what_is_seen_again_stays() {
        let (all, acme) = (Unmapped::default(), id("acme-main"));
        for at in 0..3 * MOST as i64 {
            saw(&all, &acme, "often", at);
            saw(&all, &acme, &format!("code {at}"), at);
        }
        let (seen, forgotten) = all.of(&acme);
        assert_eq!(seen.len(), MOST);
        assert_eq!(forgotten, 2 * MOST as u64 + 1);
        assert_eq!((&*seen[0].code, seen[0].count), ("often", 3 * MOST as u64));
    }
}
