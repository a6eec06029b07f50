//! Receipts find their attempts, both ways, by connection and vendor id.

use domain::attempt::Verdict;
use domain::{ErrorClass, MessageId, Status, Timestamp};
use store::{Notice, Write, Writer, Written};

use super::{Backend, Store};
use crate::sample::{
    HOUR, Ids, MINUTE, NOON, accept, accepted, apply, at, delivered, dispatch, message, receipt, step,
    submitted, write,
};

const DELIVERED: Option<Verdict> = Some(Verdict::Delivered);
const UNDELIVERED: Option<Verdict> = Some(Verdict::Undelivered);

pub(crate) fn a_receipt_finds_its_attempt_and_leaves_notices(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, reader } = backend.open();
    let mut notices: Vec<Notice> = Vec::new();
    for operation in [
        accept(message(id)),
        apply(id, dispatch(1, "acme")),
        apply(id, accepted(1, 0, "v1")),
        receipt("acme", "v1", DELIVERED, NOON),
    ] {
        match write(&mut *writer, NOON, [operation]).pop() {
            Some(Written::Accepted { notices: new, .. } | Written::Applied { notices: new, .. }) => {
                notices.extend(new);
            }
            other => panic!("{other:?}"),
        }
    }
    let told: Vec<_> =
        notices.iter().map(|notice| (notice.status, notice.sequence, notice.message)).collect();
    let expected = [(Status::Accepted, 1, id), (Status::Submitted, 2, id), (Status::Delivered, 3, id)];
    assert_eq!(told, expected);
    assert_eq!(reader.notices_pending().unwrap(), 3);
    let record = reader.message(id).unwrap().unwrap();
    assert_eq!((record.status, record.closed), (Status::Delivered, true));
}

pub(crate) fn an_early_receipt_waits_for_its_attempt(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, reader } = backend.open();
    step(&mut *writer, NOON, accept(message(id)));
    step(&mut *writer, NOON, apply(id, dispatch(1, "acme")));
    assert_held(&mut *writer, NOON, "acme", "v1");
    drop((writer, reader));
    let Store { mut writer, reader } = backend.open();
    let written = write(&mut *writer, NOON, [apply(id, accepted(1, 0, "v1"))]);
    let [Written::Applied { record, changes, notices }] = &written[..] else { panic!("{written:?}") };
    assert_eq!(record.status, Status::Delivered);
    let changes: Vec<_> = changes.iter().map(|change| change.status).collect();
    assert_eq!(changes, [Status::Submitted, Status::Delivered]);
    assert_eq!(notices.len(), 2);
    assert_eq!(reader.message(id).unwrap().as_ref(), Some(&**record));
}

pub(crate) fn a_receipt_of_another_connection_does_not_match(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, reader } = backend.open();
    let before = submitted(&mut *writer, message(id), "v1");
    assert_held(&mut *writer, NOON, "zenith", "v1");
    assert_eq!(reader.message(id).unwrap(), Some(before));
}

pub(crate) fn a_repeated_receipt_changes_nothing(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, .. } = backend.open();
    let before = delivered(&mut *writer, message(id), "v1");
    for verdict in [DELIVERED, UNDELIVERED] {
        let written = write(&mut *writer, at(MINUTE), [receipt("acme", "v1", verdict, at(MINUTE))]);
        let [Written::Applied { record, changes, notices }] = &written[..] else { panic!("{written:?}") };
        assert_eq!(**record, before);
        assert!(changes.is_empty() && notices.is_empty());
    }
}

pub(crate) fn an_id_used_again_leads_to_the_newest_attempt(backend: &impl Backend) {
    let mut ids = Ids::new();
    let (first, second) = (ids.at(NOON), ids.at(at(HOUR)));
    let Store { mut writer, reader } = backend.open();
    submitted(&mut *writer, message(first), "v1");
    submitted(&mut *writer, message(second), "v1");
    let now = at(HOUR);
    assert_eq!(step(&mut *writer, now, receipt("acme", "v1", DELIVERED, now)).message.id, second);
    assert_eq!(status(&*reader, first), Status::Submitted);
}

pub(crate) fn a_receipt_that_waited_keeps_what_it_means(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, reader } = backend.open();
    // The second one of an id that was held before means nothing any more.
    for class in ErrorClass::ALL.map(Some).into_iter().chain([None]) {
        let id = ids.at(NOON);
        let vendor_id = class.map_or("none", ErrorClass::as_str);
        step(&mut *writer, NOON, accept(message(id)));
        step(&mut *writer, NOON, apply(id, dispatch(1, "acme")));
        let Write::Receipt(mut held) = receipt("acme", vendor_id, UNDELIVERED, NOON) else { panic!() };
        held.news.class = class;
        let written = write(&mut *writer, NOON, [Write::Receipt(held)]);
        assert!(matches!(&written[..], [Written::Held]), "{written:?}");
        step(&mut *writer, NOON, apply(id, accepted(1, 0, vendor_id)));
        let record = reader.message(id).unwrap().unwrap();
        assert_eq!(record.attempts[0].error_class(), class);
        assert_eq!(record.attempts[0].receipt, UNDELIVERED);
    }
}

pub(crate) fn a_receipt_that_waited_too_long_is_forgotten(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, reader } = backend.open();
    step(&mut *writer, NOON, accept(message(id)));
    step(&mut *writer, NOON, apply(id, dispatch(1, "acme")));
    assert_held(&mut *writer, NOON, "acme", "v1");
    assert_held(&mut *writer, at(MINUTE), "acme", "v2");
    writer.tidy(at(15 * MINUTE + 1), 100).unwrap();
    step(&mut *writer, at(16 * MINUTE), apply(id, accepted(1, 0, "v1")));
    assert_eq!(status(&*reader, id), Status::Submitted);
}

pub(super) fn assert_held(writer: &mut dyn Writer, now: Timestamp, connection: &str, vendor_id: &str) {
    let written = write(writer, now, [receipt(connection, vendor_id, DELIVERED, now)]);
    assert!(matches!(&written[..], [Written::Held]), "{written:?}");
}

fn status(reader: &dyn store::Reader, id: MessageId) -> Status {
    reader.message(id).unwrap().unwrap().status
}
