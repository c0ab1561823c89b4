//! Making, changing and deleting endpoints, and their secrets. Each is a privileged act and a record of the log.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::{DisabledReason, SECRETS_MAX, SecretGeneration, WebhookEndpoint, WebhookProgress};
use crate::{
    desk::{
        Desk, DeskError,
        idempotency::{Answered, Idempotency, KeyState},
        later,
        log::{self, WebhookRecord, WebhookTarget},
    },
    domain::ids::ClientId,
    store::{
        commit::{Append, ClaimKey, Commit, JobChange, JobKind, NewClaim, Outcome, Row, Space, StreamKind},
        webhook::{WebhookRow, WebhookSettings},
    },
};

/// How often a change is decided anew before it gives up.
const DECISIONS_MAX: usize = 16;
/// The HTTP status of a new endpoint.
const CREATED: u16 = 201;
/// The HTTP status of a new secret.
const OK: u16 = 200;

/// What a client wants of a new endpoint. That its address may be called, the caller has checked.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Where events are sent.
    pub url: Url,
    /// What people call it.
    pub description: Option<String>,
    /// The types of events it gets; [`None`] for all.
    pub events: Option<Vec<String>>,
}

/// What a client wants to be different. What is [`None`] stays.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    /// Where events are sent.
    pub url: Option<Url>,
    /// What people call it.
    pub description: Option<Option<String>>,
    /// The types of events it gets.
    pub events: Option<Option<Vec<String>>>,
    /// Whether anything is sent.
    pub enabled: Option<bool>,
    /// The version that the client has seen.
    pub expected_version: Option<u64>,
}

/// What becomes true of an endpoint, beside the version of its stream.
#[derive(Default)]
pub(super) struct Written {
    /// The act, for the log; without one the version stays.
    pub(super) record: Option<WebhookRecord>,
    pub(super) rows: Vec<WebhookRow>,
    pub(super) jobs: Vec<JobChange>,
    pub(super) claims: Vec<NewClaim>,
    pub(super) released: Vec<(ClaimKey, Uuid)>,
    /// What the answer is about, where it is not the endpoint.
    pub(super) about: Option<Uuid>,
}

impl Desk {
    /// Makes an endpoint. It gets what happens from now on.
    pub async fn create_endpoint(
        &self,
        tenant: &str,
        client: ClientId,
        wanted: &NewEndpoint,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        self.tenant(tenant)?;
        let (command, id, now) = (self.id(), self.id(), self.now());
        let master = self.settings.webhooks.master_keys.newest().ok_or(DeskError::WebhooksNotSetUp)?;
        for _ in 0..DECISIONS_MAX {
            if let Some(answered) = self.answered_before(tenant, idempotency, now).await? {
                return Ok(answered);
            }
            let taken: BTreeSet<u32> =
                self.store.webhook_endpoints(tenant).await?.iter().map(|endpoint| endpoint.settings.slot).collect();
            let slot = (0..self.settings.webhooks.endpoints_max).find(|slot| !taken.contains(slot));
            let slot = slot.ok_or(DeskError::WebhookLimit { of: "webhook endpoint of this Mandant" })?;
            let endpoint = WebhookEndpoint {
                settings: new_settings(id, slot, wanted, master, now),
                progress: WebhookProgress {
                    position: self.store.last_position(tenant).await?,
                    failures: 0,
                    failing_since: None,
                    resume_at: None,
                },
                replay: None,
            };
            let record = WebhookRecord::EndpointCreated {
                client: client.0,
                slot,
                target: target(&endpoint.settings),
                generation: 1,
                master: master.to_owned(),
            };
            let written = Written {
                record: Some(record),
                rows: vec![WebhookRow::New(endpoint)],
                jobs: vec![look_at(id, now)],
                claims: vec![idempotency.answered(id, CREATED, 1), NewClaim::of(slot_key(slot), id)],
                ..Written::default()
            };
            match self.store.commit(commit(command, tenant, now, id, 0, written)?).await? {
                Outcome::Committed | Outcome::AlreadyCommitted => {
                    self.announce();
                    return Ok(Answered { holder: id, status: CREATED, version: 1, replayed: false });
                }
                // Another endpoint took the place, or another request the key: look once more.
                Outcome::Taken(_) | Outcome::Stale(_) => {}
                Outcome::FenceLost => return Err(DeskError::Contended),
            }
        }
        Err(DeskError::Contended)
    }

