//! Every fault: what it does, what it leaves alone, and that it is counted.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use zahlstelle_twin::Delivery;

use crate::play::{Play, body, codes, link_body, pair};

const LINKS: &str = "/v71/paymentLinks";

#[test]
fn b2_a_lost_answer_was_committed_and_the_same_key_finds_it() {
    let mut play = Play::new();
    let psp = play.pay("r", 1000);
    play.fault("lose_answer", "refund");
    let lost = play.modify(&psp, "refunds", Some(400), Some("k"));
    assert_eq!(lost.delivery, Delivery::DropConnection);
    let again = play.modify(&psp, "refunds", Some(400), Some("k"));
    assert_eq!((again.status, again.delivery), (StatusCode::CREATED, Delivery::Answer));
    play.settle_down();
    let row = play.transaction("r");
    assert_eq!(
        (&row["refunded"], &row["calls"]["refund"], &row["executed"]["refund"]),
        (&json!("4.00"), &json!(2), &json!(1))
    );
    assert_eq!(play.fired("lose_answer"), 1);
}

#[test]
fn connections_that_break_before_change_nothing_and_count_no_call() {
    for (fault, delivery) in
        [("drop_before", Delivery::DropConnection), ("refuse_connection", Delivery::RefuseConnection)]
    {
        let mut play = Play::new();
        play.fault(fault, "open_page");
        let lost = play.api(Method::POST, LINKS, &link_body("r", 100), Some("k"));
        assert_eq!(lost.delivery, delivery);
        assert!(play.transactions().is_empty());
        play.api(Method::POST, LINKS, &link_body("r", 100), Some("k"));
        assert_eq!(play.transaction("r")["calls"]["create"], 1);
        assert_eq!(play.fired(fault), 1);
    }
}

#[test]
fn errors_before_and_after_the_commit_differ_in_effect_only() {
    for (fault, executed) in [("error_500", 0), ("error_500_after_commit", 1), ("rate_limited", 0)] {
        let mut play = Play::new();
        let psp = play.authorise("r", 1000);
        play.fault(fault, "capture");
        let failed = play.modify(&psp, "captures", Some(1000), Some("k"));
        assert_eq!(failed.status.as_u16(), if fault == "rate_limited" { 429 } else { 500 });
        assert_eq!(play.transaction("r")["executed"]["capture"], executed, "{fault}");
        let again = play.modify(&psp, "captures", Some(1000), Some("k"));
        assert_eq!(again.status, StatusCode::CREATED);
        play.settle_down();
        let row = play.transaction("r");
        assert_eq!((&row["captured"], &row["executed"]["capture"]), (&json!("10.00"), &json!(1)), "{fault}");
        assert_eq!(play.fired(fault), 1);
    }
}

#[test]
fn b3_a_stored_error_is_replayed_for_its_key_and_a_new_key_works() {
    let mut play = Play::new();
    let psp = play.pay("r", 1000);
    play.fault("error_500_stored", "refund");
    for _ in 0..3 {
        assert_eq!(play.modify(&psp, "refunds", Some(400), Some("k")).status.as_u16(), 500);
    }
    assert_eq!(play.modify(&psp, "refunds", Some(400), Some("l")).status, StatusCode::CREATED);
    play.settle_down();
    assert_eq!(play.transaction("r")["refunded"], "4.00");
    assert_eq!(play.fired("error_500_stored"), 1);
}

#[test]
fn answers_can_be_delayed_or_name_something_else() {
    let mut play = Play::new();
    let order = json!([{"fault": "delay", "operation": "query", "count": 1, "millis": 77}]);
    play.control(Method::POST, "/control/faults", &order);
    let id = play.open("r", 100);
    let path = format!("{LINKS}/{id}");
    assert_eq!(play.api(Method::GET, &path, &Value::Null, None).delivery, Delivery::Delay { millis: 77 });
    play.fault("wrong_amount", "query");
    assert_eq!(play.link(&id)["amount"]["value"], 101);
    play.fault("wrong_account", "query");
    assert_ne!(play.link(&id)["merchantAccount"], crate::play::ACCOUNT);
    assert_eq!(play.link(&id)["amount"]["value"], 100, "the truth is left alone");
    assert_eq!((play.fired("delay"), play.fired("wrong_amount"), play.fired("wrong_account")), (1, 1, 1));
}

#[test]
fn a_change_can_fail_after_it_was_received() {
    let mut play = Play::new();
    let psp = play.pay("r", 1000);
    play.fault("fail_modification", "refund");
    assert_eq!(body(&play.modify(&psp, "refunds", Some(400), None))["status"], "received");
    let told = play.settle_down();
    assert_eq!(codes(&told), [pair("REFUND", "false")]);
    assert_ne!(told[0]["reason"], "");
    assert_eq!((play.transaction("r")["refunded"].clone(), play.fired("fail_modification")), (json!("0.00"), 1));
}

#[test]
fn c9_a_reversal_follows_the_success() {
    let mut play = Play::new();
    play.fault("reversal", "pay");
    let id = play.open("r", 1000);
    play.decide(&id, "approve");
    let told = play.settle_down();
    assert_eq!(codes(&told), [pair("AUTHORISATION", "true"), pair("CANCEL_OR_REFUND", "true")]);
    assert_eq!(told[1]["additionalData"]["modification.action"], "refund");
    assert_eq!(told[1]["originalReference"], told[0]["pspReference"]);
    let row = play.transaction("r");
    assert_eq!((&row["captured"], &row["reversed"], play.fired("reversal")), (&json!("10.00"), &json!("10.00"), 1));
}

