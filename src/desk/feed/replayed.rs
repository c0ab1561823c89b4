//! The payments of a page of the feed, each read and replayed once, however many of its events the page has.

use std::collections::BTreeMap;

use jiff::civil::Date;
use uuid::Uuid;

use super::{FeedEvent, Snapshot, public_type};
use crate::{
    desk::{
        Desk, DeskError, TenantDesk,
        log::{self, PaymentRecord},
        side::{self, PaymentSide, RefundSide},
        view::{self, RefundView},
    },
    domain::{
        event::Recorded,
        ids::{PaymentId, RefundId},
        payment::Payment,
    },
    store::{
        commit::StreamKind,
        read::{SealedRecord, StoredRecord},
    },
};

/// Makes events of records that come in the order of the log.
pub(super) struct Reader<'d> {
    desk: &'d Desk,
    tenant: &'d TenantDesk,
    payments: BTreeMap<Uuid, Replayed>,
}

/// A payment on its way through a page.
struct Replayed {
    stream: Vec<StoredRecord>,
    side: Option<PaymentSide>,
    payment: Option<Payment>,
    /// The words of refunds that were looked up.
    reasons: BTreeMap<RefundId, Option<String>>,
    /// The day of the version that paid it, once that was looked up.
    booking_day: Option<(u64, Option<Date>)>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(desk: &'d Desk, tenant: &'d TenantDesk) -> Self {
        Self { desk, tenant, payments: BTreeMap::new() }
    }

    /// The event of a record, if portals see it and its type is wanted.
    pub(super) async fn event(
        &mut self,
        record: &SealedRecord,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Option<FeedEvent>, DeskError> {
        if record.kind != StreamKind::Payment {
            return Ok(None);
        }
        let body: PaymentRecord = serde_json::from_slice(&record.body)?;
        let (desk, tenant) = (self.desk, self.tenant);
        let replayed = match self.payments.remove(&record.stream) {
            Some(replayed) => replayed,
            None => Replayed::read(desk, tenant, record.stream).await?,
        };
        let replayed = self.payments.entry(record.stream).or_insert(replayed);
        let id = PaymentId(record.stream);
        replayed.bring_to(id, record.version.saturating_sub(1))?;
        let told = public_type(replayed.payment.as_ref(), &body.event);
        replayed.apply(id, &Recorded { at: record.at, event: body.event })?;
        let Some((kind, refund)) = told.filter(|(kind, _)| wanted(kind)) else { return Ok(None) };
        let data = replayed.snapshot(desk, tenant, refund).await?;
        let (created_at, position, stream) = (record.at, record.position, record.stream);
        Ok(Some(FeedEvent { id: event_id(record), kind, created_at, position, data, stream }))
    }
}

impl Replayed {
    async fn read(desk: &Desk, tenant: &TenantDesk, stream: Uuid) -> Result<Self, DeskError> {
        let (stream, side) = desk.store.dossier(tenant.tenant.id.as_str(), stream).await?;
        let side = side.as_ref().map(side::open).transpose()?;
        Ok(Self { stream, side, payment: None, reasons: BTreeMap::new(), booking_day: None })
    }

    /// The payment as it was at a version, at 0 none at all.
    fn bring_to(&mut self, id: PaymentId, version: u64) -> Result<(), DeskError> {
        let at = |replayed: &Self| replayed.payment.as_ref().map_or(0, |payment| payment.version);
        // A page goes forward; what it has gone past begins anew.
        if at(self) > version {
            self.payment = None;
        }
        let missing: Vec<Recorded> = self
            .stream
            .iter()
            .filter(|record| record.version > at(self) && record.version <= version)
            .map(log::recorded)
            .collect::<Result<_, _>>()?;
        missing.iter().try_for_each(|recorded| self.apply(id, recorded))
    }

    fn apply(&mut self, id: PaymentId, recorded: &Recorded) -> Result<(), DeskError> {
        match &mut self.payment {
            None => self.payment = Some(Payment::create(id, recorded)?),
            Some(payment) => payment.apply(&recorded.event, recorded.at)?,
        }
        Ok(())
    }

    /// The object that an event is about, as it is now in the replay.
    async fn snapshot(
        &mut self,
        desk: &Desk,
        tenant: &TenantDesk,
        about: Option<RefundId>,
    ) -> Result<Snapshot, DeskError> {
        let payment = self.payment.take().ok_or(DeskError::NotFound)?;
        let made = self.snapshot_of(desk, tenant, &payment, about).await;
        self.payment = Some(payment);
        made
    }

    async fn snapshot_of(
        &mut self,
        desk: &Desk,
        tenant: &TenantDesk,
        payment: &Payment,
        about: Option<RefundId>,
    ) -> Result<Snapshot, DeskError> {
        if let Some(refund) = about.and_then(|refund| payment.refund(refund)) {
            let reason = self.reason(desk, tenant, refund.id).await?;
            return Ok(Snapshot::Refund(Box::new(view::refund_view(payment, refund, reason))));
        }
        let mut refunds: Vec<RefundView> = Vec::with_capacity(payment.refunds.len());
        for refund in &payment.refunds {
            let reason = self.reason(desk, tenant, refund.id).await?;
            refunds.push(view::refund_view(payment, refund, reason));
        }
        let booking_day = self.booking_day(desk, tenant, payment).await?;
        Ok(Snapshot::Payment(Box::new(desk.compose(tenant, payment, self.side.clone(), refunds, booking_day))))
    }

    async fn reason(
        &mut self,
        desk: &Desk,
        tenant: &TenantDesk,
        refund: RefundId,
    ) -> Result<Option<String>, DeskError> {
        if let Some(known) = self.reasons.get(&refund) {
            return Ok(known.clone());
        }
        let side = desk.store.side(tenant.tenant.id.as_str(), refund.0).await?;
        let side: Option<RefundSide> = side.as_ref().map(side::open).transpose()?;
        let reason = side.map(|side| side.reason);
        self.reasons.insert(refund, reason.clone());
        Ok(reason)
    }

    async fn booking_day(
        &mut self,
        desk: &Desk,
        tenant: &TenantDesk,
        payment: &Payment,
    ) -> Result<Option<Date>, DeskError> {
        let Some(paid) = payment.paid else { return Ok(None) };
        match self.booking_day {
            Some((version, day)) if version == paid.version => Ok(day),
            Some(_) | None => {
                let day = desk.store.booking_day(tenant.tenant.id.as_str(), payment.id.0, paid.version).await?;
                self.booking_day = Some((paid.version, day));
                Ok(day)
            }
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
