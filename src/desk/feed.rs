//! The event feed: the sealed log, seen by portals.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{
    Desk, DeskError, TenantDesk, log,
    view::{PaymentView, RefundView},
};
use crate::{
    domain::{
        attempt::CaptureRole,
        event::{Event, Recorded},
        ids::{PaymentId, RefundId},
        payment::{Payment, State},
    },
    store::{commit::StreamKind, read::SealedRecord},
};

/// How many records of the log are looked through for one page of the feed.
const RECORDS_MAX: u32 = 1_000;

/// An event as portals see it; `data` is the object as it was then.
#[derive(Clone, Debug, Serialize)]
pub struct FeedEvent {
    id: Uuid,
    #[serde(rename = "type")]
    kind: &'static str,
    created_at: Timestamp,
    position: u64,
    data: Snapshot,
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

impl FeedPage {
    /// Whether it has no event.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

impl Desk {
    /// The events after a position. Positions may skip numbers, but miss nothing.
    pub async fn feed(&self, tenant: &str, after: u64, limit: usize) -> Result<FeedPage, DeskError> {
        let desk = self.tenant(tenant)?;
        let mut page = FeedPage { data: Vec::new(), next_after: after };
        loop {
            let records = self.store.log(tenant, page.next_after, RECORDS_MAX).await?;
            let last = records.len() < usize::try_from(RECORDS_MAX).unwrap_or(usize::MAX);
            for record in &records {
                if page.data.len() >= limit {
                    return Ok(page);
                }
                if let Some(event) = self.feed_event(desk, record).await? {
                    page.data.push(event);
                    page.next_after = record.position;
                } else if !page.data.is_empty() || !last {
                    page.next_after = record.position;
                }
            }
            if last && page.data.is_empty() {
                page.next_after = after;
            }
            if last || !page.data.is_empty() {
                return Ok(page);
            }
        }
    }

    async fn feed_event(&self, desk: &TenantDesk, record: &SealedRecord) -> Result<Option<FeedEvent>, DeskError> {
        if record.kind != StreamKind::Payment {
            return Ok(None);
        }
        let body: log::PaymentRecord = serde_json::from_slice(&record.body)?;
        let tenant = desk.tenant.id.as_str();
        let id = PaymentId(record.stream);
        let before = match record.version {
            1 => None,
            version => Some(self.payment_at(tenant, id, version.saturating_sub(1)).await?),
        };
        let Some((kind, refund)) = public_type(before.as_ref(), &body.event) else { return Ok(None) };
        let after = after_of(before, id, body.event, record.at)?;
        let data = match refund.and_then(|refund| after.refund(refund)) {
            Some(refund) => Snapshot::Refund(Box::new(self.view_refund(desk, &after, refund).await?)),
            None => Snapshot::Payment(Box::new(self.view(desk, &after).await?)),
        };
        Ok(Some(FeedEvent { id: event_id(record), kind, created_at: record.at, position: record.position, data }))
    }
}

fn after_of(before: Option<Payment>, id: PaymentId, event: Event, at: Timestamp) -> Result<Payment, DeskError> {
    match before {
        None => Ok(Payment::create(id, &Recorded { at, event })?),
        Some(mut payment) => {
            payment.apply(&event, at)?;
            Ok(payment)
        }
    }
}

/// The id of an event: it follows from its moment and the hash of its place in the log, so every view has the same.
fn event_id(record: &SealedRecord) -> Uuid {
    let mut random = [0; 10];
    random.copy_from_slice(record.hash.split_at(10).0);
    let millis = u64::try_from(record.at.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
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
