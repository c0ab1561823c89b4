//! Captures, cancellations and refunds: Adyen only confirms that it received them.

use async_trait::async_trait;
use zahlstelle_contract::{
    outcome::CallError,
    provider::{Acceptance, Cancel, Capture, Effect, ModifyPayment, Refund},
    reference::ProviderReference,
    transport::HttpMethod,
};

use crate::{
    Adyen,
    errors::{BAD_REQUEST, UNREADABLE},
    wire::{Amount, ModificationRequest, ModificationResponse, echo},
};

#[async_trait]
impl Capture for Adyen {
    async fn capture(&self, request: &ModifyPayment) -> Result<Acceptance, CallError> {
        self.modify("captures", request, Some(Amount::to_ask(request.amount).ok_or(BAD_REQUEST)?)).await
    }
}

#[async_trait]
impl Cancel for Adyen {
    /// Gives up the whole authorisation; Adyen cancels no part of one, so the amount is not sent.
    async fn cancel(&self, request: &ModifyPayment) -> Result<Acceptance, CallError> {
        self.modify("cancels", request, None).await
    }
}

#[async_trait]
impl Refund for Adyen {
    /// Refunds against the payment; a capture of cards has no name of its own in this request.
    async fn refund(&self, request: &ModifyPayment) -> Result<Acceptance, CallError> {
        self.modify("refunds", request, Some(Amount::to_ask(request.amount).ok_or(BAD_REQUEST)?)).await
    }
}

impl Adyen {
    async fn modify(
        &self,
        kind: &'static str,
        request: &ModifyPayment,
        amount: Option<Amount>,
    ) -> Result<Acceptance, CallError> {
        let amount_must_return = amount.is_some();
        let body = ModificationRequest {
            merchant_account: &self.merchant_account,
            amount,
            reference: request.reference.as_str(),
        };
        let segments = ["payments", request.payment.as_str(), kind];
        let answer: ModificationResponse =
            self.client.send_json(HttpMethod::Post, &segments, &request.key, &body).await?;
        if amount_must_return && answer.amount.is_none() {
            return Err(UNREADABLE);
        }
        let reference = ProviderReference::parse(answer.psp_reference).map_err(|_| UNREADABLE)?;
        let echo = echo(
            answer.amount.as_ref(),
            answer.reference.as_deref(),
            answer.merchant_account == self.merchant_account,
            Some(answer.payment_psp_reference == request.payment.as_str()),
        )?;
        Ok(Acceptance { reference, effect: Effect::Received, echo })
    }
}
