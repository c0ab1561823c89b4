//! Where a request comes from, as limits see it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// What counts as one source: an address of IPv4, or a /64 of IPv6, which is what one subscriber is given (RFC 6177).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Source {
    V4(Ipv4Addr),
    V6(u128),
}

/// Who is at the other end, as the listener tells it to every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Where the request comes from.
    pub(super) source: Source,
    /// Whether the connection was made on this machine.
    pub(super) is_local: bool,
}

/// Who ends TLS in front of us, and so may say for whom a request is.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(Vec<IpNet>);

impl Source {
    /// The source of an address. An address of IPv4 that is written as one of IPv6 is one of IPv4.
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(u128::from(address) >> 64),
        }
    }
}

impl Default for Peer {
    /// What is known of a request that no listener has brought: nothing, so it shares its limits with all such.
    fn default() -> Self {
        Self { source: Source::of(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), is_local: false }
    }
}

impl Proxies {
    pub(super) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is one of a named proxy.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// For whom a proxy at `peer` sends a request with these headers.
    ///
    /// Each proxy writes at the end of `X-Forwarded-For` whom it has served, so the list is true from its end up to the
    /// first address that is no proxy of ours: the client. What stands before that was sent by the client itself. An
    /// entry that is no address ends what can be believed; the limits of the proxy that passed it on hold then.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.contain(peer) {
            return peer;
        }
        let mut served = peer;
        for line in headers.get_all("x-forwarded-for").iter().rev() {
            for entry in line.to_str().unwrap_or_default().rsplit(',') {
                let Some(address) = address_of(entry.trim()) else { return served };
                if !self.contain(address) {
                    return address;
                }
                served = address;
            }
        }
        served
    }
}

/// An entry as proxies write it: an address, in brackets if it is one of IPv6, perhaps with the port of the connection.
fn address_of(entry: &str) -> Option<IpAddr> {
    let bare = entry.parse().ok();
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare.or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_subscriber_is_one_source() {
        assert_eq!(Source::of(ip("2001:db8:1:2::1")), Source::of(ip("2001:db8:1:2:ffff::9")));
        assert_ne!(Source::of(ip("2001:db8:1:2::1")), Source::of(ip("2001:db8:1:3::1")));
        assert_ne!(Source::of(ip("192.0.2.1")), Source::of(ip("192.0.2.2")));
        assert_eq!(Source::of(ip("::ffff:192.0.2.1")), Source::of(ip("192.0.2.1")));
    }

    #[test]
    fn the_client_is_the_last_that_is_no_proxy() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/16".parse().unwrap()]);
        for (peer, lines, client) in [
            ("10.0.0.1", &["192.0.2.7"][..], "192.0.2.7"),
            ("::ffff:10.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            // What the client wrote itself is not believed.
            ("10.0.0.1", &["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["10.0.0.9, 192.0.2.7"], "192.0.2.7"),
            // A chain of proxies.
            ("10.0.0.1", &["198.51.100.1, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7 , fd00::5"], "192.0.2.7"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // Ports and brackets.
            ("10.0.0.1", &["192.0.2.7:4711"], "192.0.2.7"),
            ("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            // Nothing that can be believed.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.7, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.7, _hidden, 10.0.0.2"], "10.0.0.2"),
            // Who is no proxy says nothing about others.
            ("192.0.2.1", &["198.51.100.1"], "192.0.2.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            assert_eq!(proxies.client(ip(peer), &headers), ip(client), "{peer}: {lines:?}");
        }
    }
}
