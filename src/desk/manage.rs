//! Capturing, cancelling and ending payments.

use uuid::Uuid;
use zahlstelle_contract::money::Money;

use super::{
    Desk, DeskError, TenantDesk,
    change::Extra,
    idempotency::{Answered, Idempotency},
    later,
};
use crate::{
    domain::{
        call::Purpose,
        decide::Command,
        ids::{CallId, ExceptionId, PaymentId},
        payment::{Payment, State},
    },
    store::commit::Space,
};

/// The HTTP status of an answer that is complete.
const OK: u16 = 200;
/// The HTTP status of an answer whose end the provider will tell.
const ACCEPTED: u16 = 202;
/// The HTTP status of an answer that says the payment went another way.
const CONFLICT: u16 = 409;

impl Desk {
    /// Gives up a payment: closes its live attempt at the provider, asks, and only then ends it.
    pub async fn cancel(&self, tenant: &str, id: PaymentId, idempotency: &Idempotency) -> Result<Answered, DeskError> {
        let desk = self.tenant(tenant)?;
        let command = Command::Cancel { call: CallId(self.id()) };
        if let Some(answered) = self.begin(desk, id, id.0, &command, idempotency).await? {
            return Ok(answered);
        }
        let payment = self.finish_cancelling(desk, id).await?;
        let status = match payment.state {
            State::Cancelled => OK,
            State::Authorised { .. } if payment.calls.is_empty() => CONFLICT,
            State::Authorised { .. } | State::Processing { .. } | State::OutcomeUnknown { .. } => ACCEPTED,
            State::Open | State::Paid { .. } | State::Reversed { .. } | State::Expired | State::Failed => CONFLICT,
        };
        self.answer(desk, id, id.0, idempotency, status).await
    }

    /// The citizen gives up at the checkout.
    pub async fn cancel_by_payer(&self, tenant: &str, id: PaymentId) -> Result<Payment, DeskError> {
        let desk = self.tenant(tenant)?;
        let command = Command::Cancel { call: CallId(self.id()) };
        self.command(desk, id, &command, &Extra::default()).await?;
        self.finish_cancelling(desk, id).await
    }

    async fn finish_cancelling(&self, desk: &TenantDesk, id: PaymentId) -> Result<Payment, DeskError> {
        let payment = self.payment(desk.tenant.id.as_str(), id).await?;
        self.carry_out_closing(desk, &payment).await?;
        // The page may have said that the money is held; then the hold is given up.
        self.carry_out_unsent(desk, id).await
    }

    /// Takes authorised money. The provider tells the end later, unless it does it at once.
    pub async fn capture(
        &self,
        tenant: &str,
        id: PaymentId,
        amount: Option<Money>,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let desk = self.tenant(tenant)?;
        let command = Command::Capture { amount, call: CallId(self.id()) };
        if let Some(answered) = self.begin(desk, id, id.0, &command, idempotency).await? {
            return Ok(answered);
        }
        let payment = self.payment(tenant, id).await?;
        let capturing = payment.calls.iter().find(|call| matches!(call.purpose, Purpose::Capture { .. }));
        let payment = match capturing.map(|call| call.id) {
            Some(call) => self.carry_out(desk, id, call).await?,
            None => payment,
        };
        let status = match payment.state {
            State::Paid { .. } => OK,
            // Nothing is under way any more: the provider has refused.
            State::Authorised { .. } if payment.calls.is_empty() => CONFLICT,
            State::Authorised { .. } | State::OutcomeUnknown { .. } => ACCEPTED,
            State::Open
            | State::Processing { .. }
            | State::Reversed { .. }
            | State::Cancelled
            | State::Expired
            | State::Failed => CONFLICT,
        };
        self.answer(desk, id, id.0, idempotency, status).await
    }

    /// Decides a command under a key. An answer means that it was given before; none, that the work is to be done.
    pub(super) async fn begin(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        holder: Uuid,
        command: &Command,
        idempotency: &Idempotency,
    ) -> Result<Option<Answered>, DeskError> {
        let lease = later(self.now(), self.settings.idempotency_lease);
        let extra = Extra { claims: vec![idempotency.begun(holder, lease)], ..Extra::default() };
        match self.command(desk, id, command, &extra).await {
            Ok(_) => Ok(None),
            Err(DeskError::Taken(taken)) if taken.key.space == Space::Idempotency => {
                self.resume(desk, id, &taken.claim, idempotency).await
            }
            // A repetition is refused by what its first request did; the first answer counts.
            Err(DeskError::Refused(refusal)) => {
                match self.store.claim(desk.tenant.id.as_str(), &idempotency.key).await? {
                    Some(claim) => self.resume(desk, id, &claim, idempotency).await,
                    None => Err(DeskError::Refused(refusal)),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Ends a payment whose time is over, after closing and asking.
    pub(super) async fn expire(&self, desk: &TenantDesk, id: PaymentId) -> Result<Payment, DeskError> {
        let command = Command::Expire { call: CallId(self.id()) };
        let changed = self.command(desk, id, &command, &Extra::default()).await?;
        if changed.events.is_empty() {
            return Ok(changed.payment);
        }
        self.carry_out_closing(desk, &changed.payment).await
    }

    /// Voids an authorisation that lapses, or calls somebody beforehand.
    pub(super) async fn lapse(&self, desk: &TenantDesk, id: PaymentId) -> Result<Payment, DeskError> {
        let command = Command::Lapse { call: CallId(self.id()), exception: ExceptionId(self.id()) };
        let changed = self.command(desk, id, &command, &Extra::default()).await?;
        if changed.events.is_empty() {
            return Ok(changed.payment);
        }
        self.carry_out_closing(desk, &changed.payment).await
    }
}
