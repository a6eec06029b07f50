//! The texts that lack parts, in memory: which parts of each are there, and how many texts each app has open.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{AppId, MessageId, Timestamp};
use rustc_hash::FxHashMap;
use smpp_wire::udh::Concatenation;

use super::submit::Fields;

#[derive(Default)]
pub(super) struct Texts {
    open: FxHashMap<Key, Assembly>,
    of_app: FxHashMap<AppId, usize>,
}

/// By which parts find each other.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) app: AppId,
    source: Box<[u8]>,
    destination: Box<[u8]>,
    reference: u16,
    pub(super) total: u8,
}

pub(super) struct Assembly {
    pub(super) message: MessageId,
    pub(super) began: Timestamp,
    /// Whole PDUs, by their number.
    pub(super) parts: BTreeMap<u8, Bytes>,
}

/// What a part came to.
pub(super) enum Added {
    Waits(MessageId),
    /// It was the last one.
    Completes(Assembly),
    /// The reference is used for another text already, which will never be whole.
    After(Assembly),
    TooMany,
}

/// Texts that lack parts, of all apps.
const MAX_OPEN: usize = 20_000;

impl Texts {
    pub(super) fn add(
        &mut self,
        key: &Key,
        part: u8,
        body: &Bytes,
        now: Timestamp,
        new_id: impl FnOnce() -> MessageId,
    ) -> Added {
        let has_room = self.has_room_for(&key.app);
        let Some(assembly) = self.open.get_mut(key) else {
            if !has_room {
                return Added::TooMany;
            }
            let message = new_id();
            let parts = BTreeMap::from([(part, body.clone())]);
            self.put(key.clone(), Assembly { message, began: now, parts });
            return Added::Waits(message);
        };
        if assembly.parts.get(&part).is_some_and(|before| !is_repeated(before, body)) {
            return self.take(key).map_or(Added::TooMany, Added::After);
        }
        assembly.parts.insert(part, body.clone());
        if assembly.parts.len() < usize::from(key.total) {
            return Added::Waits(assembly.message);
        }
        self.take(key).map_or(Added::TooMany, Added::Completes)
    }

    /// An app may have as many open as there is room left: so one alone takes half of the room at most, two a third
    /// each, and whoever comes next always finds some.
    fn has_room_for(&self, app: &AppId) -> bool {
        self.of_app.get(app).copied().unwrap_or(0) < MAX_OPEN.saturating_sub(self.open.len())
    }

    /// Puts one in place, whether there is room or not, unless there is one.
    pub(super) fn put(&mut self, key: Key, assembly: Assembly) {
        if !self.open.contains_key(&key) {
            *self.of_app.entry(key.app.clone()).or_default() += 1;
            self.open.insert(key, assembly);
        }
    }

    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Assembly> {
        self.open.get_mut(key)
    }

    pub(super) fn take(&mut self, key: &Key) -> Option<Assembly> {
        let taken = self.open.remove(key)?;
        self.left(&key.app);
        Some(taken)
    }

    /// Takes out those whose beginning is too long ago.
    pub(super) fn take_begun(&mut self, is_over: impl Fn(Timestamp) -> bool) -> Vec<(Key, Assembly)> {
        let taken: Vec<_> = self.open.extract_if(|_, assembly| is_over(assembly.began)).collect();
        taken.iter().for_each(|(key, _)| self.left(&key.app));
        taken
    }

    fn left(&mut self, app: &AppId) {
        if let Some(count) = self.of_app.get_mut(app) {
            *count -= 1;
            if *count == 0 {
                self.of_app.remove(app);
            }
        }
    }
}

impl Key {
    pub(super) fn new(app: &AppId, fields: &Fields<'_>, concatenation: Concatenation) -> Self {
        let (source, destination) = fields.ends();
        let Concatenation { reference, total, .. } = concatenation;
        Self { app: app.clone(), source: source.into(), destination: destination.into(), reference, total }
    }
}

/// A part that comes once more has another sequence number, and is the same after its header.
fn is_repeated(before: &Bytes, body: &Bytes) -> bool {
    before.get(smpp_wire::frame::HEADER_LENGTH..) == body.get(smpp_wire::frame::HEADER_LENGTH..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn key(app: &str, number: usize) -> Key {
        let digits = number.to_string().into_bytes().into_boxed_slice();
        let app = AppId::new(app).unwrap();
        Key { app, source: Box::default(), destination: digits, reference: 1, total: 2 }
    }

    /// How many texts the app can open.
    fn opens(texts: &mut Texts, app: &str) -> usize {
        let id = || MessageId::from_u128(1);
        let body = Bytes::from_static(b"a part");
        let opens = |number: &usize| {
            let added = texts.add(&key(app, *number), 1, &body, NOW, id);
            matches!(added, Added::Waits(_))
        };
        (0..).take_while(opens).count()
    }

    #[test]
    fn whoever_opens_texts_without_end_leaves_room_for_the_others() {
        let mut texts = Texts::default();
        assert_eq!(opens(&mut texts, "greedy"), MAX_OPEN / 2);
        assert_eq!(opens(&mut texts, "shop"), MAX_OPEN / 4);
        assert_eq!(opens(&mut texts, "bank"), MAX_OPEN / 8);
        // What ends makes room for those that have less, not for those that have more.
        (0..MAX_OPEN / 4).for_each(|number| drop(texts.take(&key("greedy", number))));
        let body = Bytes::from_static(b"a part");
        let mut adds = |app| texts.add(&key(app, MAX_OPEN), 1, &body, NOW, || MessageId::from_u128(1));
        assert!(matches!(adds("bank"), Added::Waits(_)));
        assert_eq!(texts.take_begun(|_| true).len(), texts_left());
        assert!(texts.of_app.is_empty());
    }

    fn texts_left() -> usize {
        MAX_OPEN / 4 + MAX_OPEN / 4 + MAX_OPEN / 8 + 1
    }
}
