//! Standard notifications: their form, their signature, and what can go wrong with them.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use zahlstelle_contract::money::Money;

use crate::{
    adyen::{PAYMENT_METHOD, api::OTHER_ACCOUNT},
    clock::after,
    faults::{Fault, LATE_SECONDS_DEFAULT, Operation, SKEW_SECONDS_DEFAULT},
    world::World,
};

/// Central European time by its rule, so that the twin needs no time zone files.
const BERLIN_POSIX: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// The civil time of the provider's reports and notifications.
pub(crate) fn berlin() -> TimeZone {
    TimeZone::posix(BERLIN_POSIX).unwrap_or(TimeZone::UTC)
}

/// What a notification tells.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) event: &'static str,
    pub(crate) psp: String,
    /// The reference of the payment, when the event is about something that happened to one.
    pub(crate) original: Option<String>,
    pub(crate) merchant_reference: String,
    pub(crate) amount: Money,
    pub(crate) success: bool,
    pub(crate) reason: String,
    pub(crate) additional: Vec<(&'static str, String)>,
    /// What the merchant may do next with a payment.
    pub(crate) operations: &'static [&'static str],
}

impl World {
    /// Queues a notification, unless a fault says otherwise.
    pub(crate) fn notify(&mut self, now: Timestamp, mut notice: Notice) {
        let mut strikes = |fault| self.state.faults.strikes(fault, Operation::Notification);
        if strikes(Fault::DropNotification).is_some() {
            return;
        }
        if strikes(Fault::WrongAmount).is_some() {
            let minor = notice.amount.minor().saturating_add(1);
            notice.amount = Money::from_minor(minor, notice.amount.currency());
        }
        let other_account = strikes(Fault::WrongAccount).is_some();
        let skew = strikes(Fault::SkewedClock).map_or(0, |strike| strike.seconds_or(SKEW_SECONDS_DEFAULT));
        let forged = strikes(Fault::BadSignature).is_some();
        let late = strikes(Fault::Late).map_or(0, |strike| strike.seconds_or(LATE_SECONDS_DEFAULT).max(0));
        let duplicate = strikes(Fault::Duplicate).is_some();
        let reorder = strikes(Fault::Reorder).is_some();

        let account = if other_account { OTHER_ACCOUNT } else { &self.settings.merchant_account };
        let item = item(&notice, account, after(now, skew), &self.settings.signer, forged);
        let body = json!({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}).to_string();
        let outbox = &mut self.state.outbox;
        if duplicate {
            outbox.push(now, after(now, late), body.clone());
        }
        if reorder {
            outbox.push_held(now, body);
        } else {
            outbox.push(now, after(now, late), body);
        }
    }
}

fn item(notice: &Notice, account: &str, at: Timestamp, signer: &Hmac<Sha256>, forged: bool) -> Map<String, Value> {
    let mut item = Map::new();
    let mut put = |name: &str, value: Value| {
        item.insert(name.to_owned(), value);
    };
    put("eventCode", notice.event.into());
    put("pspReference", notice.psp.clone().into());
    if let Some(original) = &notice.original {
        put("originalReference", original.clone().into());
    }
    put("merchantAccountCode", account.into());
    put("merchantReference", notice.merchant_reference.clone().into());
    put("amount", json!({"currency": notice.amount.currency().code(), "value": notice.amount.minor()}));
    put("success", if notice.success { "true" } else { "false" }.into());
    put("eventDate", at.to_zoned_datetime(berlin()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into());
    put("paymentMethod", PAYMENT_METHOD.into());
    put("reason", notice.reason.clone().into());
    if !notice.operations.is_empty() {
        put("operations", notice.operations.into());
    }
    let mut additional: Map<String, Value> =
        notice.additional.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    let signature = if forged { sign("forged", signer) } else { sign(&signed_text(&item), signer) };
    additional.insert("hmacSignature".to_owned(), signature.into());
    item.insert("additionalData".to_owned(), additional.into());
    item
}

/// The text under the signature: eight members joined by colons, what is missing is empty, nothing is escaped.
fn signed_text(item: &Map<String, Value>) -> String {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let amount = item.get("amount");
    let value = amount.and_then(|amount| amount.get("value")).and_then(Value::as_i64).unwrap_or_default();
    let currency = amount.and_then(|amount| amount.get("currency")).and_then(Value::as_str).unwrap_or_default();
    [
        text("pspReference"),
        text("originalReference"),
        text("merchantAccountCode"),
        text("merchantReference"),
        &value.to_string(),
        currency,
        text("eventCode"),
        text("success"),
    ]
    .join(":")
}

fn sign(text: &str, signer: &Hmac<Sha256>) -> String {
    let mut mac = signer.clone();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use hmac::KeyInit;

    use super::*;

    #[test]
    fn c14_signatures_are_those_of_the_published_vectors() {
        let folder = std::env::var_os("ZAHLSTELLE_VECTORS").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors")),
            PathBuf::from,
        );
        let Ok(vectors) = std::fs::read(folder.join("webhooks/adyen_hmac.json")) else {
            skip("no vectors of Adyen's signatures found; set ZAHLSTELLE_VECTORS");
            return;
        };
        let vectors: Value = serde_json::from_slice(&vectors).unwrap();
        let cases = vectors["payments_standard_webhook"].as_array().unwrap();
        assert!(cases.len() >= 5);
        for case in cases {
            let key = hex::decode(case["hmac_key_hex"].as_str().unwrap()).unwrap();
            let text = signed_text(case["notification_request_item"].as_object().unwrap());
            assert_eq!(text, case["data_to_sign"].as_str().unwrap());
            let signer = Hmac::new_from_slice(&key).unwrap();
            assert_eq!(sign(&text, &signer), case["expected_hmac_b64"].as_str().unwrap(), "{}", case["name"]);
        }
    }

    #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
    fn skip(why: &str) {
        eprintln!("SKIPPED: {why}");
    }

    #[test]
    fn berlin_knows_summer_and_winter() {
        let show = |text: &str| {
            text.parse::<Timestamp>().unwrap().to_zoned_datetime(berlin()).strftime("%H:%M %Z %:z").to_string()
        };
        assert_eq!(show("2026-10-25T00:30:00Z"), "02:30 CEST +02:00");
        assert_eq!(show("2026-10-25T01:30:00Z"), "02:30 CET +01:00");
        assert_eq!(show("2026-03-29T01:00:00Z"), "03:00 CEST +02:00");
    }
}