    /// Changes what people set.
    pub async fn change_endpoint(
        &self,
        tenant: &str,
        client: ClientId,
        id: Uuid,
        change: &EndpointChange,
    ) -> Result<(), DeskError> {
        let now = self.now();
        self.write_endpoint(tenant, id, now, |endpoint| {
            let before = &endpoint.settings;
            let version = before.version;
            if change.expected_version.is_some_and(|expected| expected != version) {
                return Err(DeskError::OtherVersion { version });
            }
            let after = changed(before, change);
            if after == *before {
                return Ok(Written::default());
            }
            let enabled = after.disabled.is_none();
            let mut written = Written {
                record: Some(WebhookRecord::EndpointChanged { client: client.0, target: target(&after), enabled }),
                ..Written::default()
            };
            let moved = after.url != before.url || (enabled && before.disabled.is_some());
            written.rows.push(WebhookRow::Settings(WebhookSettings { version: version.saturating_add(1), ..after }));
            if moved {
                // What failed at the former address says nothing about this one.
                written.rows.push(WebhookRow::Resumed { endpoint: id });
                written.rows.push(WebhookRow::Hurried { endpoint: id, due_at: now });
            }
            if moved && enabled {
                written.jobs.push(look_at(id, now));
            }
            if !enabled {
                written.jobs.push(JobChange::End { kind: JobKind::Endpoint, subject: id });
            }
            Ok(written)
        })
        .await
    }

    /// Deletes an endpoint. What was under way to it may still arrive.
    pub async fn delete_endpoint(&self, tenant: &str, client: ClientId, id: Uuid) -> Result<(), DeskError> {
        let now = self.now();
        self.write_endpoint(tenant, id, now, |endpoint| {
            Ok(Written {
                record: Some(WebhookRecord::EndpointDeleted { client: client.0 }),
                rows: vec![WebhookRow::Gone { endpoint: id }],
                // The sender clears away what is left of it.
                jobs: vec![look_at(id, now)],
                released: vec![(slot_key(endpoint.settings.slot), id)],
                ..Written::default()
            })
        })
        .await
    }

    /// Makes a new secret. The former ones sign beside it for so many seconds more.
    pub async fn rotate_secret(
        &self,
        tenant: &str,
        client: ClientId,
        id: Uuid,
        expire_old_after_seconds: u32,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let now = self.now();
        let ends = later(now, std::time::Duration::from_secs(u64::from(expire_old_after_seconds)));
        let master = self.settings.webhooks.master_keys.newest().ok_or(DeskError::WebhooksNotSetUp)?;
        self.write_endpoint_once(tenant, id, now, idempotency, OK, |endpoint| {
            let before = &endpoint.settings;
            let generation = before.secrets.iter().map(|secret| secret.generation).max().unwrap_or(0).saturating_add(1);
            let former = before.secrets.iter().cloned().map(|secret| SecretGeneration {
                valid_until: Some(secret.valid_until.map_or(ends, |until| until.min(ends))),
                ..secret
            });
            let newest = SecretGeneration { generation, master: master.to_owned(), created_at: now, valid_until: None };
            let secrets: Vec<_> =
                std::iter::once(newest).chain(former.filter(|secret| signs_at(secret, now))).collect();
            if secrets.len() > SECRETS_MAX {
                return Err(DeskError::WebhookLimit { of: "secret of this endpoint that signs at the same time" });
            }
            let version = before.version.saturating_add(1);
            Ok(Written {
                record: Some(WebhookRecord::SecretRotated {
                    client: client.0,
                    generation,
                    master: master.to_owned(),
                    expire_old_after_seconds,
                }),
                rows: vec![WebhookRow::Settings(WebhookSettings { version, secrets, ..before.clone() })],
                ..Written::default()
            })
        })
        .await
    }

    /// What was answered under a key, if anything was.
    async fn answered_before(
        &self,
        tenant: &str,
        idempotency: &Idempotency,
        now: Timestamp,
    ) -> Result<Option<Answered>, DeskError> {
        let Some(claim) = self.store.claim(tenant, &idempotency.key).await? else { return Ok(None) };
        match idempotency.judge(&claim, now)? {
            KeyState::Answered(answered) => Ok(Some(answered)),
            // Answers are written with what they answer, so none of ours is ever left without one.
            KeyState::Abandoned { .. } => Err(DeskError::KeyInFlight),
        }
    }

