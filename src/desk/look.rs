//! One look at everything that is open, for metrics and for readiness. It never stands in the way of a payment: there is
//! one look at a time, and what it showed is shown again for a while.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Desk, DeskError, TenantDesk, log::NumbersRecord, numbers};
use crate::{
    domain::kassenzeichen::Range,
    metrics::{EndpointFigures, StandingFigures},
    store::{
        commit::JobKind,
        read::{EndpointBehind, Open, OpenQuery},
    },
};

/// For how long what a look showed is shown again.
const LOOK_LASTS: SignedDuration = SignedDuration::from_secs(3);

/// The last look.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: Mutex<Option<Arc<StandingFigures>>>,
    looking: tokio::sync::Mutex<()>,
}

impl Looks {
    fn last(&self) -> Option<Arc<StandingFigures>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, figures: Arc<StandingFigures>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(figures);
    }
}

impl Desk {
    /// What is open. While somebody else looks, what was seen before is good enough.
    pub async fn look(&self) -> Result<Arc<StandingFigures>, DeskError> {
        let now = self.now();
        let last = self.looks.last();
        if let Some(last) = last.as_ref().filter(|last| is_fresh(last.at, now)) {
            return Ok(Arc::clone(last));
        }
        let Ok(_looking) = self.looks.looking.try_lock() else { return last.ok_or(DeskError::Contended) };
        let ranges: Vec<(&TenantDesk, &Range)> =
            self.tenants().flat_map(|desk| desk.tenant.ranges.values().map(move |range| (desk, range))).collect();
        let query = OpenQuery {
            now,
            tenants: self.tenants.keys().cloned().collect(),
            last_records: ranges.iter().map(|(desk, range)| stream(desk, range)).collect(),
        };
        let open = self.store.open_work(&query).await?;
        let figures = Arc::new(figures(&query, &open, &ranges));
        self.looks.keep(Arc::clone(&figures));
        Ok(figures)
    }

    /// Brings the metrics up to date, which are not counted where they happen.
    pub async fn measure(&self) {
        match self.look().await {
            Ok(figures) => self.metrics.standing.show(&figures, self.now()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what is open cannot be read");
                self.metrics.standing.unreadable();
            }
        }
        for account in self.tenants().flat_map(|desk| desk.providers.keys()) {
            self.metrics.providers.set_up(account.as_str(), self.provider_down_since(account).is_none());
        }
        // The engine knows what waits for it only while it is asked.
        self.store.figures();
        self.metrics.process.look(self.now());
    }
}

fn stream(desk: &TenantDesk, range: &Range) -> (String, Uuid) {
    (desk.tenant.id.as_str().to_owned(), numbers::stream_of(range.name().as_str()))
}

fn figures(query: &OpenQuery, open: &Open, ranges: &[(&TenantDesk, &Range)]) -> StandingFigures {
    let of_tenants = |counts: &[u64]| query.tenants.iter().cloned().zip(counts.iter().copied()).collect();
    let jobs_due = JobKind::ALL.iter().map(|kind| {
        let due = open.due.iter().find(|due| due.kind == *kind);
        (kind.as_str(), due.map_or(0, |due| due.count), due.and_then(|due| due.oldest))
    });
    let used = ranges.iter().zip(&open.last_records).map(|((desk, range), record)| {
        (desk.tenant.id.as_str().to_owned(), range.name().as_str().to_owned(), used(range, record.as_deref()))
    });
    StandingFigures {
        at: query.now,
        open_intents: open.intents,
        oldest_intent: open.oldest_intent,
        unknown: of_tenants(&open.unknown),
        log_heads: of_tenants(&open.log_heads),
        oldest_unsealed: open.oldest_unsealed,
        jobs_due: jobs_due.collect(),
        endpoints: open.endpoints.iter().map(endpoint).collect(),
        kassenzeichen_used: used.collect(),
    }
}

fn endpoint(behind: &EndpointBehind) -> EndpointFigures {
    EndpointFigures {
        tenant: behind.tenant.clone(),
        endpoint: behind.endpoint.to_string(),
        behind: behind.behind,
        pending: behind.pending,
        oldest: [behind.next_record, behind.oldest_pending].into_iter().flatten().min(),
    }
}

/// How much of a range is leased, in thousandths. A record that cannot be read says nothing; `verify` names it.
fn used(range: &Range, record: Option<&[u8]>) -> u16 {
    let last = record.and_then(|body| serde_json::from_slice(body).ok()).map(|record| {
        let NumbersRecord::BlockLeased { last, .. } = record;
        last
    });
    last.map_or(0, |last: u64| range.usage(last.saturating_add(1)))
}

fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    (SignedDuration::ZERO..LOOK_LASTS).contains(&now.duration_since(at))
}
