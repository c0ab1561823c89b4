//! An account to test with, a transport that follows a script, and notifications signed as Adyen signs them.

use std::{
    collections::VecDeque,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;
use zahlstelle_adyen::{Adyen, AdyenSettings};
use zahlstelle_contract::{
    notification::{HmacKeys, RawDelivery},
    provider::Environment,
    reference::AccountName,
    transport::{HttpMethod, HttpRequest, HttpResponse, Transport, TransportError},
};

pub(crate) const MERCHANT_ACCOUNT: &str = "MusterstadtTest";
pub(crate) const API_KEY: &str = "only-for-tests";
/// A key of our own, thirty-two bytes in hexadecimal as Adyen's Customer Area shows them.
pub(crate) const HMAC_KEY_HEX: &str = "5A61686C7374656C6C652D746573742D6B65792D6E6F742D612D736563726574";

pub(crate) fn settings(base_url: &str) -> AdyenSettings {
    AdyenSettings {
        account: AccountName::parse("adyen-test").unwrap(),
        environment: Environment::Test,
        merchant_account: MERCHANT_ACCOUNT.to_owned(),
        base_url: Url::parse(base_url).unwrap(),
        api_key: SecretString::from(API_KEY),
        hmac_keys: HmacKeys::new(vec![hex::decode(HMAC_KEY_HEX).unwrap().into()]),
    }
}

pub(crate) fn adyen(transport: &Arc<Script>) -> Adyen {
    Adyen::new(settings("https://checkout-test.adyen.com/v71"), Arc::<Script>::clone(transport)).unwrap()
}

/// What left the adapter, in plain values.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: HttpMethod,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) secret_headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }
}

/// A transport that gives prepared answers in order and remembers what was sent.
#[derive(Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Result<HttpResponse, TransportError>>>,
    sent: Mutex<Vec<Sent>>,
}

impl Script {
    pub(crate) fn of(answers: impl IntoIterator<Item = (u16, Value)>) -> Arc<Self> {
        let answers =
            answers.into_iter().map(|(status, body)| Ok(HttpResponse { status, body: body.to_string().into() }));
        Arc::new(Self { answers: Mutex::new(answers.collect()), sent: Mutex::default() })
    }

    pub(crate) fn failing(error: TransportError) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(VecDeque::from([Err(error)])), sent: Mutex::default() })
    }

    pub(crate) fn raw(status: u16, body: &str) -> Arc<Self> {
        let answer = Ok(HttpResponse { status, body: body.into() });
        Arc::new(Self { answers: Mutex::new(VecDeque::from([answer])), sent: Mutex::default() })
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let secret = |(name, value): &(&'static str, SecretString)| (*name, value.expose_secret().to_owned());
        self.sent.lock().unwrap().push(Sent {
            method: request.method,
            secret_headers: request.secret_headers.iter().map(secret).collect(),
            url: request.url,
            headers: request.headers,
            body: request.body,
        });
        self.answers.lock().unwrap().pop_front().expect("the script has no answer for this call")
    }
}

/// The text that Adyen signs, written down once more and from JSON, so that the adapter is not its own judge.
pub(crate) fn signed_text(item: &Value) -> String {
    let text = |pointer: &str| match item.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    [
        "/pspReference",
        "/originalReference",
        "/merchantAccountCode",
        "/merchantReference",
        "/amount/value",
        "/amount/currency",
        "/eventCode",
        "/success",
    ]
    .map(text)
    .join(":")
}

pub(crate) fn signature(item: &Value, key_hex: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&hex::decode(key_hex).unwrap()).unwrap();
    mac.update(signed_text(item).as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The item with its signature under our test key, and whatever else its `additionalData` already holds.
pub(crate) fn sign(mut item: Value) -> Value {
    let signature = signature(&item, HMAC_KEY_HEX);
    match item.get_mut("additionalData") {
        Some(additional) => additional["hmacSignature"] = json!(signature),
        None => item["additionalData"] = json!({ "hmacSignature": signature }),
    }
    item
}

/// A delivery of the items.
pub(crate) fn envelope(items: &[Value]) -> Value {
    let items: Vec<Value> = items.iter().map(|item| json!({ "NotificationRequestItem": item })).collect();
    json!({ "live": "false", "notificationItems": items })
}

pub(crate) fn raw(body: &[u8]) -> RawDelivery<'_> {
    RawDelivery { headers: &[], body, received_at: "2026-11-24T08:00:00Z".parse::<Timestamp>().unwrap() }
}

/// A folder of public material beside the workspace. Absent, the caller says so and checks nothing of it.
pub(crate) fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    let path = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    skipped(&format!("{} is missing; set {variable} to check against it", path.display()));
    None
}

/// Written past the test harness, which keeps what passing tests print to itself.
pub(crate) fn skipped(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
