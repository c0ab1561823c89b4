//! The engine called in place, without threads: a run over it can be replayed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::core::Core;
use crate::metrics::StoreFigures;
use crate::store::{
    Store, StoreError,
    commit::{ClaimKey, Commit, JobKey, JobKind, Outcome},
    read::{
        AccountDay, Claim, Client, DueJob, HeldKey, InboxItem, ListFilter, ListedPayment, Open, OpenQuery,
        SealedRecord, Side, StoredRecord, Unpaired,
    },
    rows::{
        account_day, claim, client, inbox, job, open, payment, record, seal, side, webhook_delivery, webhook_endpoint,
    },
    webhook::{Backlog, Delivery, DeliveryFilter, WebhookEndpoint},
};

/// A database in memory whose every call is done before it returns.
#[derive(Debug)]
pub struct DirectStore {
    core: Mutex<Core>,
    figures: StoreFigures,
}

impl DirectStore {
    /// An empty database in memory.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self { core: Mutex::new(Core::migrate(None)?), figures: StoreFigures::default() })
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic under the lock leaves at most an open transaction, which the engine rolls back by itself.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for DirectStore {
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.core().apply(&[commit])?.pop().ok_or(StoreError::Unavailable)
    }

    async fn stream(&self, tenant: &str, stream: Uuid) -> Result<Vec<StoredRecord>, StoreError> {
        record::stream(self.core().connection(), tenant, stream)
    }

    async fn dossier(&self, tenant: &str, stream: Uuid) -> Result<(Vec<StoredRecord>, Option<Side>), StoreError> {
        let core = self.core();
        Ok((record::stream(core.connection(), tenant, stream)?, side::get(core.connection(), tenant, stream)?))
    }

    async fn side(&self, tenant: &str, id: Uuid) -> Result<Option<Side>, StoreError> {
        side::get(self.core().connection(), tenant, id)
    }

    async fn claim(&self, tenant: &str, key: &ClaimKey) -> Result<Option<Claim>, StoreError> {
        claim::get(self.core().connection(), tenant, key)
    }

    async fn payments(&self, tenant: &str, filter: &ListFilter) -> Result<Vec<ListedPayment>, StoreError> {
        payment::list(self.core().connection(), tenant, filter)
    }

    async fn log(&self, tenant: &str, after: u64, limit: u32) -> Result<Vec<SealedRecord>, StoreError> {
        seal::log(self.core().connection(), tenant, after, limit)
    }

    async fn last_position(&self, tenant: &str) -> Result<u64, StoreError> {
        seal::last(self.core().connection(), tenant)
    }

    async fn booking_day(&self, tenant: &str, stream: Uuid, version: u64) -> Result<Option<Date>, StoreError> {
        seal::booking_day(self.core().connection(), tenant, stream, version)
    }

    async fn account_days(&self, tenant: &str) -> Result<Vec<AccountDay>, StoreError> {
        account_day::all(self.core().connection(), tenant)
    }

    async fn inbox_item(&self, tenant: &str, id: Uuid) -> Result<Option<InboxItem>, StoreError> {
        inbox::get(self.core().connection(), tenant, id)
    }

    async fn client_by_key(&self, key_hash: [u8; 32]) -> Result<Option<Client>, StoreError> {
        client::by_key(self.core().connection(), key_hash)
    }

    async fn clients(&self, tenant: &str) -> Result<Vec<Client>, StoreError> {
        client::all(self.core().connection(), tenant)
    }

    async fn webhook_endpoints(&self, tenant: &str) -> Result<Vec<WebhookEndpoint>, StoreError> {
        webhook_endpoint::all(self.core().connection(), tenant)
    }

    async fn webhook_endpoint(&self, tenant: &str, id: Uuid) -> Result<Option<WebhookEndpoint>, StoreError> {
        webhook_endpoint::get(self.core().connection(), tenant, id)
    }

    async fn deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        webhook_delivery::list(self.core().connection(), tenant, endpoint, filter)
    }

    async fn delivery(&self, tenant: &str, endpoint: Uuid, id: Uuid) -> Result<Option<Delivery>, StoreError> {
        webhook_delivery::get(self.core().connection(), tenant, endpoint, id)
    }

    async fn due_deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        by: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        webhook_delivery::due(self.core().connection(), tenant, endpoint, by, limit)
    }

    async fn backlog(&self, tenant: &str, endpoint: Uuid) -> Result<Backlog, StoreError> {
        webhook_delivery::backlog(self.core().connection(), tenant, endpoint)
    }

    async fn tenants(&self) -> Result<Vec<String>, StoreError> {
        seal::tenants(self.core().connection())
    }

    async fn unpaired(&self, tenant: &str, limit: u32) -> Result<Vec<Unpaired>, StoreError> {
        seal::unpaired(self.core().connection(), tenant, limit)
    }

    async fn claims(&self, tenant: &str, after: Option<ClaimKey>, limit: u32) -> Result<Vec<HeldKey>, StoreError> {
        claim::page(self.core().connection(), tenant, after, limit)
    }

    async fn jobs(
        &self,
        tenant: &str,
        kind: JobKind,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        job::subjects(self.core().connection(), tenant, kind, after, limit)
    }

    async fn claim_jobs(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueJob>, StoreError> {
        self.core().claim_jobs(now, lease_until, limit)
    }

    async fn claim_endpoints(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueJob>, StoreError> {
        self.core().claim_endpoints(now, lease_until, limit)
    }

    async fn postpone_job(&self, job: &JobKey, fence: u64, due_at: Timestamp) -> Result<(), StoreError> {
        self.core().postpone_job(job, fence, due_at)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        job::next_due(self.core().connection())
    }

    async fn open_work(&self, query: &OpenQuery) -> Result<Open, StoreError> {
        open::look(self.core().connection(), query)
    }

    fn figures(&self) -> &StoreFigures {
        &self.figures
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.core().checkpoint()
    }
}
