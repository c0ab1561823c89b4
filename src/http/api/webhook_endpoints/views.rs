//! How webhook endpoints and deliveries are shown.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    desk::webhooks::{Delivery, EndpointKeys, SecretGeneration, show::Shown},
    webhook::secret::{HmacSecret, SigningPair},
};

/// A webhook endpoint.
#[derive(Serialize)]
pub(super) struct EndpointView<'a> {
    id: Uuid,
    object: &'static str,
    url: &'a str,
    description: Option<&'a str>,
    events: Option<&'a [String]>,
    enabled: bool,
    disabled_reason: Option<&'static str>,
    secrets: Vec<SecretView>,
    /// Only in the answer to the request that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    position: u64,
    pending: u64,
    failing_since: Option<Timestamp>,
    resume_at: Option<Timestamp>,
    replay: Option<ReplayView>,
    created_at: Timestamp,
    version: u64,
}

#[derive(Serialize)]
struct SecretView {
    generation: u32,
    /// Null where the operator has taken the master key away.
    public_key: Option<String>,
    created_at: Timestamp,
    valid_until: Option<Timestamp>,
}

#[derive(Serialize)]
struct ReplayView {
    after: u64,
    until: u64,
}

/// One event for an endpoint.
#[derive(Serialize)]
pub(super) struct DeliveryView<'a> {
    id: Uuid,
    object: &'static str,
    event_type: &'a str,
    position: Option<u64>,
    payment: Option<Uuid>,
    state: &'static str,
    tries: u32,
    status: Option<u16>,
    error: Option<&'a str>,
    created_at: Timestamp,
    last_try_at: Option<Timestamp>,
    next_try_at: Option<Timestamp>,
}

/// What is left of an endpoint.
#[derive(Serialize)]
pub(super) struct DeletedView {
    id: Uuid,
    object: &'static str,
    deleted: bool,
}

impl<'a> EndpointView<'a> {
    pub(super) fn of(shown: &'a Shown) -> Self {
        let (settings, progress) = (&shown.endpoint.settings, &shown.endpoint.progress);
        Self {
            id: settings.id,
            object: "webhook_endpoint",
            url: &settings.url,
            description: settings.description.as_deref(),
            events: settings.events.as_deref(),
            enabled: settings.disabled.is_none(),
            disabled_reason: settings.disabled.map(crate::desk::webhooks::DisabledReason::as_str),
            secrets: shown.keys.iter().map(|(secret, keys)| SecretView::of(secret, keys.as_ref())).collect(),
            secret: shown.revealed.as_ref().and_then(secret_text),
            position: progress.position,
            pending: shown.backlog.pending,
            failing_since: progress.failing_since,
            resume_at: progress.resume_at,
            replay: shown.endpoint.replay.map(|replay| ReplayView { after: replay.after, until: replay.until }),
            created_at: settings.created_at,
            version: settings.version,
        }
    }
}

impl SecretView {
    fn of(secret: &SecretGeneration, keys: Option<&EndpointKeys>) -> Self {
        Self {
            generation: secret.generation,
            public_key: keys.map(|keys| SigningPair::from_seed(*keys.seed.expose_secret()).public_text()),
            created_at: secret.created_at,
            valid_until: secret.valid_until,
        }
    }
}

impl<'a> DeliveryView<'a> {
    pub(super) fn of(delivery: &'a Delivery) -> Self {
        // A test is about no payment and has no place in the log.
        let is_test = delivery.position == 0;
        Self {
            id: delivery.id,
            object: "webhook_delivery",
            event_type: &delivery.event_type,
            position: (!is_test).then_some(delivery.position),
            payment: (!is_test).then_some(delivery.stream),
            state: delivery.state.as_str(),
            tries: delivery.tries,
            status: delivery.status,
            error: delivery.error.as_deref(),
            created_at: delivery.created_at,
            last_try_at: delivery.last_try_at,
            next_try_at: delivery.next_try_at,
        }
    }
}

impl DeletedView {
    pub(super) fn of(id: Uuid) -> Self {
        Self { id, object: "webhook_endpoint", deleted: true }
    }
}

fn secret_text(keys: &EndpointKeys) -> Option<String> {
    let secret = HmacSecret::from_bytes(keys.hmac.expose_secret()).ok()?;
    Some(secret.expose().expose_secret().to_owned())
}
