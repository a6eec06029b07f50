//! One line with an application: its bind is checked, its requests answered, its receipts followed up.

use std::net::SocketAddr;
use std::sync::Arc;

use domain::AppId;
use smpp_wire::connection::{Commands, Handle, Handler};
use smpp_wire::pdu::{BindResp, CommandId, Outgoing, Pdu, Received, interface_version};
use smpp_wire::session::{BindKind, Event};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{Tag, TlvBuffer};
use tokio::task::JoinSet;

use super::accounts::{NotLetIn, Open};
use super::ask::{self, Name, Question};
use super::binds::{self, Answer, Token};
use super::submit::{self, Asked, Fields};
use super::{Account, Shared, multi, receipt};

pub(super) struct Line {
    shared: Arc<Shared>,
    handle: Handle<Token>,
    peer: SocketAddr,
    /// Set once the bind is accepted.
    bound: Option<Bound>,
    /// Those that are being answered; they end with the line.
    questions: JoinSet<()>,
}

struct Bound {
    account: Arc<Open>,
    number: u64,
}

/// What the door calls itself.
const NAME: &[u8] = b"strowger";

impl Line {
    pub(super) fn new(shared: Arc<Shared>, handle: Handle<Token>, peer: SocketAddr) -> Self {
        Self { shared, handle, peer, bound: None, questions: JoinSet::new() }
    }

    pub(super) fn system_id(&self) -> Option<String> {
        self.bound.as_ref().map(|bound| bound.account.account().system_id.clone())
    }

    fn bind(&mut self, received: &Received, commands: &mut Commands<Token>) {
        let sequence_number = received.sequence_number();
        match self.accept_bind(received) {
            Ok(response) => {
                commands.respond(sequence_number, response);
            }
            Err(status) => {
                commands.respond(sequence_number, Outgoing::refusal(received.command_id(), status));
                commands.close();
            }
        }
    }

    /// An unknown name and a wrong password are answered alike.
    fn accept_bind(&mut self, received: &Received) -> Result<Outgoing, CommandStatus> {
        let (bind, kind) = match (received.pdu(), BindKind::of_request(received.command_id())) {
            (
                Pdu::BindTransmitter(bind) | Pdu::BindReceiver(bind) | Pdu::BindTransceiver(bind),
                Some(kind),
            ) => (bind, kind),
            _ => return Err(CommandStatus::RINVCMDID),
        };
        let response = bound(kind, bind.interface_version).ok_or(CommandStatus::RSYSERR)?;
        let peer = self.peer.ip();
        let account = match self.shared.accounts.check(peer, bind.system_id, bind.password) {
            Ok(account) => account,
            Err(why) => {
                self.tell_of_refusal(why);
                return Err(CommandStatus::RBINDFAIL);
            }
        };
        let now = account.account();
        let (system_id, max_binds) = (&now.system_id, now.max_binds);
        let Some(number) = self.shared.binds.add(&account, peer, kind.receives(), self.handle.clone()) else {
            tracing::warn!(peer = %self.peer, system_id, max_binds, "an SMPP bind was refused: too many");
            return Err(CommandStatus::RALYBND);
        };
        if !self.shared.accounts.still_admits(&account, peer) {
            self.shared.binds.remove(&now.app, number);
            return Err(CommandStatus::RBINDFAIL);
        }
        tracing::info!(peer = %self.peer, system_id, ?kind, "an application is bound");
        if kind.receives() {
            self.shared.pipeline.came_back(&receipt::callback(&now.app));
        }
        drop(now);
        self.bound = Some(Bound { account, number });
        Ok(response)
    }

    fn tell_of_refusal(&self, why: NotLetIn) {
        let peer = self.peer;
        match why {
            NotLetIn::WrongCredentials => {
                tracing::warn!(%peer, "an SMPP bind was refused: system_id or password is wrong");
            }
            NotLetIn::WrongAddress => {
                tracing::warn!(%peer, "an SMPP bind was refused: the account does not list this address");
            }
            // Each of an attack's thousands would be a line of the log.
            NotLetIn::FailedTooOften => {
                tracing::debug!(%peer, "an SMPP bind was refused: this address failed too often");
            }
        }
    }

