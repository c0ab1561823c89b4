//! A world with a clock of its own, driven as a service would drive it.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use zahlstelle_twin::{AdyenAccount, Request, Response, World, WorldSettings};

pub(crate) const ACCOUNT: &str = "Buergerdienste";
pub(crate) const API_KEY: &str = "api-key-of-the-tests";

pub(crate) fn settings(base_url: &str, notification_url: &str) -> WorldSettings {
    WorldSettings {
        seed: 7,
        adyen: AdyenAccount {
            merchant_account: ACCOUNT.to_owned(),
            api_key: SecretString::from(API_KEY),
            hmac_key_hex: SecretString::from("00112233445566778899aabbccddeeff"),
            notification_url: notification_url.to_owned(),
        },
        base_url: base_url.to_owned(),
    }
}

pub(crate) fn start() -> Timestamp {
    "2026-11-24T08:00:00Z".parse().unwrap()
}

pub(crate) fn link_body(reference: &str, minor: i64) -> Value {
    json!({
        "amount": {"currency": "EUR", "value": minor},
        "merchantAccount": ACCOUNT,
        "reference": reference,
        "returnUrl": "http://127.0.0.1:1/return",
        "description": "Stadt Muster 00000000017",
        "shopperLocale": "de-DE",
        "expiresAt": "2026-11-24T09:00:00Z",
        "allowedPaymentMethods": ["scheme"],
    })
}

pub(crate) fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or(Value::Null)
}

/// A world and what the service would know of it.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
}

impl Play {
    pub(crate) fn new() -> Self {
        let settings = settings("http://127.0.0.1:8181", "http://127.0.0.1:8080/hooks/adyen/main");
        Self { world: World::new(settings).unwrap(), now: start() }
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub(crate) fn call(&mut self, request: &Request) -> Response {
        self.world.handle(self.now, request)
    }

    /// A call to the provider's API.
    pub(crate) fn api(&mut self, method: Method, path: &str, body: &Value, key: Option<&str>) -> Response {
        let mut request = Request::new(method, path).header("x-api-key", API_KEY);
        if !body.is_null() {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.call(&request)
    }

    pub(crate) fn open(&mut self, reference: &str, minor: i64) -> String {
        self.open_with(&link_body(reference, minor))
    }

    pub(crate) fn open_with(&mut self, wanted: &Value) -> String {
        let response = self.api(Method::POST, "/v71/paymentLinks", wanted, None);
        assert_eq!(response.status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&response.body));
        body(&response)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn link(&mut self, id: &str) -> Value {
        body(&self.api(Method::GET, &format!("/v71/paymentLinks/{id}"), &Value::Null, None))
    }

    pub(crate) fn close(&mut self, id: &str) -> Response {
        let path = format!("/v71/paymentLinks/{id}");
        self.api(Method::PATCH, &path, &json!({"status": "expired"}), None)
    }

    pub(crate) fn decide(&mut self, id: &str, decision: &str) -> Response {
        self.call(&Request::new(Method::POST, &format!("/adyen/pay/{id}")).form(&[("decision", decision)]))
    }

    pub(crate) fn modify(&mut self, psp: &str, what: &str, minor: Option<i64>, key: Option<&str>) -> Response {
        let mut wanted = json!({"merchantAccount": ACCOUNT, "reference": format!("our-{what}")});
        if let Some(minor) = minor {
            wanted["amount"] = json!({"currency": "EUR", "value": minor});
        }
        self.api(Method::POST, &format!("/v71/payments/{psp}/{what}"), &wanted, key)
    }

    pub(crate) fn control(&mut self, method: Method, path: &str, wanted: &Value) -> Value {
        let response = self.control_raw(method, path, wanted);
        assert!(response.status.is_success(), "{}", String::from_utf8_lossy(&response.body));
        body(&response)
    }

    pub(crate) fn control_raw(&mut self, method: Method, path: &str, wanted: &Value) -> Response {
        let request = Request::new(method, path);
        self.call(&if wanted.is_null() { request } else { request.json(wanted) })
    }

    pub(crate) fn fault(&mut self, fault: &str, operation: &str) {
        let order = json!([{"fault": fault, "operation": operation, "count": 1}]);
        self.control(Method::POST, "/control/faults", &order);
    }

    pub(crate) fn fired(&mut self, fault: &str) -> u64 {
        let counts = self.control(Method::GET, "/control/faults", &Value::Null);
        counts
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["fault"] == fault)
            .filter_map(|row| row["count"].as_u64())
            .sum()
    }

    pub(crate) fn transactions(&mut self) -> Vec<Value> {
        self.control(Method::GET, "/control/transactions", &Value::Null).as_array().unwrap().clone()
    }

    pub(crate) fn transaction(&mut self, reference: &str) -> Value {
        let mut found = self.transactions();
        found.retain(|row| row["merchant_reference"] == reference);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// Whole deliveries that are due now, all accepted.
    pub(crate) fn deliveries(&mut self) -> Vec<Value> {
        let due = self.world.due_notifications(self.now);
        for delivery in &due {
            self.world.delivered(delivery.id, Some(200), self.now);
        }
        due.iter().map(|delivery| serde_json::from_slice(&delivery.body).unwrap()).collect()
    }

    /// The items of the deliveries that are due now.
    pub(crate) fn notifications(&mut self) -> Vec<Value> {
        let item = |delivery: &Value| delivery["notificationItems"][0]["NotificationRequestItem"].clone();
        self.deliveries().iter().map(item).collect()
    }

    /// Lets everything happen that happens by itself, and collects what is told.
    pub(crate) fn settle_down(&mut self) -> Vec<Value> {
        let mut told = self.notifications();
        while let Some(due) = self.world.next_due() {
            self.now = self.now.max(due);
            told.extend(self.notifications());
        }
        told
    }

    /// Opens and pays a page; gives the payment's reference.
    pub(crate) fn pay(&mut self, reference: &str, minor: i64) -> String {
        let id = self.open(reference, minor);
        self.decide(&id, "approve");
        let told = self.notifications();
        assert_eq!(told[0]["eventCode"], "AUTHORISATION");
        told[0]["pspReference"].as_str().unwrap().to_owned()
    }

    /// The same under manual capture.
    pub(crate) fn authorise(&mut self, reference: &str, minor: i64) -> String {
        let mut wanted = link_body(reference, minor);
        wanted["manualCapture"] = json!(true);
        let id = self.open_with(&wanted);
        self.decide(&id, "approve");
        self.notifications()[0]["pspReference"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn codes(told: &[Value]) -> Vec<(String, String)> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    told.iter().map(|item| (text(item, "eventCode"), text(item, "success"))).collect()
}

pub(crate) fn pair(code: &str, success: &str) -> (String, String) {
    (code.to_owned(), success.to_owned())
}
