//! E4 and what else a provider could say that does not fit: what really moved is in the books, nothing is guessed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use serde_json::json;
use zahlstelle::{
    desk::{DeskError, NextStep, create::NewPayment},
    domain::{event::ExceptionCause, payment::Payment},
    store::sqlite::direct::DirectStore,
};
use zahlstelle_contract::{
    method::Method,
    transport::{HttpRequest, HttpResponse, Transport, TransportError},
};

use crate::{
    hostile::Notice,
    stage::{Stage, TENANT, eur, new_payment},
};

fn name(payment: &Payment) -> String {
    payment.merchant_reference(&payment.attempts[0]).as_str().to_owned()
}

#[tokio::test]
async fn e4_a_page_for_something_else_is_handed_to_nobody() {
    for fault in ["wrong_amount", "wrong_account"] {
        let stage = Stage::new(301);
        let payment = stage.create("13.00").await;
        stage.arm(fault, "open_page", 1);
        let step = stage.desk.start_attempt(TENANT, payment.id, Method::Card).await;
        assert_eq!(stage.fired(fault, "open_page"), 1);
        assert!(!matches!(step, Ok(NextStep::Redirect { .. })), "{fault}: {step:?}");
        stage.pass(60).await;
        let open = stage.payment(payment.id).await;
        assert_eq!(open.state.as_str(), "open", "{fault}");
        assert!(matches!(open.exceptions[0].cause, ExceptionCause::Mismatch { .. }));
        assert_eq!(stage.transaction(&name(&open))["state"], "cancelled");
        // The next page is as it should be.
        assert_eq!(stage.pay(payment.id).await.state.as_str(), "paid");
    }
}

#[tokio::test]
async fn e4_a_notification_of_another_amount_or_currency_is_quarantined() {
    for (minor, currency) in [(1_301, "EUR"), (1_299, "EUR"), (1_300, "USD"), (1, "EUR")] {
        let stage = Stage::new(302);
        let payment = stage.create("13.00").await;
        stage.start(payment.id).await;
        let started = stage.payment(payment.id).await;
        let notice = Notice { currency, ..Notice::authorisation(&name(&started), "HOSTILE000000001", minor) };
        assert_eq!(stage.tell(&notice).await, 200);
        let quarantined = stage.payment(payment.id).await;
        assert_eq!(quarantined.state.as_str(), "outcome_unknown", "{minor} {currency}");
        assert!(quarantined.captures.is_empty());
        assert_eq!((stage.held().await, stage.balance("klaerung").await), (minor, -minor));
        // Nothing that is asked afterwards makes it paid, and two persons are called in time.
        for _ in 0..4 * 24 {
            stage.advance(3_600).await;
        }
        let overdue = stage.payment(payment.id).await;
        assert_eq!(overdue.state.as_str(), "outcome_unknown", "{minor} {currency}");
        assert!(overdue.exceptions.iter().any(|known| matches!(known.cause, ExceptionCause::OutcomeOverdue { .. })));
        assert!(!stage.feed_types().await.contains(&"payment.paid".to_owned()));
    }
}

#[tokio::test]
async fn e4_a_page_that_says_paid_does_not_lift_the_quarantine() {
    let stage = Stage::new(303);
    let payment = stage.create("13.00").await;
    let page = stage.start(payment.id).await;
    // The payer pays while the portal cancels: first the close is not answered, then the notification is odd.
    stage.arm("lose_answer", "close_page", 1);
    stage.arm("refuse_connection", "query", 1);
    stage.arm("wrong_amount", "notification", 1);
    stage.decide(&page, "approve");
    stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "outcome_unknown");
    stage.deliver().await;
    stage.pass(1_200).await;
    assert_eq!((stage.fired("wrong_amount", "notification"), stage.fired("lose_answer", "close_page")), (1, 1));
    let quarantined = stage.payment(payment.id).await;
    assert_eq!(quarantined.state.as_str(), "outcome_unknown");
    assert!(quarantined.captures.is_empty() && quarantined.calls.is_empty());
    assert_eq!((stage.held().await, stage.balance("klaerung").await), (1_301, -1_301));
}

#[tokio::test]
async fn e4_a_page_of_another_account_tells_nothing() {
    let stage = Stage::new(304);
    let payment = stage.create("13.00").await;
    stage.start(payment.id).await;
    stage.arm("wrong_account", "close_page", 1);
    stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
    assert_eq!(stage.fired("wrong_account", "close_page"), 1);
    // That the page of somebody else is closed is no reason to end this payment.
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "outcome_unknown");
    stage.pass(60).await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "cancelled");
}

