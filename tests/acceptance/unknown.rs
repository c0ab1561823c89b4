//! B: outcomes nobody knows, and retries. Every test first shows that its fault has happened.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use serde_json::json;
use zahlstelle::{
    desk::{DeskError, NextStep},
    domain::{decide::Refusal, event::ExceptionCause, ids::PaymentId, payment::Payment},
};
use zahlstelle_contract::method::Method;

use crate::{
    hostile::Notice,
    stage::{Stage, TENANT, eur},
};

/// Seconds in a day.
const DAY: i64 = 86_400;
/// Everything that can go wrong with a call once, and leaves open whether it was done.
const FAULTS: [&str; 6] =
    ["lose_answer", "error_500", "error_500_after_commit", "drop_before", "refuse_connection", "rate_limited"];

fn name(payment: &Payment) -> String {
    payment.merchant_reference(payment.attempts.last().unwrap()).as_str().to_owned()
}

/// Starts to pay as a citizen does who tries again until there is a page.
async fn start_at_last(stage: &Stage, id: PaymentId) -> String {
    for _ in 0..20 {
        match stage.desk.start_attempt(TENANT, id, Method::Card).await {
            Ok(NextStep::Redirect { url }) => return url,
            Ok(NextStep::Look) | Err(DeskError::ProviderUnavailable) => stage.advance(30).await,
            Err(other) => unreachable!("{other}"),
        }
    }
    unreachable!("there is never a page")
}

/// A payment whose money is held.
async fn held(stage: &Stage) -> Payment {
    let payment = stage.create_manual("13.00").await;
    let page = start_at_last(stage, payment.id).await;
    stage.decide(&page, "approve");
    stage.settle().await;
    let held = stage.payment(payment.id).await;
    assert_eq!(held.state.as_str(), "authorised");
    held
}

async fn capture(stage: &Stage, id: PaymentId) {
    let answered = stage.desk.capture(TENANT, id, None, &stage.once()).await.unwrap();
    assert_eq!(answered.status, 202);
}

/// Nothing was done twice, and our books are the provider's.
async fn assert_agreed(stage: &Stage, payment: &Payment, told: &str) {
    let row = stage.transaction(&name(payment));
    for operation in ["create", "capture", "refund", "cancel"] {
        let executed = row["executed"][operation].as_u64().unwrap();
        assert!(executed <= 1, "{told}: {operation} was executed {executed} times");
    }
    assert_eq!(stage.held().await, stage.held_at_twin(), "{told}");
    assert_eq!(stage.balance("klaerung").await, 0, "{told}");
}

#[tokio::test]
async fn b1_a_page_whose_making_was_not_answered_is_made_once() {
    for fault in FAULTS {
        let stage = Stage::new(201);
        stage.arm(fault, "open_page", 1);
        let payment = stage.create("13.00").await;
        let page = start_at_last(&stage, payment.id).await;
        assert_eq!(stage.fired(fault, "open_page"), 1);
        stage.decide(&page, "approve");
        stage.advance(5).await;
        let paid = stage.payment(payment.id).await;
        assert_eq!((paid.state.as_str(), paid.attempts.len()), ("paid", 1), "{fault}");
        assert_agreed(&stage, &paid, fault).await;
    }
}

#[tokio::test]
async fn b1_a_page_that_closes_without_an_answer_leaves_the_outcome_unknown_until_asked() {
    for fault in FAULTS {
        let stage = Stage::new(202);
        let payment = stage.create("13.00").await;
        stage.start(payment.id).await;
        stage.arm(fault, "close_page", 1);
        stage.arm("refuse_connection", "query", 1);
        stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
        assert_eq!((stage.fired(fault, "close_page"), stage.fired("refuse_connection", "query")), (1, 1));
        let unknown = stage.payment(payment.id).await;
        assert_eq!(unknown.state.as_str(), "outcome_unknown", "{fault}");
        // Until it is known nothing else may start.
        let start = stage.desk.start_attempt(TENANT, payment.id, Method::Card).await;
        assert!(matches!(start, Err(DeskError::Refused(Refusal::OutcomeUnknown { .. }))), "{fault}");
        stage.pass(120).await;
        let cancelled = stage.payment(payment.id).await;
        assert_eq!(cancelled.state.as_str(), "cancelled", "{fault}");
        assert_agreed(&stage, &cancelled, fault).await;
    }
}

