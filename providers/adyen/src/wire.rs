//! Adyen's JSON, in exactly the members that we send or read (Checkout API v71). Unknown members are ignored.

use serde::{Deserialize, Serialize};
use zahlstelle_contract::{
    money::{Currency, Money},
    outcome::CallError,
    provider::Echo,
    reference::MerchantReference,
};

use crate::errors::UNREADABLE;

/// Currencies whose minor units Adyen counts otherwise than ISO 4217 does. They are refused, because an amount would
/// be wrong by a factor of one hundred in one direction or the other.
const EXPONENT_DIFFERS: [&str; 4] = ["CLP", "CVE", "IDR", "ISK"];

/// Amounts from here on, in minor units, are no payment of a citizen but nonsense. Below it the money of every currency
/// can be written and read again, and hundreds of such amounts still add up.
const AMOUNT_MINOR_END: i64 = 10_000_000_000_000_000;

/// `Amount`: minor units as a JSON integer; a fraction or an exponent does not deserialise.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Amount {
    pub(crate) currency: String,
    pub(crate) value: i64,
}

impl Amount {
    /// The amount to ask for, unless it is nothing, negative or of a currency that Adyen counts otherwise.
    pub(crate) fn to_ask(money: Money) -> Option<Self> {
        let currency = money.currency().code();
        (money.is_positive() && !EXPONENT_DIFFERS.contains(&currency))
            .then(|| Self { currency: currency.to_owned(), value: money.minor() })
    }

    /// The amount as money, unless it is negative, beyond all measure or of a currency that we cannot count.
    pub(crate) fn to_money(&self) -> Option<Money> {
        if !(0..AMOUNT_MINOR_END).contains(&self.value) || EXPONENT_DIFFERS.contains(&self.currency.as_str()) {
            return None;
        }
        Some(Money::from_minor(self.value, Currency::from_code(&self.currency).ok()?))
    }
}

/// `PaymentLinkRequest`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkRequest<'a> {
    pub(crate) merchant_account: &'a str,
    pub(crate) amount: Amount,
    pub(crate) reference: &'a str,
    pub(crate) description: &'a str,
    pub(crate) allowed_payment_methods: [&'static str; 1],
    pub(crate) manual_capture: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capture_delay_hours: Option<u8>,
    pub(crate) reusable: bool,
    pub(crate) expires_at: String,
    pub(crate) shopper_locale: &'a str,
    pub(crate) return_url: &'a str,
}

/// `UpdatePaymentLinkRequest`: the only change a link allows.
#[derive(Debug, Serialize)]
pub(crate) struct ExpireLink {
    pub(crate) status: &'static str,
}

/// `PaymentLinkResponse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkResponse {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) status: LinkStatus,
    pub(crate) merchant_account: String,
    pub(crate) reference: String,
    pub(crate) amount: Amount,
    pub(crate) expires_at: Option<String>,
}

/// The state of a link. A state that is not listed does not deserialise: it must not be taken for one we know.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum LinkStatus {
    Active,
    PaymentPending,
    Completed,
    Paid,
    Expired,
}

/// `PaymentCaptureRequest` and `PaymentRefundRequest`; without amount `PaymentCancelRequest`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModificationRequest<'a> {
    pub(crate) merchant_account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Amount>,
    pub(crate) reference: &'a str,
}

/// `PaymentCaptureResponse`, `PaymentCancelResponse` and `PaymentRefundResponse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModificationResponse {
    pub(crate) merchant_account: String,
    pub(crate) payment_psp_reference: String,
    pub(crate) psp_reference: String,
    pub(crate) reference: Option<String>,
    #[serde(rename = "status")]
    pub(crate) _status: Received,
    pub(crate) amount: Option<Amount>,
}

/// "This will always have the value received": anything else does not deserialise.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Received {
    Received,
}

/// What Adyen repeats of a request. An amount or a reference that we could not even have sent is unreadable, so that
/// it cannot pass for one that was not repeated.
pub(crate) fn echo(
    amount: Option<&Amount>,
    reference: Option<&str>,
    account_matches: bool,
    payment_matches: Option<bool>,
) -> Result<Echo, CallError> {
    let amount = amount.map(|amount| amount.to_money().ok_or(UNREADABLE)).transpose()?;
    let reference = reference.map(|text| MerchantReference::parse(text).map_err(|_| UNREADABLE)).transpose()?;
    Ok(Echo { amount, reference, account_matches: Some(account_matches), payment_matches })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e3_an_amount_is_an_integer_or_unreadable() {
        let read = |value: &str| serde_json::from_str::<Amount>(&format!(r#"{{"currency":"EUR","value":{value}}}"#));
        assert_eq!(read("1300").unwrap().to_money(), Some(Money::from_minor(1300, Currency::EUR)));
        for value in ["1300.0", "13e2", "1.3e3", "\"1300\"", "9223372036854775808", "-0", "null", "1_300"] {
            assert!(read(value).is_err(), "{value} was read as an amount");
        }
        assert!(read("-1").unwrap().to_money().is_none());
        assert!(read("9999999999999999").unwrap().to_money().is_some());
        assert!(read("10000000000000000").unwrap().to_money().is_none());
        assert!(read("9223372036854775807").unwrap().to_money().is_none());
        assert!(serde_json::from_str::<Amount>(r#"{"currency":"EUR","value":1,"value":2}"#).is_err());
    }

    #[test]
    fn e1_only_currencies_of_one_exponent_pass() {
        for (code, passes) in
            [("EUR", true), ("JPY", true), ("KWD", true), ("ISK", false), ("IDR", false), ("XAU", false)]
        {
            let amount = Amount { currency: code.to_owned(), value: 100 };
            assert_eq!(amount.to_money().is_some(), passes, "{code}");
        }
        let krona = Money::from_minor(100, Currency::from_code("ISK").unwrap());
        assert!(Amount::to_ask(krona).is_none());
        assert!(Amount::to_ask(Money::zero(Currency::EUR)).is_none());
    }
}
