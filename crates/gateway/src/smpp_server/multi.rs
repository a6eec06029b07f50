//! submit_multi: each destination becomes a message of its own, and one answer tells what became of all.
//!
//! The answer has room for one id, so their ids are a run: each is known by that one id and the destination's place.

use std::sync::Arc;

use domain::MessageId;
use parking_lot::Mutex;
use pipeline::Pipeline;
use smpp_wire::pdu::{
    Address, CommandId, Destination, Outgoing, Pdu, RefusedBuffer, RefusedDestination, ShortMessage,
    SubmitMulti, SubmitMultiResp,
};
use smpp_wire::status::CommandStatus;

use super::accounts::Open;
use super::submit::{self, Asked, Fields};
use super::{Account, receipt};

/// What became of those that are known so far. Whoever tells of the last one answers.
struct Tally {
    first: MessageId,
    destinations: Vec<Written>,
    /// Locked for moments, by the writer's thread.
    course: Mutex<Course>,
}

/// A destination as it is told of when it is refused.
struct Written {
    ton: u8,
    npi: u8,
    digits: Vec<u8>,
}

struct Course {
    /// None once it is answered.
    asked: Option<Asked>,
    told: usize,
    refused: Vec<(u8, CommandStatus)>,
}

/// The most octets of an address in an answer.
const ADDRESS: usize = 20;

/// Answers when all of them are durable, or known not to be.
pub(super) fn take(
    pipeline: &Pipeline,
    open: &Open,
    account: &Account,
    multi: &SubmitMulti<'_>,
    asked: Asked,
) {
    let destinations: Vec<Destination<'_>> = multi.destinations.iter().collect();
    if destinations.is_empty() {
        return asked.refuse(CommandStatus::RINVNUMDESTS);
    }
    let first = pipeline.new_ids(multi.destinations.count());
    let course = Course { asked: Some(asked), told: 0, refused: Vec::new() };
    let written = destinations.iter().map(Written::of).collect();
    let tally = Arc::new(Tally { first, destinations: written, course: Mutex::new(course) });
    for (place, destination) in (1..=u8::MAX).zip(destinations) {
        match request(pipeline, open, account, multi, destination) {
            Err(status) => tally.tell(place, Err(status)),
            Ok(mut request) => {
                request.id = Some(first.ahead(place - 1));
                if let Some(by_smpp) = &mut request.by_smpp {
                    by_smpp.addresses.place = Some(place);
                }
                let tally = Arc::clone(&tally);
                pipeline.send_and_tell(request, move |accepted| {
                    tally.tell(place, accepted.map(|_| ()).map_err(|refused| submit::status_of(&refused)));
                });
            }
        }
    }
}

fn request(
    pipeline: &Pipeline,
    open: &Open,
    account: &Account,
    multi: &SubmitMulti<'_>,
    destination: Destination<'_>,
) -> Result<pipeline::Request, CommandStatus> {
    let destination = match destination {
        Destination::Address(address) => address,
        Destination::DistributionList(_) => return Err(CommandStatus::RCNTSUBDL),
    };
    if !open.takes_one() {
        return Err(CommandStatus::RTHROTTLED);
    }
    let message = Pdu::SubmitSm(one(multi, destination));
    let fields = Fields::of(&message)?;
    // Parts would have to find each other at every destination; a long text has its place in message_payload.
    if fields.concatenation()?.is_some() {
        return Err(CommandStatus::RINVESMCLASS);
    }
    submit::request(&fields, account, pipeline.now())
}

/// As if it had been submitted for this destination alone.
fn one<'a>(multi: &SubmitMulti<'a>, destination: Address<'a>) -> ShortMessage<'a> {
    ShortMessage {
        service_type: multi.service_type,
        source: multi.source,
        destination,
        esm_class: multi.esm_class,
        protocol_id: multi.protocol_id,
        priority_flag: multi.priority_flag,
        schedule_delivery_time: multi.schedule_delivery_time,
        validity_period: multi.validity_period,
        registered_delivery: multi.registered_delivery,
        replace_if_present_flag: multi.replace_if_present_flag,
        data_coding: multi.data_coding,
        sm_default_msg_id: multi.sm_default_msg_id,
        short_message: multi.short_message,
        tlvs: multi.tlvs,
    }
}

impl Tally {
    fn tell(&self, place: u8, became: Result<(), CommandStatus>) {
        let mut course = self.course.lock();
        course.told += 1;
        course.refused.extend(became.err().map(|status| (place, status)));
        if course.told < self.destinations.len() {
            return;
        }
        course.refused.sort_unstable_by_key(|(place, _)| *place);
        if let Some(asked) = course.asked.take() {
            asked.answer(self.answer(&course.refused));
        }
    }

    /// A success as soon as one of them is accepted; when none is, the reason of the first.
    fn answer(&self, refused: &[(u8, CommandStatus)]) -> Outgoing {
        let mut buffer = RefusedBuffer::default();
        for (place, status) in refused {
            let written = self.destinations.get(usize::from(*place) - 1);
            if let Some(refused) = written.map(|written| written.refused(*status)) {
                // There is room for as many as were asked for.
                buffer.push(refused).ok();
            }
        }
        let all = refused.len() == self.destinations.len();
        let status = refused.first().filter(|_| all).map_or(CommandStatus::ROK, |(_, status)| *status);
        let id = if all { String::new() } else { receipt::id(self.first) };
        let body = SubmitMultiResp {
            message_id: Some(id.as_bytes()),
            refused: buffer.as_refused(),
            ..SubmitMultiResp::default()
        };
        Outgoing::response(&Pdu::SubmitMultiResp(body), status)
            .unwrap_or_else(|_| Outgoing::refusal(CommandId::SUBMIT_MULTI, CommandStatus::RSYSERR))
    }
}

impl Written {
    /// A list is told of by its name.
    fn of(destination: &Destination<'_>) -> Self {
        match destination {
            Destination::Address(address) => Self {
                ton: address.ton.into(),
                npi: address.npi.into(),
                digits: address.digits.iter().copied().take(ADDRESS).collect(),
            },
            Destination::DistributionList(name) => {
                Self { ton: 0, npi: 0, digits: name.iter().copied().take(ADDRESS).collect() }
            }
        }
    }

    fn refused(&self, status: CommandStatus) -> RefusedDestination<'_> {
        let address = Address { ton: self.ton.into(), npi: self.npi.into(), digits: &self.digits };
        RefusedDestination { address, status }
    }
}
