//! Parts of long texts, until all of them are there.
//!
//! Each part is answered once it is durable. The last one is not kept as a part: it brings the message, whose acceptance
//! takes the others out of the store in the same commit. What is in memory can be built from the store again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{AppId, MessageId, Timestamp};
use parking_lot::Mutex;
use pipeline::{Pipeline, Refused};
use smpp_wire::frame::Frame;
use smpp_wire::pdu::{Pdu, Received};
use smpp_wire::status::CommandStatus;
use smpp_wire::udh::Concatenation;
use store::Part;

use super::Account;
use super::submit::{self, Asked, Fields, Whole};
use super::texts::{Added, Assembly, Key, Texts};

/// The texts that lack parts.
#[derive(Default)]
pub(super) struct Parts {
    /// Locked for moments, for each part.
    texts: Mutex<Texts>,
}

/// The longest PDU of a part: a segment, and what else can be said of it.
const LONGEST_PDU: usize = 1500;
const INCOMPLETE: &str = "some parts of the text never came";

impl Parts {
    /// Takes up what an earlier process left.
    pub(super) fn load(&self, parts: Vec<Part>) {
        let mut texts = self.texts.lock();
        for part in parts {
            let body = Bytes::from(part.body.into_vec());
            let Some(key) = key_of(&part.app, &body) else {
                tracing::error!(message_id = %part.message, "a part of a text cannot be read any more");
                continue;
            };
            let Some(assembly) = texts.get_mut(&key) else {
                let parts = BTreeMap::from([(part.number, body)]);
                texts.put(key, Assembly { message: part.message, began: part.received_at, parts });
                continue;
            };
            if assembly.message == part.message {
                assembly.parts.insert(part.number, body);
            } else {
                tracing::warn!(message_id = %part.message, "a part of an earlier text under the same reference is left out");
            }
        }
    }

    /// Takes a part. Whoever asked is answered when it, or the message that it completes, is durable.
    pub(super) fn take(
        self: &Arc<Self>,
        pipeline: &Pipeline,
        account: &Account,
        concatenation: Concatenation,
        received: &Received,
        asked: Asked,
    ) {
        if usize::from(concatenation.total) > pipeline::MAX_SEGMENTS {
            return asked.refuse(CommandStatus::RINVMSGLEN);
        }
        let pdu = received.pdu();
        let now = pipeline.now();
        // As far as a part can be wrong by itself, it is told at once.
        let checked = Fields::of(&pdu).and_then(|fields| {
            if fields.is_no_segment() || received.frame().bytes().len() > LONGEST_PDU {
                return Err(CommandStatus::RINVMSGLEN);
            }
            submit::request(&fields, account, now)?;
            Ok(Key::new(&account.app, &fields, concatenation))
        });
        let key = match checked {
            Ok(key) => key,
            Err(status) => return asked.refuse(status),
        };
        let body = Bytes::copy_from_slice(received.frame().bytes());
        let add = || self.texts.lock().add(&key, concatenation.part, &body, now, || pipeline.new_id());
        let mut added = add();
        if let Added::After(given_up) = added {
            reject(pipeline, account, &key, &given_up);
            added = add();
        }
        match added {
            Added::Waits(message) => {
                let part = Part {
                    message,
                    app: account.app.clone(),
                    number: concatenation.part,
                    received_at: now,
                    body: (*body).into(),
                };
                self.keep(pipeline, key, part, asked);
            }
            Added::Completes(assembly) => {
                self.complete(pipeline, account, key, concatenation.part, assembly, asked);
            }
            Added::TooMany | Added::After(_) => asked.refuse(CommandStatus::RMSGQFUL),
        }
    }

    fn keep(self: &Arc<Self>, pipeline: &Pipeline, key: Key, part: Part, asked: Asked) {
        let parts = Arc::clone(self);
        let (message, number) = (part.message, part.number);
        pipeline.keep_part(part, move |kept| match kept {
            Ok(()) => asked.take(&submit::written_id(message, Some(number))),
            Err(not_written) => {
                parts.lose(&key, message, number);
                asked.refuse(submit::status_of(&Refused::NotWritten(not_written)));
            }
        });
    }

