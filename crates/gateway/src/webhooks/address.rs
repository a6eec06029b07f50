//! Keeps webhooks away from the inside of the network: URLs and addresses that an application may not make us call.
//!
//! A host's addresses are looked at when they are resolved for a connection, and the connection goes to what was
//! looked at: a name that changes its mind in between gains nothing. Literal addresses are looked at in the URL.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

/// Whether private addresses may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Private {
    Refused,
    Allowed,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("is not a URL: {0}")]
    Unreadable(String),
    #[error("has the scheme {0}: expected http or https")]
    Scheme(String),
    #[error("has no host")]
    NoHost,
    #[error("holds a user name or password: sign requests instead")]
    Credentials,
    #[error("is longer than {MAX_URL} characters")]
    TooLong,
    #[error("leads to {0}, which is not a public address (webhooks.allow_private would allow it)")]
    NotPublic(String),
}

const MAX_URL: usize = 2048;

/// A URL that may be called. A host name is looked at when it is resolved; `localhost` is refused at once.
///
/// # Errors
/// As `BadUrl` says.
pub fn check_url(text: &str, private: Private) -> Result<Url, BadUrl> {
    if text.len() > MAX_URL {
        return Err(BadUrl::TooLong);
    }
    let url = Url::parse(text).map_err(|error| BadUrl::Unreadable(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadUrl::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadUrl::Credentials);
    }
    check_host(&url, private)?;
    Ok(url)
}

/// # Errors
/// When the URL's host is an address or a name that is not public.
pub fn check_host(url: &Url, private: Private) -> Result<(), BadUrl> {
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(BadUrl::NoHost)?;
    if private == Private::Allowed {
        return Ok(());
    }
    let not_public = || Err(BadUrl::NotPublic(host.to_owned()));
    // The URL standard has brought every way of writing an IPv4 address into the usual one by now.
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if let Ok(address) = literal {
        return if is_public(address) { Ok(()) } else { not_public() };
    }
    let name = host.trim_end_matches('.');
    if name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost") {
        return not_public();
    }
    Ok(())
}

/// Whether an address is one of the open internet, and not of this machine, this network or nobody.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// First address and prefix length of what is not public (IANA's special-purpose registry).
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Clouds answer with credentials here.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // A cloud's metadata service that is not link-local.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let address = address.to_bits();
    !NOT_PUBLIC_V4.iter().any(|(network, length)| {
        let mask = u32::MAX << (32 - length);
        address & mask == network.to_bits() & mask
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    // What is meant is the IPv4 address inside: mapped, translated (NAT64), or tunnelled (6to4).
    let [.., high, low] = address.segments();
    let inner = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match (first, second) {
        (0, 0) if address.segments()[2..5] == [0, 0, 0] && address.segments()[5] == 0xffff => {
            is_public_v4(inner(high, low))
        }
        (0x64, 0xff9b) => third == 0 && is_public_v4(inner(high, low)),
        (0x2002, _) => is_public_v4(inner(second, third)),
        // Teredo, benchmarking, ORCHID and documentation lie within the space for everyone.
        (0x2001, 0..=0x1ff | 0xdb8) => false,
        (0x3fff, 0..=0x0fff) => false,
        // Only 2000::/3 is handed out to the internet: this leaves out loopback, ULA, link-local and multicast.
        _ => (0x2000..=0x3fff).contains(&first),
    }
}

/// What of the addresses that a name has may be called.
pub(super) fn permitted(found: Vec<SocketAddr>, private: Private) -> Vec<SocketAddr> {
    match private {
        Private::Allowed => found,
        Private::Refused => found.into_iter().filter(|address| is_public(address.ip())).collect(),
    }
}

#[cfg(test)]
mod tests;
