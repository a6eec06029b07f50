//! What holds where the file says nothing.

use std::time::Duration;

use domain::setting::Span;

pub(super) fn interface_version() -> u8 {
    0x34
}

pub(super) fn binds() -> u16 {
    1
}

pub(super) fn window() -> u16 {
    10
}

pub(super) fn response_timeout() -> Span {
    Span(Duration::from_secs(10))
}

pub(super) fn enquire_link_interval() -> Span {
    Span(Duration::from_secs(30))
}

pub(super) fn connect_timeout() -> Span {
    Span(Duration::from_secs(10))
}

pub(super) fn international() -> u8 {
    1
}

pub(super) fn e164() -> u8 {
    1
}

pub(super) fn registered_delivery() -> u8 {
    1
}