#[tokio::test]
async fn b1_a_capture_without_an_answer_is_captured_once() {
    for fault in FAULTS {
        let stage = Stage::new(203);
        let payment = held(&stage).await;
        stage.arm(fault, "capture", 1);
        capture(&stage, payment.id).await;
        assert_eq!(stage.fired(fault, "capture"), 1);
        let doubtful = !matches!(fault, "refuse_connection" | "rate_limited");
        let seen = stage.payment(payment.id).await.state;
        assert_eq!(seen.as_str(), if doubtful { "outcome_unknown" } else { "authorised" }, "{fault}");
        stage.pass(120).await;
        let paid = stage.payment(payment.id).await;
        assert_eq!((paid.state.as_str(), paid.captures.len()), ("paid", 1), "{fault}");
        assert_eq!(stage.held().await, 1_300);
        assert_agreed(&stage, &paid, fault).await;
    }
}

#[tokio::test]
async fn b1_a_refund_without_an_answer_goes_back_once() {
    for fault in FAULTS {
        let stage = Stage::new(204);
        let paid = stage.pay(stage.create("13.00").await.id).await;
        stage.arm(fault, "refund", 1);
        let refund = stage.refund(paid.id, "5.00").await.unwrap().holder;
        assert_eq!(stage.fired(fault, "refund"), 1);
        let doubtful = !matches!(fault, "refuse_connection" | "rate_limited");
        let seen = stage.refund_state(paid.id, refund).await;
        assert_eq!(seen, if doubtful { "unknown" } else { "submitted" }, "{fault}");
        assert_eq!(stage.payment(paid.id).await.amount_refundable(), eur("8.00"));
        stage.pass(120).await;
        assert_eq!(stage.refund_state(paid.id, refund).await, "succeeded", "{fault}");
        assert_eq!(stage.held().await, 800);
        assert_agreed(&stage, &paid, fault).await;
    }
}

#[tokio::test]
async fn b1_a_void_without_an_answer_is_voided() {
    for fault in FAULTS {
        let stage = Stage::new(205);
        let payment = held(&stage).await;
        stage.arm(fault, "cancel", 1);
        let answered = stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
        assert_eq!((stage.fired(fault, "cancel"), answered.status), (1, 202));
        stage.pass(120).await;
        let voided = stage.payment(payment.id).await;
        assert_eq!(voided.state.as_str(), "cancelled", "{fault}");
        assert_agreed(&stage, &voided, fault).await;
    }
}

#[tokio::test]
async fn b1_asking_that_is_not_answered_is_asked_again() {
    for fault in FAULTS.into_iter().filter(|fault| *fault != "error_500_after_commit") {
        let stage = Stage::new(206);
        let payment = stage.create("13.00").await;
        stage.arm("drop_notification", "notification", 1);
        stage.arm(fault, "query", 2);
        stage.approve(payment.id).await;
        stage.pass(900).await;
        assert_eq!((stage.fired(fault, "query"), stage.fired("drop_notification", "notification")), (2, 1));
        let paid = stage.payment(payment.id).await;
        assert_eq!(paid.state.as_str(), "paid", "{fault}");
        assert_agreed(&stage, &paid, fault).await;
    }
}

#[tokio::test]
async fn b3_an_error_that_is_kept_for_a_page_is_left_behind_by_a_new_key() {
    let stage = Stage::new(207);
    let payment = stage.create("13.00").await;
    stage.arm("error_500_stored", "open_page", 1);
    let first = stage.desk.start_attempt(TENANT, payment.id, Method::Card).await;
    assert!(matches!(first, Err(DeskError::ProviderUnavailable)));
    assert_eq!(stage.fired("error_500_stored", "open_page"), 1);
    stage.pass(420).await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "open");
    let paid = stage.pay(payment.id).await;
    assert_eq!((paid.state.as_str(), paid.attempts.len()), ("paid", 2));
    assert_ne!(paid.attempts[0].opening, paid.attempts[1].opening);
    assert_agreed(&stage, &paid, "b3").await;
}

