//! The decisions about one submission: how it is answered, and what then happens when.

use std::sync::Arc;

use smpp_wire::pdu::{CommandId, MessageResp, Outgoing, Pdu};
use smpp_wire::status::CommandStatus;
use tokio::time::Instant;

use super::{Core, Reply, State};
use crate::asked::{Fails, Question};
use crate::demo_number::{self, Outcome};
use crate::fate::{Answer, Asked, Course, Fate, Line, Timing};
use crate::handset::Arrival;
use crate::personality::Conduct;
use crate::vendor::assembly::{Accepted, Received};
use crate::vendor::delivery::{self, About, Delivery};
use crate::vendor::ids::MessageId;
use crate::vendor::settings::ResponseOrder;
use crate::vendor::submission::Submission;

/// A submission that is accepted.
struct Taken<'a> {
    submission: &'a Submission,
    system_id: &'a Arc<str>,
    course: Course,
    now: Instant,
    /// When its acceptance is answered.
    at: Instant,
}

impl Core {
    /// Takes a submission, and says how it is answered. It comes after the answer that is due at `last_answer`, where
    /// order is kept.
    pub(in crate::vendor) fn submit(
        &self,
        pdu: &Pdu<'_>,
        system_id: &Arc<str>,
        last_answer: Instant,
    ) -> Reply {
        let now = Instant::now();
        self.tally.count(|stats| stats.submissions += 1);
        let submission = match Submission::read(pdu, self.settings.default_charset) {
            Ok(submission) => submission,
            Err(status) => return self.refuse(pdu.command_id(), status, now.max(last_answer)),
        };
        let mut state = self.state.lock();
        let fate = self.fate(&submission, now, &mut state);
        let ready = now.checked_add(fate.latency).unwrap_or(now);
        let at = match self.settings.response_order {
            ResponseOrder::AsReceived => ready.max(last_answer),
            ResponseOrder::AsReady => ready,
        };
        match fate.answer {
            Answer::Never => {
                self.tally.count(|stats| stats.unanswered += 1);
                // What is never answered holds nothing up.
                Reply { response: None, at: last_answer, line: fate.line }
            }
            Answer::Refuse(status) => {
                Reply { line: fate.line, ..self.refuse(submission.command_id, status, at) }
            }
            Answer::Accept => {
                let id = self.accept(
                    &Taken { submission: &submission, system_id, course: fate.course, now, at },
                    &mut state,
                );
                Reply { response: Some(accepted(submission.command_id, &id)), at, line: fate.line }
            }
        }
    }

    /// What becomes of a submission: by throughput, else by behaviour over demo number over conduct.
    fn fate(&self, submission: &Submission, now: Instant, state: &mut State) -> Fate {
        let recipient = submission.recipient();
        let conduct = self.conduct_towards(&recipient);
        let demo = demo_number::outcome(&recipient).filter(|_| self.settings.obeys_demo_numbers);
        let usual = match demo {
            Some(outcome) => {
                let asked = self.asked(outcome, submission, now);
                Fate::by_demo_number(outcome, asked, conduct, &mut state.rng)
            }
            None => Fate::by_conduct(conduct, &mut state.rng),
        };
        let behaviour = state.behaviours.towards(&recipient).drawn(&mut state.rng);
        let fate = behaviour.bend(usual, submission.part());
        if state.throughput.as_mut().is_some_and(|throughput| !throughput.allows_one(now)) {
            return Fate { answer: Answer::Refuse(CommandStatus::RTHROTTLED), line: Line::Holds, ..fate };
        }
        if self.agenda.is_full() {
            return Fate { answer: Answer::Refuse(CommandStatus::RMSGQFUL), line: Line::Holds, ..fate };
        }
        fate
    }

    fn conduct_towards(&self, recipient: &str) -> &Conduct {
        let fitting = self.settings.regions.iter().filter(|region| recipient.starts_with(&region.prefix));
        fitting
            .max_by_key(|region| region.prefix.len())
            .map_or(&self.settings.conduct, |region| &region.conduct)
    }

