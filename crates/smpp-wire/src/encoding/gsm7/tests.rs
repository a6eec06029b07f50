//! Rules of `gsm7`.
