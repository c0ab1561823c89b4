//! What the sender needs of the desk: an endpoint to look after, what is to be sent to it, and a place for what came of it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{
    Backlog, DELIVERIES_KEPT, Delivery, DeliveryState, EndpointKeys, Replay, TEST_EVENT, WebhookEndpoint,
    WebhookProgress, manage::signs_at,
};
use crate::{
    desk::{
        Desk, DeskError,
        feed::FeedEvent,
        later,
        log::{self, WebhookRecord},
    },
    metrics::TryResult,
    store::{
        commit::{Append, Commit, JobChange, JobKey, JobKind, Outcome, Row, StreamKind},
        webhook::{DeliveryFilter, DisabledReason, WebhookRow, WebhookSettings},
    },
};

/// How many deliveries of an endpoint may wait for another try. Beyond it no further event is sent for the first time:
/// the log keeps them.
pub const PENDING_MAX: u64 = 500;
/// How many deliveries are cleared away with one commit.
const CLEARED_MAX: u32 = 500;
/// After how long an endpoint of a Mandant that the settings do not name is looked at again.
const UNKNOWN_TENANT_PAUSE: Duration = Duration::from_hours(1);

/// An endpoint that this sender looks after, as long as it renews that in time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Watch {
    /// The Mandant.
    pub tenant: String,
    /// The endpoint.
    pub endpoint: Uuid,
    fence: u64,
}

/// An endpoint as it is now, with the keys that sign at this moment, newest first.
pub struct Work {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// What waits for another try.
    pub backlog: Backlog,
    /// The keys; none where their master key is missing from the settings.
    pub keys: Vec<EndpointKeys>,
}

/// A delivery with the bytes to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// As it stands before this try.
    pub delivery: Delivery,
    /// What is sent and signed, the same as in the feed.
    pub body: Vec<u8>,
}

/// What is sent for the first time, in the order of the log.
#[derive(Clone, Debug)]
pub struct OutgoingPage {
    /// The deliveries.
    pub outgoing: Vec<Outgoing>,
    /// The last position that was looked at.
    pub next_after: u64,
}

/// What came of tries.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// How far the sender is now.
    pub progress: Option<WebhookProgress>,
    /// The deliveries as they stand now.
    pub deliveries: Vec<Delivery>,
    /// What became of the replay.
    pub replay: ReplayStep,
    /// Whether something arrived after a time in which nothing did, so that everything else is tried at once.
    pub recovered: bool,
}

/// What became of a replay.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ReplayStep {
    /// It did not go on, or there is none.
    #[default]
    Untouched,
    /// This is left of it.
    GoesOn(Replay),
    /// It is through.
    Ended,
}

/// The event of a test, in the shape of every other.
#[derive(Serialize)]
struct TestEvent<'a> {
    id: Uuid,
    #[serde(rename = "type")]
    kind: &'a str,
    created_at: Timestamp,
    position: u64,
    data: TestData,
}

#[derive(Serialize)]
struct TestData {
    object: &'static str,
    id: Uuid,
}

impl Desk {
    /// Takes endpoints that nobody looks after.
    pub async fn watch_endpoints(&self, lease: Duration, limit: u32) -> Result<Vec<Watch>, DeskError> {
        let now = self.now();
        let mut watches = Vec::new();
        for job in self.store.claim_endpoints(now, later(now, lease), limit).await? {
            let JobKey { tenant, subject: endpoint, .. } = job.key.clone();
            if self.tenants.contains_key(&tenant) {
                watches.push(Watch { tenant, endpoint, fence: job.fence });
            } else {
                tracing::warn!(tenant, %endpoint, "the settings do not name the Mandant of a webhook endpoint");
                self.store.postpone_job(&job.key, job.fence, later(now, UNKNOWN_TENANT_PAUSE)).await?;
            }
        }
        Ok(watches)
    }

    /// The endpoint as it is now; [`None`] when it was deleted.
    pub async fn endpoint_work(&self, watch: &Watch) -> Result<Option<Work>, DeskError> {
        let (tenant, id, now) = (watch.tenant.as_str(), watch.endpoint, self.now());
        let Some(endpoint) = self.store.webhook_endpoint(tenant, id).await? else { return Ok(None) };
        let backlog = self.store.backlog(tenant, id).await?;
        let masters = &self.settings.webhooks.master_keys;
        let signing = endpoint.settings.secrets.iter().filter(|secret| signs_at(secret, now));
        let keys = signing.filter_map(|secret| masters.derive(&secret.master, tenant, id, secret.generation)).collect();
        Ok(Some(Work { endpoint, backlog, keys }))
    }

