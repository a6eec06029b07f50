//! Acceptance: one durable write, and idempotency keys.

use domain::Status;
use domain::record::{Input, Refusal};
use store::Written;

use super::{Backend, Store};
use crate::sample::{
    DAY, Ids, NOON, accept, accept_with, apply, at, delivered, dispatch, key, message, step, write,
};

pub(crate) fn an_accepted_message_reads_back_and_survives_reopening(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, reader } = backend.open();
    let record = step(&mut *writer, NOON, accept(message(id)));
    assert_eq!(record.status, Status::Accepted);
    assert_eq!(reader.message(id).unwrap().as_ref(), Some(&record));
    assert_eq!(writer.last_key().unwrap(), id.key());
    drop((writer, reader));
    let Store { mut writer, reader } = backend.open();
    assert_eq!(reader.message(id).unwrap(), Some(record));
    assert_eq!(writer.last_key().unwrap(), id.key());
    assert_eq!(reader.notices_pending().unwrap(), 1);
    assert_eq!(reader.damaged().unwrap(), 0);
}

pub(crate) fn a_repeated_key_is_answered_with_the_first_message(backend: &impl Backend) {
    let mut ids = Ids::new();
    let (first, second) = (ids.at(NOON), ids.at(NOON));
    let Store { mut writer, .. } = backend.open();
    step(&mut *writer, NOON, accept_with(message(first), key("k", 1)));
    step(&mut *writer, NOON, apply(first, dispatch(1, "acme")));
    drop(writer);
    let Store { mut writer, reader } = backend.open();
    let again = write(&mut *writer, NOON, [accept_with(message(second), key("k", 1))]);
    let now = reader.message(first).unwrap().unwrap();
    assert!(matches!(&again[..], [Written::Replayed(record)] if **record == now), "{again:?}");
    assert_eq!(reader.message(second).unwrap(), None);
    // Keys belong to an app.
    let mut other = message(second);
    other.app = domain::AppId::new("bank").unwrap();
    assert_eq!(step(&mut *writer, NOON, accept_with(other, key("k", 1))).message.id, second);
}

pub(crate) fn another_body_under_a_used_key_is_refused(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, .. } = backend.open();
    step(&mut *writer, NOON, accept_with(message(ids.at(NOON)), key("k", 1)));
    let again = write(&mut *writer, NOON, [accept_with(message(ids.at(NOON)), key("k", 2))]);
    assert!(matches!(&again[..], [Written::KeyReused]), "{again:?}");
}

pub(crate) fn one_batch_may_hold_a_key_twice(backend: &impl Backend) {
    let mut ids = Ids::new();
    let (first, second) = (ids.at(NOON), ids.at(NOON));
    let Store { mut writer, .. } = backend.open();
    let batch = [first, second].map(|id| accept_with(message(id), key("k", 1)));
    let written = write(&mut *writer, NOON, batch);
    let [Written::Accepted { record, .. }, Written::Replayed(replayed)] = &written[..] else {
        panic!("{written:?}");
    };
    assert_eq!((record.message.id, replayed.message.id), (first, first));
}

pub(crate) fn keys_are_forgotten_after_a_day(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, .. } = backend.open();
    let first = delivered_with_key(&mut *writer, ids.at(NOON));
    let before = at(DAY - 1);
    // The message may be sealed by then.
    assert_eq!(writer.tidy(before, 100).unwrap(), 1);
    let again = write(&mut *writer, before, [accept_with(message(ids.at(before)), key("k", 1))]);
    assert!(matches!(&again[..], [Written::Replayed(record)] if record.message.id == first), "{again:?}");
    for is_purged in [false, true] {
        let later = at(if is_purged { 3 * DAY } else { DAY + 1 });
        if is_purged {
            writer.tidy(later, 100).unwrap();
        }
        let id = ids.at(later);
        assert_eq!(step(&mut *writer, later, accept_with(message(id), key("k", 1))).message.id, id);
    }
}

fn delivered_with_key(writer: &mut dyn store::Writer, id: domain::MessageId) -> domain::MessageId {
    write(writer, NOON, [accept_with(message(id), key("k", 1)), apply(id, Input::Cancel)]);
    id
}

pub(crate) fn an_id_with_another_random_half_is_nobodys(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let guessed = domain::MessageId::from_u128(id.as_u128() ^ 1);
    let Store { mut writer, reader } = backend.open();
    step(&mut *writer, NOON, accept(message(id)));
    assert_eq!(reader.message(guessed).unwrap(), None);
    let written = write(&mut *writer, NOON, [apply(guessed, Input::Cancel)]);
    assert!(matches!(&written[..], [Written::Missing]), "{written:?}");
}

pub(crate) fn what_no_longer_fits_changes_nothing(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, reader } = backend.open();
    let before = delivered(&mut *writer, message(id), "v1");
    let written = write(&mut *writer, NOON, [apply(id, Input::Cancel)]);
    let [Written::Refused { refusal: Refusal::TooLate, record }] = &written[..] else {
        panic!("{written:?}")
    };
    assert_eq!(**record, before);
    assert_eq!(reader.message(id).unwrap(), Some(before));
}
