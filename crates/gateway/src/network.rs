//! Networks that are let in or believed: of keys, accounts and proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

/// An address, or the addresses that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// Several networks. None at all is up to whoever asks: an allow-list without entries lets everyone in, a list of
/// proxies without entries believes none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Arc<[Network]>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network: expected one such as 10.0.0.0/8, 192.0.2.7 or fd00::/8")]
pub struct BadNetwork(pub String);

impl Networks {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address is in one of them. An IPv4 address that a dual-stack socket shows as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }

    /// As an allow-list has it: one without entries admits everyone.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        self.is_empty() || self.contains(address)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.0.iter()
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.chars().take(64).collect());
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse().map_err(|_| bad())?,
        };
        Ok(Self(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            return write!(f, "{}", self.0.addr());
        }
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        texts.iter().map(|text| text.parse::<Network>().unwrap()).collect()
    }

    #[test]
    fn an_address_is_in_a_network_whatever_socket_it_came_by() {
        let known = networks(&["10.0.0.0/8", "192.0.2.7", "fd00::/8", "::ffff:198.51.100.1"]);
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "fd12::1", "198.51.100.1"] {
            assert!(known.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "fe80::1", "::1"] {
            assert!(!known.contains(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn only_an_empty_allow_list_admits_everyone() {
        let address = "203.0.113.1".parse().unwrap();
        assert!(networks(&[]).admits(address) && !networks(&[]).contains(address));
        assert!(!networks(&["10.0.0.0/8"]).admits(address));
    }

    #[test]
    fn what_is_no_network_is_told() {
        for bad in ["", "10.0.0.0/33", "10.0.0", "example.com", "10.0.0.0/8/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        assert_eq!("192.0.2.7".parse::<Network>().unwrap().to_string(), "192.0.2.7");
        assert_eq!("10.0.0.0/8".parse::<Network>().unwrap().to_string(), "10.0.0.0/8");
    }
}
