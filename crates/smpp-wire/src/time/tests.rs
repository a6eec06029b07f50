//! Rules of `time`.
