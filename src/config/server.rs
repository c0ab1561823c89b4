//! `[server]`: the HTTP listener.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::uri::Authority;
use ipnet::IpNet;
use url::{Host, Url};

use super::{
    error::Problem,
    reader::{Keys, Section, Value},
};

pub(super) const KEYS: Keys = Keys {
    schema: "server",
    names: &[
        "listen",
        "public_url",
        "hosts_extra",
        "trusted_proxies",
        "request_body_bytes_max",
        "request_timeout_seconds",
        "connections_max",
        "connections_per_source_max",
        "drain_seconds",
    ],
};

const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The most further hosts.
const HOSTS_MAX: usize = 32;
/// The most networks of proxies.
const PROXIES_MAX: usize = 64;

/// The HTTP listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The address under which citizens and portals reach it: scheme, host and port only.
    pub public_url: Url,
    /// Further hosts, perhaps with a port, that requests may name.
    pub hosts_extra: Vec<String>,
    /// The proxies in front of it. They alone may say for whom a request is, and without TLS nobody else may connect.
    pub trusted_proxies: Vec<IpNet>,
    /// The most bytes of a request's body.
    pub request_body_bytes_max: u32,
    /// How long a request may take.
    pub request_timeout_seconds: u16,
    /// The most connections at a time.
    pub connections_max: u32,
    /// The most connections at a time from one source.
    pub connections_per_source_max: u32,
    /// How long running requests may go on at shutdown.
    pub drain_seconds: u16,
}

impl Server {
    /// `None` only where something was reported. `encrypted` tells whether the listener has a certificate.
    pub(super) fn read(section: &Section<'_>, encrypted: bool) -> Option<Self> {
        let listen =
            section.get("listen").map(|value| value.parsed(|text| text.parse().map_err(|_| Problem::SocketAddress)));
        let public_url = section.require("public_url").and_then(|value| value.parsed(origin));
        let hosts_extra = section.get("hosts_extra").map(|value| hosts(&value)).unwrap_or_default();
        let proxies = section.get("trusted_proxies").map(|value| value.networks(PROXIES_MAX));
        let request_body_bytes_max = section.integer_or("request_body_bytes_max", 1_024..=16_777_216, 65_536);
        let request_timeout_seconds = section.integer_or("request_timeout_seconds", 1..=300, 30);
        let connections_max = section.integer_or("connections_max", 1..=100_000, 4_096);
        let connections_per_source_max = section.integer_or("connections_per_source_max", 1..=100_000, 64);
        let drain_seconds = section.integer_or("drain_seconds", 0..=600, 30);
        let listen = listen.unwrap_or(Some(LISTEN_DEFAULT))?;
        let is_open = !listen.ip().is_loopback() && !encrypted;
        if is_open && proxies.as_ref().is_none_or(Vec::is_empty) {
            section.report("listen", Problem::NeitherTlsNorProxy);
        }
        Some(Self {
            listen,
            public_url: public_url?,
            hosts_extra,
            trusted_proxies: proxies.unwrap_or_else(|| proxies_by_default(listen, encrypted)),
            request_body_bytes_max,
            request_timeout_seconds,
            connections_max,
            connections_per_source_max,
            drain_seconds,
        })
    }
}

/// On this machine alone and without TLS, whoever connects is the proxy of this machine or somebody who works on it.
fn proxies_by_default(listen: SocketAddr, encrypted: bool) -> Vec<IpNet> {
    let here = ["127.0.0.0/8", "::1/128"];
    let here = here.into_iter().filter_map(|network| network.parse().ok());
    if listen.ip().is_loopback() && !encrypted { here.collect() } else { Vec::new() }
}

fn hosts(value: &Value<'_>) -> Vec<String> {
    let host = |text: &str| {
        let authority = text.parse::<Authority>().ok().filter(|_| !text.contains('@'));
        authority.map(|_| text.to_ascii_lowercase()).ok_or(Problem::Host)
    };
    value.items(0..=HOSTS_MAX).iter().filter_map(|item| item.parsed(host)).collect()
}

fn origin(text: &str) -> Result<Url, Problem> {
    let url = Url::parse(text).map_err(|_| Problem::Address)?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    match url.scheme() {
        "https" | "http" if !bare => Err(Problem::Origin),
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(Problem::NotEncrypted { test_only: false }),
        _ => Err(Problem::Address),
    }
}

/// Whether an address leads to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