#[tokio::test]
async fn b3_a_refund_whose_key_answers_an_error_for_ever_ends_in_front_of_two_persons() {
    let stage = Stage::new(208);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("error_500_stored", "refund", 1);
    let refund = stage.refund(paid.id, "5.00").await.unwrap().holder;
    assert_eq!(stage.fired("error_500_stored", "refund"), 1);
    for _ in 0..4 * 24 {
        stage.advance(3_600).await;
    }
    let overdue = stage.payment(paid.id).await;
    assert_eq!(overdue.refunds[0].state.as_str(), "unknown");
    let calls_for = |payment: &Payment| {
        payment.exceptions.iter().filter(|known| matches!(known.cause, ExceptionCause::OutcomeOverdue { .. })).count()
    };
    assert_eq!(calls_for(&overdue), 1);
    // It still reserves its amount: nobody may give the money back a second time.
    assert_eq!(overdue.amount_refundable(), eur("8.00"));
    // Once the provider may have forgotten the key, the refund is never asked for again: it could be done twice.
    for _ in 0..4 * 24 {
        stage.advance(3_600).await;
    }
    let asked = stage.transaction(&name(&paid))["calls"]["refund"].clone();
    stage.advance(30 * DAY).await;
    stage.advance(30 * DAY).await;
    assert_eq!(stage.transaction(&name(&paid))["calls"]["refund"], asked);
    assert_eq!(stage.refund_state(paid.id, refund).await, "unknown");
    assert_eq!(calls_for(&stage.payment(paid.id).await), 1);
}

#[tokio::test]
async fn b4_a_refund_that_failed_and_then_succeeds_is_put_right_by_new_entries() {
    let stage = Stage::new(209);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("fail_modification", "refund", 1);
    let refund = stage.refund(paid.id, "5.00").await.unwrap().holder;
    stage.advance(5).await;
    assert_eq!(stage.fired("fail_modification", "refund"), 1);
    assert_eq!(stage.refund_state(paid.id, refund).await, "failed");
    let before = stage.check().await;
    let psp = paid.captures[0].payment.clone().unwrap();
    let name = format!("{}-r1", name(&paid));
    let late = Notice::later("REFUND", &name, psp.as_str(), "LATEREFUND000001", 500);
    assert_eq!(stage.tell(&late).await, 200);
    assert_eq!(stage.refund_state(paid.id, refund).await, "succeeded");
    let after = stage.check().await;
    assert!(after.records > before.records);
    assert_eq!((stage.held().await, stage.balance("erstattung").await), (800, 0));
    // The reverse is an alarm: the money is back with us and owed again.
    let failed = Notice::later("REFUND_FAILED", &name, psp.as_str(), "LATEREFUND000001", 500);
    assert_eq!(stage.tell(&failed).await, 200);
    assert_eq!(stage.refund_state(paid.id, refund).await, "returned");
    assert_eq!((stage.held().await, stage.balance("erstattung").await), (1_300, -500));
    assert_eq!(stage.payment(paid.id).await.exceptions.len(), 2);
}

#[tokio::test]
async fn b8_a_capture_that_is_told_days_later_is_accepted() {
    let stage = Stage::new(210);
    let payment = held(&stage).await;
    stage.arm_with(&json!({"fault": "late", "operation": "notification", "seconds": 6 * DAY}));
    capture(&stage, payment.id).await;
    for _ in 0..5 * 24 {
        stage.advance(3_600).await;
    }
    assert_eq!(stage.fired("late", "notification"), 1);
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "authorised");
    for _ in 0..2 * 24 {
        stage.advance(3_600).await;
    }
    let paid = stage.payment(payment.id).await;
    assert_eq!(paid.state.as_str(), "paid");
    assert_agreed(&stage, &paid, "b8").await;
}

#[tokio::test]
async fn b8_a_capture_that_is_told_after_its_hold_lapsed_is_accepted() {
    let stage = Stage::new(211);
    let payment = held(&stage).await;
    stage.arm_with(&json!({"fault": "late", "operation": "notification", "seconds": 29 * DAY}));
    capture(&stage, payment.id).await;
    for _ in 0..30 {
        stage.advance(DAY).await;
    }
    assert_eq!(stage.fired("late", "notification"), 1);
    let paid = stage.payment(payment.id).await;
    assert_eq!(paid.state.as_str(), "paid");
    assert!(paid.exceptions.iter().any(|known| matches!(known.cause, ExceptionCause::CaptureDue { .. })));
    assert_agreed(&stage, &paid, "b8").await;
}

