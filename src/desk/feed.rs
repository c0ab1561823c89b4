//! The event feed: the sealed log, seen by portals.

mod replayed;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use self::replayed::Reader;
use super::{
    Desk, DeskError,
    view::{PaymentView, RefundView},
};
use crate::domain::{
    attempt::CaptureRole,
    event::Event,
    ids::RefundId,
    payment::{Payment, State},
};

/// How many records of the log are looked through at once for a page of the feed.
const RECORDS_MAX: u32 = 1_000;
/// How many for deliveries, of which fewer are under way at a time.
const DELIVERED_RECORDS_MAX: u32 = 200;

/// Every type that portals may see.
pub const EVENT_TYPES: [&str; 22] = [
    "payment.created",
    "payment.declined",
    "payment.processing",
    "payment.authorised",
    "payment.paid",
    "payment.overpaid",
    "payment.outcome_unknown",
    "payment.cancelled",
    "payment.expired",
    "payment.failed",
    "payment.reversed",
    "refund.requested",
    "refund.approved",
    "refund.rejected",
    "refund.outcome_unknown",
    "refund.succeeded",
    "refund.failed",
    "refund.returned",
    "dispute.opened",
    "dispute.debited",
    "dispute.won",
    "exception.opened",
];

/// An event as portals see it; `data` is the object as it was then.
#[derive(Clone, Debug, Serialize)]
pub struct FeedEvent {
    id: Uuid,
    #[serde(rename = "type")]
    kind: &'static str,
    created_at: Timestamp,
    position: u64,
    data: Snapshot,
    #[serde(skip)]
    stream: Uuid,
}

/// The object of an event.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Snapshot {
    Payment(Box<PaymentView>),
    Refund(Box<RefundView>),
}

/// A page of the feed.
#[derive(Clone, Debug, Serialize)]
pub struct FeedPage {
    /// The events, in the order of the log.
    pub data: Vec<FeedEvent>,
    /// Where to go on.
    pub next_after: u64,
}

impl FeedEvent {
    /// Its id, which is the same in every view.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Its type.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// When it happened.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Its position in the log.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The payment it is about.
    pub fn stream(&self) -> Uuid {
        self.stream
    }
}

impl FeedPage {
    /// Whether it has no event.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

impl Desk {
    /// The events after a position. Positions may skip numbers, but miss nothing.
    pub async fn feed(&self, tenant: &str, after: u64, limit: usize) -> Result<FeedPage, DeskError> {
        let mut looked_through = after;
        loop {
            let (page, last) = self.look_through(tenant, looked_through, RECORDS_MAX, limit, &|_| true).await?;
            if !page.is_empty() {
                return Ok(page);
            }
            if last {
                return Ok(FeedPage { next_after: after, ..page });
            }
            looked_through = page.next_after;
        }
    }

