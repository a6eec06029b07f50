//! A bind on which the vendor has stopped answering submits: it is sent one now and then, until one is answered.
//!
//! Otherwise its whole window would go out at a time and wait for the response timeout: as many possible duplicates, and
//! no slot to notice by that the vendor speaks again.

use std::time::Duration;

use tokio::time::Instant;

/// Whether a bind is mute. The session lives all the while: enquire_links are answered.
#[derive(Debug, Default)]
pub(super) struct Mute {
    /// When the latest answer to a submit came.
    heard: Option<Instant>,
    /// While it is mute: when the next submit may leave.
    next: Option<Instant>,
}

const TRY_EVERY: Duration = Duration::from_secs(1);

impl Mute {
    /// What left at `sent` was not answered in time. Where others were answered since, the vendor is only slow.
    pub(super) fn unanswered(&mut self, sent: Instant, now: Instant) {
        if self.heard.is_none_or(|heard| heard < sent) {
            self.next.get_or_insert(now);
        }
    }

    /// An answer came, whatever it says and however late.
    pub(super) fn answered(&mut self, now: Instant) {
        *self = Self { heard: Some(now), next: None };
    }

    /// A submit is about to leave.
    pub(super) fn tried(&mut self, now: Instant) {
        if let Some(next) = &mut self.next {
            *next = now + TRY_EVERY;
        }
    }

    pub(super) fn is_mute(&self) -> bool {
        self.next.is_some()
    }

    /// Until when nothing may leave.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.next.filter(|next| *next > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mute_bind_is_tried_once_a_second_until_it_is_heard() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut mute = Mute::default();
        mute.answered(at(1));
        // Sent before that answer: the vendor is slow, or takes them out of order.
        mute.unanswered(at(0), at(10));
        assert!(!mute.is_mute());
        mute.unanswered(at(2), at(12));
        assert_eq!((mute.is_mute(), mute.until(at(12))), (true, None));
        mute.tried(at(12));
        mute.unanswered(at(2), at(12));
        assert_eq!((mute.until(at(12)), mute.until(at(13))), (Some(at(13)), None));
        mute.answered(at(13));
        mute.tried(at(13));
        assert_eq!((mute.is_mute(), mute.until(at(13))), (false, None));
    }
}
