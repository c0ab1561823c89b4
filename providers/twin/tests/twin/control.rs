//! The control surface: events of the outside world, settlement, the clock, and what it refuses.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use zahlstelle_twin::{Chore, Origin, Request};

use crate::play::{Play, body, codes, pair};

const EVENTS: &str = "/control/events";

#[test]
fn other_machines_are_refused() {
    let mut play = Play::new();
    for path in ["/control/transactions", "/control/faults"] {
        let request = Request { origin: Origin::Elsewhere, ..Request::new(Method::GET, path) };
        assert_eq!(play.call(&request).status, StatusCode::FORBIDDEN);
    }
}

#[test]
fn bad_input_is_refused_by_the_name_of_the_member() {
    let mut play = Play::new();
    for (path, wanted, member) in [
        ("faults", json!([{"fault": "nonsense", "operation": "refund", "count": 1}]), "[0].fault"),
        ("faults", json!([{"fault": "delay", "operation": "refund", "many": 1}]), "[0].many"),
        ("faults", json!([{"fault": "duplicate", "operation": "refund", "count": 1}]), "[0].operation"),
        ("faults", json!({"profile": "wilder"}), "profile"),
        ("events", json!({"merchant_reference": "r", "event": "rain"}), "event"),
        ("events", json!({"event": "chargeback"}), "merchant_reference"),
        ("settle", json!({"day": "2026-13-01", "folder": "f"}), "day"),
        ("settle", json!({"day": "2026-11-24", "folder": ""}), "folder"),
        ("clock", json!({"advance_seconds": -1}), "advance_seconds"),
        ("clock", json!({"advance_seconds": "1"}), "advance_seconds"),
        ("complete", json!({"merchant_reference": "r", "decision": "maybe"}), "decision"),
    ] {
        let response = play.control_raw(Method::POST, &format!("/control/{path}"), &wanted);
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{wanted}");
        assert_eq!(body(&response)["member"], member, "{wanted}");
    }
    let event = json!({"merchant_reference": "nobody", "event": "chargeback"});
    assert_eq!(play.control_raw(Method::POST, EVENTS, &event).status, StatusCode::NOT_FOUND);
    assert_eq!(play.control_raw(Method::PUT, "/control/clock", &Value::Null).status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn disputes_are_announced_debited_won_and_debited_again() {
    let mut play = Play::new();
    let psp = play.pay("r", 2880);
    let mut happen = |event: &str| {
        play.control(Method::POST, EVENTS, &json!({"merchant_reference": "r", "event": event}));
        let told = play.notifications().remove(0);
        (told, play.transaction("r")["disputed"].clone())
    };
    let (opened, held) = happen("notification_of_chargeback");
    assert_eq!((&opened["eventCode"], held), (&json!("NOTIFICATION_OF_CHARGEBACK"), json!("0.00")));
    let (debited, held) = happen("chargeback");
    assert_eq!((&debited["eventCode"], held), (&json!("CHARGEBACK"), json!("28.80")));
    assert_eq!((&debited["pspReference"], &debited["originalReference"]), (&opened["pspReference"], &json!(psp)));
    let (won, held) = happen("chargeback_reversed");
    assert_eq!((&won["eventCode"], held), (&json!("CHARGEBACK_REVERSED"), json!("0.00")));
    let (again, held) = happen("chargeback");
    assert_eq!((&again["eventCode"], held), (&json!("SECOND_CHARGEBACK"), json!("28.80")));
    play.modify(&psp, "refunds", Some(1), None);
    assert_eq!(codes(&play.settle_down()), [pair("REFUND", "false")], "disputed money cannot be refunded");
}

#[test]
fn succeeded_changes_can_be_undone() {
    let mut play = Play::new();
    let psp = play.pay("r", 1000);
    let refund = body(&play.modify(&psp, "refunds", Some(300), None));
    play.settle_down();
    play.control(Method::POST, EVENTS, &json!({"merchant_reference": "r", "event": "refund_failed"}));
    let told = play.notifications();
    assert_eq!(codes(&told), [pair("REFUND_FAILED", "true")]);
    assert_eq!((&told[0]["pspReference"], &told[0]["originalReference"]), (&refund["pspReference"], &json!(psp)));
    assert_eq!(play.transaction("r")["refunded"], "0.00");
    let again = play.control_raw(Method::POST, EVENTS, &json!({"merchant_reference": "r", "event": "refund_failed"}));
    assert_eq!(again.status, StatusCode::CONFLICT);

    play.modify(&psp, "refunds", Some(300), None);
    play.settle_down();
    play.control(Method::POST, EVENTS, &json!({"provider_reference": psp, "event": "refunded_reversed"}));
    assert_eq!(codes(&play.notifications()), [pair("REFUNDED_REVERSED", "true")]);

    let other = play.authorise("m", 500);
    play.modify(&other, "captures", Some(500), None);
    play.settle_down();
    play.control(Method::POST, EVENTS, &json!({"merchant_reference": "m", "event": "capture_failed"}));
    assert_eq!(codes(&play.notifications()), [pair("CAPTURE_FAILED", "true")]);
    let row = play.transaction("m");
    assert_eq!((&row["captured"], &row["state"]), (&json!("0.00"), &json!("authorised")));
}

#[test]
fn a_reversal_of_an_uncaptured_payment_gives_the_authorisation_up() {
    let mut play = Play::new();
    play.authorise("r", 500);
    play.control(Method::POST, EVENTS, &json!({"merchant_reference": "r", "event": "reversal"}));
    let told = play.notifications();
    assert_eq!(told[0]["additionalData"]["modification.action"], "cancel");
    assert_eq!(play.transaction("r")["state"], "voided");
    let again = play.control_raw(Method::POST, EVENTS, &json!({"merchant_reference": "r", "event": "reversal"}));
    assert_eq!(again.status, StatusCode::CONFLICT);
}

/// The lines of the one report of a day, by column.
fn report(play: &mut Play, day: &str) -> (Value, Vec<std::collections::BTreeMap<String, String>>) {
    let response = play.control_raw(Method::POST, "/control/settle", &json!({"day": day, "folder": "/reports/"}));
    let answer = body(&response);
    let Some(Chore::WriteFile { path, content }) = response.chores.first() else { return (answer, Vec::new()) };
    assert_eq!(answer["reports"][0]["path"], path.as_str());
    let mut reader = csv::Reader::from_reader(content.as_slice());
    (answer, reader.deserialize().map(Result::unwrap).collect())
}

/// The sum of the net columns in cents.
fn net_sum(lines: &[std::collections::BTreeMap<String, String>]) -> i64 {
    let minor = |text: &str| if text.is_empty() { 0 } else { text.replace('.', "").parse::<i64>().unwrap() };
    lines.iter().map(|line| minor(&line["Net Credit (NC)"]) - minor(&line["Net Debit (NC)"])).sum()
}

#[test]
fn a_batch_balances_and_settles_each_movement_once() {
    let mut play = Play::new();
    let psp = play.pay("00000000017-1", 3700);
    play.modify(&psp, "refunds", Some(1000), None);
    play.settle_down();
    let (answer, lines) = report(&mut play, "2026-11-24");
    assert_eq!(answer["statements"], json!([]));
    assert_eq!(answer["reports"][0]["path"], "/reports/settlement_detail_report_batch_1.csv");
    let types: Vec<&str> = lines.iter().map(|line| line["Type"].as_str()).collect();
    assert_eq!(types, ["Settled", "Refunded", "MerchantPayout"]);
    let settled = &lines[0];
    assert_eq!(
        (settled["Psp Reference"].as_str(), settled["Merchant Reference"].as_str()),
        (psp.as_str(), "00000000017-1")
    );
    assert_eq!((settled["Gross Credit (GC)"].as_str(), settled["Commission (NC)"].as_str()), ("37.00", "0.43"));
    assert_eq!((settled["Creation Date"].as_str(), settled["TimeZone"].as_str()), ("2026-11-24 09:00:00", "CET"));
    assert_eq!(lines[1]["Modification Merchant Reference"], "our-refunds");
    assert_eq!((lines[1]["Net Debit (NC)"].as_str(), lines[2]["Net Debit (NC)"].as_str()), ("10.10", "26.47"));
    assert_eq!((net_sum(&lines), &answer["reports"][0]["payout"]), (0, &json!("26.47")));
    let (answer, lines) = report(&mut play, "2026-11-24");
    assert_eq!((&answer["reports"], lines.len()), (&json!([]), 0), "nothing is settled twice");
}

#[test]
fn a_negative_batch_is_carried_to_the_next() {
    let mut play = Play::new();
    play.pay("r", 1000);
    report(&mut play, "2026-11-24");
    play.wait(24 * 3600);
    play.control(Method::POST, EVENTS, &json!({"merchant_reference": "r", "event": "chargeback"}));
    let (answer, lines) = report(&mut play, "2026-11-25");
    assert_eq!(answer["reports"][0]["payout"], "0.00");
    assert_eq!((lines[1]["Type"].as_str(), lines[1]["Net Credit (NC)"].as_str()), ("Balancetransfer", "25.00"));
    assert_eq!(net_sum(&lines), 0);
    play.wait(24 * 3600);
    let id = {
        let mut wanted = crate::play::link_body("s", 5000);
        wanted["expiresAt"] = json!("2026-11-27T08:00:00Z");
        play.open_with(&wanted)
    };
    play.decide(&id, "approve");
    let (_, lines) = report(&mut play, "2026-11-25");
    assert!(lines.is_empty(), "a payment of the next day is not settled yet");
    let (answer, lines) = report(&mut play, "2026-11-26");
    assert_eq!((lines[0]["Type"].as_str(), lines[0]["Net Debit (NC)"].as_str()), ("Balancetransfer", "25.00"));
    assert_eq!((answer["reports"][0]["payout"].as_str(), net_sum(&lines)), (Some("24.45"), 0));
}

#[test]
fn the_clock_is_moved_by_whoever_carries_the_answer() {
    let mut play = Play::new();
    let response = play.control_raw(Method::POST, "/control/clock", &json!({"advance_seconds": 60}));
    assert_eq!(response.chores, [Chore::AdvanceClock { seconds: 60 }]);
    assert_eq!(body(&response)["now"], "2026-11-24T08:01:00Z");
}