    /// The events of wanted types in the next records after a position; `next_after` is the last record looked at,
    /// whether it was an event or not.
    pub async fn events(
        &self,
        tenant: &str,
        after: u64,
        limit: usize,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<FeedPage, DeskError> {
        Ok(self.look_through(tenant, after, DELIVERED_RECORDS_MAX, limit, wanted).await?.0)
    }

    /// The event at a position, if portals see what is there.
    pub async fn event_at(&self, tenant: &str, position: u64) -> Result<Option<FeedEvent>, DeskError> {
        let mut reader = Reader::new(self, self.tenant(tenant)?);
        let records = self.store.log(tenant, position.saturating_sub(1), 1).await?;
        match records.first().filter(|record| record.position == position) {
            Some(record) => reader.event(record, &|_| true).await,
            None => Ok(None),
        }
    }

    /// The events among the next records of the log, and whether these are the last.
    async fn look_through(
        &self,
        tenant: &str,
        after: u64,
        records_max: u32,
        limit: usize,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<(FeedPage, bool), DeskError> {
        let mut reader = Reader::new(self, self.tenant(tenant)?);
        let mut page = FeedPage { data: Vec::new(), next_after: after };
        let records = self.store.log(tenant, after, records_max).await?;
        for record in &records {
            if page.data.len() >= limit {
                return Ok((page, false));
            }
            page.data.extend(reader.event(record, wanted).await?);
            page.next_after = record.position;
        }
        Ok((page, records.len() < usize::try_from(records_max).unwrap_or(usize::MAX)))
    }
}

/// What portals call an event, if they see it at all, and the refund it is about.
pub fn public_type(before: Option<&Payment>, event: &Event) -> Option<(&'static str, Option<RefundId>)> {
    let live = before.is_some_and(|payment| !payment.state.has_ended());
    let payment = |kind| Some((kind, None));
    let of_refund = |kind, refund: &RefundId| Some((kind, Some(*refund)));
    match event {
        Event::Created(_) => payment("payment.created"),
        Event::TryRefused { .. } => payment("payment.declined"),
        Event::PageOpened { .. } | Event::AttemptWaiting { .. } if live => payment("payment.processing"),
        Event::Authorised { attempt, .. } if is_live(before, *attempt) => payment("payment.authorised"),
        Event::Captured { role: CaptureRole::Paying, .. } => payment("payment.paid"),
        Event::Captured { role: CaptureRole::Surplus, .. } => payment("payment.overpaid"),
        Event::AttemptUnknown { attempt, .. } if is_live(before, *attempt) => payment("payment.outcome_unknown"),
        Event::Cancelled => payment("payment.cancelled"),
        Event::Expired => payment("payment.expired"),
        Event::Failed => payment("payment.failed"),
        Event::CaptureReversed { capture, .. } if pays(before, *capture) => payment("payment.reversed"),
        Event::RefundRequested { refund, .. } => of_refund("refund.requested", refund),
        Event::RefundApproved { refund, .. } => of_refund("refund.approved", refund),
        Event::RefundRejected { refund } => of_refund("refund.rejected", refund),
        Event::RefundUnknown { refund, .. } => of_refund("refund.outcome_unknown", refund),
        Event::RefundSucceeded { refund, .. } => of_refund("refund.succeeded", refund),
        Event::RefundFailed { refund, .. } => of_refund("refund.failed", refund),
        Event::RefundReturned { refund, .. } => of_refund("refund.returned", refund),
        Event::DisputeOpened { .. } => payment("dispute.opened"),
        Event::DisputeDebited { .. } => payment("dispute.debited"),
        Event::DisputeWon { .. } => payment("dispute.won"),
        Event::ExceptionOpened { .. } => payment("exception.opened"),
        Event::AttemptStarted { .. }
        | Event::TimeExtended { .. }
        | Event::CallSent { .. }
        | Event::CallNotSent { .. }
        | Event::PageOpened { .. }
        | Event::AttemptPending { .. }
        | Event::AttemptWaiting { .. }
        | Event::ReferenceLearned { .. }
        | Event::Authorised { .. }
        | Event::CloseIntended { .. }
        | Event::VoidIntended { .. }
        | Event::CaptureIntended { .. }
        | Event::CallAccepted { .. }
        | Event::CallSettled { .. }
        | Event::AttemptEnded { .. }
        | Event::AttemptUnknown { .. }
        | Event::CaptureAdopted { .. }
        | Event::CaptureFailed { .. }
        | Event::CaptureReversed { .. }
        | Event::RefundSubmitted { .. }
        | Event::RefundAccepted { .. }
        | Event::Unexplained { .. } => None,
    }
}

fn is_live(before: Option<&Payment>, attempt: crate::domain::ids::AttemptId) -> bool {
    before.is_some_and(|payment| payment.state.live_attempt() == Some(attempt))
}

fn pays(before: Option<&Payment>, capture: crate::domain::ids::CaptureId) -> bool {
    before.is_some_and(|payment| matches!(payment.state, State::Paid { capture: paying, .. } if paying == capture))
}
