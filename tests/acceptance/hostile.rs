//! What a provider could say if it went mad: notifications that are signed as its own and say whatever a test wants.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::stage::{HMAC_KEY_HEX, MERCHANT_ACCOUNT, Stage};

/// One notification.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) event: &'static str,
    pub(crate) psp: String,
    pub(crate) original: Option<String>,
    pub(crate) reference: String,
    pub(crate) minor: i64,
    pub(crate) currency: &'static str,
    pub(crate) success: bool,
    pub(crate) account: &'static str,
}

impl Notice {
    /// An authorisation of an attempt.
    pub(crate) fn authorisation(reference: &str, psp: &str, minor: i64) -> Self {
        Self {
            event: "AUTHORISATION",
            psp: psp.to_owned(),
            original: None,
            reference: reference.to_owned(),
            minor,
            currency: "EUR",
            success: true,
            account: MERCHANT_ACCOUNT,
        }
    }

    /// Something that happened to a payment later.
    pub(crate) fn later(event: &'static str, reference: &str, payment: &str, psp: &str, minor: i64) -> Self {
        Self { event, original: Some(payment.to_owned()), ..Self::authorisation(reference, psp, minor) }
    }

    /// The notification with what a modification turned out to be, which is not part of what is signed.
    pub(crate) fn acting(&self, action: &str) -> Vec<u8> {
        let mut body: serde_json::Value = serde_json::from_slice(&self.body()).unwrap();
        let member = "/notificationItems/0/NotificationRequestItem/additionalData";
        let additional = body.pointer_mut(member).and_then(serde_json::Value::as_object_mut).unwrap();
        additional.insert("modification.action".to_owned(), action.into());
        body.to_string().into_bytes()
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let signed = [
            self.psp.clone(),
            self.original.clone().unwrap_or_default(),
            self.account.to_owned(),
            self.reference.clone(),
            self.minor.to_string(),
            self.currency.to_owned(),
            self.event.to_owned(),
            self.success.to_string(),
        ]
        .join(":");
        let mut mac = Hmac::<Sha256>::new_from_slice(&hex::decode(HMAC_KEY_HEX).unwrap()).unwrap();
        mac.update(signed.as_bytes());
        let mut item = json!({
            "eventCode": self.event,
            "pspReference": self.psp,
            "merchantAccountCode": self.account,
            "merchantReference": self.reference,
            "amount": {"currency": self.currency, "value": self.minor},
            "success": self.success.to_string(),
            "eventDate": "2026-11-24T09:00:00+01:00",
            "reason": "",
            "additionalData": {"hmacSignature": STANDARD.encode(mac.finalize().into_bytes())},
        });
        if let Some(original) = &self.original {
            item["originalReference"] = original.clone().into();
        }
        json!({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}).to_string().into_bytes()
    }
}

impl Stage {
    /// Delivers a notification and lets everything settle; the status of the answer.
    pub(crate) async fn tell(&self, notice: &Notice) -> u16 {
        let status = self.hand_over(&[], &notice.body()).await;
        self.settle().await;
        status
    }
}