    fn request(&mut self, received: &Received, commands: &mut Commands<Token>) {
        let Some(Bound { account, .. }) = &self.bound else { return };
        let open = Arc::clone(account);
        let account = open.account();
        let pdu = received.pdu();
        if let Pdu::SubmitMulti(multi) = &pdu {
            let asked = Asked::new(&self.handle, received);
            return multi::take(&self.shared.pipeline, &open, &account, multi, asked);
        }
        let refusal = match received.command_id() {
            CommandId::SUBMIT_SM | CommandId::DATA_SM if !open.takes_one() => CommandStatus::RTHROTTLED,
            CommandId::SUBMIT_SM | CommandId::DATA_SM => match self.submit(&pdu, &account, received) {
                Ok(()) => return,
                Err(status) => status,
            },
            _ => match ask::question(&pdu, self.shared.pipeline.now()) {
                Ok(Some((question, message))) => return self.ask(&account.app, received, question, message),
                Ok(None) => CommandStatus::RINVCMDID,
                Err(status) => status,
            },
        };
        let answer = Outgoing::refusal(received.command_id(), refusal);
        commands.respond(received.sequence_number(), answer);
    }

    fn submit(&self, pdu: &Pdu<'_>, account: &Account, received: &Received) -> Result<(), CommandStatus> {
        let Shared { pipeline, parts, .. } = &*self.shared;
        let fields = Fields::of(pdu)?;
        if let Some(concatenation) = fields.concatenation()? {
            parts.take(pipeline, account, concatenation, received, Asked::new(&self.handle, received));
        } else {
            let request = submit::request(&fields, account, pipeline.now())?;
            submit::send(pipeline, request, None, Asked::new(&self.handle, received), |_| {});
        }
        Ok(())
    }

    /// Rare, so each has a task of its own.
    fn ask(&mut self, app: &AppId, received: &Received, question: Question, message: Option<Name>) {
        while self.questions.try_join_next().is_some() {}
        let (pipeline, app) = (self.shared.pipeline.clone(), app.clone());
        let (handle, sequence_number) = (self.handle.clone(), received.sequence_number());
        self.questions.spawn(async move {
            let answer = ask::answer(&pipeline, &app, question, message).await;
            // The line may have ended meanwhile.
            handle.respond(sequence_number, answer).ok();
        });
    }
}

impl Line {
    fn leave(&self) {
        if let Some(Bound { account, number }) = &self.bound {
            self.shared.binds.remove(&account.account().app, *number);
        }
    }
}

/// However the line's task ends.
impl Drop for Line {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Handler<Token> for Line {
    fn events(&mut self, events: &mut Vec<Event<Token>>, commands: &mut Commands<Token>) {
        for event in events.drain(..) {
            match event {
                Event::BindRequested { received } => self.bind(&received, commands),
                Event::Request { received } => self.request(&received, commands),
                Event::Response { token, received } | Event::LateResponse { token, received } => {
                    binds::tell(&token, answer_of(received.command_status()));
                }
                Event::TimedOut { token } => binds::tell(&token, Answer::NotNow),
                Event::NotSent { token } => binds::tell(&token, Answer::LineLost),
                Event::Closed { outstanding, .. } => {
                    self.leave();
                    for outstanding in outstanding {
                        binds::tell(&outstanding.token, Answer::LineLost);
                    }
                }
                Event::Bound { .. } | Event::Notice { .. } | Event::Refused(_) | Event::Unmatched { .. } => {}
            }
        }
    }
}

/// A receipt that an application refuses for good it has had.
fn answer_of(status: CommandStatus) -> Answer {
    match status {
        CommandStatus::RX_T_APPN
        | CommandStatus::RMSGQFUL
        | CommandStatus::RTHROTTLED
        | CommandStatus::RSYSERR => Answer::NotNow,
        _ => Answer::Taken,
    }
}

fn bound(kind: BindKind, version: u8) -> Option<Outgoing> {
    let mut tlvs = TlvBuffer::new();
    match version {
        interface_version::V5_0.. => tlvs.push_octet(Tag::SC_INTERFACE_VERSION, interface_version::V5_0),
        interface_version::V3_4.. => tlvs.push_octet(Tag::SC_INTERFACE_VERSION, interface_version::V3_4),
        // Version 3.3 has no optional parameters.
        _ => {}
    }
    let body = BindResp { system_id: Some(NAME), tlvs: tlvs.as_tlvs() };
    let pdu = match kind {
        BindKind::Transmitter => Pdu::BindTransmitterResp(body),
        BindKind::Receiver => Pdu::BindReceiverResp(body),
        BindKind::Transceiver => Pdu::BindTransceiverResp(body),
    };
    Outgoing::response(&pdu, CommandStatus::ROK).ok()
}
