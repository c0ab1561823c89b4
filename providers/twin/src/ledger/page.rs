//! A hosted page: what it asks for and whether it can still be paid.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::money::Money;

use super::Calls;

/// A hosted page of Adyen, called payment link.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Page {
    pub(crate) id: String,
    pub(crate) merchant_reference: String,
    pub(crate) amount: Money,
    pub(crate) return_url: Option<String>,
    /// The neutral text that the payer sees.
    pub(crate) description: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) capture: CapturePlan,
    pub(crate) reusable: bool,
    pub(crate) expires_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) condition: Condition,
    /// The members of the request, which every answer repeats.
    pub(crate) echo: serde_json::Map<String, serde_json::Value>,
    /// References of the payments and tries made on it.
    pub(crate) payments: Vec<String>,
    pub(crate) calls: Calls,
    pub(crate) executed: Calls,
}

/// When the money of an approved payment is taken.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CapturePlan {
    /// As it is authorised; no notification of its own tells of it.
    AtOnce,
    /// By the provider, so many hours later.
    AfterHours(i64),
    /// When the merchant asks for it.
    OnRequest,
}

/// What has happened to a page, apart from the time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    Open,
    Pending,
    Completed,
    /// Closed by request of the merchant.
    Closed,
}

/// The status in Adyen's words.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum LinkStatus {
    Active,
    PaymentPending,
    Completed,
    Expired,
}

impl Page {
    pub(crate) fn status(&self, now: Timestamp) -> LinkStatus {
        match self.condition {
            Condition::Open if now >= self.expires_at => LinkStatus::Expired,
            Condition::Open => LinkStatus::Active,
            Condition::Pending => LinkStatus::PaymentPending,
            Condition::Completed => LinkStatus::Completed,
            Condition::Closed => LinkStatus::Expired,
        }
    }

    pub(crate) fn is_payable(&self, now: Timestamp) -> bool {
        self.status(now) == LinkStatus::Active
    }

    pub(crate) fn set_condition(&mut self, condition: Condition, now: Timestamp) {
        self.condition = condition;
        self.updated_at = Some(now);
    }
}
