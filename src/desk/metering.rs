//! Counting what happens at the edges of the desk: calls to providers, and what a person must see.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tracing::Instrument;
use zahlstelle_contract::{outcome::CallError, provider::Provider, reference::AccountName};

use super::{Desk, TenantDesk, health::Sign};
use crate::{
    domain::{
        event::{Event, ExceptionCause},
        payment::Payment,
    },
    metrics::{CallName, CallOutcome, Metrics, Stopwatch},
    store::{Store, commit::JobKind},
};

impl Desk {
    /// Makes a call to a provider, counts how it ended and takes up what that says about the provider.
    pub(super) async fn metered<T>(
        &self,
        provider: &dyn Provider,
        name: CallName,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let account = provider.account();
        let span =
            tracing::info_span!("provider_call", %account, call = name.as_str(), outcome = tracing::field::Empty);
        let stopwatch = Stopwatch::start();
        let result = call.instrument(span.clone()).await;
        let outcome = outcome(&result);
        span.record("outcome", outcome.as_str());
        self.metrics.providers.called(account.as_str(), name, outcome, stopwatch.elapsed());
        self.healths.note(account, Sign::of(&result), self.now());
        result
    }

    /// Writes what a person must see into the log, whatever way it became known.
    pub(super) fn raise_alarms(&self, payment: &Payment, events: &[Event]) {
        let id = payment.id;
        for event in events {
            match event {
                Event::ExceptionOpened { cause, .. } => {
                    self.metrics.standing.exception(cause.as_str());
                    tracing::error!(payment = %id, ?cause, "payment {id} needs a person");
                }
                Event::AttemptUnknown { cause, .. } | Event::RefundUnknown { cause, .. } => {
                    tracing::warn!(payment = %id, ?cause, "the outcome of a call for payment {id} is not known");
                }
                _ => {}
            }
        }
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Since when a provider account has not answered; [`None`] when it does or nothing is known.
    pub fn provider_down_since(&self, account: &AccountName) -> Option<Timestamp> {
        self.healths.down_since(account, self.now())
    }
}

/// The figures of a desk, in which everything that its settings make possible begins at zero.
pub(super) fn metrics(store: &dyn Store, tenants: &BTreeMap<String, TenantDesk>, now: Timestamp) -> Metrics {
    let metrics = Metrics::new(store.figures(), now);
    for account in tenants.values().flat_map(|desk| desk.providers.keys()) {
        metrics.providers.expect(account.as_str());
    }
    // Endpoints are looked after for as long as they are there; what counts of them are the tries.
    for kind in [JobKind::Payment, JobKind::Notification] {
        metrics.jobs.expect(kind.as_str());
    }
    for tenant in tenants.keys() {
        metrics.webhooks.expect(tenant);
    }
    for cause in ExceptionCause::NAMES {
        metrics.standing.expect_exception(cause);
    }
    metrics
}

fn outcome<T>(result: &Result<T, CallError>) -> CallOutcome {
    match result {
        Ok(_) => CallOutcome::Ok,
        Err(CallError::Declined { .. }) => CallOutcome::Declined,
        Err(CallError::Rejected { .. }) => CallOutcome::Rejected,
        Err(CallError::NotSent { .. }) => CallOutcome::NotSent,
        Err(CallError::Unknown { .. }) => CallOutcome::Unknown,
    }
}
