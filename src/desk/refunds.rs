//! Giving money back.

use zahlstelle_contract::money::Money;

use super::{
    Desk, DeskError, TenantDesk,
    change::{self, Extra},
    idempotency::{Answered, Idempotency},
    later,
    side::{self, RefundSide},
};
use crate::{
    domain::{
        decide::{Command, RefundExtent, RefundRequest},
        ids::{CallId, CaptureId, ClientId, PaymentId, RefundId},
        payment::Payment,
    },
    store::commit::{Row, Space},
};

/// What a client wants back.
#[derive(Clone, Debug)]
pub struct RefundOrder {
    /// How much.
    pub extent: RefundExtent,
    /// Why, in the client's words.
    pub reason: String,
    /// Which capture; by default the paying one.
    pub capture: Option<CaptureId>,
    /// What the client believes can be refunded.
    pub expected_refundable: Option<Money>,
}

impl Desk {
    /// Requests a refund, and pays it back at once where nobody has to approve it.
    pub async fn request_refund(
        &self,
        tenant: &str,
        id: PaymentId,
        client: ClientId,
        order: &RefundOrder,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let desk = self.tenant(tenant)?;
        let payment = self.payment(tenant, id).await?;
        // What was answered stays the answer, even if the service has left the settings since.
        if let Some(claim) = self.store.claim(tenant, &idempotency.key).await? {
            return self.go_on_refunding(desk, id, &claim, idempotency).await;
        }
        let service = desk.tenant.services.get(payment.terms.service.as_str()).ok_or(DeskError::NotFound)?;
        let refund = RefundId(self.id());
        let reason = RefundSide { reason: order.reason.clone() };
        let (side, side_mac) = side::seal(refund.0, None, &reason, self.ids.bytes())?;
        let command = Command::RequestRefund(RefundRequest {
            refund,
            call: CallId(self.id()),
            capture: order.capture,
            extent: order.extent.clone(),
            expected_refundable: order.expected_refundable,
            approved: service.approval_chain.is_empty(),
            client,
            side_mac: Some(side_mac),
        });
        let lease = later(self.now(), self.settings.idempotency_lease);
        let claims = vec![idempotency.begun(refund.0, lease)];
        let extra = Extra { claims, rows: vec![Row::Side(side)], ..Extra::default() };
        match self.command(desk, id, &command, &extra).await {
            Ok(_) => self.pay_back(desk, id, refund, idempotency).await,
            Err(DeskError::Taken(taken)) if taken.key.space == Space::Idempotency => {
                self.go_on_refunding(desk, id, &taken.claim, idempotency).await
            }
            // What is refused now may be refused because the first request of this key was met.
            Err(DeskError::Refused(refusal)) => match self.store.claim(tenant, &idempotency.key).await? {
                Some(claim) => self.go_on_refunding(desk, id, &claim, idempotency).await,
                None => Err(DeskError::Refused(refusal)),
            },
            Err(error) => Err(error),
        }
    }

    async fn go_on_refunding(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        claim: &crate::store::read::Claim,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        match self.resume(desk, id, claim, idempotency).await? {
            Some(answered) => Ok(answered),
            None => self.pay_back(desk, id, RefundId(claim.holder), idempotency).await,
        }
    }

    async fn pay_back(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        refund: RefundId,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        self.send_refund(desk, id, refund).await?;
        self.answer(desk, id, refund.0, idempotency, 201).await
    }

    async fn send_refund(&self, desk: &TenantDesk, id: PaymentId, refund: RefundId) -> Result<(), DeskError> {
        let payment = self.payment(desk.tenant.id.as_str(), id).await?;
        if let Some(call) = payment.call_of_refund(refund) {
            self.carry_out(desk, id, call.id).await?;
        }
        Ok(())
    }

    /// The payment of a refund.
    pub async fn payment_of_refund(&self, tenant: &str, refund: RefundId) -> Result<Payment, DeskError> {
        let claim = self.store.claim(tenant, &change::refund_key(refund)).await?.ok_or(DeskError::NotFound)?;
        self.payment(tenant, PaymentId(claim.holder)).await
    }

    /// Takes up the proposal to return an overpayment. Refunds that somebody requested need the steps of their chain.
    pub async fn approve_refund(
        &self,
        tenant: &str,
        refund: RefundId,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let desk = self.tenant(tenant)?;
        let payment = self.payment_of_refund(tenant, refund).await?;
        self.must_be_open_to_clients(desk, &payment, refund, idempotency).await?;
        let command = Command::ApproveRefund { refund, call: CallId(self.id()) };
        if let Some(answered) = self.begin(desk, payment.id, refund.0, &command, idempotency).await? {
            return Ok(answered);
        }
        self.send_refund(desk, payment.id, refund).await?;
        self.answer(desk, payment.id, refund.0, idempotency, 200).await
    }

    /// Refuses a refund that waits for approval.
    pub async fn reject_refund(
        &self,
        tenant: &str,
        refund: RefundId,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let desk = self.tenant(tenant)?;
        let payment = self.payment_of_refund(tenant, refund).await?;
        self.must_be_open_to_clients(desk, &payment, refund, idempotency).await?;
        let command = Command::RejectRefund { refund };
        if let Some(answered) = self.begin(desk, payment.id, refund.0, &command, idempotency).await? {
            return Ok(answered);
        }
        self.answer(desk, payment.id, refund.0, idempotency, 200).await
    }

    /// A key may act for nobody where a chain names persons. A request whose key is known was judged when it first came.
    async fn must_be_open_to_clients(
        &self,
        desk: &TenantDesk,
        payment: &Payment,
        refund: RefundId,
        idempotency: &Idempotency,
    ) -> Result<(), DeskError> {
        if self.store.claim(desk.tenant.id.as_str(), &idempotency.key).await?.is_some() {
            return Ok(());
        }
        payment.refund(refund).ok_or(DeskError::NotFound)?;
        let service = desk.tenant.services.get(payment.terms.service.as_str()).ok_or(DeskError::NotFound)?;
        if service.approval_chain.is_empty() { Ok(()) } else { Err(DeskError::NeedsPerson) }
    }
}
