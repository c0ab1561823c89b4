//! `[server]`: the HTTP listener.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::{Host, Url};

use super::{
    error::Problem,
    reader::{Keys, Section},
};

pub(super) const KEYS: Keys = Keys {
    schema: "server",
    names: &[
        "listen",
        "public_url",
        "request_body_bytes_max",
        "request_timeout_seconds",
        "connections_max",
        "drain_seconds",
    ],
};

const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The HTTP listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The address under which citizens and portals reach it: scheme, host and port only.
    pub public_url: Url,
    /// The most bytes of a request's body.
    pub request_body_bytes_max: u32,
    /// How long a request may take.
    pub request_timeout_seconds: u16,
    /// The most connections at a time.
    pub connections_max: u32,
    /// How long running requests may go on at shutdown.
    pub drain_seconds: u16,
}

impl Server {
    /// `None` only where something was reported.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let listen =
            section.get("listen").map(|value| value.parsed(|text| text.parse().map_err(|_| Problem::SocketAddress)));
        let public_url = section.require("public_url").and_then(|value| value.parsed(origin));
        let request_body_bytes_max = section.integer_or("request_body_bytes_max", 1_024..=16_777_216, 65_536);
        let request_timeout_seconds = section.integer_or("request_timeout_seconds", 1..=300, 30);
        let connections_max = section.integer_or("connections_max", 1..=100_000, 4_096);
        let drain_seconds = section.integer_or("drain_seconds", 0..=600, 30);
        Some(Self {
            listen: listen.unwrap_or(Some(LISTEN_DEFAULT))?,
            public_url: public_url?,
            request_body_bytes_max,
            request_timeout_seconds,
            connections_max,
            drain_seconds,
        })
    }
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
