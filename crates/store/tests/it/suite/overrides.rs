//! Overrides: they survive, they are told from those that ended, and a reverted one stays reverted.

use domain::overrides::{Action, Reverted, Scope};
use domain::{Override, OverrideId, RouteId, Timestamp};
use store::{Change, Changed, Reader, Write, Writer, Written};

use super::{Backend, Store};
use crate::sample::{Ids, MINUTE, NOON, at, write};

fn flip(id: OverrideId, minutes: i64) -> Override {
    Override {
        id,
        action: Action::Flip {
            from: RouteId::new("acme-de").unwrap(),
            to: RouteId::new("zenith-de").unwrap(),
        },
        reason: "receipts drop".into(),
        created_at: NOON,
        created_by: "ops".into(),
        expires_at: at(minutes * MINUTE),
        reverted: None,
        scope: Scope::default(),
        starts_at: None,
    }
}

fn new_id(ids: &mut Ids) -> OverrideId {
    OverrideId::from_u128(ids.at(NOON).as_u128())
}

fn put(writer: &mut dyn Writer, one: &Override) {
    let written = write(
        writer,
        NOON,
        [Write::Change(Box::new(Change { what: Changed::Override(one.clone()), entry: "{}".into() }))],
    );
    assert!(matches!(&written[..], [Written::Noted]), "{written:?}");
}

fn list(reader: &dyn Reader, ending_after: Timestamp) -> Vec<Override> {
    reader.overrides(ending_after, 100).unwrap()
}

pub(crate) fn an_override_reads_back_and_survives_reopening(backend: &impl Backend) {
    let one = flip(new_id(&mut Ids::new()), 30);
    let Store { mut writer, reader } = backend.open();
    put(&mut *writer, &one);
    assert_eq!(list(&*reader, NOON), std::slice::from_ref(&one));
    drop((writer, reader));
    let Store { reader, .. } = backend.open();
    assert_eq!(list(&*reader, NOON), std::slice::from_ref(&one));
    assert_eq!(reader.find_override(one.id).unwrap(), Some(one.clone()));
    let another_half = OverrideId::from_u128(one.id.as_u128() + 1);
    assert_eq!(reader.find_override(another_half).unwrap(), None);
}

pub(crate) fn those_that_ended_are_told_from_those_in_force(backend: &impl Backend) {
    let mut ids = Ids::new();
    let [short, long] = [10, 30].map(|minutes| flip(new_id(&mut ids), minutes));
    let Store { mut writer, reader } = backend.open();
    put(&mut *writer, &short);
    put(&mut *writer, &long);
    assert_eq!(list(&*reader, at(10 * MINUTE - 1)).len(), 2);
    assert_eq!(list(&*reader, at(10 * MINUTE)), [long]);
    assert_eq!(list(&*reader, at(30 * MINUTE)), []);
}

pub(crate) fn a_reverted_one_takes_the_place_of_what_it_was(backend: &impl Backend) {
    let one = flip(new_id(&mut Ids::new()), 30);
    let reverted =
        Override { reverted: Some(Reverted { at: at(MINUTE), by: "night".into() }), ..one.clone() };
    let Store { mut writer, reader } = backend.open();
    put(&mut *writer, &one);
    put(&mut *writer, &reverted);
    assert_eq!(list(&*reader, at(MINUTE)), []);
    assert_eq!(list(&*reader, NOON), std::slice::from_ref(&reverted));
    drop((writer, reader));
    assert_eq!(backend.open().reader.find_override(one.id).unwrap(), Some(reverted));
}

pub(crate) fn the_newest_come_first(backend: &impl Backend) {
    let mut ids = Ids::new();
    let all: Vec<Override> = (0..3).map(|_| flip(new_id(&mut ids), 30)).collect();
    let Store { mut writer, reader } = backend.open();
    for one in &all {
        put(&mut *writer, one);
    }
    assert_eq!(reader.overrides(NOON, 2).unwrap(), [all[2].clone(), all[1].clone()]);
}

pub(crate) fn an_overrides_key_is_given_to_nothing_else(backend: &impl Backend) {
    let one = flip(new_id(&mut Ids::new()), 30);
    let Store { mut writer, .. } = backend.open();
    put(&mut *writer, &one);
    assert_eq!(writer.last_key().unwrap(), one.id.key());
}
