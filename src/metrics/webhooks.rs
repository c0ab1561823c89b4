//! Deliveries to the endpoints of portals.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

use super::catalogue::Catalogue;

/// Deliveries to the endpoints of portals. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Webhooks {
    tries: Family<Try, Counter>,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TryResult {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Again,
    /// It was tried as often as it may be.
    GivenUp,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Try {
    tenant: String,
    result: &'static str,
}

impl Webhooks {
    /// There is such a Mandant: what is counted of it begins at zero.
    pub fn expect(&self, tenant: &str) {
        for result in [TryResult::Delivered, TryResult::Again, TryResult::GivenUp] {
            self.tried(tenant, result, 0);
        }
    }

    /// So many tries for a Mandant of the settings came to this.
    pub fn tried(&self, tenant: &str, result: TryResult, count: usize) {
        let result = match result {
            TryResult::Delivered => "delivered",
            TryResult::Again => "again",
            TryResult::GivenUp => "given_up",
        };
        let labels = Try { tenant: tenant.to_owned(), result };
        self.tries.get_or_create(&labels).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(super) fn register(&self, catalogue: &mut Catalogue) {
        catalogue.add(
            "zahlstelle_webhook_tries",
            "Tries of deliveries to webhook endpoints, by Mandant and by what came of them",
            self.tries.clone(),
        );
    }
}
