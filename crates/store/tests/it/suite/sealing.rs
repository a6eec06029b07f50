//! Sealing: closed records move out of the way, can still be read, and can still be corrected.

use domain::attempt::Verdict;
use domain::record::Input;
use domain::{MessageId, Record, Status};
use store::{Query, Write, Writer, Written};

use super::receipts::assert_held;
use super::{Backend, Store};
use crate::sample::{
    DAY, HOUR, Ids, NOON, accept, apply, at, delivered, message, receipt, step, submitted, write,
};

pub(crate) fn closed_records_move_once_and_read_back(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, reader } = backend.open();
    let closed: Vec<Record> = (0..5)
        .map(|day| delivered(&mut *writer, message(ids.at(at(day * DAY))), &format!("v{day}")))
        .collect();
    let open = step(&mut *writer, at(5 * DAY), accept(message(ids.at(at(5 * DAY)))));
    assert_eq!(writer.tidy(at(5 * DAY), 3).unwrap(), 3);
    assert_eq!(writer.tidy(at(5 * DAY), 3).unwrap(), 2);
    assert_eq!(writer.tidy(at(5 * DAY), 3).unwrap(), 0);
    drop((writer, reader));
    let Store { mut writer, reader } = backend.open();
    for record in closed.iter().chain([&open]) {
        assert_eq!(reader.message(record.message.id).unwrap().as_ref(), Some(record));
    }
    assert_eq!(writer.last_key().unwrap(), open.message.id.key());
    assert_eq!(writer.tidy(at(5 * DAY), 3).unwrap(), 0);
}

pub(crate) fn the_last_key_may_be_that_of_a_sealed_record(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, .. } = backend.open();
    assert_eq!(writer.last_key().unwrap(), 0);
    delivered(&mut *writer, message(id), "v1");
    writer.tidy(NOON, 10).unwrap();
    assert_eq!(writer.last_key().unwrap(), id.key());
}

pub(crate) fn a_late_receipt_corrects_a_sealed_record(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, reader } = backend.open();
    sealed_undelivered(&mut *writer, id);
    drop((writer, reader));
    let Store { mut writer, reader } = backend.open();
    let late = at(7 * DAY - HOUR);
    let written = write(&mut *writer, late, [receipt("acme", "v1", Some(Verdict::Delivered), late)]);
    let [Written::Applied { record, notices, .. }] = &written[..] else { panic!("{written:?}") };
    assert_eq!(record.status, Status::Delivered);
    assert_eq!(notices.len(), 1);
    for _ in 0..2 {
        assert_eq!(reader.message(id).unwrap().as_ref(), Some(&**record));
        // The old version is nowhere to be found any more, and the new one once.
        for (status, found) in [(Status::Undelivered, 0), (Status::Delivered, 1)] {
            let query = Query { status: Some(status), limit: 10, ..Query::default() };
            assert_eq!(reader.search(&query).unwrap().records.len(), found);
        }
        writer.tidy(late, 10).unwrap();
    }
    // And it can be corrected no further.
    step(&mut *writer, late, receipt("acme", "v1", Some(Verdict::Undelivered), late));
    assert_eq!(reader.message(id).unwrap().as_ref(), Some(&**record));
}

pub(crate) fn beyond_the_horizon_a_receipt_finds_nothing(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, .. } = backend.open();
    sealed_undelivered(&mut *writer, id);
    assert_held(&mut *writer, at(9 * DAY), "acme", "v1");
    // Nor does one of another connection, however early.
    assert_held(&mut *writer, at(HOUR), "zenith", "v1");
}

pub(crate) fn a_sealed_record_takes_a_conversion(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, reader } = backend.open();
    delivered(&mut *writer, message(id), "v1");
    writer.tidy(NOON, 10).unwrap();
    step(&mut *writer, at(HOUR), apply(id, Input::Convert { converted: true, at: at(HOUR) }));
    assert_eq!(writer.tidy(at(HOUR), 10).unwrap(), 1);
    assert!(reader.message(id).unwrap().unwrap().converted.is_some_and(|it| it.converted));
}

pub(crate) fn a_reused_id_of_sealed_records_leads_to_the_newest(backend: &impl Backend) {
    let mut ids = Ids::new();
    let (first, second) = (ids.at(NOON), ids.at(at(HOUR)));
    let Store { mut writer, reader } = backend.open();
    for id in [first, second] {
        sealed_undelivered(&mut *writer, id);
    }
    // The older one is sealed once more, after the newer one.
    step(&mut *writer, at(HOUR), apply(first, Input::Convert { converted: true, at: at(HOUR) }));
    writer.tidy(at(HOUR), 10).unwrap();
    let corrected = step(&mut *writer, at(HOUR), receipt("acme", "v1", Some(Verdict::Delivered), at(HOUR)));
    assert_eq!(corrected.message.id, second);
    assert_eq!(reader.message(first).unwrap().unwrap().status, Status::Undelivered);
}

pub(crate) fn what_changes_while_it_is_sealed_stays_as_it_became(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, reader } = backend.open();
    let convert = |id| apply(id, Input::Convert { converted: true, at: NOON });
    let too_late = |id| apply(id, Input::Cancel);
    type Batches = fn(convert: Write, too_late: Write, sealed: Write) -> Vec<Vec<Write>>;
    let orders: [Batches; 4] = [
        |convert, _, sealed| vec![vec![convert], vec![sealed]],
        |convert, _, sealed| vec![vec![convert, sealed]],
        |convert, _, sealed| vec![vec![sealed, convert]],
        |convert, too_late, sealed| vec![vec![too_late], vec![sealed], vec![convert]],
    ];
    for batches in orders {
        let id = ids.at(NOON);
        delivered(&mut *writer, message(id), "v1");
        let sealing = writer.find_closed(NOON, 10).unwrap().unwrap();
        let sealed = Write::Sealed(sealing.copy().unwrap());
        for batch in batches(convert(id), too_late(id), sealed) {
            write(&mut *writer, NOON, batch);
        }
        for _ in 0..2 {
            assert!(reader.message(id).unwrap().unwrap().converted.is_some_and(|it| it.converted));
            writer.tidy(NOON, 10).unwrap();
        }
    }
}

pub(crate) fn only_what_was_found_last_is_removed(backend: &impl Backend) {
    let mut ids = Ids::new();
    let Store { mut writer, reader } = backend.open();
    let record = delivered(&mut *writer, message(ids.at(NOON)), "v1");
    let before = writer.find_closed(NOON, 10).unwrap().unwrap().copy().unwrap();
    // Never copied: to remove it would lose it.
    let last = delivered(&mut *writer, message(ids.at(NOON)), "v2");
    drop(writer.find_closed(NOON, 10).unwrap());
    write(&mut *writer, NOON, [Write::Sealed(before)]);
    for record in [record, last] {
        assert_eq!(reader.message(record.message.id).unwrap(), Some(record));
    }
    assert_eq!(writer.tidy(NOON, 10).unwrap(), 2);
}

fn sealed_undelivered(writer: &mut dyn Writer, id: MessageId) {
    let now = id.created_at();
    submitted(writer, message(id), "v1");
    step(writer, now, receipt("acme", "v1", Some(Verdict::Undelivered), now));
    assert_eq!(writer.tidy(now, 10).unwrap(), 1);
}
