//! I3: the process is killed at every step of a journey, before the step and after it, and a new one takes up the work.
//!
//! A step is a write of the store or a call to the provider. A process that was killed never comes back: from that step
//! on every write and call of it waits for ever, and the journey is dropped where it stands.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use futures::{FutureExt, executor::block_on};
use jiff::{Timestamp, civil::Date};
use serde_json::Value;
use uuid::Uuid;
use zahlstelle::{
    desk::{DeskError, NextStep},
    domain::{ids::PaymentId, payment::Payment},
    metrics::StoreFigures,
    store::{
        Store, StoreError,
        commit::{ClaimKey, Commit, JobKey, JobKind, Outcome},
        read::{
            AccountDay, Claim, Client, DueJob, HeldKey, InboxItem, ListFilter, ListedPayment, Open, OpenQuery,
            SealedRecord, Side, StoredRecord, Unpaired,
        },
        sqlite::direct::DirectStore,
        webhook::{Backlog, Delivery, DeliveryFilter, WebhookEndpoint},
    },
};
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    transport::{HttpRequest, HttpResponse, Transport, TransportError},
};

use crate::stage::{Stage, TENANT, new_payment};

/// More steps than any journey has.
const STEPS_MAX: usize = 200;

/// When the process dies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Death {
    /// The step was never done.
    Before(usize),
    /// The step was done, and its answer never arrived.
    After(usize),
    /// The provider did what this call asked for, and its answer never arrived.
    AfterCall(usize),
}

/// Counts steps and ends the process at one of them.
struct Fuse {
    death: Death,
    steps: AtomicUsize,
    calls: AtomicUsize,
    blown: AtomicBool,
}

impl Fuse {
    fn new(death: Death) -> Arc<Self> {
        Arc::new(Self { death, steps: AtomicUsize::new(0), calls: AtomicUsize::new(0), blown: AtomicBool::new(false) })
    }

    async fn step<T>(&self, step: impl Future<Output = T>) -> T {
        if self.blown.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let number = self.steps.fetch_add(1, Ordering::SeqCst);
        if self.death == Death::Before(number) {
            self.blown.store(true, Ordering::SeqCst);
            return std::future::pending().await;
        }
        let done = step.await;
        if self.death == Death::After(number) {
            self.blown.store(true, Ordering::SeqCst);
            return std::future::pending().await;
        }
        done
    }
}

impl Fuse {
    async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let done = self.step(call).await;
        if self.death == Death::AfterCall(number) {
            self.blown.store(true, Ordering::SeqCst);
            return std::future::pending().await;
        }
        done
    }
}

/// The store of a process that may die.
struct MortalStore {
    store: Arc<dyn Store>,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl Store for MortalStore {
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.fuse.step(self.store.commit(commit)).await
    }

    async fn stream(&self, tenant: &str, stream: Uuid) -> Result<Vec<StoredRecord>, StoreError> {
        self.store.stream(tenant, stream).await
    }

    async fn dossier(&self, tenant: &str, id: Uuid) -> Result<(Vec<StoredRecord>, Option<Side>), StoreError> {
        self.store.dossier(tenant, id).await
    }

    async fn side(&self, tenant: &str, id: Uuid) -> Result<Option<Side>, StoreError> {
        self.store.side(tenant, id).await
    }

    async fn claim(&self, tenant: &str, key: &ClaimKey) -> Result<Option<Claim>, StoreError> {
        self.store.claim(tenant, key).await
    }

    async fn payments(&self, tenant: &str, filter: &ListFilter) -> Result<Vec<ListedPayment>, StoreError> {
        self.store.payments(tenant, filter).await
    }

    async fn log(&self, tenant: &str, after: u64, limit: u32) -> Result<Vec<SealedRecord>, StoreError> {
        self.store.log(tenant, after, limit).await
    }

    async fn last_position(&self, tenant: &str) -> Result<u64, StoreError> {
        self.store.last_position(tenant).await
    }

    async fn booking_day(&self, tenant: &str, stream: Uuid, version: u64) -> Result<Option<Date>, StoreError> {
        self.store.booking_day(tenant, stream, version).await
    }

    async fn account_days(&self, tenant: &str) -> Result<Vec<AccountDay>, StoreError> {
        self.store.account_days(tenant).await
    }