#[test]
fn a8_a_page_can_take_the_money_twice_when_told_to() {
    let mut play = Play::new();
    play.fault("double_approve", "pay");
    let id = play.open("r", 1000);
    play.decide(&id, "approve");
    assert_eq!(codes(&play.settle_down()).len(), 2);
    let rows = play.transactions();
    assert_eq!(rows.len(), 2);
    assert_ne!(rows[0]["provider_reference"], rows[1]["provider_reference"]);
    assert_eq!(play.fired("double_approve"), 1);
}

#[test]
fn approvals_can_be_refused_or_left_pending() {
    let mut play = Play::new();
    play.fault("decline", "pay");
    play.fault("pending", "pay");
    let id = play.open("r", 1000);
    play.decide(&id, "approve");
    assert_eq!(codes(&play.notifications()), [pair("AUTHORISATION", "false")]);
    assert_eq!(play.decide(&id, "approve").status, StatusCode::SEE_OTHER);
    assert_eq!(play.link(&id)["status"], "paymentPending");
    assert_eq!(play.close(&id).status, StatusCode::UNPROCESSABLE_ENTITY);
    play.wait(7200);
    assert_eq!(play.link(&id)["status"], "paymentPending", "what is pending does not lapse");
    assert!(play.notifications().is_empty());
    play.control(Method::POST, "/control/complete", &json!({"merchant_reference": "r", "decision": "approve"}));
    assert_eq!(codes(&play.notifications()), [pair("AUTHORISATION", "true")]);
    assert_eq!(
        (play.link(&id)["status"].clone(), play.fired("decline"), play.fired("pending")),
        (json!("completed"), 1, 1)
    );
}

#[test]
fn notifications_can_come_twice_late_never_or_in_another_order() {
    let mut play = Play::new();
    play.fault("duplicate", "notification");
    let id = play.open("twice", 100);
    play.decide(&id, "approve");
    let told = play.notifications();
    assert_eq!((told.len(), &told[0]), (2, &told[1]));

    let order = json!([{"fault": "late", "operation": "notification", "seconds": 90}]);
    play.control(Method::POST, "/control/faults", &order);
    let id = play.open("late", 100);
    play.decide(&id, "approve");
    play.wait(89);
    assert!(play.notifications().is_empty());
    play.wait(1);
    assert_eq!(play.notifications().len(), 1);

    play.fault("drop_notification", "notification");
    let id = play.open("never", 100);
    play.decide(&id, "approve");
    assert!(play.settle_down().is_empty());

    play.fault("reorder", "notification");
    let (first, second) = (play.open("first", 100), play.open("second", 100));
    play.decide(&first, "approve");
    play.decide(&second, "approve");
    let order: Vec<Value> = play.notifications().iter().map(|item| item["merchantReference"].clone()).collect();
    assert_eq!(order, ["second", "first"]);
    for fault in ["duplicate", "late", "drop_notification", "reorder"] {
        assert_eq!(play.fired(fault), 1, "{fault}");
    }
}

#[test]
fn notifications_can_lie() {
    let mut play = Play::new();
    let honest = play.open("honest", 100);
    play.decide(&honest, "approve");
    let honest = play.notifications().remove(0);
    let mut lie = |fault: &str| {
        play.fault(fault, "notification");
        let id = play.open(fault, 100);
        play.decide(&id, "approve");
        assert!(play.fired(fault) >= 1);
        play.notifications().remove(0)
    };
    assert_eq!(lie("wrong_amount")["amount"]["value"], 101);
    assert_ne!(lie("wrong_account")["merchantAccountCode"], honest["merchantAccountCode"]);
    assert_ne!(lie("skewed_clock")["eventDate"], honest["eventDate"]);
    let forged = lie("bad_signature");
    assert_ne!(forged["additionalData"]["hmacSignature"], Value::Null);
    // The forged signature is a signature of something else, so it never fits a payment.
    let again = lie("bad_signature");
    assert_eq!(again["additionalData"]["hmacSignature"], forged["additionalData"]["hmacSignature"]);
}

#[test]
fn a_payer_can_lose_the_answer_too() {
    let mut play = Play::new();
    for (fault, delivery, state) in [
        ("lose_answer", Delivery::DropConnection, "captured"),
        ("drop_before", Delivery::DropConnection, "pending"),
        ("refuse_connection", Delivery::RefuseConnection, "pending"),
    ] {
        play.fault(fault, "pay");
        let id = play.open(fault, 100);
        assert_eq!(play.decide(&id, "approve").delivery, delivery);
        assert_eq!(play.transaction(fault)["state"], state);
        assert_eq!(play.fired(fault), 1);
    }
}

#[test]
fn in_a_wild_world_no_money_is_lost_or_made() {
    for seed in 0..20_i64 {
        let mut play = Play::new();
        play.control(Method::POST, "/control/faults", &json!({"profile": "wild"}));
        for number in 0..30_i64 {
            let reference = format!("r{number}");
            let opened = play.api(Method::POST, LINKS, &link_body(&reference, 100 + seed * 7 + number), None);
            let opened = body(&opened);
            let Some(id) = opened["id"].as_str() else { continue };
            play.decide(id, "approve");
            for item in play.notifications() {
                let psp = item["pspReference"].as_str().unwrap().to_owned();
                play.modify(&psp, "refunds", Some(60), Some(&format!("a{number}")));
                play.modify(&psp, "refunds", Some(60 + seed), Some(&format!("b{number}")));
            }
        }
        play.settle_down();
        for row in play.transactions() {
            let minor = |name: &str| row[name].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
            assert!(minor("refunded") + minor("reversed") <= minor("captured"), "{row}");
            assert!(minor("captured") <= minor("amount"), "{row}");
        }
    }
}
