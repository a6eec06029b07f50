//! What was learnt of numbers, bounded: of more than fits, what was not asked for longest goes first.
//!
//! Two halves: what is used moves to the young one, and when that is full the old one is forgotten and the young takes
//! its place. So forgetting costs nothing, and what is in use stays.

use std::sync::Arc;

use domain::Timestamp;
use domain::message::OperatorSource;
use routing::operator::Operator;
use rustc_hash::FxHashMap;

/// What one source says of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// None: whoever was asked knows that there is none.
    pub(crate) operator: Option<Operator>,
    pub(crate) at: Timestamp,
    pub(crate) holds_until: Timestamp,
    pub(crate) said_by: Arc<str>,
    pub(crate) ported: Option<bool>,
}

/// What is known of a number, by its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) lookup: Option<Fact>,
    pub(crate) receipt: Option<Fact>,
}

pub(crate) struct Cache {
    young: FxHashMap<u64, Facts>,
    old: FxHashMap<u64, Facts>,
    capacity: usize,
}

impl Cache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: FxHashMap::default(), old: FxHashMap::default(), capacity }
    }

    pub(crate) fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    pub(crate) fn get(&mut self, number: u64) -> Option<&Facts> {
        if let Some(facts) = self.old.remove(&number) {
            self.make_room();
            self.young.insert(number, facts);
        }
        self.young.get(&number)
    }

    /// What was said later takes the place of what the same source said before.
    pub(crate) fn put(&mut self, number: u64, source: OperatorSource, fact: Fact) {
        let mut facts = self.get(number).cloned().unwrap_or_default();
        let place = match source {
            OperatorSource::Lookup => &mut facts.lookup,
            OperatorSource::Receipt => &mut facts.receipt,
            OperatorSource::Prefix | OperatorSource::Import => return,
        };
        if place.as_ref().is_none_or(|before| before.at <= fact.at) {
            *place = Some(fact);
        }
        self.make_room();
        self.young.insert(number, facts);
    }

    fn make_room(&mut self) {
        if self.young.len() >= self.capacity.div_ceil(2) {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(at: i64) -> Fact {
        Fact {
            operator: "26201".parse().ok(),
            at: Timestamp::from_millis(at),
            holds_until: Timestamp::from_millis(at + 1000),
            said_by: "mnp".into(),
            ported: None,
        }
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_is_used() {
        let mut cache = Cache::new(100);
        cache.put(7, OperatorSource::Lookup, fact(1));
        for number in 1000..2000 {
            cache.put(number, OperatorSource::Receipt, fact(1));
            assert!(cache.get(7).is_some(), "{number}");
            assert!(cache.young.len() + cache.old.len() <= 100);
        }
        assert!(cache.get(1000).is_none());
        assert!(cache.get(1999).is_some());
    }

    #[test]
    fn what_was_said_earlier_never_takes_the_place_of_what_was_said_later() {
        let mut cache = Cache::new(10);
        cache.put(7, OperatorSource::Lookup, fact(5));
        cache.put(7, OperatorSource::Lookup, fact(3));
        cache.put(7, OperatorSource::Receipt, fact(9));
        let facts = cache.get(7).unwrap();
        assert_eq!((facts.lookup.as_ref().unwrap(), facts.receipt.as_ref().unwrap()), (&fact(5), &fact(9)));
    }
}