#[tokio::test]
async fn e4_a_capture_of_another_amount_is_quarantined() {
    let stage = Stage::new(305);
    let payment = stage.create_manual("13.00").await;
    stage.approve(payment.id).await;
    stage.settle().await;
    let held = stage.payment(payment.id).await;
    stage.arm("wrong_amount", "capture", 1);
    stage.desk.capture(TENANT, payment.id, None, &stage.once()).await.unwrap();
    assert_eq!(stage.fired("wrong_amount", "capture"), 1);
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "outcome_unknown");
    let psp = held.attempts[0].reference.clone().unwrap();
    let told = Notice::later("CAPTURE", &name(&held), psp.as_str(), "HOSTILECAPTURE01", 1_250);
    stage.tell(&told).await;
    let quarantined = stage.payment(payment.id).await;
    assert_eq!(quarantined.state.as_str(), "outcome_unknown");
    assert_eq!((stage.held().await, stage.balance("klaerung").await), (1_250, -1_250));
}

#[tokio::test]
async fn e4_a_notification_for_another_account_is_not_taken() {
    let stage = Stage::new(306);
    let payment = stage.create("13.00").await;
    stage.start(payment.id).await;
    let name = name(&stage.payment(payment.id).await);
    let notice = Notice { account: "SomebodyElse", ..Notice::authorisation(&name, "HOSTILE000000001", 1_300) };
    assert_eq!(stage.tell(&notice).await, 401);
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "processing");
    assert_eq!(stage.held().await, 0);
}

#[tokio::test]
async fn e4_a_refund_of_another_amount_is_quarantined() {
    let stage = Stage::new(307);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("drop_notification", "notification", 1);
    let refund = stage.refund(paid.id, "5.00").await.unwrap().holder;
    let submitted = stage.payment(paid.id).await;
    let zahlstelle::domain::refund::RefundState::Submitted { reference: Some(reference) } = &submitted.refunds[0].state
    else {
        unreachable!("the provider took the refund")
    };
    let psp = paid.captures[0].payment.clone().unwrap();
    let told = Notice::later("REFUND", &format!("{}-r1", name(&paid)), psp.as_str(), reference.as_str(), 600);
    stage.tell(&told).await;
    stage.advance(5).await;
    assert_eq!(stage.fired("drop_notification", "notification"), 1);
    assert_eq!(stage.refund_state(paid.id, refund).await, "unknown");
    assert_eq!((stage.held().await, stage.balance("klaerung").await), (700, 600));
    assert_eq!(stage.balance("erstattung").await, -500);
}

#[tokio::test]
async fn e4_a_refund_that_nobody_asked_for_is_kept_in_the_books() {
    let stage = Stage::new(308);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let psp = paid.captures[0].payment.clone().unwrap();
    let told = Notice::later("REFUND", &name(&paid), psp.as_str(), "FOREIGNREFUND001", 400);
    assert_eq!((stage.tell(&told).await, stage.tell(&told).await), (200, 200));
    assert_eq!((stage.held().await, stage.balance("klaerung").await), (900, 400));
    let shown = stage.payment(paid.id).await;
    assert_eq!(shown.exceptions.len(), 1);
    assert!(matches!(shown.exceptions[0].cause, ExceptionCause::ForeignRefund { .. }));
}

/// A line that answers so many calls after the first by refusing whoever calls.
struct Locked {
    line: Arc<dyn Transport>,
    path: &'static str,
    refusals: AtomicU32,
    refused: AtomicU32,
    calls: AtomicU32,
}

#[async_trait]
impl Transport for Locked {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if !request.url.ends_with(self.path) {
            return self.line.send(request).await;
        }
        let calls = self.calls.fetch_add(1, Ordering::SeqCst);
        if calls == 0 || self.refusals.load(Ordering::SeqCst) == 0 {
            return self.line.send(request).await;
        }
        self.refusals.fetch_sub(1, Ordering::SeqCst);
        self.refused.fetch_add(1, Ordering::SeqCst);
        Ok(HttpResponse { status: 403, body: b"{\"errorCode\":\"010\"}".to_vec() })
    }
}

fn stage_locked(seed: u64, path: &'static str) -> (Stage, Arc<Locked>) {
    let mut locked = None;
    let stage = Stage::wired(
        seed,
        |tenant| tenant,
        Arc::new(DirectStore::in_memory().unwrap()),
        |line| {
            let (calls, refused, refusals) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(3));
            let made = Arc::new(Locked { line, path, refusals, refused, calls });
            locked = Some(Arc::clone(&made));
            made
        },
    );
    (stage, locked.unwrap())
}

