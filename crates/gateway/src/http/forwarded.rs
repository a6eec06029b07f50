//! Whose request it is, when proxies stand in between: what they say in X-Forwarded-For or Forwarded.
//!
//! Each proxy adds the address that it was connected from at the right, so the right end is written by a proxy of ours
//! and whatever is further left by whoever came before it. The lists are read from the right for that reason, and never
//! beyond the first address that is no proxy of ours.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};

use crate::network::Networks;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that the request came from: that of the peer or, when that is a proxy of ours, the right-most one in the
/// list that is none. Where the list cannot be read any further it is the last one that could be.
///
/// X-Forwarded-For wins where both are there: most proxies write only that, and hand on a Forwarded that a client made
/// up. A proxy that writes only Forwarded has to take the other one away.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(peer) {
        return peer;
    }
    if headers.contains_key(X_FORWARDED_FOR) {
        return walk(peer, &list(headers, X_FORWARDED_FOR), trusted, address);
    }
    walk(peer, &list(headers, FORWARDED), trusted, forwarded_for)
}

fn walk(peer: IpAddr, list: &str, trusted: &Networks, read: fn(&str) -> Option<IpAddr>) -> IpAddr {
    let mut last = peer;
    for element in from_the_right(list, b',') {
        let Some(address) = read(element) else { return last };
        last = address;
        if !trusted.contains(address) {
            return last;
        }
    }
    last
}

/// All lines of a header as one list. What is no UTF-8 becomes unreadable without taking its neighbours along.
fn list(headers: &HeaderMap, name: HeaderName) -> String {
    let lines = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    lines.collect::<Vec<_>>().join(",")
}

/// What an element of Forwarded says in `for`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = from_the_right(element, b';').filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, node) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let node = node.trim();
    let unquoted = node.strip_prefix('"').and_then(|node| node.strip_suffix('"'));
    address(unquoted.unwrap_or(node))
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

/// The elements of a list, the last one first. Separators within quotes are none. Quotes are matched from the right,
/// too, so that one which a client left open cannot swallow what a proxy wrote after it.
fn from_the_right(list: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let whole = rest?;
        let bytes = whole.as_bytes();
        let mut quoted = false;
        for (at, byte) in bytes.iter().enumerate().rev() {
            if *byte == b'"' {
                let before = bytes.get(..at).unwrap_or_default();
                let escapes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
                quoted ^= escapes % 2 == 0;
            } else if *byte == separator && !quoted {
                rest = whole.get(..at);
                return whole.get(at + 1..);
            }
        }
        rest = None;
        Some(whole)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn trusted() -> Networks {
        ["10.0.0.0/8", "fd00::/8"].iter().map(|network| network.parse().unwrap()).collect()
    }

    fn client_of(peer: &str, headers: &[(HeaderName, &str)]) -> String {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        client(peer.parse().unwrap(), &headers.collect(), &trusted()).to_string()
    }

    fn by(list: &str) -> String {
        client_of(PROXY, &[(X_FORWARDED_FOR, list)])
    }

    fn by_forwarded(list: &str) -> String {
        client_of(PROXY, &[(FORWARDED, list)])
    }

    #[test]
    fn a_peer_that_is_no_proxy_of_ours_is_the_client_whatever_it_says() {
        let says = [(X_FORWARDED_FOR, "203.0.113.9"), (FORWARDED, "for=203.0.113.9")];
        assert_eq!(client_of("192.0.2.1", &says), "192.0.2.1");
        assert_eq!(client_of("::ffff:192.0.2.1", &says), "192.0.2.1");
        assert_eq!(client_of(PROXY, &[]), PROXY);
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_of_ours_is_the_client() {
        assert_eq!(by("203.0.113.9"), "203.0.113.9");
        assert_eq!(by("198.51.100.1, 203.0.113.9, 10.2.3.4"), "203.0.113.9", "what is left of it is hearsay");
        assert_eq!(by("10.9.9.9, 10.2.3.4"), "10.9.9.9", "everyone is a proxy of ours");
        assert_eq!(by("2001:db8::1"), "2001:db8::1");
        assert_eq!(by("[2001:db8::1]:4711, fd00::7"), "2001:db8::1");
        assert_eq!(by("203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(by("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(client_of("::ffff:10.0.0.1", &[(X_FORWARDED_FOR, "203.0.113.9")]), "203.0.113.9");
        let lines = [(X_FORWARDED_FOR, "198.51.100.1"), (X_FORWARDED_FOR, "203.0.113.9")];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        let found = client(PROXY.parse().unwrap(), &headers, &trusted());
        assert_eq!(found.to_string(), "203.0.113.9", "the last line was written last");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        assert_eq!(by_forwarded("for=203.0.113.9"), "203.0.113.9");
        assert_eq!(by_forwarded("For=\"[2001:db8:cafe::17]:4711\";proto=https"), "2001:db8:cafe::17");
        assert_eq!(by_forwarded("for=198.51.100.1, by=10.0.0.1;for=203.0.113.9"), "203.0.113.9");
        assert_eq!(by_forwarded("for=203.0.113.9, for=10.2.3.4;host=\"a, for=1.1.1.1\""), "203.0.113.9");
    }

    #[test]
    fn a_list_that_breaks_off_counts_as_far_as_it_can_be_read() {
        assert_eq!(by(""), PROXY);
        assert_eq!(by("203.0.113.9, garbage"), PROXY);
        assert_eq!(by("203.0.113.9, garbage, 10.2.3.4"), "10.2.3.4");
        assert_eq!(by("203.0.113.9,, 10.2.3.4"), "10.2.3.4");
        for hidden in ["for=unknown", "for=_secret", "proto=https", "for=", "for=1.2.3.4;for=10.0.0.1"] {
            assert_eq!(by_forwarded(hidden), PROXY, "{hidden}");
        }
    }

    #[test]
    fn a_client_cannot_hide_what_the_proxy_wrote() {
        assert_eq!(by_forwarded("for=\"10.0.0.9, for=203.0.113.9"), "203.0.113.9", "an open quote");
        assert_eq!(by_forwarded("for=10.0.0.9;x=\"\\, for=203.0.113.9"), "203.0.113.9");
        assert_eq!(by_forwarded("for=203.0.113.9;host=\"e, for=10.0.0.9;x=\""), "203.0.113.9");
        let both = [(FORWARDED, "for=10.0.0.9"), (X_FORWARDED_FOR, "203.0.113.9")];
        assert_eq!(client_of(PROXY, &both), "203.0.113.9");
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(b"\xff\xfe\", 203.0.113.9").unwrap();
        headers.insert(X_FORWARDED_FOR, value);
        let found = client(PROXY.parse().unwrap(), &headers, &trusted());
        assert_eq!(found.to_string(), "203.0.113.9");
    }

    proptest! {
        #[test]
        fn whatever_a_client_writes_the_address_that_the_proxy_adds_is_found(said in "[ -~]{0,60}") {
            prop_assert_eq!(by(&format!("{said}, 203.0.113.9")), "203.0.113.9");
            prop_assert_eq!(by_forwarded(&format!("{said}, for=203.0.113.9")), "203.0.113.9");
        }
    }
}
