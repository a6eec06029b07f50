//! A crash between the two halves of sealing.

use std::sync::Arc;

use domain::address::Recipient;
use domain::{AppId, Channel, Class, Encoding, Message, MessageId, Record, Timestamp};

use crate::sqlite::{self, Options, SqliteWriter};
use crate::{Query, Reader, Write, Writer};

fn rejected() -> Record {
    let id = MessageId::from_u128(u128::from(1_772_366_400_000u64) << 80);
    let message = Message {
        id,
        app: AppId::new("shop").unwrap(),
        created_at: id.created_at(),
        to: Recipient::unresolved("nobody"),
        from: None,
        channel: Channel::Sms,
        class: Class::Otp,
        text: "text".into(),
        encoding: Encoding::Gsm7,
        segments: 1,
        country: None,
        operator: None,
        reference: None,
        metadata: None,
        send_at: None,
        expires_at: id.created_at(),
        max_price: None,
        callback_url: None,
        notify: domain::status::StatusSet::NONE,
        by_smpp: None,
        operator_source: None,
        operator_known_at: None,
        has_link: false,
        no_probe: false,
    };
    Record::rejected(message, "blocked").0
}

/// The first half of `tidy`, after which the process dies.
fn copy_only(writer: &mut SqliteWriter, now: Timestamp) {
    let sealing = writer.find_closed(now, 10).unwrap().unwrap();
    assert_eq!(sealing.copy().unwrap().len(), 1);
}

#[test]
fn a_record_that_was_copied_and_not_removed_is_there_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let record = rejected();
    let now: Timestamp = record.message.created_at;
    let open = || sqlite::open(folder.path(), &Options::default()).unwrap();
    let (mut writer, reader) = open();
    let accept = Write::Accept {
        record: Arc::new(record.clone()),
        effects: domain::record::Effects::default(),
        idempotency: None,
    };
    writer.commit(&mut vec![accept], now).unwrap();
    copy_only(&mut writer, now);
    copy_only(&mut writer, now);
    drop((writer, reader));
    let (mut writer, reader) = open();
    let reader: Arc<dyn Reader> = Arc::new(reader);
    for left in [1, 0] {
        let found = reader.search(&Query { limit: 10, ..Query::default() }).unwrap();
        assert_eq!(found.records, std::slice::from_ref(&record));
        assert_eq!(reader.message(record.message.id).unwrap().as_ref(), Some(&record));
        assert_eq!(writer.tidy(now, 10).unwrap(), left);
    }
}
