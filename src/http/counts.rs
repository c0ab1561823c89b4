//! What the listener and the request path have seen, counted since the process began.
//!
//! Plain numbers without a library: whoever exports them asks for [`Counts::list`]. Nothing here is ever reset.

use std::sync::atomic::{AtomicU64, Ordering};

/// Something that is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counted {
    /// A connection was taken: its source and the server had room for it.
    ConnectionTaken,
    /// A connection that was taken has ended.
    ConnectionEnded,
    /// A connection was refused: its source has as many as it may have.
    SourceFull,
    /// A connection was refused: the server has as many as it may have.
    ServerFull,
    /// A connection without TLS was refused: it came from no named proxy.
    NotAProxy,
    /// The operating system could not give us a connection.
    AcceptFailed,
    /// A handshake of TLS ended without an agreement.
    HandshakeFailed,
    /// A handshake of TLS took too long.
    HandshakeTimeout,
    /// The head of a request took too long.
    HeadTimeout,
    /// A connection was closed since it had no request for too long.
    Idle,
    /// A client did not take its answer.
    WriteTimeout,
    /// A client gave up too many requests before they were answered.
    RequestsAbandoned,
    /// A peer over HTTP/2 broke a rule or a limit and was bidden farewell.
    GoAway,
    /// A connection broke for another reason.
    ConnectionBroken,
    /// A body took too long.
    BodyTimeout,
    /// A body was too large.
    BodyTooLarge,
    /// A request did not name its host and path as it must.
    TargetInvalid,
    /// A request was for another host.
    WrongHost,
    /// A request came while as many were being handled as may be.
    ServerBusy,
    /// A request that needs no key came while its source had as many under way as it may have.
    SourceBusy,
    /// No known key: missing, unknown or revoked.
    SignInFailed,
    /// A sign-in was not tried, since its source has failed too often.
    SignInLimited,
    /// A read of a portal was over its rate.
    ReadLimited,
    /// A write of a portal was over its rate.
    WriteLimited,
    /// A wait for events was over its rate or its number.
    PollLimited,
    /// A delivery of a provider was over its rate.
    HookLimited,
    /// A page for citizens was over its rate.
    CheckoutLimited,
    /// What anybody may ask, or what does not exist, was over its rate.
    OpenLimited,
    /// A client or source was unknown while the table of a rate was full, and shared the common allowance.
    RateTableFull,
    /// A new certificate is in use.
    CertificateTaken,
    /// A new certificate could not be used, and the old one stays.
    CertificateRefused,
}

/// The name and value of a label, where numbers share a name.
pub type Label = Option<(&'static str, &'static str)>;

/// A number with its name, as it may be exported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Count {
    /// The name of what is counted, without a prefix or a unit's suffix.
    pub name: &'static str,
    /// The label that tells numbers of one name apart, with its value.
    pub label: Label,
    /// How often it has happened; it never falls.
    pub value: u64,
}

/// Every name, in the order of [`Counted`]; a test holds both together.
const NAMES: [(Counted, &str, Label); 31] = [
    (Counted::ConnectionTaken, "connections_taken", None),
    (Counted::ConnectionEnded, "connections_ended", None),
    (Counted::SourceFull, "connections_refused", Some(("reason", "source_full"))),
    (Counted::ServerFull, "connections_refused", Some(("reason", "server_full"))),
    (Counted::NotAProxy, "connections_refused", Some(("reason", "not_a_proxy"))),
    (Counted::AcceptFailed, "connections_refused", Some(("reason", "accept_failed"))),
    (Counted::HandshakeFailed, "connections_cut", Some(("reason", "handshake_failed"))),
    (Counted::HandshakeTimeout, "connections_cut", Some(("reason", "handshake_timeout"))),
    (Counted::HeadTimeout, "connections_cut", Some(("reason", "head_timeout"))),
    (Counted::Idle, "connections_cut", Some(("reason", "idle"))),
    (Counted::WriteTimeout, "connections_cut", Some(("reason", "write_timeout"))),
    (Counted::RequestsAbandoned, "connections_cut", Some(("reason", "requests_abandoned"))),
    (Counted::GoAway, "connections_cut", Some(("reason", "go_away"))),
    (Counted::ConnectionBroken, "connections_cut", Some(("reason", "broken"))),
    (Counted::BodyTimeout, "requests_refused", Some(("reason", "body_timeout"))),
    (Counted::BodyTooLarge, "requests_refused", Some(("reason", "body_too_large"))),
    (Counted::TargetInvalid, "requests_refused", Some(("reason", "target_invalid"))),
    (Counted::WrongHost, "requests_refused", Some(("reason", "wrong_host"))),
    (Counted::ServerBusy, "requests_refused", Some(("reason", "server_busy"))),
    (Counted::SourceBusy, "requests_refused", Some(("reason", "source_busy"))),
    (Counted::SignInFailed, "requests_refused", Some(("reason", "sign_in_failed"))),
    (Counted::SignInLimited, "requests_rate_limited", Some(("class", "sign_in"))),
    (Counted::ReadLimited, "requests_rate_limited", Some(("class", "read"))),
    (Counted::WriteLimited, "requests_rate_limited", Some(("class", "write"))),
    (Counted::PollLimited, "requests_rate_limited", Some(("class", "poll"))),
    (Counted::HookLimited, "requests_rate_limited", Some(("class", "hook"))),
    (Counted::CheckoutLimited, "requests_rate_limited", Some(("class", "checkout"))),
    (Counted::OpenLimited, "requests_rate_limited", Some(("class", "open"))),
    (Counted::RateTableFull, "rate_tables_overflowed", None),
    (Counted::CertificateTaken, "certificates_reloaded", Some(("result", "taken"))),
    (Counted::CertificateRefused, "certificates_reloaded", Some(("result", "refused"))),
];

/// The numbers. One instance is shared by the listener and the requests of a server.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; NAMES.len()]);

impl Counts {
    /// Counts one more.
    pub fn note(&self, counted: Counted) {
        if let Some(number) = self.0.get(place(counted)) {
            number.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it has happened.
    pub fn of(&self, counted: Counted) -> u64 {
        self.0.get(place(counted)).map_or(0, |number| number.load(Ordering::Relaxed))
    }

    /// How many connections are open, handshakes included.
    pub fn connections_open(&self) -> u64 {
        self.of(Counted::ConnectionTaken).saturating_sub(self.of(Counted::ConnectionEnded))
    }

    /// Every number with its name and label.
    pub fn list(&self) -> impl Iterator<Item = Count> {
        NAMES.iter().map(|(counted, name, label)| Count { name, label: *label, value: self.of(*counted) })
    }
}

#[expect(clippy::as_conversions, reason = "the number of a variant is its place in the table, as a test shows")]
fn place(counted: Counted) -> usize {
    counted as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_own_place_and_name() {
        let counts = Counts::default();
        for (index, (counted, ..)) in NAMES.iter().enumerate() {
            assert_eq!(place(*counted), index, "{counted:?}");
            (0..=index).for_each(|_| counts.note(*counted));
        }
        let listed: Vec<Count> = counts.list().collect();
        for (index, count) in listed.iter().enumerate() {
            assert_eq!(count.value, u64::try_from(index).unwrap() + 1, "{count:?}");
            let same = listed.iter().filter(|other| (other.name, other.label) == (count.name, count.label)).count();
            assert_eq!(same, 1, "{count:?}");
        }
    }

    #[test]
    fn every_number_is_exported() {
        let exported = crate::metrics::Listener::default();
        for count in Counts::default().list() {
            assert!(exported.knows(count.name), "{count:?}");
        }
    }
}
