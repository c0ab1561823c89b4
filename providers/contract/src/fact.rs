//! What a provider says has happened, whatever way it told us: by notification, by answer or when asked.

use serde::{Deserialize, Serialize};

use crate::{
    money::Money,
    reference::{MerchantReference, ProviderCode, ProviderReference},
};

/// One fact about money at a provider. `payment` is the provider's reference of the authorisation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum ProviderFact {
    /// The payment was authorised. Under automatic capture this *is* the capture, for a provider that reports no other.
    Authorised {
        /// The provider's reference of the payment.
        payment: ProviderReference,
        /// What was authorised.
        amount: Money,
    },
    /// A try was refused; a hosted page may stay payable.
    Refused {
        /// The provider's reference of the refused try.
        payment: Option<ProviderReference>,
        /// The provider's reason.
        code: ProviderCode,
    },
    /// The provider waits for something of its own, e.g. a bank.
    Pending {
        /// The provider's reference, when there is one.
        payment: Option<ProviderReference>,
    },
    /// Money was taken.
    Captured {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The capture's own reference.
        capture: ProviderReference,
        /// What was taken.
        amount: Money,
    },
    /// A capture that had been accepted failed.
    CaptureFailed {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The capture's own reference.
        capture: ProviderReference,
        /// The amount of the failed capture.
        amount: Money,
        /// The provider's reason.
        code: ProviderCode,
    },
    /// The authorisation was cancelled and can take no money any more.
    Voided {
        /// The payment it belongs to.
        payment: ProviderReference,
    },
    /// The provider refused to cancel, e.g. because it had already captured.
    VoidFailed {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The provider's reason.
        code: ProviderCode,
    },
    /// Money that had been taken went back without a refund of ours.
    Reversed {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The reversal's own reference.
        reversal: ProviderReference,
        /// What went back.
        amount: Money,
    },
    /// A refund took effect.
    Refunded {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The refund's own reference.
        refund: ProviderReference,
        /// What we had called the refund, when the provider repeats it.
        merchant_reference: Option<MerchantReference>,
        /// What went back.
        amount: Money,
    },
    /// A refund that had been accepted failed.
    RefundFailed {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The refund's own reference.
        refund: ProviderReference,
        /// What we had called the refund, when the provider repeats it.
        merchant_reference: Option<MerchantReference>,
        /// The amount of the failed refund.
        amount: Money,
        /// The provider's reason.
        code: ProviderCode,
    },
    /// A refund that had succeeded came back, e.g. because the card account is closed.
    RefundReturned {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The refund's own reference.
        refund: ProviderReference,
        /// What came back.
        amount: Money,
    },
    /// The payer's bank asks about a payment; no money has moved yet.
    DisputeOpened {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The dispute's own reference.
        dispute: ProviderReference,
        /// The disputed amount.
        amount: Money,
    },
    /// The payer's bank took the money back.
    DisputeDebited {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The dispute's own reference.
        dispute: ProviderReference,
        /// What was taken.
        amount: Money,
    },
    /// The money of a dispute came back to us.
    DisputeWon {
        /// The payment it belongs to.
        payment: ProviderReference,
        /// The dispute's own reference.
        dispute: ProviderReference,
        /// What came back.
        amount: Money,
    },
    /// Something we have no rule for: kept and counted, never marked as handled.
    Other {
        /// The provider's name of it.
        code: ProviderCode,
    },
}

impl ProviderFact {
    /// The provider's reference of the payment the fact is about, when it names one.
    pub fn payment(&self) -> Option<&ProviderReference> {
        match self {
            Self::Authorised { payment, .. }
            | Self::Captured { payment, .. }
            | Self::CaptureFailed { payment, .. }
            | Self::Voided { payment }
            | Self::VoidFailed { payment, .. }
            | Self::Reversed { payment, .. }
            | Self::Refunded { payment, .. }
            | Self::RefundFailed { payment, .. }
            | Self::RefundReturned { payment, .. }
            | Self::DisputeOpened { payment, .. }
            | Self::DisputeDebited { payment, .. }
            | Self::DisputeWon { payment, .. } => Some(payment),
            Self::Refused { payment, .. } | Self::Pending { payment } => payment.as_ref(),
            Self::Other { .. } => None,
        }
    }
}
