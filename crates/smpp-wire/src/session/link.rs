//! The timers of the line itself: is anybody there, and has a bind come in time.

use std::time::Duration;

use super::Settings;

pub(super) struct Link {
    opened: Duration,
    last_heard: Duration,
    /// The enquire_link that waits for its answer: by when.
    check: Option<Duration>,
    misses: u32,
}

/// What the line needs now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    EnquireLink,
    CloseDead,
    CloseInactive,
    CloseUnbound,
}

impl Link {
    pub(super) fn new(now: Duration) -> Self {
        Self { opened: now, last_heard: now, check: None, misses: 0 }
    }

    /// Any PDU proves that the other side lives, whether or not it answers our enquire_link.
    pub(super) fn heard(&mut self, now: Duration) {
        self.last_heard = now;
        self.check = None;
        self.misses = 0;
    }

    pub(super) fn enquired(&mut self, settings: &Settings, now: Duration) {
        self.check = Some(now.saturating_add(settings.enquire_link_timeout));
    }

    /// `bound` is false until a bind has been accepted.
    pub(super) fn need(&mut self, settings: &Settings, bound: bool, now: Duration) -> Need {
        if !bound && now >= self.opened.saturating_add(settings.session_init_timeout) {
            return Need::CloseUnbound;
        }
        if self.inactive_at(settings).is_some_and(|at| now >= at) {
            return Need::CloseInactive;
        }
        if let Some(deadline) = self.check {
            if now < deadline {
                return Need::Nothing;
            }
            self.misses = self.misses.saturating_add(1);
            self.check = None;
            return if self.misses >= settings.enquire_link_misses {
                Need::CloseDead
            } else {
                Need::EnquireLink
            };
        }
        if bound && self.enquire_at(settings).is_some_and(|at| now >= at) {
            return Need::EnquireLink;
        }
        Need::Nothing
    }

    pub(super) fn next_deadline(&self, settings: &Settings, bound: bool) -> Option<Duration> {
        let init = (!bound).then(|| self.opened.saturating_add(settings.session_init_timeout));
        let enquire = self.check.or_else(|| self.enquire_at(settings).filter(|_| bound));
        [init, enquire, self.inactive_at(settings)].into_iter().flatten().min()
    }

    fn enquire_at(&self, settings: &Settings) -> Option<Duration> {
        settings.enquire_link_interval.map(|interval| self.last_heard.saturating_add(interval))
    }

    fn inactive_at(&self, settings: &Settings) -> Option<Duration> {
        settings.inactivity_timeout.map(|timeout| self.last_heard.saturating_add(timeout))
    }
}