    /// The version of what people set of the endpoint; [`None`] when it was deleted.
    pub async fn endpoint_version(&self, watch: &Watch) -> Result<Option<u64>, DeskError> {
        let endpoint = self.store.webhook_endpoint(&watch.tenant, watch.endpoint).await?;
        Ok(endpoint.map(|endpoint| endpoint.settings.version))
    }

    /// What is to be sent of the log behind a position, at most `limit`, and not behind `until`.
    pub async fn outgoing(
        &self,
        watch: &Watch,
        endpoint: &WebhookEndpoint,
        after: u64,
        until: u64,
        limit: usize,
    ) -> Result<OutgoingPage, DeskError> {
        let events = endpoint.settings.events.as_deref();
        let wanted = |kind: &str| events.is_none_or(|events| events.iter().any(|event| event == kind));
        let page = self.events(&watch.tenant, after, limit, &wanted).await?;
        let outgoing =
            page.data.iter().filter(|event| event.position() <= until).map(first).collect::<Result<_, _>>()?;
        Ok(OutgoingPage { outgoing, next_after: page.next_after.min(until) })
    }

    /// What is to be tried again by now, the longest due first.
    pub async fn outgoing_again(&self, watch: &Watch, limit: u32) -> Result<Vec<Outgoing>, DeskError> {
        let due = self.store.due_deliveries(&watch.tenant, watch.endpoint, self.now(), limit).await?;
        let mut outgoing = Vec::with_capacity(due.len());
        for delivery in due {
            let body = match delivery.position {
                0 => test_body(&delivery)?,
                position => {
                    let event = self.event_at(&watch.tenant, position).await?;
                    serde_json::to_vec(&event.ok_or(DeskError::NotFound)?)?
                }
            };
            outgoing.push(Outgoing { delivery, body });
        }
        Ok(outgoing)
    }

    /// Writes what came of tries and how far the sender is, all at once, and keeps the endpoint until a moment; `false`
    /// when somebody else has it now, and then nothing was written.
    pub async fn note(&self, watch: &Watch, noted: Noted, keep: Duration) -> Result<bool, DeskError> {
        let (endpoint, now) = (watch.endpoint, self.now());
        let mut rows = Vec::with_capacity(noted.deliveries.len().saturating_add(4));
        if noted.recovered {
            // Before the deliveries of this commit, whose times are their own.
            rows.push(WebhookRow::Hurried { endpoint, due_at: now });
        }
        if !noted.deliveries.is_empty() {
            let created_before = now.checked_sub(DELIVERIES_KEPT).ok();
            rows.extend(created_before.map(|before| WebhookRow::Cleared {
                endpoint,
                created_before: Some(before),
                limit: CLEARED_MAX,
            }));
        }
        let tries = count_tries(&noted.deliveries);
        rows.extend(noted.deliveries.into_iter().map(|delivery| WebhookRow::Delivery { endpoint, delivery }));
        rows.extend(noted.progress.map(|progress| WebhookRow::Progress { endpoint, progress }));
        match noted.replay {
            ReplayStep::Untouched => {}
            ReplayStep::GoesOn(rest) => rows.push(WebhookRow::Replay { endpoint, replay: Some(rest) }),
            ReplayStep::Ended => rows.push(WebhookRow::Replay { endpoint, replay: None }),
        }
        let bulk = !rows.is_empty();
        let renew = JobChange::Renew {
            kind: JobKind::Endpoint,
            subject: endpoint,
            fence: watch.fence,
            due_at: later(now, keep),
        };
        let written = self.write_as_keeper(watch, Commit { bulk, ..self.keeper_commit(watch, rows, renew) }).await?;
        if written {
            for (result, count) in tries {
                self.metrics.webhooks.tried(&watch.tenant, result, count);
            }
        }
        Ok(written)
    }

