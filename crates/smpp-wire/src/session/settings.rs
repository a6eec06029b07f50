//! How a session behaves.

use std::time::Duration;

use crate::status::CommandStatus;

/// How a session behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many of our requests may wait for an answer at once.
    pub window: usize,
    /// How long each of them waits; also the time for the bind and for the unbind.
    pub response_timeout: Duration,
    /// How long nothing may come before enquire_link is sent; never if `None`.
    pub enquire_link_interval: Option<Duration>,
    pub enquire_link_timeout: Duration,
    /// After this many unanswered in a row the line counts as dead.
    pub enquire_link_misses: u32,
    /// How long nothing may come before enquire_link is sent while a request of ours waits for its answer; as on an idle
    /// line if `None`. Then one that is not answered suffices: the request is the other witness.
    pub enquire_link_interval_waiting: Option<Duration>,
    /// How long nothing may come before the session is closed; for ever if `None`.
    pub inactivity_timeout: Option<Duration>,
    /// How long the session may stay unbound.
    pub session_init_timeout: Duration,
    /// How many timed-out requests are remembered for a late answer.
    pub late_memory: usize,
    /// How many requests of the other side may wait for our answer; further ones are refused.
    pub max_unanswered: usize,
    /// The status they are refused with, ESME_RMSGQFUL or ESME_RTHROTTLED.
    pub busy_status: CommandStatus,
    /// How long an unbind, the other side's or a server's own, waits until the other side's requests are answered.
    pub unbind_grace: Duration,
}

/// What most vendors put up with.
impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 10,
            response_timeout: Duration::from_secs(60),
            enquire_link_interval: Some(Duration::from_secs(30)),
            enquire_link_timeout: Duration::from_secs(10),
            enquire_link_misses: 3,
            enquire_link_interval_waiting: None,
            inactivity_timeout: None,
            session_init_timeout: Duration::from_secs(30),
            late_memory: 10_000,
            max_unanswered: 1_000,
            busy_status: CommandStatus::RMSGQFUL,
            unbind_grace: Duration::from_secs(5),
        }
    }
}
