//! What the adaptive engine learned and concluded.

use domain::{Timestamp, Verdict, VerdictId};

/// What the engine has to tell the store.
#[derive(Clone, Debug)]
pub enum Adaptive {
    /// All that it learned, in the place of what was kept before; the store does not look into it.
    State(Box<[u8]>),
    /// A verdict as it is now.
    Verdict(Box<Verdict>),
}

/// What was learned, as it was kept last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub saved_at: Timestamp,
    pub bytes: Box<[u8]>,
}

/// Which verdicts are asked for. Every field given must match.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerdictQuery {
    pub is_open: Option<bool>,
    /// In force at some time from then on.
    pub since: Option<Timestamp>,
    /// Raised before.
    pub until: Option<Timestamp>,
    /// Only older ones than this: the cursor of the page before.
    pub before: Option<VerdictId>,
    pub limit: usize,
}