#[tokio::test]
async fn b3_a_refused_repetition_proves_nothing_about_a_refund() {
    let (stage, locked) = stage_locked(309, "/refunds");
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("lose_answer", "refund", 1);
    let refund = stage.refund(paid.id, "13.00").await.unwrap().holder;
    assert_eq!(stage.fired("lose_answer", "refund"), 1);
    // The key of the account was changed in the meantime: the repetition is turned away, the refund was done.
    stage.arm_with(&json!({"fault": "late", "operation": "notification", "seconds": 60}));
    stage.advance(1).await;
    assert!(locked.refused.load(Ordering::SeqCst) >= 1);
    assert_eq!(stage.refund_state(paid.id, refund).await, "unknown");
    assert!(matches!(stage.refund(paid.id, "1.00").await, Err(DeskError::Refused(_))));
    stage.pass(120).await;
    assert!(locked.refused.load(Ordering::SeqCst) >= 2);
    let settled = stage.payment(paid.id).await;
    assert_eq!(settled.refunds[0].state.as_str(), "succeeded");
    assert_eq!(settled.exceptions.len(), 1, "somebody is told once: {:?}", settled.exceptions);
    assert_eq!((stage.held().await, stage.held_at_twin()), (0, 0));
}

#[tokio::test]
async fn b3_a_refused_repetition_proves_nothing_about_a_capture() {
    let (stage, locked) = stage_locked(310, "/captures");
    let payment = stage.create_manual("13.00").await;
    stage.approve(payment.id).await;
    stage.settle().await;
    stage.arm("lose_answer", "capture", 1);
    stage.arm_with(&json!({"fault": "late", "operation": "notification", "seconds": 600}));
    stage.desk.capture(TENANT, payment.id, None, &stage.once()).await.unwrap();
    assert_eq!(stage.fired("lose_answer", "capture"), 1);
    stage.advance(1).await;
    assert!(locked.refused.load(Ordering::SeqCst) >= 1);
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "outcome_unknown");
    stage.pass(900).await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid");
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn a_reversal_after_a_refund_leaves_the_rest_of_the_claim_open() {
    for service in ["buergerportal", "buergerbuero"] {
        let stage = Stage::new(311);
        let line = zahlstelle::desk::create::NewLine::Fee {
            fee: "personalausweis_vorlaeufig".to_owned(),
            quantity: 1,
            fee_date: None,
        };
        let payment = stage
            .create_with("10.00", |request| match service {
                "buergerbuero" => NewPayment { service: service.to_owned(), lines: vec![line], ..request },
                _ => request,
            })
            .await;
        let paid = stage.pay(payment.id).await;
        if service == "buergerportal" {
            stage.refund(paid.id, "3.00").await.unwrap();
            stage.advance(5).await;
        }
        stage.event(&name(&paid), "reversal");
        stage.advance(5).await;
        let reversed = stage.payment(paid.id).await;
        assert_eq!(reversed.state.as_str(), "reversed");
        let open = if service == "buergerportal" { 700 } else { 1_000 };
        assert_eq!(stage.balance(&format!("forderung/{service}")).await, open);
        assert_eq!((stage.held().await, stage.held_at_twin()), (0, 0));
    }
}

#[tokio::test]
async fn a_capture_that_fails_after_it_was_taken_at_once_is_reversed() {
    let stage = Stage::new(312);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.event(&name(&paid), "capture_failed");
    stage.advance(5).await;
    assert_eq!(stage.payment(paid.id).await.state.as_str(), "reversed");
    assert_eq!((stage.held().await, stage.held_at_twin()), (0, 0));
}

#[tokio::test]
async fn a_reversal_that_comes_before_its_success_leaves_nothing_to_refund() {
    let stage = Stage::new(313);
    let payment = stage.create("13.00").await;
    stage.start(payment.id).await;
    stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
    let name = name(&stage.payment(payment.id).await);
    // The reversal of a success on a cancelled payment overtakes the success itself: the signed fields alone tell it.
    let failed = Notice::later("CAPTURE_FAILED", &name, "LATEPSP000000001", "LATECAPTURE00001", 1_300);
    stage.tell(&Notice::authorisation(&name, "LATEPSP000000001", 1_300)).await;
    stage.tell(&failed).await;
    let reversed = stage.payment(payment.id).await;
    assert_eq!(reversed.refunds[0].state.as_str(), "rejected");
    assert!(reversed.captures.iter().all(|capture| reversed.refundable_minor(capture) == 0));
    assert_eq!((stage.held().await, stage.balance("ueberzahlung").await), (0, 0));
}

