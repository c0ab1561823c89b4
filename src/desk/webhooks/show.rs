//! What is shown of endpoints and deliveries.

use uuid::Uuid;

use super::{Backlog, Delivery, DeliveryFilter, EndpointKeys, SecretGeneration, WebhookEndpoint};
use crate::desk::{Desk, DeskError, idempotency::Answered, log::WebhookRecord};

/// An endpoint with what can be told of its keys.
pub struct Shown {
    /// The endpoint as it is now.
    pub endpoint: WebhookEndpoint,
    /// What waits for another try.
    pub backlog: Backlog,
    /// Its generations with their keys, newest first; keys are missing where their master key is.
    pub keys: Vec<(SecretGeneration, Option<EndpointKeys>)>,
    /// The keys that an answer gives away, and only that one.
    pub revealed: Option<EndpointKeys>,
}

/// A page of deliveries.
#[derive(Debug)]
pub struct DeliveryPage {
    /// The deliveries, newest first.
    pub deliveries: Vec<Delivery>,
    /// The last of the page, when more follow.
    pub last: Option<Uuid>,
}

impl Desk {
    /// The endpoints of a Mandant, oldest first.
    pub async fn show_endpoints(&self, tenant: &str) -> Result<Vec<Shown>, DeskError> {
        let endpoints = self.store.webhook_endpoints(tenant).await?;
        let mut shown = Vec::with_capacity(endpoints.len());
        for endpoint in endpoints {
            shown.push(self.shown(tenant, endpoint).await?);
        }
        Ok(shown)
    }

    /// An endpoint.
    pub async fn show_endpoint(&self, tenant: &str, id: Uuid) -> Result<Shown, DeskError> {
        let endpoint = self.endpoint(tenant, id).await?;
        self.shown(tenant, endpoint).await
    }

    /// An endpoint as the answer to a request that made a secret shows it: as it is now, with that secret.
    ///
    /// The secret is derived, so it can be shown again under the key of its request, and under no other.
    pub async fn show_secret(&self, tenant: &str, answered: Answered) -> Result<Shown, DeskError> {
        let id = answered.holder;
        let mut shown = self.show_endpoint(tenant, id).await?;
        for record in self.store.stream(tenant, id).await? {
            if record.version == answered.version {
                shown.revealed = match serde_json::from_slice(&record.body)? {
                    WebhookRecord::EndpointCreated { generation, master, .. }
                    | WebhookRecord::SecretRotated { generation, master, .. } => {
                        self.settings.webhooks.master_keys.derive(&master, tenant, id, generation)
                    }
                    WebhookRecord::EndpointChanged { .. }
                    | WebhookRecord::ReplayOrdered { .. }
                    | WebhookRecord::EndpointGone
                    | WebhookRecord::EndpointDeleted { .. } => None,
                };
            }
        }
        Ok(shown)
    }

    /// What was sent to an endpoint.
    pub async fn deliveries(&self, tenant: &str, id: Uuid, filter: &DeliveryFilter) -> Result<DeliveryPage, DeskError> {
        self.endpoint(tenant, id).await?;
        // One more than asked for tells whether another page follows.
        let filter = DeliveryFilter { limit: filter.limit.saturating_add(1), ..*filter };
        let mut deliveries = self.store.deliveries(tenant, id, &filter).await?;
        let wanted = usize::try_from(filter.limit.saturating_sub(1)).unwrap_or(usize::MAX);
        let more = deliveries.len() > wanted;
        deliveries.truncate(wanted);
        let last = deliveries.last().map(|delivery| delivery.id).filter(|_| more);
        Ok(DeliveryPage { deliveries, last })
    }

    /// One event for an endpoint.
    pub async fn delivery(&self, tenant: &str, endpoint: Uuid, id: Uuid) -> Result<Delivery, DeskError> {
        self.endpoint(tenant, endpoint).await?;
        self.store.delivery(tenant, endpoint, id).await?.ok_or(DeskError::NotFound)
    }

    async fn shown(&self, tenant: &str, endpoint: WebhookEndpoint) -> Result<Shown, DeskError> {
        let id = endpoint.settings.id;
        let backlog = self.store.backlog(tenant, id).await?;
        let masters = &self.settings.webhooks.master_keys;
        let keys = endpoint
            .settings
            .secrets
            .iter()
            .map(|secret| (secret.clone(), masters.derive(&secret.master, tenant, id, secret.generation)));
        Ok(Shown { keys: keys.collect(), endpoint, backlog, revealed: None })
    }
}