#[tokio::test]
async fn b9_who_has_paid_stays_paid_when_it_is_cancelled_or_expires() {
    for way in ["cancel", "expire"] {
        let stage = Stage::new(212);
        let payment = stage.create("13.00").await;
        stage.arm_with(&json!({"fault": "late", "operation": "notification", "seconds": 7_200}));
        stage.approve(payment.id).await;
        if way == "cancel" {
            let answered = stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
            assert_eq!(answered.status, 409);
        } else {
            stage.clock.advance(jiff::SignedDuration::from_secs(1_801));
            stage.settle().await;
        }
        assert_eq!(stage.fired("late", "notification"), 1);
        assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid", "{way}");
        stage.pass(7_300).await;
        let paid = stage.payment(payment.id).await;
        assert_eq!((paid.state.as_str(), paid.captures.len()), ("paid", 1), "{way}");
        assert_agreed(&stage, &paid, way).await;
    }
}

#[tokio::test]
async fn b9_held_money_that_was_cancelled_before_we_knew_of_it_is_voided() {
    let stage = Stage::new(213);
    let payment = stage.create_manual("13.00").await;
    stage.arm_with(&json!({"fault": "late", "operation": "notification", "seconds": 30}));
    stage.approve(payment.id).await;
    let answered = stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
    assert_eq!((answered.status, stage.fired("late", "notification")), (202, 1));
    // Who was told that the cancellation is under way finds the payment cancelled, and the money let go.
    stage.pass(300).await;
    let cancelled = stage.payment(payment.id).await;
    assert_eq!(cancelled.state.as_str(), "cancelled");
    assert_eq!(stage.transaction(&name(&cancelled))["state"], "voided");
    assert!(cancelled.calls.is_empty());
    assert_agreed(&stage, &cancelled, "b9").await;
}

#[tokio::test]
async fn b9_an_undecided_page_outlives_the_expiry_and_is_then_what_is_true() {
    for (decision, end) in [("approve", "paid"), ("decline", "expired")] {
        let stage = Stage::new(214);
        let payment = stage.create("13.00").await;
        stage.arm("pending", "pay", 1);
        stage.approve(payment.id).await;
        assert_eq!(stage.fired("pending", "pay"), 1);
        stage.pass(3_600).await;
        let waiting = stage.payment(payment.id).await;
        assert_eq!(waiting.state.as_str(), "processing");
        let order = json!({"merchant_reference": name(&waiting), "decision": decision});
        stage.control(http::Method::POST, "/control/complete", &order);
        stage.pass(900).await;
        let ended = stage.payment(payment.id).await;
        assert_eq!(ended.state.as_str(), end);
        assert_agreed(&stage, &ended, decision).await;
    }
}

#[tokio::test]
async fn a_hold_calls_somebody_a_day_before_and_is_voided_at_its_deadline() {
    let stage = Stage::new(215);
    let payment = held(&stage).await;
    assert!(matches!(
        stage.desk.capture(TENANT, payment.id, Some(eur("12.99")), &stage.once()).await,
        Err(DeskError::Refused(Refusal::PartialCapture { full })) if full == eur("13.00")
    ));
    stage.advance(27 * DAY - 60).await;
    assert!(stage.payment(payment.id).await.exceptions.is_empty());
    stage.advance(60).await;
    assert!(matches!(stage.payment(payment.id).await.exceptions[0].cause, ExceptionCause::CaptureDue { .. }));
    stage.advance(DAY).await;
    stage.advance(5).await;
    let lapsed = stage.payment(payment.id).await;
    assert_eq!((lapsed.state.as_str(), lapsed.exceptions.len()), ("cancelled", 1));
    assert_eq!(stage.transaction(&name(&lapsed))["state"], "voided");
    assert_eq!(stage.held().await, 0);
}

#[tokio::test]
async fn a_void_that_the_provider_refuses_at_the_deadline_is_not_asked_for_without_end() {
    let stage = Stage::new(216);
    let payment = held(&stage).await;
    stage.arm("fail_modification", "cancel", 100);
    stage.advance(28 * DAY).await;
    for _ in 0..48 {
        stage.advance(3_600).await;
    }
    assert_eq!(stage.fired("fail_modification", "cancel"), 1);
    let stuck = stage.payment(payment.id).await;
    assert!(stuck.exceptions.iter().any(|known| matches!(known.cause, ExceptionCause::VoidFailed { .. })));
    assert!(stuck.version < 20, "{} events", stuck.version);
}

