//! Webhook endpoints: each is listed as the acts in the log leave it. Where events are sent is a privileged matter, so a
//! row that was changed behind the log's back must show.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Report;
use crate::{
    desk::{
        DeskError,
        log::{WebhookRecord, WebhookTarget},
        webhooks::manage,
    },
    store::{Store, read::SealedRecord, webhook::WebhookEndpoint},
};

/// The endpoints that the log knows, gathered while it is read.
#[derive(Default)]
pub(super) struct Endpoints(BTreeMap<Uuid, Known>);

/// An endpoint as its records leave it.
struct Known {
    version: u64,
    slot: u32,
    target: WebhookTarget,
    enabled: bool,
    generation: u32,
    master: String,
}

impl Endpoints {
    /// Takes up a record about an endpoint.
    pub(super) fn record(&mut self, record: &SealedRecord, report: &mut Report) {
        let position = record.position;
        let Ok(body) = serde_json::from_slice::<WebhookRecord>(&record.body) else {
            return report.find(|| format!("position {position}: the record cannot be read"));
        };
        if !self.fits(record, body) {
            report.find(|| format!("position {position}: the record does not fit its webhook endpoint"));
        }
    }

    fn fits(&mut self, record: &SealedRecord, body: WebhookRecord) -> bool {
        let id = record.stream;
        if let WebhookRecord::EndpointCreated { slot, target, generation, master, .. } = body {
            let known = Known { version: 1, slot, target, enabled: true, generation, master };
            return record.version == 1 && self.0.insert(id, known).is_none();
        }
        let Some(known) = self.0.get_mut(&id) else { return false };
        if record.version != known.version.saturating_add(1) {
            return false;
        }
        known.version = record.version;
        match body {
            WebhookRecord::EndpointCreated { .. } => return false,
            WebhookRecord::EndpointChanged { target, enabled, .. } => {
                known.target = target;
                known.enabled = enabled;
            }
            WebhookRecord::SecretRotated { generation, master, .. } => {
                if generation != known.generation.saturating_add(1) {
                    return false;
                }
                known.generation = generation;
                known.master = master;
            }
            WebhookRecord::ReplayOrdered { .. } => {}
            WebhookRecord::EndpointGone => known.enabled = false,
            WebhookRecord::EndpointDeleted { .. } => drop(self.0.remove(&id)),
        }
        true
    }

    /// Compares them with what is listed.
    pub(super) async fn compare(
        mut self,
        store: &dyn Store,
        tenant: &str,
        report: &mut Report,
    ) -> Result<(), DeskError> {
        for row in store.webhook_endpoints(tenant).await? {
            let id = row.settings.id;
            match self.0.remove(&id) {
                None => report.find(|| format!("webhook endpoint {id} is in no record")),
                Some(known) if !known.is(&row) => {
                    report.find(|| format!("webhook endpoint {id} is listed otherwise than its records say"));
                }
                Some(_) => {}
            }
        }
        for id in self.0.keys() {
            report.find(|| format!("webhook endpoint {id} is not listed"));
        }
        Ok(())
    }
}

impl Known {
    fn is(&self, row: &WebhookEndpoint) -> bool {
        let settings = &row.settings;
        let newest = settings.secrets.first();
        self.version == settings.version
            && self.slot == settings.slot
            && self.target == manage::target(settings)
            && self.enabled == settings.disabled.is_none()
            && newest.is_some_and(|newest| newest.generation == self.generation && newest.master == self.master)
    }
}
