//! What the database says about what is open. The figures are replaced as a whole, each time somebody has looked.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use super::catalogue::Catalogue;

/// What is open, and how old the oldest of it is. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    readable: Gauge,
    read_at: Gauge,
    intents: Gauge,
    intent_age: Gauge,
    unknown: Family<Tenant, Gauge>,
    log_head: Family<Tenant, Gauge>,
    seal_lag: Gauge,
    jobs_due: Family<Kind, Gauge>,
    job_age: Family<Kind, Gauge>,
    webhook_behind: Family<Endpoint, Gauge>,
    webhook_pending: Family<Endpoint, Gauge>,
    webhook_age: Family<Endpoint, Gauge>,
    kassenzeichen_used: Family<Range, Ratio>,
    exceptions: Family<Cause, Counter>,
}

/// What the database showed longer ago is no longer what it shows.
const STALE_SECONDS: i64 = 30;

/// A gauge of fractions.
#[expect(clippy::disallowed_types, reason = "the format has ratios as fractions; no money is near")]
type Ratio = Gauge<f64, AtomicU64>;

/// What one look at the database has shown.
#[derive(Clone, Debug, Default)]
pub struct StandingFigures {
    /// When it was.
    pub at: Timestamp,
    /// How many payments have a call whose outcome is not settled.
    pub open_intents: u64,
    /// Since when the oldest of them has it.
    pub oldest_intent: Option<Timestamp>,
    /// Payments whose outcome is unknown, by Mandant.
    pub unknown: Vec<(String, u64)>,
    /// The last position of the log, by Mandant.
    pub log_heads: Vec<(String, u64)>,
    /// Since when the oldest record waits to be sealed.
    pub oldest_unsealed: Option<Timestamp>,
    /// By kind how many jobs are due, and since when the oldest.
    pub jobs_due: Vec<(&'static str, u64, Option<Timestamp>)>,
    /// What each webhook endpoint has not got yet.
    pub endpoints: Vec<EndpointFigures>,
    /// By Mandant and range how much of it is used, in thousandths.
    pub kassenzeichen_used: Vec<(String, String, u16)>,
}

/// What a webhook endpoint has not got yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EndpointFigures {
    /// The Mandant.
    pub tenant: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// How many records of the log have not been looked at for it.
    pub behind: u64,
    /// How many events wait for another try.
    pub pending: u64,
    /// When the oldest happened of all that it has not got.
    pub oldest: Option<Timestamp>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Endpoint {
    tenant: String,
    endpoint: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Tenant {
    tenant: String,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Range {
    tenant: String,
    range: String,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Cause {
    cause: &'static str,
}

impl Standing {
    /// There is such a cause of exceptions: it begins at zero, so that a first one is seen as a change.
    pub fn expect_exception(&self, cause: &'static str) {
        drop(self.exceptions.get_or_create(&Cause { cause }));
    }

    /// An exception was opened for a person.
    pub fn exception(&self, cause: &'static str) {
        self.exceptions.get_or_create(&Cause { cause }).inc();
    }

    /// The database could not be read; what it showed before stays, and so does the moment at which it did.
    pub fn unreadable(&self) {
        self.readable.set(0);
    }

    /// Takes what the database has shown. Ages are those of `now`. While somebody who looks does not come back, the same
    /// figures are shown again and again, so old ones count as unreadable.
    pub fn show(&self, figures: &StandingFigures, now: Timestamp) {
        self.readable.set(i64::from(age(Some(figures.at), now) <= STALE_SECONDS));
        self.read_at.set(figures.at.as_second());
        self.intents.set(count(figures.open_intents));
        self.intent_age.set(age(figures.oldest_intent, now));
        for (tenant, unknown) in &figures.unknown {
            self.unknown.get_or_create(&Tenant { tenant: tenant.clone() }).set(count(*unknown));
        }
        for (tenant, position) in &figures.log_heads {
            self.log_head.get_or_create(&Tenant { tenant: tenant.clone() }).set(count(*position));
        }
        self.seal_lag.set(age(figures.oldest_unsealed, now));
        for (kind, due, oldest) in &figures.jobs_due {
            self.jobs_due.get_or_create(&Kind { kind }).set(count(*due));
            self.job_age.get_or_create(&Kind { kind }).set(age(*oldest, now));
        }
        self.show_endpoints(&figures.endpoints, now);
        for (tenant, range, per_mille) in &figures.kassenzeichen_used {
            let labels = Range { tenant: tenant.clone(), range: range.clone() };
            self.kassenzeichen_used.get_or_create(&labels).set(of_a_thousand(*per_mille));
        }
    }

    /// Endpoints come and go, so those that are gone leave nothing behind.
    fn show_endpoints(&self, endpoints: &[EndpointFigures], now: Timestamp) {
        for family in [&self.webhook_behind, &self.webhook_pending, &self.webhook_age] {
            family.clear();
        }
        for figures in endpoints {
            let labels = Endpoint { tenant: figures.tenant.clone(), endpoint: figures.endpoint.clone() };
            self.webhook_behind.get_or_create(&labels).set(count(figures.behind));
            self.webhook_pending.get_or_create(&labels).set(count(figures.pending));
            self.webhook_age.get_or_create(&labels).set(age(figures.oldest, now));
        }
    }

    pub(super) fn register(&self, catalogue: &mut Catalogue) {
        catalogue.add(
            "zahlstelle_store_readable",
            "Whether the last look at the database worked",
            self.readable.clone(),
        );
        catalogue.add(
            "zahlstelle_standing_timestamp_seconds",
            "When the figures that the database shows were read",
            self.read_at.clone(),
        );
        catalogue.add(
            "zahlstelle_open_intents",
            "Payments with a call to a provider that is intended or sent and not settled",
            self.intents.clone(),
        );
        catalogue.add(
            "zahlstelle_oldest_open_intent_seconds",
            "How long the oldest call that is not settled has been so",
            self.intent_age.clone(),
        );
        catalogue.add(
            "zahlstelle_payments_outcome_unknown",
            "Payments whose outcome is unknown, by Mandant",
            self.unknown.clone(),
        );
        catalogue.add("zahlstelle_log_position", "The last position of the log, by Mandant", self.log_head.clone());
        catalogue.add(
            "zahlstelle_seal_lag_seconds",
            "How long the oldest record has waited to be sealed; with SQLite it never waits",
            self.seal_lag.clone(),
        );
        catalogue.add("zahlstelle_jobs_due", "Jobs that are due and that nobody has taken", self.jobs_due.clone());
        catalogue.add(
            "zahlstelle_oldest_due_job_seconds",
            "How long the oldest due job of the kind has waited",
            self.job_age.clone(),
        );
        catalogue.add(
            "zahlstelle_webhook_behind_records",
            "Records of the log that have not been looked at for a webhook endpoint",
            self.webhook_behind.clone(),
        );
        catalogue.add(
            "zahlstelle_webhook_pending",
            "Events that wait for another try at a webhook endpoint",
            self.webhook_pending.clone(),
        );
        catalogue.add(
            "zahlstelle_webhook_oldest_undelivered_seconds",
            "How old the oldest event is that a webhook endpoint has not got",
            self.webhook_age.clone(),
        );
        catalogue.add(
            "zahlstelle_kassenzeichen_used_ratio",
            "How much of a range of Kassenzeichen is given out, from 0 to 1",
            self.kassenzeichen_used.clone(),
        );
        catalogue.add(
            "zahlstelle_exceptions_opened",
            "Exceptions that were opened for a person, by cause",
            self.exceptions.clone(),
        );
    }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whole seconds; nothing open has no age, and neither has what a clock that went back puts into the future.
fn age(since: Option<Timestamp>, now: Timestamp) -> i64 {
    since.map_or(0, |since| now.duration_since(since).as_secs().max(0))
}

#[expect(clippy::disallowed_types, clippy::float_arithmetic, reason = "the format has ratios as fractions")]
fn of_a_thousand(per_mille: u16) -> f64 {
    f64::from(per_mille) / 1_000.0
}