    /// Notes that the endpoint said that it is gone for good, and stops looking after it.
    pub async fn note_gone(&self, watch: &Watch) -> Result<(), DeskError> {
        let (tenant, id) = (watch.tenant.as_str(), watch.endpoint);
        let Some(endpoint) = self.store.webhook_endpoint(tenant, id).await? else { return Ok(()) };
        let before = endpoint.settings;
        let settings = WebhookSettings {
            version: before.version.saturating_add(1),
            disabled: Some(DisabledReason::Gone),
            ..before.clone()
        };
        let mut commit = self.keeper_commit(watch, vec![WebhookRow::Settings(settings)], end(watch));
        commit.appends.push(Append {
            stream: id,
            expected_version: before.version,
            kind: StreamKind::Webhook,
            records: vec![log::plain_record(&WebhookRecord::EndpointGone)?],
        });
        match self.store.commit(commit).await? {
            Outcome::Committed | Outcome::AlreadyCommitted | Outcome::FenceLost => {
                self.announce();
                Ok(())
            }
            // Somebody changed the endpoint meanwhile; it will answer the next try as well.
            Outcome::Stale(_) | Outcome::Taken(_) => Err(DeskError::Contended),
        }
    }

    /// Stops looking after an endpoint to which nothing is sent.
    pub async fn leave_endpoint(&self, watch: &Watch) -> Result<(), DeskError> {
        self.write_as_keeper(watch, self.keeper_commit(watch, Vec::new(), end(watch))).await.map(drop)
    }

    /// Clears away some of what a deleted endpoint has left; whether there may be more.
    pub async fn clear_deleted(&self, watch: &Watch, keep: Duration) -> Result<bool, DeskError> {
        let (tenant, endpoint) = (watch.tenant.as_str(), watch.endpoint);
        let any = DeliveryFilter { state: None, before: None, limit: 1 };
        if self.store.deliveries(tenant, endpoint, &any).await?.is_empty() {
            self.leave_endpoint(watch).await?;
            return Ok(false);
        }
        let rows = vec![WebhookRow::Cleared { endpoint, created_before: None, limit: CLEARED_MAX }];
        let due_at = later(self.now(), keep);
        let renew = JobChange::Renew { kind: JobKind::Endpoint, subject: endpoint, fence: watch.fence, due_at };
        self.write_as_keeper(watch, Commit { bulk: true, ..self.keeper_commit(watch, rows, renew) }).await
    }

    fn keeper_commit(&self, watch: &Watch, rows: Vec<WebhookRow>, job: JobChange) -> Commit {
        let mut commit = Commit::new(self.id(), watch.tenant.as_str(), self.now());
        commit.rows = rows.into_iter().map(Row::Webhook).collect();
        commit.jobs = vec![job];
        commit
    }

    /// What the sender writes wakes nobody: it is no event.
    async fn write_as_keeper(&self, watch: &Watch, commit: Commit) -> Result<bool, DeskError> {
        match self.store.commit(commit).await? {
            Outcome::Committed | Outcome::AlreadyCommitted => Ok(true),
            Outcome::FenceLost => {
                tracing::debug!(endpoint = %watch.endpoint, "a webhook endpoint was changed or given to somebody else");
                Ok(false)
            }
            Outcome::Stale(_) | Outcome::Taken(_) => Err(DeskError::Contended),
        }
    }
}

/// What came of tries, and how many of each.
fn count_tries(deliveries: &[Delivery]) -> [(TryResult, usize); 3] {
    let states = [
        (TryResult::Delivered, DeliveryState::Delivered),
        (TryResult::Again, DeliveryState::Pending),
        (TryResult::GivenUp, DeliveryState::Failed),
    ];
    states.map(|(result, state)| (result, deliveries.iter().filter(|delivery| delivery.state == state).count()))
}

fn end(watch: &Watch) -> JobChange {
    JobChange::EndTaken { kind: JobKind::Endpoint, subject: watch.endpoint, fence: watch.fence }
}

/// An event before its first try.
fn first(event: &FeedEvent) -> Result<Outgoing, DeskError> {
    let delivery = Delivery {
        id: event.id(),
        position: event.position(),
        stream: event.stream(),
        event_type: event.kind().to_owned(),
        state: DeliveryState::Pending,
        tries: 0,
        status: None,
        error: None,
        created_at: event.created_at(),
        last_try_at: None,
        next_try_at: None,
    };
    Ok(Outgoing { delivery, body: serde_json::to_vec(event)? })
}

fn test_body(delivery: &Delivery) -> Result<Vec<u8>, DeskError> {
    let data = TestData { object: "webhook_endpoint", id: delivery.stream };
    let (id, created_at) = (delivery.id, delivery.created_at);
    Ok(serde_json::to_vec(&TestEvent { id, kind: TEST_EVENT, created_at, position: 0, data })?)
}
