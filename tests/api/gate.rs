//! A store whose writes can be held or made to fail, to stop the world at a chosen moment.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use tokio::sync::Semaphore;
use uuid::Uuid;
use zahlstelle::metrics::StoreFigures;
use zahlstelle::store::{
    Store, StoreError,
    commit::{ClaimKey, Commit, JobKey, JobKind, Outcome},
    read::{
        AccountDay, Claim, Client, DueJob, HeldKey, InboxItem, ListFilter, ListedPayment, Open, OpenQuery,
        SealedRecord, Side, StoredRecord, Unpaired,
    },
    webhook::{Backlog, Delivery, DeliveryFilter, WebhookEndpoint},
};

/// What happens to a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    Pass,
    Hold,
    Fail,
}

/// A store behind a gate.
pub(crate) struct Gate {
    inner: Arc<dyn Store>,
    orders: Mutex<Vec<Order>>,
    held: Semaphore,
    released: Semaphore,
    reads_fail: AtomicBool,
    reads_failed: AtomicUsize,
    looks_hold: AtomicBool,
    looks_held: AtomicUsize,
}

impl Gate {
    pub(crate) fn before(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            orders: Mutex::default(),
            held: Semaphore::new(0),
            released: Semaphore::new(0),
            reads_fail: AtomicBool::default(),
            reads_failed: AtomicUsize::default(),
            looks_hold: AtomicBool::default(),
            looks_held: AtomicUsize::default(),
        }
    }

    /// Lets so many writes pass and holds the next one.
    pub(crate) fn hold_after(&self, passing: usize) {
        self.order(passing, Order::Hold);
    }

    /// Lets so many writes pass and says of the next one that the disk is full.
    pub(crate) fn fail_after(&self, passing: usize) {
        self.order(passing, Order::Fail);
    }

    /// From now on the questions about readiness are answered, or are not.
    pub(crate) fn fail_reads(&self, fail: bool) {
        self.reads_fail.store(fail, Ordering::SeqCst);
    }

    /// How often the question what is due next was not answered.
    pub(crate) fn reads_failed(&self) -> usize {
        self.reads_failed.load(Ordering::SeqCst)
    }

    /// Holds every look at what is open.
    pub(crate) fn hold_looks(&self) {
        self.looks_hold.store(true, Ordering::SeqCst);
    }

    /// How many looks were held.
    pub(crate) fn looks_held(&self) -> usize {
        self.looks_held.load(Ordering::SeqCst)
    }

    fn order(&self, passing: usize, order: Order) {
        let mut orders = vec![order];
        orders.extend(std::iter::repeat_n(Order::Pass, passing));
        *self.orders.lock().unwrap() = orders;
    }

    /// Resolves once a write is held.
    pub(crate) async fn until_held(&self) {
        self.held.acquire().await.unwrap().forget();
    }

    /// Lets the held write go on.
    pub(crate) fn release(&self) {
        self.released.add_permits(1);
    }

    /// Whether every order has been carried out.
    pub(crate) fn is_idle(&self) -> bool {
        self.orders.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl Store for Gate {
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let order = self.orders.lock().unwrap().pop().unwrap_or(Order::Pass);
        match order {
            Order::Pass => {}
            Order::Hold => {
                self.held.add_permits(1);
                self.released.acquire().await.unwrap().forget();
            }
            Order::Fail => return Err(StoreError::Full),
        }
        self.inner.commit(commit).await
    }

    async fn stream(&self, tenant: &str, stream: Uuid) -> Result<Vec<StoredRecord>, StoreError> {
        self.inner.stream(tenant, stream).await
    }

    async fn dossier(&self, tenant: &str, id: Uuid) -> Result<(Vec<StoredRecord>, Option<Side>), StoreError> {
        self.inner.dossier(tenant, id).await
    }

    async fn side(&self, tenant: &str, id: Uuid) -> Result<Option<Side>, StoreError> {
        self.inner.side(tenant, id).await
    }

    async fn claim(&self, tenant: &str, key: &ClaimKey) -> Result<Option<Claim>, StoreError> {
        self.inner.claim(tenant, key).await
    }

    async fn payments(&self, tenant: &str, filter: &ListFilter) -> Result<Vec<ListedPayment>, StoreError> {
        self.inner.payments(tenant, filter).await
    }

    async fn log(&self, tenant: &str, after: u64, limit: u32) -> Result<Vec<SealedRecord>, StoreError> {
        self.inner.log(tenant, after, limit).await
    }

    async fn last_position(&self, tenant: &str) -> Result<u64, StoreError> {
        self.inner.last_position(tenant).await
    }

    async fn booking_day(&self, tenant: &str, stream: Uuid, version: u64) -> Result<Option<Date>, StoreError> {
        self.inner.booking_day(tenant, stream, version).await
    }

    async fn account_days(&self, tenant: &str) -> Result<Vec<AccountDay>, StoreError> {
        self.inner.account_days(tenant).await
    }

    async fn inbox_item(&self, tenant: &str, id: Uuid) -> Result<Option<InboxItem>, StoreError> {
        self.inner.inbox_item(tenant, id).await
    }

    async fn client_by_key(&self, key_hash: [u8; 32]) -> Result<Option<Client>, StoreError> {
        self.inner.client_by_key(key_hash).await
    }

    async fn clients(&self, tenant: &str) -> Result<Vec<Client>, StoreError> {
        self.inner.clients(tenant).await
    }

    async fn webhook_endpoints(&self, tenant: &str) -> Result<Vec<WebhookEndpoint>, StoreError> {
        self.inner.webhook_endpoints(tenant).await
    }

    async fn webhook_endpoint(&self, tenant: &str, id: Uuid) -> Result<Option<WebhookEndpoint>, StoreError> {
        self.inner.webhook_endpoint(tenant, id).await
    }

    async fn deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.inner.deliveries(tenant, endpoint, filter).await
    }

    async fn delivery(&self, tenant: &str, endpoint: Uuid, id: Uuid) -> Result<Option<Delivery>, StoreError> {
        self.inner.delivery(tenant, endpoint, id).await
    }

    async fn due_deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        by: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.inner.due_deliveries(tenant, endpoint, by, limit).await
    }

    async fn backlog(&self, tenant: &str, endpoint: Uuid) -> Result<Backlog, StoreError> {
        self.inner.backlog(tenant, endpoint).await
    }

    async fn tenants(&self) -> Result<Vec<String>, StoreError> {
        self.inner.tenants().await
    }

    async fn unpaired(&self, tenant: &str, limit: u32) -> Result<Vec<Unpaired>, StoreError> {
        self.inner.unpaired(tenant, limit).await
    }

    async fn claims(&self, tenant: &str, after: Option<ClaimKey>, limit: u32) -> Result<Vec<HeldKey>, StoreError> {
        self.inner.claims(tenant, after, limit).await
    }

    async fn jobs(
        &self,
        tenant: &str,
        kind: JobKind,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.inner.jobs(tenant, kind, after, limit).await
    }

    async fn claim_jobs(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueJob>, StoreError> {
        self.inner.claim_jobs(now, lease_until, limit).await
    }

    async fn claim_endpoints(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueJob>, StoreError> {
        self.inner.claim_endpoints(now, lease_until, limit).await
    }

    async fn postpone_job(&self, job: &JobKey, fence: u64, due_at: Timestamp) -> Result<(), StoreError> {
        self.inner.postpone_job(job, fence, due_at).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.reads_fail.load(Ordering::SeqCst) {
            self.reads_failed.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::Unavailable);
        }
        self.inner.next_due().await
    }

    async fn open_work(&self, query: &OpenQuery) -> Result<Open, StoreError> {
        if self.reads_fail.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable);
        }
        if self.looks_hold.load(Ordering::SeqCst) {
            self.looks_held.fetch_add(1, Ordering::SeqCst);
            self.held.add_permits(1);
            self.released.acquire().await.unwrap().forget();
        }
        self.inner.open_work(query).await
    }

    fn figures(&self) -> &StoreFigures {
        self.inner.figures()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}
