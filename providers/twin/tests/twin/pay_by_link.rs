//! Links, the hosted page, captures, refunds and cancellations, without any fault.

use crate::play::{ACCOUNT, Play, body, codes, link_body, pair};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use zahlstelle_twin::Request;

#[test]
fn an_approved_page_is_completed_captured_and_told() {
    let mut play = Play::new();
    let id = play.open("00000000017-1", 1300);
    let page = play.call(&Request::new(Method::GET, &format!("/adyen/pay/{id}")));
    let html = String::from_utf8(page.body).unwrap();
    for expected in ["lang=\"de\"", "13,00", "Stadt Muster 00000000017", "value=\"abandon\"", "name=\"viewport\""] {
        assert!(html.contains(expected), "{expected} is missing");
    }
    assert!(!html.contains("<script"));
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));

    let back = play.decide(&id, "approve");
    assert_eq!(
        (back.status, back.headers["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "http://127.0.0.1:1/return")
    );
    assert_eq!(play.link(&id)["status"], "completed");
    let told = play.settle_down();
    assert_eq!(codes(&told), [pair("AUTHORISATION", "true")], "automatic capture has no notification of its own");
    assert_eq!((&told[0]["merchantReference"], &told[0]["amount"]["value"]), (&json!("00000000017-1"), &json!(1300)));
    assert_eq!(told[0]["additionalData"]["paymentLinkId"], id.as_str());
    let row = play.transaction("00000000017-1");
    assert_eq!(
        (&row["state"], &row["captured"], &row["refunded"]),
        (&json!("captured"), &json!("13.00"), &json!("0.00"))
    );
    assert_eq!((&row["calls"]["create"], &row["calls"]["query"]), (&json!(1), &json!(1)));
    assert_eq!(row["provider_reference"], told[0]["pspReference"]);
}

#[test]
fn a_page_is_paid_once_only() {
    let mut play = Play::new();
    let id = play.open("r", 100);
    play.decide(&id, "approve");
    assert_eq!(play.decide(&id, "approve").status, StatusCode::GONE);
    assert_eq!(play.decide(&id, "decline").status, StatusCode::GONE);
    assert_eq!(codes(&play.settle_down()).len(), 1);
    assert_eq!(play.close(&id).status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(play.link(&id)["status"], "completed");
}

#[test]
fn a_refused_try_leaves_the_page_payable() {
    let mut play = Play::new();
    let id = play.open("r", 100);
    let refused = play.decide(&id, "decline");
    assert!(String::from_utf8(refused.body).unwrap().contains("abgelehnt"));
    assert_eq!(play.link(&id)["status"], "active");
    assert_eq!(play.transaction("r")["state"], "declined");
    play.decide(&id, "approve");
    let told = play.settle_down();
    assert_eq!(codes(&told), [pair("AUTHORISATION", "false"), pair("AUTHORISATION", "true")]);
    assert_ne!(told[0]["pspReference"], told[1]["pspReference"]);
    assert_eq!(play.transaction("r")["state"], "captured");
}

#[test]
fn cancel_and_abandon_change_nothing() {
    let mut play = Play::new();
    let id = play.open("r", 100);
    assert_eq!(play.decide(&id, "cancel").status, StatusCode::SEE_OTHER);
    assert_eq!(play.decide(&id, "abandon").status, StatusCode::OK);
    assert_eq!(play.decide(&id, "nonsense").status, StatusCode::BAD_REQUEST);
    assert_eq!(play.link(&id)["status"], "active");
    assert!(play.settle_down().is_empty());
}

#[test]
fn pages_lapse_and_can_be_closed() {
    let mut play = Play::new();
    let (lapsing, closed) = (play.open("lapsing", 100), play.open("closed", 100));
    assert_eq!(body(&play.close(&closed))["status"], "expired");
    assert_eq!(play.close(&closed).status, StatusCode::OK, "closing can be repeated");
    assert_eq!(play.decide(&closed, "approve").status, StatusCode::GONE);
    play.wait(3600);
    assert_eq!(play.link(&lapsing)["status"], "expired");
    assert_eq!(play.decide(&lapsing, "approve").status, StatusCode::GONE);
    assert_eq!(play.transaction("lapsing")["state"], "expired");
    assert_eq!(play.transaction("closed")["state"], "cancelled");
    assert!(play.settle_down().is_empty());
}

#[test]
fn manual_capture_refund_and_their_limits() {
    let mut play = Play::new();
    let psp = play.authorise("r", 1000);
    assert_eq!(play.transaction("r")["state"], "authorised");
    let early = play.modify(&psp, "refunds", Some(1), None);
    assert_eq!((early.status, &body(&early)["status"]), (StatusCode::CREATED, &json!("received")));
    assert_eq!(codes(&play.settle_down()), [pair("REFUND", "false")]);

    let capture = body(&play.modify(&psp, "captures", Some(1000), None));
    assert_eq!(capture["paymentPspReference"], psp.as_str());
    let told = play.settle_down();
    assert_eq!(codes(&told), [pair("CAPTURE", "true")]);
    assert_eq!((&told[0]["pspReference"], &told[0]["originalReference"]), (&capture["pspReference"], &json!(psp)));
    assert_eq!(told[0]["merchantReference"], "our-captures");

    for minor in [600, 600, 400, 1] {
        play.modify(&psp, "refunds", Some(minor), None);
    }
    let told = play.settle_down();
    let outcomes: Vec<&str> = told.iter().map(|item| item["success"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["true", "false", "true", "false"]);
    let row = play.transaction("r");
    assert_eq!((&row["captured"], &row["refunded"]), (&json!("10.00"), &json!("10.00")));
    assert_eq!((&row["calls"]["refund"], &row["executed"]["refund"]), (&json!(5), &json!(5)));
}

#[test]
fn a_cancelled_authorisation_takes_no_money() {
    let mut play = Play::new();
    let psp = play.authorise("r", 1000);
    play.modify(&psp, "cancels", None, None);
    assert_eq!(codes(&play.settle_down()), [pair("CANCELLATION", "true")]);
    assert_eq!(play.transaction("r")["state"], "voided");
    play.modify(&psp, "captures", Some(1000), None);
    assert_eq!(codes(&play.settle_down()), [pair("CAPTURE", "false")]);
    let paid = play.pay("paid", 500);
    play.modify(&paid, "cancels", None, None);
    assert_eq!(codes(&play.settle_down()), [pair("CANCELLATION", "false")]);
}

#[test]
fn a_delayed_capture_is_told() {
    let mut play = Play::new();
    let mut wanted = link_body("r", 700);
    wanted["captureDelayHours"] = json!(2);
    let id = play.open_with(&wanted);
    play.decide(&id, "approve");
    assert_eq!(codes(&play.notifications()), [pair("AUTHORISATION", "true")]);
    assert_eq!(play.transaction("r")["state"], "authorised");
    assert_eq!(codes(&play.settle_down()), [pair("CAPTURE", "true")]);
    assert_eq!(play.transaction("r")["captured"], "7.00");
}

#[test]
fn bad_requests_are_refused_as_the_provider_does() {
    let mut play = Play::new();
    let mut refuse = |change: &dyn Fn(&mut Value), status: u16| {
        let mut wanted = link_body("r", 100);
        change(&mut wanted);
        let response = play.api(Method::POST, "/v71/paymentLinks", &wanted, None);
        assert_eq!(response.status.as_u16(), status, "{wanted}");
        assert_eq!(body(&response)["status"], status);
    };
    refuse(&|wanted| wanted["unknown"] = json!(1), 422);
    refuse(&|wanted| wanted["amount"]["value"] = json!(0), 422);
    refuse(&|wanted| wanted["amount"]["value"] = json!("100"), 422);
    refuse(&|wanted| wanted["amount"]["currency"] = json!("XXX"), 422);
    refuse(&|wanted| wanted["amount"] = Value::Null, 422);
    refuse(&|wanted| wanted["reference"] = json!(""), 422);
    refuse(&|wanted| wanted["returnUrl"] = json!("javascript:alert(1)"), 422);
    refuse(&|wanted| wanted["expiresAt"] = json!("2026-11-24T08:00:00Z"), 422);
    refuse(&|wanted| wanted["expiresAt"] = json!("2027-02-03T08:00:00Z"), 422);
    refuse(&|wanted| wanted["merchantAccount"] = json!("Other"), 403);
    assert!(play.transactions().is_empty());
    let unreadable = Request { body: b"{".to_vec(), ..Request::new(Method::POST, "/v71/paymentLinks") };
    assert_eq!(
        play.call(&unreadable.clone().header("x-api-key", crate::play::API_KEY)).status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(play.call(&unreadable).status, StatusCode::UNAUTHORIZED);
    assert_eq!(play.link("PLNONE")["status"], 404);
    let psp = play.pay("p", 100);
    let unknown = play.modify("NOPAYMENT", "refunds", Some(1), None);
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = json!({"merchantAccount": ACCOUNT, "amount": {"currency": "JPY", "value": 1}});
    let path = format!("/v71/payments/{psp}/refunds");
    assert_eq!(play.api(Method::POST, &path, &wrong, None).status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn a_key_gives_its_first_answer_again() {
    let mut play = Play::new();
    let wanted = link_body("r", 100);
    let first = play.api(Method::POST, "/v71/paymentLinks", &wanted, Some("k"));
    let second = play.api(Method::POST, "/v71/paymentLinks", &wanted, Some("k"));
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!(second.headers["idempotency-key"], "k");
    let other = play.api(Method::POST, "/v71/paymentLinks", &link_body("r", 200), Some("k"));
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    let long = "k".repeat(65);
    let refused = play.api(Method::POST, "/v71/paymentLinks", &wanted, Some(&long));
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let row = play.transaction("r");
    assert_eq!((&row["calls"]["create"], &row["executed"]["create"]), (&json!(4), &json!(1)));
}

#[test]
fn the_same_seed_and_calls_give_the_same_bytes() {
    let run = || {
        let mut play = Play::new();
        play.control(Method::POST, "/control/faults", &json!({"profile": "wild"}));
        for number in 0..20 {
            let wanted = link_body(&format!("r{number}"), 100);
            let opened = play.api(Method::POST, "/v71/paymentLinks", &wanted, Some(&format!("k{number}")));
            if let Some(id) = body(&opened)["id"].as_str() {
                play.decide(id, "approve");
            }
        }
        play.settle_down();
        play.world.store().unwrap()
    };
    assert_eq!(run(), run());
}