    fn asked(&self, outcome: Outcome, submission: &Submission, now: Instant) -> Asked {
        let fails = match outcome {
            Outcome::ThrottledThenDelivered => Fails::Once,
            Outcome::VendorError | Outcome::VendorTimeout => Fails::OneVendor,
            Outcome::Delivered
            | Outcome::Slow
            | Outcome::NoReceipt
            | Outcome::Unreachable
            | Outcome::UnknownSubscriber
            | Outcome::SpamFiltered
            | Outcome::FakeReceipt
            | Outcome::DuplicateReceipt
            | Outcome::ReceiptBeforeResponse
            | Outcome::Random => return Asked::Again,
        };
        let text = if submission.is_part() { String::new() } else { submission.text.clone() };
        let question = Question { fails, recipient: submission.recipient(), text };
        self.settings.asked_first.ask(question, self.identity, now)
    }

    fn refuse(&self, command_id: CommandId, status: CommandStatus, at: Instant) -> Reply {
        self.tally.count(|stats| match status {
            CommandStatus::RTHROTTLED => stats.throttled += 1,
            _ => stats.refused += 1,
        });
        Reply { response: Some(Outgoing::refusal(command_id, status)), at, line: Line::Holds }
    }

    /// Gives the submission its id, and sees to it that everything that follows will happen.
    fn accept(&self, taken: &Taken<'_>, state: &mut State) -> String {
        self.tally.count(|stats| stats.accepted += 1);
        let id = state.ids.draw(&mut state.rng);
        let (course, whole) = state.assemblies.add(Accepted {
            submission: taken.submission,
            system_id: taken.system_id,
            id: id.answered(),
            course: taken.course,
            now: taken.now,
        });
        if let Some(message) = whole {
            self.bring(&message, course, taken.at);
            state.inbox.add(message);
        }
        let stray = course.report.is_some_and(|report| report.with_stray);
        self.report(taken, id, course);
        if stray {
            let nobodys = state.ids.draw(&mut state.rng);
            self.report(taken, nobodys, course);
        }
        id.answered()
    }

    /// Brings a whole message to the handset, if that is its course.
    fn bring(&self, message: &Received, course: Course, accepted: Instant) {
        let (Some(handsets), Some(after)) = (&self.settings.handsets, course.arrives) else { return };
        let Some(at) = accepted.checked_add(after) else { return };
        let Received { to, from, text, .. } = message;
        handsets.arrive(Arrival { to: to.clone(), from: from.clone(), text: text.clone(), after, at });
    }

    fn report(&self, taken: &Taken<'_>, id: MessageId, course: Course) {
        let Some(report) = course.report.filter(|report| delivery::is_wanted(taken.submission, report.state))
        else {
            return;
        };
        let at = match report.timing {
            Timing::AfterResponse(after) => taken.at.checked_add(after).unwrap_or(taken.at),
            Timing::BeforeResponse => taken.now,
        };
        let about = About {
            submission: taken.submission,
            id,
            report,
            submitted: self.unix_seconds(taken.now),
            done: self.unix_seconds(at),
        };
        let outgoing = match delivery::receipt(&about, &self.settings) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                tracing::warn!(%error, "a receipt could not be written");
                return;
            }
        };
        let token = Arc::new(Delivery { system_id: Some(Arc::clone(taken.system_id)), outgoing, resends: 0 });
        for _ in 0..report.copies {
            self.deliver_later(at, Arc::clone(&token));
        }
    }
}

fn accepted(command_id: CommandId, id: &str) -> Outgoing {
    let body = MessageResp { message_id: Some(id.as_bytes()), ..MessageResp::default() };
    let pdu = if command_id == CommandId::DATA_SM { Pdu::DataSmResp(body) } else { Pdu::SubmitSmResp(body) };
    // Our ids always fit; a vendor that could not say one would answer so.
    Outgoing::response(&pdu, CommandStatus::ROK)
        .unwrap_or_else(|_| Outgoing::refusal(command_id, CommandStatus::RSYSERR))
}
