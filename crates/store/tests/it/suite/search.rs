//! Search: every filter, newest first, page by page, over open and sealed records alike.

use std::num::NonZeroU32;

use domain::address::Recipient;
use domain::attempt::Verdict;
use domain::{AppId, Class, Message, MessageId, Record, RouteId, Status};
use store::{LogQuery, Query, Reader, Writer};

use super::{Backend, Store};
use crate::sample::{DAY, HOUR, Ids, NOON, accept, accepted, apply, at, dispatch, message, receipt, step};

/// What a query says, said of a record.
type Fits = Box<dyn Fn(&Record) -> bool>;

pub(crate) fn every_filter_finds_what_it_says(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    let all = fill(&mut *writer);
    let some_id = all[17].message.id;
    let filters: Vec<(Query, Fits)> = vec![
        (Query::default(), Box::new(|_| true)),
        (
            Query { app: Some(AppId::new("bank").unwrap()), ..Query::default() },
            Box::new(|record| record.message.app.as_str() == "bank"),
        ),
        (Query { app: Some(AppId::new("nobody").unwrap()), ..Query::default() }, Box::new(|_| false)),
        (
            Query { to: Some(recipient(3)), ..Query::default() },
            Box::new(|record| record.message.to == recipient(3)),
        ),
        (
            Query { to: Some(Recipient::unresolved("nonsense")), ..Query::default() },
            Box::new(|record| record.message.to.as_str() == "nonsense"),
        ),
        (
            Query { status: Some(Status::Submitted), ..Query::default() },
            Box::new(|record| record.status == Status::Submitted),
        ),
        (
            Query { class: Some(Class::Marketing), ..Query::default() },
            Box::new(|record| record.message.class == Class::Marketing),
        ),
        (
            Query { route: Some(RouteId::new("zenith-de").unwrap()), ..Query::default() },
            Box::new(|record| record.attempts[0].route.as_str() == "zenith-de"),
        ),
        (
            Query { operator: Some("26202".into()), ..Query::default() },
            Box::new(|record| record.message.operator.as_deref() == Some("26202")),
        ),
        (
            Query { reference: Some("order-4".into()), ..Query::default() },
            Box::new(|record| record.message.reference.as_deref() == Some("order-4")),
        ),
        (
            Query { vendor_id: Some("v8".into()), ..Query::default() },
            Box::new(|record| record.attempts[0].parts[0].vendor_id.as_deref() == Some("v8")),
        ),
        (
            Query { since: Some(at(20 * HOUR)), until: Some(at(2 * DAY)), ..Query::default() },
            Box::new(|record| (at(20 * HOUR)..at(2 * DAY)).contains(&record.message.created_at)),
        ),
        (
            Query { before: Some(some_id), ..Query::default() },
            Box::new(move |record| record.message.id < some_id),
        ),
        (
            Query { to: Some(recipient(2)), status: Some(Status::Delivered), ..Query::default() },
            Box::new(|record| record.message.to == recipient(2) && record.status == Status::Delivered),
        ),
    ];
    for (query, fits) in filters {
        let expected: Vec<MessageId> =
            all.iter().rev().filter(|record| fits(record)).map(|record| record.message.id).collect();
        for limit in [1, 7, 100] {
            let query = Query { limit, ..query.clone() };
            assert_eq!(pages(&*reader, &query), expected, "{query:?}");
        }
    }
}

pub(crate) fn a_page_is_the_record_as_it_is_now(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    let all = fill(&mut *writer);
    let found = reader.search(&Query { limit: all.len(), ..Query::default() }).unwrap();
    assert_eq!(found.next, None);
    assert!(found.records.iter().rev().eq(all.iter()));
}

pub(crate) fn the_log_is_read_in_the_order_of_acceptance(backend: &impl Backend) {
    let Store { mut writer, reader } = backend.open();
    let all = fill(&mut *writer);
    let (since, until) = (at(20 * HOUR), at(2 * DAY));
    for (since, until) in [(NOON, at(100 * DAY)), (since, until), (until, since)] {
        let expected: Vec<&Record> =
            all.iter().filter(|record| (since..until).contains(&record.message.created_at)).collect();
        for limit in [1, 7, 100] {
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let page = reader.log(&LogQuery { since, until, after, limit }).unwrap();
                assert!(page.records.len() <= limit);
                assert_eq!((page.damaged, page.days_left_out), (0, Vec::new()));
                found.extend(page.records);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert!(found.iter().eq(expected.iter().copied()), "{since} to {until} by {limit}");
        }
    }
}

/// Reads until there is no next page.
fn pages(reader: &dyn Reader, query: &Query) -> Vec<MessageId> {
    let mut query = query.clone();
    let mut found = Vec::new();
    loop {
        let page = reader.search(&query).unwrap();
        assert!(page.records.len() <= query.limit);
        found.extend(page.records.iter().map(|record| record.message.id));
        match page.next {
            Some(next) => query.before = Some(next),
            None => return found,
        }
    }
}

/// Records of four days in every state, most of the closed ones sealed.
fn fill(writer: &mut dyn Writer) -> Vec<Record> {
    let mut ids = Ids::new();
    let mut all = Vec::new();
    for number in 0..40u32 {
        let now = at(i64::from(number) * 2 * HOUR);
        let message = numbered(ids.at(now), number);
        let id = message.id;
        let connection = if number.is_multiple_of(3) { "zenith" } else { "acme" };
        let mut record = step(writer, now, accept(message));
        if number % 4 > 0 {
            record = step(writer, now, apply(id, dispatch(1, connection)));
        }
        if number % 4 > 1 {
            record = step(writer, now, apply(id, accepted(1, 0, &format!("v{}", number % 10))));
        }
        if number % 4 > 2 {
            let delivered = receipt(connection, &format!("v{}", number % 10), Some(Verdict::Delivered), now);
            record = step(writer, now, delivered);
        }
        all.push(record);
        if number == 30 {
            assert!(writer.tidy(now, 100).unwrap() > 0);
        }
    }
    all
}

fn numbered(id: MessageId, number: u32) -> Message {
    let mut message = message(id);
    message.app = AppId::new(if number.is_multiple_of(2) { "shop" } else { "bank" }).unwrap();
    message.to = if number == 11 { Recipient::unresolved("nonsense") } else { recipient(number % 5) };
    message.class = if number.is_multiple_of(7) { Class::Marketing } else { Class::Otp };
    message.operator = Some(if number.is_multiple_of(6) { "26202".into() } else { "26201".into() });
    message.reference = NonZeroU32::new(number % 9).map(|number| format!("order-{number}").into());
    message
}

fn recipient(number: u32) -> Recipient {
    Recipient::from_e164(&format!("+4915112345{number:03}")).unwrap()
}

pub(crate) fn an_empty_store_has_one_empty_page(backend: &impl Backend) {
    let Store { reader, .. } = backend.open();
    let page =
        reader.search(&Query { limit: 10, before: Some(Ids::new().at(NOON)), ..Query::default() }).unwrap();
    assert!(page.records.is_empty() && page.next.is_none());
}
