//! What a provider's report says about one transaction or one payout.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    money::Money,
    reference::{MerchantReference, ProviderCode, ProviderReference},
};

/// One line of a settlement report. Amounts are from our side: positive is in our favour.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SettlementLine {
    /// The line of the report it stands in, counted from 1 with the header.
    pub line: u64,
    /// What it is about.
    pub kind: SettlementKind,
    /// The provider's reference of the payment.
    pub payment: Option<ProviderReference>,
    /// The provider's reference of the capture, refund or dispute itself.
    pub modification: Option<ProviderReference>,
    /// What we had called it.
    pub merchant_reference: Option<MerchantReference>,
    /// The amount before fees.
    pub gross: Money,
    /// The fee; negative when it is taken from us.
    pub fee: Money,
    /// What it changes in the payout: gross plus fee.
    pub net: Money,
    /// The batch or payout it belongs to.
    pub batch: Option<ProviderCode>,
    /// When it happened, by the report.
    pub occurred_at: Option<Timestamp>,
    /// The day of the payout, for lines that are one.
    pub payout_on: Option<Date>,
}

/// What a line of a report is about.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SettlementKind {
    /// A capture.
    Captured,
    /// A refund.
    Refunded,
    /// A refund that came back.
    RefundReturned,
    /// A chargeback.
    DisputeDebited,
    /// A chargeback that was won.
    DisputeWon,
    /// A fee on its own.
    Fee,
    /// The payout of the batch to the bank.
    Payout,
    /// A payout that came back from the bank.
    PayoutReturned,
    /// A balance carried from or to another batch, or held in reserve.
    Carried,
    /// Something we have no rule for; it goes to the exceptions.
    Other {
        /// The provider's name of it.
        code: ProviderCode,
    },
}

/// Why a report cannot be read. Nothing of an unreadable report is used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReportError {
    /// A column that is needed is missing.
    #[error("column {column} is missing")]
    MissingColumn {
        /// Its name.
        column: &'static str,
    },
    /// A field does not parse.
    #[error("line {line}, column {column}: unreadable")]
    BadField {
        /// The line, counted from 1 with the header.
        line: u64,
        /// Its column.
        column: &'static str,
    },
    /// The sums of a line do not fit together.
    #[error("line {line}: gross and fee do not make net")]
    Unbalanced {
        /// The line, counted from 1 with the header.
        line: u64,
    },
    /// More lines than a report may have.
    #[error("more than {lines_max} lines")]
    TooLong {
        /// The limit.
        lines_max: u64,
    },
}
