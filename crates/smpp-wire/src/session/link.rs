//! The timers of the line itself: is anybody there, and has a bind come in time.

use std::time::Duration;

use super::Settings;

pub(super) struct Link {
    opened: Duration,
    last_heard: Duration,
    /// The enquire_link that waits for its answer: by when.
    check: Option<Duration>,
    misses: u32,
    silence: Option<Silence>,
}

/// A request of ours waits for its answer, and nothing at all has come since.
#[derive(Clone, Copy)]
struct Silence {
    since: Duration,
    enquired: Option<Duration>,
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
        Self { opened: now, last_heard: now, check: None, misses: 0, silence: None }
    }

    /// Any PDU proves that the other side lives, whether or not it answers our enquire_link.
    pub(super) fn heard(&mut self, now: Duration) {
        self.last_heard = now;
        self.check = None;
        self.misses = 0;
        self.silence = None;
    }

    /// A request waits for its answer.
    pub(super) fn asked(&mut self, now: Duration) {
        self.silence.get_or_insert(Silence { since: now, enquired: None });
    }

    pub(super) fn enquired(&mut self, settings: &Settings, now: Duration) {
        self.check = Some(now.saturating_add(settings.enquire_link_timeout));
        if let Some(silence) = &mut self.silence {
            silence.enquired.get_or_insert(now);
        }
    }

    /// `bound` is false until a bind has been accepted.
    pub(super) fn need(&mut self, settings: &Settings, bound: bool, now: Duration) -> Need {
        if !bound && now >= self.opened.saturating_add(settings.session_init_timeout) {
            return Need::CloseUnbound;
        }
        if self.inactive_at(settings).is_some_and(|at| now >= at) {
            return Need::CloseInactive;
        }
        match (self.silence.and_then(|silence| silence.enquired), self.silence_ends_at(settings)) {
            (Some(_), Some(at)) if now >= at => return Need::CloseDead,
            (None, Some(at)) if now >= at => return Need::EnquireLink,
            (_, Some(_) | None) => {}
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
        [init, enquire, self.inactive_at(settings), self.silence_ends_at(settings)]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the line has been silent for too long: first for another enquire_link, then for good.
    fn silence_ends_at(&self, settings: &Settings) -> Option<Duration> {
        let (silence, interval) = (self.silence?, settings.enquire_link_interval_waiting?);
        let enquired = silence.enquired.map(|at| at.saturating_add(settings.enquire_link_timeout));
        Some(enquired.unwrap_or_else(|| silence.since.saturating_add(interval)))
    }

    fn enquire_at(&self, settings: &Settings) -> Option<Duration> {
        settings.enquire_link_interval.map(|interval| self.last_heard.saturating_add(interval))
    }

    fn inactive_at(&self, settings: &Settings) -> Option<Duration> {
        settings.inactivity_timeout.map(|timeout| self.last_heard.saturating_add(timeout))
    }
}
