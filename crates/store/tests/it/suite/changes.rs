//! What people change: keys, the configuration, and the audit log that tells of it.

use domain::key::{Owner, Revoked};
use domain::record::Input;
use domain::{AppId, Key, KeyId, Scope, Status};
use store::audit::{Hash, Imported, Order};
use store::{AuditQuery, Audited, Change, Changed, Reader, Write, Writer, Written};

use super::{Backend, Store};
use crate::sample::{Ids, MINUTE, NOON, accept, at, message, write};

fn key(id: KeyId) -> Key {
    Key {
        id,
        owner: Owner::App(AppId::new("shop").unwrap()),
        label: "checkout".into(),
        hash: [7; 32].into(),
        hint: "swk_ab12".into(),
        scopes: vec![Scope::Send],
        networks: Vec::new(),
        limit: None,
        created_at: NOON,
        created_by: "ops".into(),
        expires_at: None,
        revoked: None,
        replaces: None,
    }
}

fn new_id(ids: &mut Ids) -> KeyId {
    KeyId::from_u128(ids.at(NOON).as_u128())
}

fn entry(number: u64, actor: &str) -> Box<str> {
    let minute = at(i64::try_from(number).unwrap() * MINUTE);
    format!(r#"{{"at":"{minute}","actor":{{"id":"{actor}"}},"action":"key.create","target":"key_{number}"}}"#)
        .into()
}

fn change(writer: &mut dyn Writer, what: Changed, entry: Box<str>) -> Written {
    write(writer, NOON, [Write::Change(Box::new(Change { what, entry }))]).remove(0)
}

fn log(reader: &dyn Reader) -> Vec<Audited> {
    reader.audit(&AuditQuery { order: Order::After(0), limit: 100, ..AuditQuery::default() }).unwrap()
}

pub(crate) fn keys_read_back_as_they_became(backend: &impl Backend) {
    let mut ids = Ids::new();
    let [first, second] = [key(new_id(&mut ids)), key(new_id(&mut ids))];
    let Store { mut writer, reader } = backend.open();
    change(&mut *writer, Changed::Keys(vec![first.clone(), second.clone()]), entry(1, "ops"));
    let revoked = Key { revoked: Some(Revoked { at: NOON, by: "ops".into() }), ..first };
    change(&mut *writer, Changed::Keys(vec![revoked.clone()]), entry(2, "ops"));
    let expected = [revoked, second];
    assert_eq!(reader.keys().unwrap(), expected);
    assert!(writer.last_key().unwrap() >= expected[1].id.key());
    drop((writer, reader));
    assert_eq!(backend.open().reader.keys().unwrap(), expected);
}

pub(crate) fn the_last_configuration_is_known(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    assert_eq!(reader.imported().unwrap(), None);
    let imported = |version, document: &str| Imported { version, document: document.into() };
    change(&mut *writer, Changed::Configuration(imported(1, "{}")), entry(1, "host"));
    let last = imported(u64::MAX, r#"{"apps":[]}"#);
    change(&mut *writer, Changed::Configuration(last.clone()), entry(2, "host"));
    drop((writer, reader));
    assert_eq!(backend.open().reader.imported().unwrap(), Some(last));
}

pub(crate) fn entries_are_numbered_and_bound_across_a_reopening(backend: &impl Backend) {
    let mut ids = Ids::new();
    for number in 1..=3 {
        let Store { mut writer, .. } = backend.open();
        change(&mut *writer, Changed::Keys(vec![key(new_id(&mut ids))]), entry(number, "ops"));
    }
    let entries = log(&*backend.open().reader);
    let mut hash = Hash::START;
    for (number, audited) in (1..).zip(&entries) {
        hash = hash.next(number, &entry(number, "ops"));
        let expected = Audited { number, hash, entry: entry(number, "ops") };
        assert_eq!(*audited, expected);
    }
    assert_eq!(entries.len(), 3);
}

pub(crate) fn entries_are_found_by_what_they_say(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    for number in 1..=4 {
        let actor = if number == 3 { "night" } else { "ops" };
        change(&mut *writer, Changed::Keys(Vec::new()), entry(number, actor));
    }
    let found = |query: AuditQuery| -> Vec<u64> {
        let query = AuditQuery { limit: 2, ..query };
        reader.audit(&query).unwrap().iter().map(|audited| audited.number).collect()
    };
    assert_eq!(found(AuditQuery::default()), [4, 3]);
    assert_eq!(found(AuditQuery { order: Order::Before(3), ..AuditQuery::default() }), [2, 1]);
    assert_eq!(found(AuditQuery { actor: Some("ops".into()), ..AuditQuery::default() }), [4, 2]);
    assert_eq!(found(AuditQuery { target: Some("key_1".into()), ..AuditQuery::default() }), [1]);
    assert_eq!(found(AuditQuery { action: Some("key.revoke".into()), ..AuditQuery::default() }), [0; 0]);
    let since = Some(at(2 * MINUTE));
    let until = Some(at(4 * MINUTE));
    assert_eq!(found(AuditQuery { since, until, ..AuditQuery::default() }), [3, 2]);
}

/// Nothing was changed, so there is nothing to tell.
pub(crate) fn a_step_that_is_refused_makes_no_entry(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    let message = message(Ids::new().at(NOON));
    let id = message.id;
    write(&mut *writer, NOON, [accept(message)]);
    let cancel = || Changed::Step { message: id, input: Input::Cancel };
    assert!(matches!(change(&mut *writer, cancel(), entry(1, "ops")), Written::Applied { .. }));
    assert!(matches!(change(&mut *writer, cancel(), entry(2, "ops")), Written::Refused { .. }));
    assert_eq!(reader.message(id).unwrap().unwrap().status, Status::Canceled);
    let another = Ids::new().at(at(MINUTE));
    let missing = Changed::Step { message: another, input: Input::Cancel };
    assert!(matches!(change(&mut *writer, missing, entry(3, "ops")), Written::Missing));
    assert_eq!(log(&*reader).len(), 1);
}