    /// A part that could not be kept: its application sends it again.
    fn lose(&self, key: &Key, message: MessageId, number: u8) {
        let mut texts = self.texts.lock();
        if let Some(assembly) = texts.get_mut(key).filter(|assembly| assembly.message == message) {
            assembly.parts.remove(&number);
            if assembly.parts.is_empty() {
                texts.take(key);
            }
        }
    }

    fn complete(
        self: &Arc<Self>,
        pipeline: &Pipeline,
        account: &Account,
        key: Key,
        last: u8,
        assembly: Assembly,
        asked: Asked,
    ) {
        let request = match request(&key, &assembly, account, pipeline.now()) {
            Ok(request) => request,
            Err(status) => {
                self.put_back(key, assembly, last);
                return asked.refuse(status);
            }
        };
        let parts = Arc::clone(self);
        submit::send(pipeline, request, Some(last), asked, move |accepted| {
            // Any other refusal is kept, which takes the parts away as an acceptance does.
            if let Err(Refused::NotWritten(_) | Refused::EmptyText | Refused::TextTooLong { .. }) = accepted {
                parts.put_back(key, assembly, last);
            }
        });
    }

    /// The message was not accepted: it lacks its last part again.
    fn put_back(&self, key: Key, mut assembly: Assembly, last: u8) {
        assembly.parts.remove(&last);
        self.texts.lock().put(key, assembly);
    }

    /// Gives up what lacks parts for longer than this, and has its application told.
    pub(super) fn expire(
        &self,
        pipeline: &Pipeline,
        accounts: &dyn Fn(&AppId) -> Option<Arc<Account>>,
        after: Duration,
    ) {
        // What cannot be written now is told of later.
        if pipeline.is_on_hold() || !pipeline.is_writing() {
            return;
        }
        let now = pipeline.now();
        let over = self.texts.lock().take_begun(|began| began.plus(after) <= now);
        for (key, assembly) in over {
            // Of an account that is gone nobody can be told; its parts go with the store.
            if let Some(account) = accounts(&key.app) {
                reject(pipeline, &account, &key, &assembly);
            }
        }
    }
}

fn key_of(app: &AppId, body: &Bytes) -> Option<Key> {
    let frame = Frame::whole(body.clone()).ok()?;
    let pdu = Pdu::decode(&frame).ok()?;
    let fields = Fields::of(&pdu).ok()?;
    Some(Key::new(app, &fields, fields.concatenation().ok()??))
}

fn request(
    key: &Key,
    assembly: &Assembly,
    account: &Account,
    now: Timestamp,
) -> Result<pipeline::Request, CommandStatus> {
    let frames = assembly.parts.values().map(|body| Frame::whole(body.clone()));
    let frames = frames.collect::<Result<Vec<Frame>, _>>().map_err(|_| CommandStatus::RSYSERR)?;
    let pdus = frames.iter().map(Pdu::decode).collect::<Result<Vec<_>, _>>();
    let pdus = pdus.map_err(|_| CommandStatus::RSYSERR)?;
    let fields = pdus.iter().map(Fields::of).collect::<Result<Vec<_>, _>>()?;
    let mut wanted = vec![0; usize::from(key.total)];
    for (number, part) in assembly.parts.keys().zip(&fields) {
        if let Some(place) = wanted.get_mut(usize::from(*number).saturating_sub(1)) {
            *place = part.registered_delivery();
        }
    }
    submit::request_of(&fields, Some(Whole { id: assembly.message, wanted }), account, now)
}

/// Its times are those of when it began: they may have passed since.
fn reject(pipeline: &Pipeline, account: &Account, key: &Key, assembly: &Assembly) {
    match request(key, assembly, account, assembly.began) {
        Ok(request) => pipeline.reject(request, INCOMPLETE),
        Err(status) => {
            tracing::error!(message_id = %assembly.message, %status, "an incomplete text cannot be told of");
        }
    }
}