    async fn inbox_item(&self, tenant: &str, id: Uuid) -> Result<Option<InboxItem>, StoreError> {
        self.store.inbox_item(tenant, id).await
    }

    async fn client_by_key(&self, key_hash: [u8; 32]) -> Result<Option<Client>, StoreError> {
        self.store.client_by_key(key_hash).await
    }

    async fn clients(&self, tenant: &str) -> Result<Vec<Client>, StoreError> {
        self.store.clients(tenant).await
    }

    async fn webhook_endpoints(&self, tenant: &str) -> Result<Vec<WebhookEndpoint>, StoreError> {
        self.store.webhook_endpoints(tenant).await
    }

    async fn webhook_endpoint(&self, tenant: &str, id: Uuid) -> Result<Option<WebhookEndpoint>, StoreError> {
        self.store.webhook_endpoint(tenant, id).await
    }

    async fn deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        filter: &DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.deliveries(tenant, endpoint, filter).await
    }

    async fn delivery(&self, tenant: &str, endpoint: Uuid, id: Uuid) -> Result<Option<Delivery>, StoreError> {
        self.store.delivery(tenant, endpoint, id).await
    }

    async fn due_deliveries(
        &self,
        tenant: &str,
        endpoint: Uuid,
        by: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.due_deliveries(tenant, endpoint, by, limit).await
    }

    async fn backlog(&self, tenant: &str, endpoint: Uuid) -> Result<Backlog, StoreError> {
        self.store.backlog(tenant, endpoint).await
    }

    async fn tenants(&self) -> Result<Vec<String>, StoreError> {
        self.store.tenants().await
    }

    async fn unpaired(&self, tenant: &str, limit: u32) -> Result<Vec<Unpaired>, StoreError> {
        self.store.unpaired(tenant, limit).await
    }

    async fn claims(&self, tenant: &str, after: Option<ClaimKey>, limit: u32) -> Result<Vec<HeldKey>, StoreError> {
        self.store.claims(tenant, after, limit).await
    }

    async fn jobs(
        &self,
        tenant: &str,
        kind: JobKind,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.store.jobs(tenant, kind, after, limit).await
    }

    async fn claim_jobs(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueJob>, StoreError> {
        // Taking nothing changes nothing, so it is no step of its own.
        if self.store.next_due().await?.is_none_or(|due_at| now < due_at) {
            return Ok(Vec::new());
        }
        self.fuse.step(self.store.claim_jobs(now, lease_until, limit)).await
    }

    async fn claim_endpoints(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueJob>, StoreError> {
        self.fuse.step(self.store.claim_endpoints(now, lease_until, limit)).await
    }

    async fn postpone_job(&self, job: &JobKey, fence: u64, due_at: Timestamp) -> Result<(), StoreError> {
        self.fuse.step(self.store.postpone_job(job, fence, due_at)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_due().await
    }

    async fn open_work(&self, query: &OpenQuery) -> Result<Open, StoreError> {
        self.store.open_work(query).await
    }

    fn figures(&self) -> &StoreFigures {
        self.store.figures()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

/// The line of a process that may die.
struct MortalLine {
    line: Arc<dyn Transport>,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl Transport for MortalLine {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.fuse.call(self.line.send(request)).await
    }
}

/// What a portal and a citizen do; all of it can be done again after a failure, under the same keys.
async fn journey(stage: &Stage, capture: CaptureMode) -> Option<Payment> {
    let request = zahlstelle::desk::create::NewPayment { capture: Some(capture), ..new_payment("13.00") };
    let created = stage.desk.create_payment(TENANT, stage.client, &request, &stage.under("create")).await.ok()?;
    let id = PaymentId(created.answered.holder);
    if stage.payment(id).await.captures.is_empty() {
        match stage.desk.start_attempt(TENANT, id, Method::Card).await {
            Ok(NextStep::Redirect { url }) => drop(stage.decide(&url, "approve")),
            Ok(NextStep::Look) | Err(DeskError::Refused(_)) => {}
            Err(_) => return None,
        }
        stage.settle().await;
    }
    if capture == CaptureMode::Manual && stage.payment(id).await.captures.is_empty() {
        stage.desk.capture(TENANT, id, None, &stage.under("capture")).await.ok()?;
        stage.advance(5).await;
    }
    stage.refund_under(id, "5.00", &stage.under("refund")).await.ok()?;
    stage.advance(5).await;
    Some(stage.payment(id).await)
}

/// Runs a journey in a process that dies, and again in new ones until it comes to its end.
fn survive(capture: CaptureMode, death: Death) -> bool {
    let store: Arc<dyn Store> = Arc::new(DirectStore::in_memory().unwrap());
    let fuse = Fuse::new(death);
    let mortal = Arc::new(MortalStore { store: Arc::clone(&store), fuse: Arc::clone(&fuse) });
    let first =
        Stage::wired(400, |tenant| tenant, mortal, |line| Arc::new(MortalLine { line, fuse: Arc::clone(&fuse) }));
    let uncut = journey(&first, capture).now_or_never();
    let died = fuse.blown.load(Ordering::SeqCst);
    assert_eq!(uncut.is_none(), died, "{death:?}");
    let second = first.restarted(401, store);
    block_on(async {
        // Leases of the dead process run out first; a portal that gets no answer asks again.
        for _ in 0..10 {
            second.advance(31).await;
            if journey(&second, capture).await.is_some() {
                break;
            }
        }
        second.pass(3_600).await;
        check(&second, &format!("{capture:?} {death:?}")).await;
    });
    died
}

async fn check(stage: &Stage, told: &str) {
    let rows = stage.store.payments(TENANT, &all()).await.unwrap();
    assert_eq!(rows.len(), 1, "{told}");
    let payment = stage.payment(PaymentId(rows[0].id)).await;
    assert_eq!((payment.state.as_str(), payment.captures.len()), ("paid", 1), "{told}");
    assert_eq!((payment.refunds.len(), payment.refunds[0].state.as_str()), (1, "succeeded"), "{told}");
    assert!(payment.calls.is_empty() && payment.exceptions.is_empty(), "{told}: {payment:?}");
    assert_eq!((stage.held().await, stage.held_at_twin()), (800, 800), "{told}");
    for account in ["erstattung", "ueberzahlung", "klaerung", "forderung/buergerportal"] {
        assert_eq!(stage.balance(account).await, 0, "{told}: {account}");
    }
    let sum = |member: &str| -> u64 {
        stage.transactions().iter().map(|row: &Value| row["executed"][member].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("refund"), sum("capture") <= 1), (1, true), "{told}");
    let told_once = ["payment.created", "payment.paid", "refund.requested", "refund.succeeded"];
    let feed = stage.feed_types().await;
    for kind in told_once {
        assert_eq!(feed.iter().filter(|known| *known == kind).count(), 1, "{told}: {kind} in {feed:?}");
    }
}

fn all() -> ListFilter {
    ListFilter {
        reference: None,
        kassenzeichen: None,
        state: None,
        created_after: None,
        created_before: None,
        before: None,
        limit: 100,
    }
}

/// Kills at every step; how many there were.
fn kill_everywhere(capture: CaptureMode, death: impl Fn(usize) -> Death) -> usize {
    (0..STEPS_MAX).take_while(|step| survive(capture, death(*step))).count()
}

#[test]
fn b2_killed_between_the_providers_commit_and_ours_captures_and_refunds_once() {
    // At least the page, the capture and the refund.
    assert!(kill_everywhere(CaptureMode::Manual, Death::AfterCall) >= 3);
}

#[test]
fn i3_killed_before_any_step_of_an_automatic_journey_it_ends_the_same() {
    assert!(kill_everywhere(CaptureMode::Automatic, Death::Before) > 15);
}

#[test]
fn i3_killed_after_any_step_of_an_automatic_journey_it_ends_the_same() {
    assert!(kill_everywhere(CaptureMode::Automatic, Death::After) > 15);
}

#[test]
fn i3_killed_before_any_step_of_a_manual_journey_it_ends_the_same() {
    assert!(kill_everywhere(CaptureMode::Manual, Death::Before) > 20);
}

#[test]
fn i3_killed_after_any_step_of_a_manual_journey_it_ends_the_same() {
    assert!(kill_everywhere(CaptureMode::Manual, Death::After) > 20);
}
