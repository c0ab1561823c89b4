//! Providers: the calls to them by what may have happened, and the notifications from them.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};

use super::{
    catalogue::Catalogue,
    durations::{self, CALL_BOUNDS_MICROSECONDS},
};

/// Calls to providers and notifications from them. Clones share everything.
#[derive(Clone, Debug)]
pub struct Providers {
    calls: Family<Call, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
    up: Family<Account, Gauge>,
    notifications: Family<Notification, Counter>,
}

/// What a provider is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallName {
    /// To make a page.
    OpenPage,
    /// To make it unpayable.
    ClosePage,
    /// What became of it.
    AskPage,
    /// To take authorised money.
    Capture,
    /// To give up an authorisation.
    Cancel,
    /// To give money back.
    Refund,
}

/// What may have happened in a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallOutcome {
    /// The provider took it.
    Ok,
    /// It understood and said no.
    Declined,
    /// It found the request wrong.
    Rejected,
    /// Nothing left this machine.
    NotSent,
    /// It may have happened.
    Unknown,
}

/// What became of one notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotificationResult {
    /// It was verified and kept.
    Kept,
    /// It had been kept before.
    Repeated,
    /// It was not what its sender should have sent, or not from that sender.
    Refused,
    /// Nothing of ours explains it; a person must look at it.
    Unmatched,
    /// It is of a kind that has no rule.
    Uninterpreted,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Call {
    account: String,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Asked {
    account: String,
    operation: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Account {
    account: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Notification {
    account: String,
    result: &'static str,
}

impl Default for Providers {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || durations::seconds(&CALL_BOUNDS_MICROSECONDS);
        Self {
            calls: Family::default(),
            durations: Family::new_with_constructor(histogram),
            up: Family::default(),
            notifications: Family::default(),
        }
    }
}

impl Providers {
    /// There is such an account: what is counted of it begins at zero, so that a first failure is seen as a change.
    pub fn expect(&self, account: &str) {
        for operation in CallName::ALL.map(CallName::as_str) {
            drop(self.durations.get_or_create(&Asked { account: account.to_owned(), operation }));
            for outcome in CallOutcome::ALL.map(CallOutcome::as_str) {
                drop(self.calls.get_or_create(&Call { account: account.to_owned(), operation, outcome }));
            }
        }
        for result in NotificationResult::ALL {
            self.notified(account, result, 0);
        }
        self.set_up(account, true);
    }

    /// A call ended. The account must be one of the settings.
    pub fn called(&self, account: &str, name: CallName, outcome: CallOutcome, took: Duration) {
        let (account, operation) = (account.to_owned(), name.as_str());
        let asked = Asked { account: account.clone(), operation };
        durations::observe(&self.durations.get_or_create(&asked), took);
        self.calls.get_or_create(&Call { account, operation, outcome: outcome.as_str() }).inc();
    }

    /// Whether an account answers, as far as its last calls tell.
    pub fn set_up(&self, account: &str, up: bool) {
        self.up.get_or_create(&Account { account: account.to_owned() }).set(i64::from(up));
    }

    /// So many notifications of an account of the settings had this result.
    pub fn notified(&self, account: &str, result: NotificationResult, count: usize) {
        let labels = Notification { account: account.to_owned(), result: result.as_str() };
        self.notifications.get_or_create(&labels).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(super) fn register(&self, catalogue: &mut Catalogue) {
        catalogue.add(
            "zahlstelle_provider_calls",
            "Calls to provider accounts by operation and by what may have happened",
            self.calls.clone(),
        );
        catalogue.add(
            "zahlstelle_provider_call_duration_seconds",
            "How long a call to a provider account took",
            self.durations.clone(),
        );
        catalogue.add(
            "zahlstelle_provider_up",
            "Whether a provider account answers, as far as its last calls tell",
            self.up.clone(),
        );
        catalogue.add(
            "zahlstelle_notifications",
            "Notifications of provider accounts by what became of them",
            self.notifications.clone(),
        );
    }
}

impl CallName {
    const ALL: [Self; 6] = [Self::OpenPage, Self::ClosePage, Self::AskPage, Self::Capture, Self::Cancel, Self::Refund];

    /// The name in labels, and in what tells of a single call.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenPage => "open_page",
            Self::ClosePage => "close_page",
            Self::AskPage => "ask_page",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        }
    }
}

impl CallOutcome {
    const ALL: [Self; 5] = [Self::Ok, Self::Declined, Self::Rejected, Self::NotSent, Self::Unknown];

    /// The name in labels, and in what tells of a single call.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
        }
    }
}

impl NotificationResult {
    const ALL: [Self; 5] = [Self::Kept, Self::Repeated, Self::Refused, Self::Unmatched, Self::Uninterpreted];

    fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Unmatched => "unmatched",
            Self::Uninterpreted => "uninterpreted",
        }
    }
}