#[tokio::test]
async fn a_refund_waits_for_the_reference_that_only_a_notification_brings() {
    let stage = Stage::new(217);
    let payment = stage.create("13.00").await;
    stage.arm_with(&json!({"fault": "late", "operation": "notification", "seconds": 3_600}));
    stage.approve(payment.id).await;
    stage.pass(120).await;
    assert_eq!(stage.fired("late", "notification"), 1);
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid");
    let refund = stage.refund(payment.id, "5.00").await.unwrap().holder;
    assert_eq!(stage.refund_state(payment.id, refund).await, "approved");
    stage.pass(3_600).await;
    assert_eq!(stage.refund_state(payment.id, refund).await, "succeeded");
    assert_agreed(&stage, &stage.payment(payment.id).await, "reference").await;
}

#[tokio::test]
async fn a_capture_waits_for_the_reference_that_only_a_notification_brings() {
    let stage = Stage::new(218);
    let payment = stage.create_manual("13.00").await;
    stage.arm_with(&json!({"fault": "late", "operation": "notification", "seconds": 3_600}));
    stage.approve(payment.id).await;
    stage.pass(120).await;
    assert_eq!(stage.fired("late", "notification"), 1);
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "authorised");
    capture(&stage, payment.id).await;
    assert!(stage.payment(payment.id).await.calls[0].first_sent_at.is_none());
    stage.pass(3_660).await;
    let paid = stage.payment(payment.id).await;
    assert_eq!(paid.state.as_str(), "paid");
    assert_agreed(&stage, &paid, "reference").await;
}

#[tokio::test]
async fn a_refund_whose_reference_never_comes_is_shown_to_somebody() {
    let stage = Stage::new(219);
    let payment = stage.create("13.00").await;
    stage.arm("drop_notification", "notification", 1);
    stage.approve(payment.id).await;
    stage.pass(120).await;
    assert_eq!(stage.fired("drop_notification", "notification"), 1);
    let refund = stage.refund(payment.id, "5.00").await.unwrap().holder;
    for _ in 0..4 * 24 {
        stage.advance(3_600).await;
    }
    assert_eq!(stage.refund_state(payment.id, refund).await, "approved");
    let overdue = stage.payment(payment.id).await.exceptions;
    assert!(
        matches!(&overdue[0].cause, ExceptionCause::OutcomeOverdue { refund: Some(named), .. } if named.0 == refund)
    );
    assert_eq!(overdue.len(), 1);
}

#[tokio::test]
async fn every_refund_that_is_overdue_is_shown_to_somebody() {
    let stage = Stage::new(220);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("error_500_stored", "refund", 2);
    stage.refund(paid.id, "5.00").await.unwrap();
    stage.advance(7_200).await;
    stage.refund(paid.id, "3.00").await.unwrap();
    assert_eq!(stage.fired("error_500_stored", "refund"), 2);
    for _ in 0..4 * 24 {
        stage.advance(3_600).await;
    }
    let overdue = stage.payment(paid.id).await.exceptions;
    let named = |wanted| {
        overdue
            .iter()
            .any(|known| matches!(known.cause, ExceptionCause::OutcomeOverdue { refund, .. } if refund == Some(wanted)))
    };
    assert!(stage.payment(paid.id).await.refunds.iter().all(|refund| named(refund.id)), "{overdue:?}");
}

#[tokio::test]
async fn another_method_does_not_revive_a_payment_that_is_being_cancelled() {
    let with_wallet = |tenant: String| {
        tenant.replace(
            "methods = { card = \"adyen-test\" }",
            "methods = { card = \"adyen-test\", google_pay = \"adyen-test\" }",
        )
    };
    let stage = Stage::with(221, with_wallet);
    let payment = stage.create("13.00").await;
    stage.start(payment.id).await;
    stage.arm("pending", "pay", 1);
    let page = stage.start(payment.id).await;
    stage.decide(&page, "approve");
    assert_eq!(stage.fired("pending", "pay"), 1);
    assert_eq!(stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap().status, 202);
    let step = stage.desk.start_attempt(TENANT, payment.id, Method::GooglePay).await.unwrap();
    assert_eq!(step, NextStep::Look);
    let order = json!({"merchant_reference": name(&payment_of(&stage, payment.id).await), "decision": "decline"});
    stage.control(http::Method::POST, "/control/complete", &order);
    stage.pass(120).await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "cancelled");
}

async fn payment_of(stage: &Stage, id: PaymentId) -> Payment {
    stage.payment(id).await
}