#[tokio::test]
async fn a_dispute_is_debited_with_another_amount_than_was_announced() {
    let stage = Stage::new(314);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let psp = paid.captures[0].payment.clone().unwrap();
    let told = |event, minor| Notice::later(event, &name(&paid), psp.as_str(), "DISPUTE000000001", minor);
    stage.tell(&told("NOTIFICATION_OF_CHARGEBACK", 500)).await;
    stage.tell(&told("CHARGEBACK", 700)).await;
    let disputed = stage.payment(paid.id).await;
    assert_eq!((disputed.disputes[0].amount, disputed.amount_refundable()), (eur("7.00"), eur("6.00")));
    assert_eq!((stage.held().await, stage.balance("rueckbelastung").await), (600, 700));
    stage.tell(&told("CHARGEBACK_REVERSED", 700)).await;
    assert_eq!((stage.held().await, stage.balance("rueckbelastung").await), (1_300, 0));
}

#[tokio::test]
async fn each_of_two_disputes_is_won_for_itself() {
    let stage = Stage::new(315);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let psp = paid.captures[0].payment.clone().unwrap();
    let told = |event, psp_of, minor| Notice::later(event, &name(&paid), psp.as_str(), psp_of, minor);
    stage.tell(&told("CHARGEBACK", "DISPUTE000000001", 300)).await;
    stage.tell(&told("CHARGEBACK", "DISPUTE000000002", 500)).await;
    stage.tell(&told("CHARGEBACK_REVERSED", "DISPUTE000000002", 500)).await;
    assert_eq!((stage.held().await, stage.balance("rueckbelastung").await), (1_000, 300));
    stage.tell(&told("CHARGEBACK_REVERSED", "DISPUTE000000001", 300)).await;
    assert_eq!((stage.held().await, stage.balance("rueckbelastung").await), (1_300, 0));
    assert_eq!(stage.balance("klaerung").await, 0);
}

#[tokio::test]
async fn a_second_debit_that_no_longer_fits_is_kept_in_the_books() {
    let stage = Stage::new(316);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.event(&name(&paid), "chargeback");
    stage.event(&name(&paid), "chargeback_reversed");
    stage.settle().await;
    stage.refund(paid.id, "13.00").await.unwrap();
    stage.advance(5).await;
    assert_eq!(stage.held().await, 0);
    stage.event(&name(&paid), "chargeback");
    stage.settle().await;
    assert_eq!((stage.held().await, stage.held_at_twin()), (-1_300, -1_300));
    assert_eq!(stage.balance("klaerung").await, 1_300);
    assert!(!stage.payment(paid.id).await.exceptions.is_empty());
}

#[tokio::test]
async fn a_second_reversal_of_one_capture_is_kept_in_the_books() {
    let stage = Stage::new(317);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let psp = paid.captures[0].payment.clone().unwrap();
    let told = |psp_of| Notice::later("CAPTURE_FAILED", &name(&paid), psp.as_str(), psp_of, 1_300);
    stage.tell(&told("REVERSAL00000001")).await;
    stage.tell(&told("REVERSAL00000002")).await;
    assert_eq!((stage.held().await, stage.balance("klaerung").await), (-1_300, 1_300));
    assert_eq!(stage.payment(paid.id).await.exceptions.len(), 1);
    let again = new_payment("13.00");
    assert!(stage.desk.create_payment(TENANT, stage.client, &again, &stage.once()).await.is_ok());
}

#[tokio::test]
async fn a_hold_that_is_given_up_after_its_capture_moves_no_money() {
    let stage = Stage::new(318);
    let payment = stage.create_manual("13.00").await;
    stage.approve(payment.id).await;
    stage.settle().await;
    stage.desk.capture(TENANT, payment.id, None, &stage.once()).await.unwrap();
    stage.advance(5).await;
    let paid = stage.payment(payment.id).await;
    let psp = paid.captures[0].payment.clone().unwrap();
    stage.tell(&Notice::later("CANCELLATION", &name(&paid), psp.as_str(), "HOSTILECANCEL001", 1_300)).await;
    let shown = stage.payment(payment.id).await;
    assert_eq!((shown.state.as_str(), shown.exceptions.len()), ("paid", 1));
    assert_eq!((stage.held().await, stage.held_at_twin(), stage.balance("klaerung").await), (1_300, 1_300, 0));
}

#[tokio::test]
async fn a_failed_capture_in_dispute_leaves_the_books_once() {
    let stage = Stage::new(319);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    for event in ["notification_of_chargeback", "capture_failed", "reversal"] {
        stage.event(&name(&paid), event);
        stage.advance(5).await;
    }
    assert_eq!((stage.held().await, stage.held_at_twin()), (0, 0));
    assert!(!stage.payment(paid.id).await.exceptions.is_empty());
}
