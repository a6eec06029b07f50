//! The task of one session: dial, bind, serve, and after an end the same again, with patience.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use smpp_wire::connection::{self, Connection};
use smpp_wire::pdu::{Bind, EncodeError, Outgoing, Pdu};
use smpp_wire::session::{self, CloseReason};
use smpp_wire::status::CommandStatus;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Failure};
use super::client::{Shared, UNBIND_PATIENCE};
use super::dial::{Dial, Stream};
use super::session::Handler;
use super::settings::Settings;
use super::text::Part;

/// What a session is bound as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Transceiver,
    Transmitter,
    Receiver,
}

pub(super) struct BindTask {
    pub(super) shared: Arc<Shared>,
    /// Which bind of the connection; a transmitter and its receiver share the number.
    pub(super) bind: u16,
    pub(super) role: Role,
    pub(super) dial: Arc<dyn Dial>,
    pub(super) rng: StdRng,
    pub(super) stop: CancellationToken,
}

/// How a try ended.
struct Ended {
    failure: Failure,
    reason: Arc<str>,
    /// How long the session had been bound.
    lifetime: Duration,
}

impl BindTask {
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        while let Some(ended) = self.open().await {
            backoff.lived(ended.lifetime);
            let wait = backoff.after(ended.failure, &mut self.rng);
            self.tell(&ended, wait);
            if self.role.submits() {
                self.shared.gate.lock().lost(self.bind, ended.reason, Instant::now());
                self.shared.slots.wake();
            }
            if timeout(wait, self.stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Nothing but a change of the configuration helps where the vendor does not know us, so that is an error.
    fn tell(&self, ended: &Ended, wait: Duration) {
        let (connection, role, reason) = (&self.shared.id, self.role.as_str(), &*ended.reason);
        match ended.failure {
            Failure::Denied => tracing::error!(
                %connection, bind = self.bind, role, reason, retry_in = ?wait,
                "the vendor does not accept system_id or password",
            ),
            Failure::Network | Failure::Refused | Failure::Unexplained => tracing::warn!(
                %connection, bind = self.bind, role, reason, retry_in = ?wait, "bind is down",
            ),
        }
    }

    /// Opens a session and serves it to its end; None when it ended because we are to stop.
    async fn open(&self) -> Option<Ended> {
        let dialed = tokio::select! {
            () = self.stop.cancelled() => return None,
            dialed = self.dial.dial() => dialed,
        };
        let socket = match dialed {
            Ok(socket) => socket,
            Err(error) => return Some(Ended::before_bind(Failure::Network, &error.to_string())),
        };
        let bind = match bind_request(&self.shared.settings, self.role) {
            Ok(bind) => bind,
            // What the settings say cannot be written, and will not be a moment later.
            Err(error) => return Some(Ended::before_bind(Failure::Denied, &error.to_string())),
        };
        let wire = wire_settings(&self.shared.settings);
        let (connection, handle) = connection::client(socket, Some(bind), wire);
        let mut handler = Handler::new(Arc::clone(&self.shared), self.bind, self.role, handle);
        let reason = Box::pin(self.serve(connection, &mut handler)).await?;
        let failure = match reason {
            CloseReason::BindRefused(CommandStatus::RINVPASWD | CommandStatus::RINVSYSID) => Failure::Denied,
            CloseReason::BindRefused(CommandStatus::RBINDFAIL) => Failure::Unexplained,
            CloseReason::BindRefused(_) => Failure::Refused,
            CloseReason::Unbound
            | CloseReason::PeerUnbound
            | CloseReason::UnbindTimedOut
            | CloseReason::Aborted
            | CloseReason::BindTimedOut
            | CloseReason::LinkDead
            | CloseReason::Inactive
            | CloseReason::BadLength(_)
            | CloseReason::PeerClosed
            | CloseReason::Broken(_)
            | CloseReason::WriteStalled => Failure::Network,
        };
        let lifetime = handler.bound_at().map_or(Duration::ZERO, |at| at.elapsed());
        Some(Ended { failure, reason: reason.to_string().into(), lifetime })
    }

    /// Runs the session until it ends by itself, or ends it when we are to stop.
    async fn serve(
        &self,
        connection: Connection<Box<dyn Stream>, Part>,
        handler: &mut Handler,
    ) -> Option<CloseReason> {
        let line = handler.line();
        let mut running = Box::pin(connection.run(handler));
        tokio::select! {
            reason = &mut running => return Some(reason),
            () = self.stop.cancelled() => {}
        }
        line.close();
        if timeout(UNBIND_PATIENCE, &mut running).await.is_err() {
            line.abort();
            running.await;
        }
        None
    }
}

fn bind_request(settings: &Settings, role: Role) -> Result<Outgoing, EncodeError> {
    let bind = Bind {
        system_id: settings.system_id.as_bytes(),
        password: settings.password.reveal().as_bytes(),
        system_type: settings.system_type.as_bytes(),
        interface_version: settings.interface_version,
        addr_ton: settings.bind_ton.into(),
        addr_npi: settings.bind_npi.into(),
        address_range: settings.address_range.as_bytes(),
        ..Bind::default()
    };
    Outgoing::request(&match role {
        Role::Transceiver => Pdu::BindTransceiver(bind),
        Role::Transmitter => Pdu::BindTransmitter(bind),
        Role::Receiver => Pdu::BindReceiver(bind),
    })
}

fn wire_settings(settings: &Settings) -> connection::Settings {
    let window = usize::from(settings.window);
    connection::Settings {
        session: session::Settings {
            window,
            response_timeout: settings.response_timeout.0,
            enquire_link_interval: Some(settings.enquire_link_interval.0),
            enquire_link_timeout: settings.response_timeout.0.max(SHORTEST_SILENCE),
            enquire_link_misses: ENQUIRE_LINK_MISSES,
            enquire_link_interval_waiting: Some((settings.response_timeout.0 / 2).max(SHORTEST_SILENCE)),
            session_init_timeout: settings.response_timeout.0,
            ..session::Settings::default()
        },
        request_queue: window,
        ..connection::Settings::default()
    }
}

const ENQUIRE_LINK_MISSES: u32 = 2;

/// Shorter ones happen on lines that are well, however short the response timeout is.
const SHORTEST_SILENCE: Duration = Duration::from_secs(1);

impl Ended {
    fn before_bind(failure: Failure, reason: &str) -> Self {
        Self { failure, reason: reason.into(), lifetime: Duration::ZERO }
    }
}

impl Role {
    pub(super) fn submits(self) -> bool {
        self != Self::Receiver
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Transceiver => "transceiver",
            Self::Transmitter => "transmitter",
            Self::Receiver => "receiver",
        }
    }
}
