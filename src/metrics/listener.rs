//! Connections and refused requests, as the listener has counted them itself: it knows no metrics library.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use jiff::Timestamp;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};

use super::catalogue::Catalogue;

/// What the listener counts, by the name it has there.
const NUMBERS: [(&str, &str, &str); 8] = [
    ("connections_taken", "zahlstelle_connections_taken", "Connections that were taken"),
    ("connections_ended", "zahlstelle_connections_ended", "Connections that were taken and have ended"),
    ("connections_refused", "zahlstelle_connections_refused", "Connections that were not taken, by reason"),
    ("connections_cut", "zahlstelle_connections_cut", "Connections that were ended by us or broke, by reason"),
    ("requests_refused", "zahlstelle_requests_refused", "Requests that were not let in, by reason"),
    (
        "requests_rate_limited",
        "zahlstelle_requests_rate_limited",
        "Requests over their rate, by the class of the operation",
    ),
    (
        "rate_tables_overflowed",
        "zahlstelle_rate_tables_overflowed",
        "Requests of sources that shared the common allowance, since the table of a rate was full",
    ),
    (
        "certificates_reloaded",
        "zahlstelle_certificates_reloaded",
        "Certificates of the listener that were read again, by what came of it",
    ),
];

/// Labels with their values; both come from a table of the listener.
type Labels = Vec<(&'static str, &'static str)>;

/// What the listener has counted. Clones share everything.
#[derive(Clone, Debug)]
pub struct Listener {
    open: Gauge,
    certificate: Gauge,
    numbers: BTreeMap<&'static str, Family<Labels, Counter>>,
}

impl Default for Listener {
    fn default() -> Self {
        let numbers = NUMBERS.iter().map(|(name, ..)| (*name, Family::default())).collect();
        Self { open: Gauge::default(), certificate: Gauge::default(), numbers }
    }
}

impl Listener {
    /// Whether a number of this name is exported.
    pub fn knows(&self, name: &str) -> bool {
        self.numbers.contains_key(name)
    }

    /// Takes over a number that never falls. One of an unknown name is left out.
    pub fn show(&self, name: &str, label: Option<(&'static str, &'static str)>, value: u64) {
        if let Some(number) = self.numbers.get(name) {
            let labels: Labels = label.into_iter().collect();
            number.get_or_create(&labels).inner().store(value, Ordering::Relaxed);
        }
    }

    /// Takes over how many connections are open.
    pub fn show_open(&self, open: u64) {
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// Takes over until when the certificate in use is good.
    pub fn show_certificate(&self, expires_at: Option<Timestamp>) {
        self.certificate.set(expires_at.map_or(0, Timestamp::as_second));
    }

    pub(super) fn register(&self, catalogue: &mut Catalogue) {
        catalogue.add("zahlstelle_connections_open", "Connections that are open", self.open.clone());
        catalogue.add(
            "zahlstelle_certificate_expires_timestamp_seconds",
            "When the certificate of the listener ends; 0 where it has none or nobody can tell",
            self.certificate.clone(),
        );
        for (name, exported, help) in NUMBERS {
            if let Some(number) = self.numbers.get(name) {
                catalogue.add(exported, help, number.clone());
            }
        }
    }
}
