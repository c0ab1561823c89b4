//! What is to appear in a settlement report.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::money::Money;

/// One movement of money, before or after it was settled.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Booking {
    pub(crate) kind: BookingKind,
    pub(crate) at: Timestamp,
    /// The payment's reference.
    pub(crate) payment: String,
    /// The reference of the capture, refund or dispute itself.
    pub(crate) modification: String,
    /// What the merchant called the payment.
    pub(crate) merchant_reference: String,
    /// What the merchant called the capture or refund.
    pub(crate) modification_reference: Option<String>,
    /// Never negative; the kind says the direction.
    pub(crate) amount: Money,
    /// The batch in which it was settled.
    pub(crate) batch: Option<u64>,
}

/// The type of a line, in the words of Adyen's report.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BookingKind {
    Settled,
    Refunded,
    RefundedReversed,
    Chargeback,
    SecondChargeback,
    ChargebackReversed,
}

impl BookingKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Settled => "Settled",
            Self::Refunded => "Refunded",
            Self::RefundedReversed => "RefundedReversed",
            Self::Chargeback => "Chargeback",
            Self::SecondChargeback => "SecondChargeback",
            Self::ChargebackReversed => "ChargebackReversed",
        }
    }

    /// Whether the line is in the merchant's favour.
    pub(crate) fn is_credit(self) -> bool {
        match self {
            Self::Settled | Self::RefundedReversed | Self::ChargebackReversed => true,
            Self::Refunded | Self::Chargeback | Self::SecondChargeback => false,
        }
    }
}
