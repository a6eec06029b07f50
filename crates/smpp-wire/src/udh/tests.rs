//! Rules of `udh`.
