//! What is asked of every request before anything is done for it: a path on a host of ours, and no more often than
//! its class allows.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{Uri, Version, header, uri::Authority},
};
use url::{Host, Url};

use super::{
    AppState, Code, Counted, ProblemDetails,
    limits::{By, Class, TARGET_BYTES_MAX},
    slots::Slot,
    source::Peer,
};

/// When a source may come again that has as many requests under way as it may have.
const SOURCE_REST: Duration = Duration::from_secs(1);

/// The hosts that requests may name.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Where the scheme has one, the port may be left out.
    default_port: Option<u16>,
    hosts: Vec<(String, Option<u16>)>,
}

impl Hosts {
    /// The host of the public address.
    pub(super) fn of(public_url: &Url) -> Self {
        let host = public_url.host_str().unwrap_or_default().to_ascii_lowercase();
        let default_port = if public_url.scheme() == "https" { 443 } else { 80 };
        Self { default_port: Some(default_port), hosts: vec![(host, public_url.port())] }
    }

    /// And these.
    pub(super) fn add(&mut self, extra: impl IntoIterator<Item = String>) {
        let extra = extra.into_iter().filter_map(|text| text.parse::<Authority>().ok());
        self.hosts.extend(extra.map(|host| (host.host().to_ascii_lowercase(), host.port_u16())));
    }

    fn contain(&self, host: &Authority, is_local: bool) -> bool {
        let named = host.host().to_ascii_lowercase();
        if is_local && is_loopback(&named) {
            return true;
        }
        let port = |port: Option<u16>| port.or(self.default_port);
        self.hosts.iter().any(|(known, at)| *known == named && port(*at) == port(host.port_u16()))
    }
}

fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

/// Who is at the other end of a request.
pub(super) fn peer(request: &Request) -> Peer {
    request.extensions().get().copied().unwrap_or_default()
}

/// Refuses what is not for us or comes too often. Where clients sign in, their rate is asked about after that.
///
/// What is returned is the place of a request that needs no key among those of its source, until it is dropped.
pub(super) fn admit(state: &AppState, class: Class, request: &Request) -> Result<Option<Slot>, ProblemDetails> {
    let peer = peer(request);
    check_target(request.uri(), request.version()).inspect_err(|_| state.counts.note(Counted::TargetInvalid))?;
    // Whoever watches over the service asks an address, not a name, and takes down what refuses to answer.
    if class != Class::Health {
        // Work goes on without its client, so connections and their streams do not bound it. This one is counted, too.
        if state.drain.running() > state.limits.requests_max {
            state.counts.note(Counted::ServerBusy);
            return Err(ProblemDetails::new(Code::Busy));
        }
        let host = named_host(request).inspect_err(|_| state.counts.note(Counted::TargetInvalid))?;
        if !state.hosts.contain(&host, peer.is_local) {
            state.counts.note(Counted::WrongHost);
            return Err(ProblemDetails::new(Code::WrongHost));
        }
    }
    if let Some(gates) = &state.gates {
        gates.source(class, peer.source, &state.counts)?;
    }
    if class.row().by != By::Source {
        return Ok(None);
    }
    let slot = state.slots.take(peer.source).ok_or_else(|| {
        state.counts.note(Counted::SourceBusy);
        ProblemDetails::new(Code::RateLimited).retry_after(SOURCE_REST)
    })?;
    Ok(Some(slot))
}

/// The target must be a path: what asks for a proxy or for the server as a whole is nothing of ours. Over HTTP/2 every
/// target has scheme and host.
fn check_target(uri: &Uri, version: Version) -> Result<(), ProblemDetails> {
    let length = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if length > TARGET_BYTES_MAX {
        return Err(ProblemDetails::new(Code::TargetTooLong)
            .with_detail(format!("Path and query have more than {TARGET_BYTES_MAX} bytes.")));
    }
    let is_whole = version < Version::HTTP_2 && (uri.scheme().is_some() || uri.authority().is_some());
    if is_whole || !uri.path().starts_with('/') {
        return Err(invalid("The request must name a path, not a whole address."));
    }
    Ok(())
}

/// The one host that a request names.
fn named_host(request: &Request) -> Result<Authority, ProblemDetails> {
    let mut lines = request.headers().get_all(header::HOST).iter();
    let (line, further) = (lines.next(), lines.next());
    let authority = request.uri().authority().filter(|_| request.version() >= Version::HTTP_2);
    let named = match (authority, line, further) {
        (_, _, Some(_)) => return Err(invalid("The request must have one Host.")),
        (Some(authority), Some(line), None) if line.as_bytes() != authority.as_str().as_bytes() => {
            return Err(invalid("The request names two hosts."));
        }
        (Some(authority), _, None) => Some(authority.clone()),
        (None, Some(line), None) => line.to_str().ok().and_then(|text| text.parse().ok()),
        (None, None, None) => None,
    };
    let named: Option<Authority> = named.filter(|host: &Authority| !host.as_str().contains('@'));
    named.ok_or_else(|| invalid("The request must name its host."))
}

fn invalid(detail: &str) -> ProblemDetails {
    ProblemDetails::new(Code::TargetInvalid).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(public_url: &str, extra: &[&str]) -> Hosts {
        let mut hosts = Hosts::of(&public_url.parse().unwrap());
        hosts.add(extra.iter().map(|host| (*host).to_owned()));
        hosts
    }

    #[test]
    fn only_hosts_of_ours_are_served() {
        let hosts = hosts("https://Zahlung.example.org", &["intern.example:8443", "[2001:db8::1]"]);
        for (named, served) in [
            ("zahlung.example.org", true),
            ("ZAHLUNG.example.org:443", true),
            ("zahlung.example.org:8443", false),
            ("zahlung.example.org.evil.example", false),
            ("evil.example", false),
            ("intern.example:8443", true),
            ("intern.example", false),
            ("[2001:db8::1]", true),
            ("127.0.0.1", false),
            ("localhost", false),
        ] {
            assert_eq!(hosts.contain(&named.parse().unwrap(), false), served, "{named}");
        }
        for named in ["127.0.0.1:4711", "127.9.9.9", "[::1]:1", "localhost", "LOCALHOST:80"] {
            assert!(hosts.contain(&named.parse().unwrap(), true), "{named}");
        }
        assert!(!hosts.contain(&"localhost.evil.example".parse().unwrap(), true));
    }
}