    /// Changes an endpoint under a key.
    pub(super) async fn write_endpoint_once(
        &self,
        tenant: &str,
        id: Uuid,
        now: Timestamp,
        idempotency: &Idempotency,
        status: u16,
        decide: impl Fn(&WebhookEndpoint) -> Result<Written, DeskError> + Send + Sync,
    ) -> Result<Answered, DeskError> {
        let command = self.id();
        for _ in 0..DECISIONS_MAX {
            if let Some(answered) = self.answered_before(tenant, idempotency, now).await? {
                return Ok(answered);
            }
            let endpoint = self.endpoint(tenant, id).await?;
            let before = endpoint.settings.version;
            let mut written = decide(&endpoint)?;
            let version = if written.record.is_some() { before.saturating_add(1) } else { before };
            let holder = written.about.unwrap_or(id);
            written.claims.push(idempotency.answered(holder, status, version));
            match self.store.commit(commit(command, tenant, now, id, before, written)?).await? {
                Outcome::Committed | Outcome::AlreadyCommitted => {
                    self.announce();
                    return Ok(Answered { holder, status, version, replayed: false });
                }
                Outcome::Stale(_) | Outcome::Taken(_) => {}
                Outcome::FenceLost => return Err(DeskError::Contended),
            }
        }
        Err(DeskError::Contended)
    }

    /// Changes an endpoint until nobody was faster.
    pub(super) async fn write_endpoint(
        &self,
        tenant: &str,
        id: Uuid,
        now: Timestamp,
        decide: impl Fn(&WebhookEndpoint) -> Result<Written, DeskError> + Send + Sync,
    ) -> Result<(), DeskError> {
        let command = self.id();
        for _ in 0..DECISIONS_MAX {
            let endpoint = self.endpoint(tenant, id).await?;
            let written = decide(&endpoint)?;
            if written.record.is_none() && written.rows.is_empty() {
                return Ok(());
            }
            match self.store.commit(commit(command, tenant, now, id, endpoint.settings.version, written)?).await? {
                Outcome::Committed | Outcome::AlreadyCommitted => {
                    self.announce();
                    return Ok(());
                }
                Outcome::Stale(_) => {}
                Outcome::Taken(_) | Outcome::FenceLost => return Err(DeskError::Contended),
            }
        }
        Err(DeskError::Contended)
    }

    pub(super) async fn endpoint(&self, tenant: &str, id: Uuid) -> Result<WebhookEndpoint, DeskError> {
        self.store.webhook_endpoint(tenant, id).await?.ok_or(DeskError::NotFound)
    }
}

/// Whether a secret signs at a moment.
pub(super) fn signs_at(secret: &SecretGeneration, now: Timestamp) -> bool {
    secret.valid_until.is_none_or(|until| now < until)
}

/// The key of a place for an endpoint: there are as many as a Mandant may have endpoints.
pub(in crate::desk) fn slot_key(slot: u32) -> ClaimKey {
    ClaimKey::new(Space::WebhookSlot, &[&slot.to_be_bytes()])
}

/// What the log says about where events are sent.
pub(in crate::desk) fn target(settings: &WebhookSettings) -> WebhookTarget {
    let origin = Url::parse(&settings.url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization());
    let url_digest = hex::encode(Sha256::digest(settings.url.as_bytes()));
    WebhookTarget { origin, url_digest, events: settings.events.clone() }
}

/// Whoever looks after the endpoint loses it, and the next one sees what has changed.
pub(super) fn look_at(id: Uuid, now: Timestamp) -> JobChange {
    JobChange::Set { kind: JobKind::Endpoint, subject: id, due_at: now }
}

fn new_settings(id: Uuid, slot: u32, wanted: &NewEndpoint, master: &str, now: Timestamp) -> WebhookSettings {
    WebhookSettings {
        id,
        version: 1,
        slot,
        url: wanted.url.to_string(),
        description: wanted.description.clone(),
        events: wanted.events.clone(),
        disabled: None,
        secrets: vec![SecretGeneration {
            generation: 1,
            master: master.to_owned(),
            created_at: now,
            valid_until: None,
        }],
        created_at: now,
    }
}

fn changed(before: &WebhookSettings, change: &EndpointChange) -> WebhookSettings {
    let mut after = before.clone();
    if let Some(url) = &change.url {
        after.url = url.to_string();
    }
    if let Some(description) = &change.description {
        after.description.clone_from(description);
    }
    if let Some(events) = &change.events {
        after.events.clone_from(events);
    }
    match change.enabled {
        Some(true) => after.disabled = None,
        Some(false) => after.disabled = after.disabled.or(Some(DisabledReason::Client)),
        None => {}
    }
    after
}

fn commit(
    command: Uuid,
    tenant: &str,
    now: Timestamp,
    id: Uuid,
    expected_version: u64,
    written: Written,
) -> Result<Commit, DeskError> {
    let mut commit = Commit::new(command, tenant, now);
    if let Some(record) = &written.record {
        let records = vec![log::plain_record(record)?];
        commit.appends.push(Append { stream: id, expected_version, kind: StreamKind::Webhook, records });
    }
    commit.rows = written.rows.into_iter().map(Row::Webhook).collect();
    commit.jobs = written.jobs;
    commit.claims = written.claims;
    commit.released = written.released;
    Ok(commit)
}
