//! The use cases: the only place where domain, store and providers meet.
//!
//! A command loads the payment's stream, decides, and commits; a provider is called between two commits, never inside
//! one. [`change`] is the loop that all of them share, [`calls`] carries out what was intended.

mod attend;
pub mod attention;
mod calls;
pub mod catalogue;
mod change;
pub mod clients;
pub mod create;
mod error;
pub mod feed;
pub mod health;
pub mod idempotency;
pub mod listing;
pub mod log;
mod look;
mod manage;
mod metering;
mod notifications;
mod numbers;
mod pay;
pub mod readiness;
mod refunds;
pub mod side;
mod token;
pub mod verify;
pub mod view;
pub mod webhooks;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use url::Url;
use uuid::Uuid;
use zahlstelle_contract::{provider::Provider, reference::AccountName};

pub use self::{
    error::{DeskError, Problem, StoreError},
    notifications::{Delivered, Hook},
    pay::{NextStep, Returned},
    refunds::RefundOrder,
};
use crate::{
    clock::Clock,
    domain::{attempt::Attempt, tenant::Tenant},
    ids::Ids,
    metrics::Metrics,
    store::Store,
};

/// The use cases of all Mandanten.
pub struct Desk {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    settings: Settings,
    tenants: BTreeMap<String, TenantDesk>,
    numbers: numbers::Numbers,
    metrics: Metrics,
    healths: health::Healths,
    looks: look::Looks,
    wake: Arc<Notify>,
    changes: watch::Sender<()>,
}

/// A Mandant with its providers.
pub struct TenantDesk {
    /// What settings say about it.
    pub tenant: Tenant,
    /// Its provider accounts.
    pub providers: BTreeMap<AccountName, Arc<dyn Provider>>,
}

/// What the use cases need to know beside the Mandanten.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address under which citizens reach us, without a trailing slash.
    pub public_url: Url,
    /// After how long the resolver asks again, one step a try; the last step repeats.
    pub resolver_schedule: Vec<Duration>,
    /// After how long a page that nobody reports on is asked about, one step a try; the last step repeats.
    pub page_schedule: Vec<Duration>,
    /// For how long one request may go on with its work before a repetition may take it over.
    pub idempotency_lease: Duration,
    /// After how long a job looks after a call that its request has not carried out.
    pub call_grace: Duration,
    /// For how long a notification waits for the payment it names.
    pub notification_patience: Duration,
    /// The name of this instance in leases of numbers.
    pub instance: String,
    /// How webhooks are sent.
    pub webhooks: webhooks::Settings,
}

impl Settings {
    /// The defaults for an address.
    pub fn new(public_url: Url) -> Self {
        let seconds = |list: &[u64]| list.iter().copied().map(Duration::from_secs).collect();
        Self {
            public_url,
            resolver_schedule: seconds(&[5, 15, 60, 300, 900, 3_600]),
            page_schedule: seconds(&[60, 120, 300, 600]),
            idempotency_lease: Duration::from_secs(30),
            call_grace: Duration::from_secs(15),
            notification_patience: Duration::from_hours(72),
            instance: "zahlstelle".to_owned(),
            webhooks: webhooks::Settings::default(),
        }
    }
}

impl Desk {
    /// Opens the desk. The wake-up is notified whenever a job may have become due.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        settings: Settings,
        tenants: impl IntoIterator<Item = TenantDesk>,
        wake: Arc<Notify>,
    ) -> Self {
        let tenants = tenants.into_iter().map(|desk| (desk.tenant.id.as_str().to_owned(), desk)).collect();
        let metrics = metering::metrics(store.as_ref(), &tenants, clock.now());
        Self {
            store,
            clock,
            ids,
            settings,
            tenants,
            numbers: numbers::Numbers::default(),
            metrics,
            healths: health::Healths::default(),
            looks: look::Looks::default(),
            wake,
            changes: watch::Sender::new(()),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The store, for jobs and reports.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All Mandanten.
    pub fn tenants(&self) -> impl Iterator<Item = &TenantDesk> {
        self.tenants.values()
    }

    /// A Mandant.
    pub fn tenant(&self, tenant: &str) -> Result<&TenantDesk, DeskError> {
        self.tenants.get(tenant).ok_or(DeskError::NotFound)
    }

    /// The Mandant that owns a provider account; account names are unique among all Mandanten.
    pub fn tenant_of_account(&self, account: &AccountName) -> Option<&TenantDesk> {
        self.tenants.values().find(|desk| desk.providers.contains_key(account))
    }

    /// Tells that something was committed by this instance, so that whoever waits for the feed looks again.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// A byte that nobody can foresee, to spread what would happen at the same moment.
    pub fn jitter(&self) -> u8 {
        let [byte, ..] = self.ids.bytes();
        byte
    }

    fn id(&self) -> Uuid {
        self.ids.id(self.clock.now())
    }

    /// After a commit: a job may have become due, and the feed may have grown.
    fn announce(&self) {
        self.wake.notify_one();
        self.changes.send_replace(());
    }
}

impl TenantDesk {
    /// The provider of an attempt.
    fn provider_of(&self, attempt: &Attempt) -> Result<&Arc<dyn Provider>, DeskError> {
        self.provider(&attempt.account)
    }

    fn provider(&self, account: &AccountName) -> Result<&Arc<dyn Provider>, DeskError> {
        self.providers.get(account).ok_or_else(|| DeskError::NoProvider { account: account.clone() })
    }
}

/// The moment so much later; the end of time when there is none.
fn later(moment: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| moment.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}
