//! What a provider says about money on its way back.

use zahlstelle_contract::{
    money::Money,
    provider::Mismatch,
    reference::{MerchantReference, ProviderCode, ProviderReference},
};

use super::{Recorder, money::negative};
use crate::domain::{
    attempt::{Attempt, UnknownReason},
    event::{Event, ExceptionCause, MoneyKind},
    refund::{Refund, RefundState},
};

impl Recorder<'_> {
    pub(super) fn refunded(
        &self,
        attempt: &Attempt,
        reference: &ProviderReference,
        merchant_reference: Option<&MerchantReference>,
        amount: Money,
    ) -> Vec<Event> {
        let Some(refund) = self.refund_named(attempt, reference, merchant_reference) else {
            return self.foreign_refund(attempt, reference, amount);
        };
        let succeeded = Event::RefundSucceeded { refund: refund.id, reference: reference.clone() };
        match &refund.state {
            RefundState::Submitted { .. } | RefundState::Unknown { .. } if amount == refund.amount => vec![succeeded],
            RefundState::Submitted { .. } | RefundState::Unknown { .. } => vec![
                Self::unexplained(attempt, MoneyKind::Refund, reference, negative(amount)),
                Event::RefundUnknown {
                    refund: refund.id,
                    cause: UnknownReason::Mismatch { what: Mismatch::Amount },
                    due_at: self.context.outcome_due_at,
                },
                self.exception(ExceptionCause::RefundContradicted { refund: refund.id }),
            ],
            RefundState::Succeeded { reference: known } | RefundState::Returned { reference: known, .. }
                if known == reference =>
            {
                Vec::new()
            }
            // It was thought to have failed; the money went back after all, and the books are put right by new entries.
            RefundState::Failed { .. } if amount == refund.amount && self.fits(refund) => {
                vec![succeeded, self.exception(ExceptionCause::RefundContradicted { refund: refund.id })]
            }
            RefundState::Requested
            | RefundState::Approved
            | RefundState::Rejected
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. }
            | RefundState::Returned { .. } => self.foreign_refund(attempt, reference, amount),
        }
    }

    /// Whether a refund that no longer reserves its amount could take it again.
    fn fits(&self, refund: &Refund) -> bool {
        self.payment
            .capture(refund.capture)
            .is_some_and(|capture| refund.amount.minor() <= self.payment.refundable_minor(capture))
    }

    fn foreign_refund(&self, attempt: &Attempt, reference: &ProviderReference, amount: Money) -> Vec<Event> {
        vec![
            Self::unexplained(attempt, MoneyKind::Refund, reference, negative(amount)),
            self.exception(ExceptionCause::ForeignRefund { reference: reference.clone(), amount }),
        ]
    }

    pub(super) fn refund_failed(
        &self,
        attempt: &Attempt,
        reference: &ProviderReference,
        merchant_reference: Option<&MerchantReference>,
        code: &ProviderCode,
    ) -> Vec<Event> {
        let Some(refund) = self.refund_named(attempt, reference, merchant_reference) else {
            return vec![self.impossible("refund_failed", Some(reference))];
        };
        match &refund.state {
            RefundState::Submitted { .. } | RefundState::Unknown { .. } => {
                vec![Event::RefundFailed { refund: refund.id, code: code.clone() }]
            }
            // A refund that had succeeded and then failed is money that came back.
            RefundState::Succeeded { .. } => vec![
                Event::RefundReturned { refund: refund.id, reference: reference.clone() },
                self.exception(ExceptionCause::RefundContradicted { refund: refund.id }),
            ],
            RefundState::Failed { .. } | RefundState::Returned { .. } => Vec::new(),
            RefundState::Requested | RefundState::Approved | RefundState::Rejected => {
                vec![self.impossible("refund_failed", Some(reference))]
            }
        }
    }

    pub(super) fn refund_returned(
        &self,
        attempt: &Attempt,
        reference: &ProviderReference,
        amount: Money,
    ) -> Vec<Event> {
        let Some(refund) = self.refund_named(attempt, reference, None).filter(|refund| refund.amount == amount) else {
            return vec![
                Self::unexplained(attempt, MoneyKind::Return, reference, amount),
                self.impossible("refund_returned", Some(reference)),
            ];
        };
        let returned = Event::RefundReturned { refund: refund.id, reference: reference.clone() };
        match &refund.state {
            RefundState::Succeeded { .. } => vec![returned],
            RefundState::Submitted { .. } | RefundState::Unknown { .. } => {
                vec![Event::RefundSucceeded { refund: refund.id, reference: reference.clone() }, returned]
            }
            RefundState::Failed { .. } | RefundState::Returned { .. } => Vec::new(),
            RefundState::Requested | RefundState::Approved | RefundState::Rejected => {
                vec![self.impossible("refund_returned", Some(reference))]
            }
        }
    }

    /// The refund that a provider speaks of: by its own reference first, by the name we gave it otherwise.
    fn refund_named(
        &self,
        attempt: &Attempt,
        reference: &ProviderReference,
        merchant_reference: Option<&MerchantReference>,
    ) -> Option<&Refund> {
        let by_reference = self.payment.refunds.iter().find(|refund| match &refund.state {
            RefundState::Submitted { reference: Some(known) }
            | RefundState::Succeeded { reference: known }
            | RefundState::Returned { reference: known, .. } => known == reference,
            RefundState::Requested
            | RefundState::Approved
            | RefundState::Rejected
            | RefundState::Submitted { reference: None }
            | RefundState::Failed { .. }
            | RefundState::Unknown { .. } => false,
        });
        let by_name = || {
            self.payment
                .refunds
                .iter()
                .find(|refund| Some(&self.payment.refund_reference(attempt, refund)) == merchant_reference)
        };
        by_reference.or_else(by_name)
    }
}
