//! Deliveries made by hand, as the provider would sign them, and what is logged about them.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tracing::instrument::WithSubscriber;

use crate::stage::{HMAC_KEY_HEX, MERCHANT_ACCOUNT};

/// An item of the provider about `merchant_reference`, with members added or, as null, taken away; signed as it then is.
pub(crate) fn signed_item(merchant_reference: &str, members: &Value) -> Value {
    let mut item = json!({
        "eventCode": "AUTHORISATION",
        "pspReference": "STAGE00000000001",
        "merchantAccountCode": MERCHANT_ACCOUNT,
        "merchantReference": merchant_reference,
        "amount": {"currency": "EUR", "value": 1_300},
        "success": "true",
        "eventDate": "2026-11-24T09:00:00+01:00",
        "paymentMethod": "visa",
        "reason": "",
    });
    for (name, value) in members.as_object().unwrap() {
        item[name] = value.clone();
    }
    item.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let before = [text("pspReference"), text("originalReference"), text("merchantAccountCode")].join(":");
    let amount = format!("{}:{}", item["amount"]["value"], item["amount"]["currency"].as_str().unwrap());
    let signed = format!("{before}:{}:{amount}:{}:{}", text("merchantReference"), text("eventCode"), text("success"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&hex::decode(HMAC_KEY_HEX).unwrap()).unwrap();
    mac.update(signed.as_bytes());
    item["additionalData"] = json!({"hmacSignature": STANDARD.encode(mac.finalize().into_bytes())});
    item
}

/// A delivery of these items.
pub(crate) fn delivery(items: &[Value]) -> Vec<u8> {
    let items: Vec<Value> = items.iter().map(|item| json!({"NotificationRequestItem": item})).collect();
    json!({"live": "false", "notificationItems": items}).to_string().into_bytes()
}

/// The first item of a delivery.
pub(crate) fn item_of(body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["notificationItems"][0]["NotificationRequestItem"].clone()
}

/// What is logged while a future runs.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) async fn of<T>(&self, future: impl Future<Output = T>) -> T {
        let lines = self.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || lines.clone()).finish();
        future.with_subscriber(subscriber).await
    }

    /// How many lines hold these words.
    pub(crate) fn count(&self, words: &str) -> usize {
        let bytes = self.0.lock().unwrap();
        String::from_utf8_lossy(&bytes).lines().filter(|line| line.contains(words)).count()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
