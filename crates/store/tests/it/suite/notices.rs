//! Notices: leased, retried, settled, and fair between those who are told.

use std::collections::BTreeMap;

use domain::{AppId, Message, Timestamp};
use store::write::NoticeLimit;
use store::{Notice, NoticeOutcome, Write, Writer, Written};

use super::{Backend, Store};
use crate::sample::{Ids, MINUTE, NOON, SECOND, accept, at, message, write};

const ALL: NoticeLimit = NoticeLimit { total: 1000, per_target: 1000 };

pub(crate) fn a_notice_is_leased_then_claimed_then_leased_again(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    let left = leave(&mut *writer, message(Ids::new().at(NOON)));
    assert_eq!((left.due_at, left.tries), (at(MINUTE), 0));
    assert_eq!(claim(&mut *writer, at(MINUTE - 1)), []);
    assert_eq!(claim(&mut *writer, at(MINUTE)), [Notice { due_at: at(2 * MINUTE), ..left.clone() }]);
    assert_eq!(claim(&mut *writer, at(2 * MINUTE - 1)), []);
    assert_eq!(claim(&mut *writer, at(2 * MINUTE)).len(), 1);
    settle(&mut *writer, left.id, NoticeOutcome::Told);
    assert_eq!(claim(&mut *writer, at(60 * MINUTE)), []);
    assert_eq!(reader.notices_pending().unwrap(), 0);
}

pub(crate) fn a_notice_is_retried_when_it_was_said_to(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, reader } = backend.open();
    let retried = leave(&mut *writer, message(ids.at(NOON)));
    let given_up = leave(&mut *writer, message(ids.at(NOON)));
    settle(&mut *writer, retried.id, NoticeOutcome::RetryAt(at(5 * SECOND)));
    settle(&mut *writer, given_up.id, NoticeOutcome::GivenUp);
    drop((writer, reader));
    let Store { mut writer, reader } = backend.open();
    assert_eq!(claim(&mut *writer, at(5 * SECOND - 1)), []);
    let again = claim(&mut *writer, at(5 * SECOND));
    assert_eq!(again, [Notice { tries: 1, due_at: at(65 * SECOND), ..retried }]);
    assert_eq!(reader.notices_pending().unwrap(), 1);
}

pub(crate) fn ids_of_notices_are_never_given_twice(backend: &impl Backend) {
    let mut ids = Ids::new();
    let mut last = 0;
    for _ in 0..3 {
        let Store { mut writer, .. } = backend.open();
        let notice = leave(&mut *writer, message(ids.at(NOON)));
        assert!(notice.id > last);
        last = notice.id;
        settle(&mut *writer, notice.id, NoticeOutcome::Told);
    }
}

pub(crate) fn one_target_cannot_fill_the_page(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, .. } = backend.open();
    let mut to = |app: &str, callback_url: Option<&str>| {
        let mut message = message(ids.at(NOON));
        message.app = AppId::new(app).unwrap();
        message.callback_url = callback_url.map(Into::into);
        leave(&mut *writer, message);
    };
    for number in 0..20 {
        to("shop", None);
        to("shop", Some(&format!("https://dead.example/{number}")));
    }
    to("bank", None);
    to("bank", Some("https://alive.example/1"));
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let page = writer.claim_notices(at(MINUTE), NoticeLimit { total: 100, per_target: 4 }).unwrap();
    for notice in page {
        let target = match &notice.callback_url {
            Some(url) => url.rsplit_once('/').unwrap().0.to_owned(),
            None => notice.app.to_string(),
        };
        *told.entry(target).or_default() += 1;
    }
    let expected = [("bank", 1), ("https://alive.example", 1), ("https://dead.example", 4), ("shop", 4)];
    assert_eq!(told, expected.map(|(target, count)| (target.to_owned(), count)).into());
    let rest = writer.claim_notices(at(MINUTE), NoticeLimit { total: 10, per_target: 100 }).unwrap();
    assert_eq!(rest.len(), 10);
}

pub(crate) fn only_what_is_wanted_is_noticed(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    let mut silent = message(Ids::new().at(NOON));
    silent.notify = domain::status::StatusSet::NONE;
    let written = write(&mut *writer, NOON, [accept(silent)]);
    assert!(matches!(&written[..], [Written::Accepted { notices, .. }] if notices.is_empty()), "{written:?}");
    assert_eq!(reader.notices_pending().unwrap(), 0);
}

/// The notice that an accepted message leaves.
fn leave(writer: &mut dyn Writer, message: Message) -> Notice {
    let now = message.created_at;
    match write(writer, now, [accept(message)]).pop() {
        Some(Written::Accepted { mut notices, .. }) => notices.pop().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn claim(writer: &mut dyn Writer, now: Timestamp) -> Vec<Notice> {
    writer.claim_notices(now, ALL).unwrap()
}

fn settle(writer: &mut dyn Writer, id: i64, outcome: NoticeOutcome) {
    let written = write(writer, NOON, [Write::Notice { id, outcome }]);
    assert!(matches!(&written[..], [Written::Noted]), "{written:?}");
}
