//! udh
