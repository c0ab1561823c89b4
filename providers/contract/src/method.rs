//! How a citizen pays, and when the money is taken.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A way to pay, as the public API names it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Credit or debit card on a page of the provider.
    Card,
    /// The wallet of the same name.
    #[serde(rename = "paypal")]
    PayPal,
    /// Google Pay.
    GooglePay,
    /// Apple Pay.
    ApplePay,
}

impl Method {
    /// Every method, in the order in which a checkout offers them.
    pub const ALL: [Self; 4] = [Self::Card, Self::PayPal, Self::GooglePay, Self::ApplePay];

    /// The name in the API, in forms and in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::PayPal => "paypal",
            Self::GooglePay => "google_pay",
            Self::ApplePay => "apple_pay",
        }
    }

    /// The method of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Whether an authorisation is captured at once or by a command of the portal.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// The provider captures as it authorises.
    #[default]
    Automatic,
    /// The money is only held until the portal captures it.
    Manual,
}
