//! Parts of a text wait until the message is accepted that is made of them.

use domain::message::{BySmpp, SmppAddress};
use domain::{AppId, MessageId};
use store::{Part, Write, Written};

use super::{Backend, Store};
use crate::sample::{Ids, NOON, accept, message, write};

fn part(id: MessageId, number: u8) -> Write {
    Write::Part(Box::new(of(id, number)))
}

fn of(id: MessageId, number: u8) -> Part {
    let app = AppId::new("shop").unwrap();
    Part { message: id, app, number, received_at: NOON, body: vec![number; 9].into() }
}

fn whole(id: MessageId) -> Write {
    let address = || SmppAddress { ton: 1, npi: 1, digits: b"447700900201".to_vec() };
    let mut message = message(id);
    let by_smpp =
        BySmpp { source: address(), destination: address(), parts: vec![1, 1], ..BySmpp::default() };
    message.by_smpp = Some(Box::new(by_smpp));
    accept(message)
}

pub(crate) fn parts_wait_for_their_message_and_go_with_it(backend: &impl Backend) {
    let mut ids = Ids::new();
    let (first, second) = (ids.at(NOON), ids.at(NOON));
    let Store { mut writer, reader } = backend.open();
    write(&mut *writer, NOON, [part(first, 1), part(second, 1), part(first, 1)]);
    drop((writer, reader));
    let Store { mut writer, .. } = backend.open();
    assert_eq!(writer.parts().unwrap(), [of(first, 1), of(second, 1)]);
    assert_eq!(writer.last_key().unwrap(), second.key(), "a new message would get the id of this one");
    write(&mut *writer, NOON, [whole(first)]);
    assert_eq!(writer.parts().unwrap(), [of(second, 1)]);
}

pub(crate) fn a_part_that_comes_after_its_message_is_in_it_already(backend: &impl Backend) {
    let id = Ids::new().at(NOON);
    let Store { mut writer, .. } = backend.open();
    write(&mut *writer, NOON, [whole(id), part(id, 1)]);
    assert_eq!(writer.parts().unwrap(), []);
    // And whoever thinks that it is not whole yet learns what became of it.
    let written = write(&mut *writer, NOON, [whole(id)]);
    assert!(matches!(&written[..], [Written::Replayed(_)]), "{written:?}");
}
