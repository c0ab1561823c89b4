//! Every answer and every notification against the provider's published documents.

use std::path::PathBuf;

use http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::play::{Play, body, link_body};

const EVENTS: &str = "/control/events";

/// The folder of the published documents, or nothing and a loud word.
fn specifications() -> Option<PathBuf> {
    let folder = std::env::var_os("ZAHLSTELLE_SPECS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/specs")), PathBuf::from);
    if folder.join("adyen").is_dir() {
        return Some(folder.join("adyen"));
    }
    skip("no documents of Adyen found; set ZAHLSTELLE_SPECS");
    None
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// The schemas of one document. `nullable` is said in the words of JSON Schema.
struct Document {
    components: Value,
    root: Value,
}

impl Document {
    fn read(path: PathBuf) -> Self {
        let mut root: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        say_nullable(&mut root);
        Self { components: root["components"].clone(), root }
    }

    fn validator(&self, reference: &Value) -> Validator {
        let schema = json!({"$ref": reference, "components": self.components});
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    /// The schema of an answer, by path, method and status.
    fn answer(&self, path: &str, method: &str, status: &str) -> Validator {
        let schema = &self.root["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"];
        assert!(schema["$ref"].is_string(), "{method} {path} {status} is not in the document");
        self.validator(&schema["$ref"])
    }

    fn notification(&self, code: &str) -> Validator {
        let schema =
            &self.root["webhooks"][format!("/{code}")]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert!(schema["$ref"].is_string(), "{code} is not in the document");
        self.validator(&schema["$ref"])
    }
}

fn say_nullable(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.remove("nullable") == Some(Value::Bool(true)) {
                let kind = members.get("type").cloned();
                if let Some(kind) = kind {
                    members.insert("type".to_owned(), json!([kind, "null"]));
                }
                if let Some(Value::Array(choices)) = members.get_mut("enum") {
                    choices.push(Value::Null);
                }
            }
            members.values_mut().for_each(say_nullable);
        }
        Value::Array(elements) => elements.iter_mut().for_each(say_nullable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn conform(validator: &Validator, instance: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(instance).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{instance}\n{errors:#?}");
}

#[test]
fn answers_about_links_are_those_of_the_document() {
    let Some(folder) = specifications() else { return };
    let document = Document::read(folder.join("CheckoutService-v71.trimmed.json"));
    let (create, get, patch) = ("/paymentLinks", "/paymentLinks/{linkId}", "/paymentLinks/{linkId}");
    let mut play = Play::new();
    let mut wanted = link_body("r", 1300);
    wanted["metadata"] = json!({"a": "b"});
    wanted["manualCapture"] = json!(true);
    let created = body(&play.api(Method::POST, "/v71/paymentLinks", &wanted, Some("k")));
    conform(&document.answer(create, "post", "201"), &created);
    assert_eq!((&created["expiresAt"], &created["reusable"]), (&wanted["expiresAt"], &json!(false)));
    let id = created["id"].as_str().unwrap().to_owned();
    conform(&document.answer(get, "get", "200"), &play.link(&id));
    conform(&document.answer(patch, "patch", "200"), &body(&play.close(&id)));
    conform(&document.answer(get, "get", "200"), &play.link(&id));

    wanted["surprise"] = json!(1);
    let refused = body(&play.api(Method::POST, "/v71/paymentLinks", &wanted, None));
    conform(&document.answer(create, "post", "422"), &refused);
    for (fault, status) in [("error_500", "500"), ("error_500_after_commit", "500")] {
        play.fault(fault, "open_page");
        let failed = body(&play.api(Method::POST, "/v71/paymentLinks", &link_body("s", 100), None));
        conform(&document.answer(create, "post", status), &failed);
    }
    let unauthorised = body(&play.call(&zahlstelle_twin::Request::new(Method::POST, "/v71/paymentLinks")));
    conform(&document.answer(create, "post", "401"), &unauthorised);
    let other = json!({"amount": {"currency": "EUR", "value": 1}, "merchantAccount": "x", "reference": "r"});
    let forbidden = body(&play.api(Method::POST, "/v71/paymentLinks", &other, None));
    conform(&document.answer(create, "post", "403"), &forbidden);
}

#[test]
fn answers_about_changes_are_those_of_the_document() {
    let Some(folder) = specifications() else { return };
    let document = Document::read(folder.join("CheckoutService-v71.trimmed.json"));
    let mut play = Play::new();
    let psp = play.authorise("r", 1000);
    for (what, minor) in [("captures", Some(1000)), ("refunds", Some(10)), ("cancels", None)] {
        let path = format!("/payments/{{paymentPspReference}}/{what}");
        let received = body(&play.modify(&psp, what, minor, Some(what)));
        conform(&document.answer(&path, "post", "201"), &received);
        let refused = body(&play.modify("NONE", what, minor, None));
        conform(&document.answer(&path, "post", "422"), &refused);
    }
}

#[test]
fn every_known_member_of_a_request_is_one_of_the_document() {
    let Some(folder) = specifications() else { return };
    let document = Document::read(folder.join("CheckoutService-v71.trimmed.json"));
    let request = document.validator(&json!("#/components/schemas/PaymentLinkRequest"));
    let mut wanted = link_body("r", 1300);
    for (name, value) in [
        ("countryCode", json!("DE")),
        ("blockedPaymentMethods", json!(["ideal"])),
        ("captureDelayHours", json!(1)),
        ("manualCapture", json!(false)),
        ("reusable", json!(false)),
        ("metadata", json!({"a": "b"})),
        ("merchantOrderReference", json!("o")),
        ("shopperStatement", json!("Stadt Muster")),
        ("applicationInfo", json!({"externalPlatform": {"name": "n", "version": "v", "integrator": "i"}})),
        ("store", json!("s")),
        ("themeId", json!("t")),
    ] {
        wanted[name] = value;
    }
    conform(&request, &wanted);
    Play::new().open_with(&wanted);
}

#[test]
fn notifications_are_those_of_the_document() {
    let Some(folder) = specifications() else { return };
    let document = Document::read(folder.join("Webhooks-v1.trimmed.json"));
    let mut play = Play::new();
    let mut told = Vec::new();
    let psp = play.authorise("r", 1000);
    let declined = play.open("declined", 100);
    play.decide(&declined, "decline");
    play.modify(&psp, "captures", Some(1000), None);
    play.wait(2);
    told.extend(play.deliveries());
    play.modify(&psp, "refunds", Some(100), None);
    play.modify(&psp, "refunds", Some(100), None);
    play.modify(&psp, "cancels", None, None);
    play.wait(2);
    told.extend(play.deliveries());
    for event in [
        "refund_failed",
        "refunded_reversed",
        "notification_of_chargeback",
        "chargeback",
        "chargeback_reversed",
        "chargeback",
        "chargeback_reversed",
        "reversal",
    ] {
        play.control(Method::POST, EVENTS, &json!({"provider_reference": psp, "event": event}));
        told.extend(play.deliveries());
    }
    let id = play.open("failing", 100);
    play.decide(&id, "approve");
    play.control(Method::POST, EVENTS, &json!({"merchant_reference": "failing", "event": "capture_failed"}));
    told.extend(play.deliveries());

    let mut codes = Vec::new();
    for delivery in &told {
        assert_eq!(delivery["live"], "false");
        let item = &delivery["notificationItems"][0]["NotificationRequestItem"];
        let code = item["eventCode"].as_str().unwrap();
        conform(&document.notification(code), delivery);
        assert!(item["additionalData"]["hmacSignature"].is_string());
        codes.push(code.to_owned());
    }
    codes.sort();
    codes.dedup();
    assert_eq!(
        codes,
        [
            "AUTHORISATION",
            "CANCELLATION",
            "CANCEL_OR_REFUND",
            "CAPTURE",
            "CAPTURE_FAILED",
            "CHARGEBACK",
            "CHARGEBACK_REVERSED",
            "NOTIFICATION_OF_CHARGEBACK",
            "REFUND",
            "REFUNDED_REVERSED",
            "REFUND_FAILED",
            "SECOND_CHARGEBACK",
        ]
    );
}
