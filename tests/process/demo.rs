//! The demonstration: one command, from nothing to money in the journal, and through every kill.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Demo, binary, curl, nonce, press};

#[test]
fn demo_once_ends_well() {
    let output = binary().args(["demo", "--once"]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    let summary: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(summary["ok"], true);
    let paid = json!({"method": "card", "provider": "adyen", "state": "paid", "amount": "13.00", "refunded": "5.00"});
    assert_eq!(summary["payments"], json!([paid]));
    // Created, processing, paid; the refund requested, approved, succeeded.
    assert_eq!(summary["webhooks_verified"], 6, "{printed}");
}

#[test]
fn the_curl_lines_of_the_readme_run() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&folder.path().join("demo-data"));
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```sh\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    let output =
        Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(folder.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains(r#""state":"paid""#), "{printed}");
    assert!(printed.contains(r#""type":"payment.paid""#), "{printed}");
    assert!(printed.contains(r#""amount_refundable":"13.00""#), "{printed}");
    assert_eq!(demo.transactions().len(), 1);
    assert!(demo.verify().status.success());
}

#[test]
fn i1_a_fresh_start_needs_one_command_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let before = demo.announcement();
    let created = create(&demo);
    demo.kill();
    let demo = Demo::start(folder.path());
    assert_eq!(demo.announcement(), before, "addresses and key must be the same after a restart");
    assert_eq!(create(&demo)["id"], created["id"], "idempotency belongs to the client and outlives a restart");
}

/// Where the process is killed in the journey of a payment.
const STEPS: [&str; 6] = ["created", "page opened", "approved", "paid", "refund requested", "refunded"];

#[test]
fn i3_a_kill_between_any_two_steps_leaves_the_same_journal() {
    let undisturbed = journey(None);
    for step in STEPS {
        assert_eq!(journey(Some(step)), undisturbed, "killed after: {step}");
    }
}

/// Walks a payment through everything; killed after a step, it goes on after a restart. The balances at the end.
fn journey(killed_after: Option<&str>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let reached = |demo: Demo, step: &str| {
        if killed_after != Some(step) {
            return demo;
        }
        demo.kill();
        Demo::start(folder.path())
    };
    let payment = create(&demo);
    demo = reached(demo, "created");
    let checkout = payment["checkout_url"].as_str().unwrap();
    let page = press(checkout, &[("method", "card"), ("nonce", &nonce(checkout))]);
    demo = reached(demo, "page opened");
    press(&page, &[("decision", "approve")]);
    demo = reached(demo, "approved");
    let path = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
    demo.until(&path, |payment| payment["state"] == "paid" && payment["attempts"][0]["provider_reference"].is_string());
    demo = reached(demo, "paid");
    let order = json!({"amount": "5.00", "reason": "test"});
    let refund = demo.post(&format!("{path}/refunds"), "refund-1", &order);
    demo = reached(demo, "refund requested");
    let again = demo.post(&format!("{path}/refunds"), "refund-1", &order);
    assert_eq!(again["id"], refund["id"]);
    let refund = format!("/v1/refunds/{}", refund["id"].as_str().unwrap());
    demo.until(&refund, |refund| refund["state"] == "succeeded");
    demo = reached(demo, "refunded");
    let held: Vec<Value> = demo.transactions();
    assert_eq!((held.len(), &held[0]["captured"], &held[0]["refunded"]), (1, &json!("13.00"), &json!("5.00")));
    let verified = demo.verify();
    let printed = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success(), "{printed}");
    printed.lines().filter(|line| line.ends_with(" debit") || line.ends_with(" credit")).map(str::to_owned).collect()
}

fn create(demo: &Demo) -> Value {
    let body = json!({
        "service": demo.address("service"),
        "reference": "antrag-1",
        "lines": [{"fee": "fuehrungszeugnis", "quantity": 1}],
        "return_url": format!("{}/zurueck", demo.address("portal")),
    });
    demo.post("/v1/payments", "create-1", &body)
}

#[test]
fn the_portal_charges_a_fee_and_shows_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let portal = demo.address("portal");
    assert!(curl(&[&format!("{portal}/")]).contains("<option value=\"fuehrungszeugnis\">"));
    let checkout = press(&format!("{portal}/"), &[("fee", "fuehrungszeugnis")]);
    let page = press(&checkout, &[("method", "card"), ("nonce", &nonce(&checkout))]);
    let back = press(&page, &[("decision", "approve")]);
    let outcome = curl(&["-L", &back]);
    let (_, rest) = outcome.split_once(&format!("href=\"{portal}/zurueck?payment=")).expect("a way back to the portal");
    let id = rest.split_once('"').unwrap().0;
    let shown = curl(&[&format!("{portal}/zurueck?payment={id}")]);
    assert!(shown.contains("<h2>Your payment has arrived</h2>"), "{shown}");
    assert!(shown.contains("<dd>€13.00</dd>"), "{shown}");
    let shown = curl(&[&format!("{portal}/zurueck?payment={id}&language=de")]);
    assert!(shown.contains("<h2>Ihre Zahlung ist angekommen</h2>") && shown.contains("13,00\u{a0}€"), "{shown}");
    let refused = curl(&["-d", "fee=unknown", &format!("{portal}/")]);
    assert!(refused.contains("/lines/0/fee is no fee of this service"), "{refused}");
    assert!(!refused.contains("urn:zahlstelle"), "no raw JSON: {refused}");
}

#[test]
fn a_wrong_address_or_setting_is_told_and_nothing_begins() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let output = binary().args(["demo", "--once", "--listen", &listen, "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&listen));
    let output = binary().args(["serve", "--config", "/does/not/exist.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/does/not/exist.toml"));
}
