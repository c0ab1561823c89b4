//! A: paying or refunding twice, and races.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use async_trait::async_trait;
use tokio::{sync::Semaphore, task::JoinSet};
use zahlstelle::{
    desk::{DeskError, RefundOrder, side, side::PaymentSide},
    domain::{
        decide::{RefundExtent, Refusal},
        payment::Payment,
        refund::RefundState,
    },
    store::sqlite::engine::SqliteStore,
};
use zahlstelle_contract::{
    money::{Currency, Money},
    transport::{HttpRequest, HttpResponse, Transport, TransportError},
};

use crate::{
    hostile::Notice,
    stage::{ACCOUNT, Stage, TENANT, eur, new_payment},
};

/// The name of the first attempt at the provider.
fn name(payment: &Payment) -> String {
    payment.merchant_reference(&payment.attempts[0]).as_str().to_owned()
}

fn order(extent: RefundExtent, expected: Option<&str>) -> RefundOrder {
    RefundOrder { extent, reason: "test".to_owned(), capture: None, expected_refundable: expected.map(eur) }
}

/// A stage whose store has real threads and a file, so that commands meet as they do in production.
fn stage_on_disk(seed: u64) -> (Arc<Stage>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::migrate(&folder.path().join("store.sqlite")).unwrap();
    (Arc::new(Stage::on(seed, |tenant| tenant, Arc::new(store))), folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a1_parallel_refunds_never_exceed_what_was_captured() {
    let (stage, _folder) = stage_on_disk(101);
    let paid = stage.pay(stage.create("100.00").await.id).await;
    let mut refunds = JoinSet::new();
    for _ in 0..12 {
        let (stage, id) = (Arc::clone(&stage), paid.id);
        refunds.spawn(async move { stage.refund(id, "30.00").await });
    }
    let mut accepted: u64 = 0;
    while let Some(refunded) = refunds.join_next().await {
        match refunded.unwrap() {
            Ok(_) => accepted += 1,
            Err(DeskError::Refused(Refusal::ExceedsRefundable { .. })) => {}
            Err(other) => unreachable!("{other}"),
        }
    }
    assert_eq!(accepted, 3);
    stage.advance(5).await;
    let row = stage.transaction(&name(&paid));
    assert_eq!((row["executed"]["refund"].as_u64(), row["calls"]["refund"].as_u64()), (Some(3), Some(3)));
    assert_eq!(stage.held().await, 1_000);
    assert_eq!(stage.held_at_twin(), 1_000);
}

#[tokio::test]
async fn a2_amounts_that_are_none_are_refused_before_anything_is_written() {
    let stage = Stage::new(102);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let version = stage.payment(paid.id).await.version;
    for minor in [0, -1, i64::MIN] {
        let extent = RefundExtent::Amount(Money::from_minor(minor, Currency::EUR));
        let refused = stage
            .desk
            .request_refund(TENANT, paid.id, stage.client, &order(extent, None), &stage.once())
            .await
            .unwrap_err();
        assert!(matches!(refused, DeskError::Refused(Refusal::BadAmount)), "{minor}: {refused}");
    }
    let dollars = RefundExtent::Amount(Money::from_minor(100, Currency::from_code("USD").unwrap()));
    let refused = stage.desk.request_refund(TENANT, paid.id, stage.client, &order(dollars, None), &stage.once()).await;
    assert!(matches!(refused, Err(DeskError::Refused(Refusal::BadAmount))));
    let overflowing = RefundExtent::Lines(vec![(0, Money::from_minor(i64::MAX, Currency::EUR)); 2]);
    let order = order(overflowing, None);
    let refused = stage.desk.request_refund(TENANT, paid.id, stage.client, &order, &stage.once()).await;
    assert!(matches!(refused, Err(DeskError::Refused(Refusal::BadAmount))));
    assert!(Money::parse("1.005", Currency::EUR).is_err());
    assert_eq!(stage.payment(paid.id).await.version, version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a3_a_double_click_refunds_once() {
    let (stage, _folder) = stage_on_disk(103);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let key = stage.once();
    let mut clicks = JoinSet::new();
    for _ in 0..6 {
        let (stage, id) = (Arc::clone(&stage), paid.id);
        clicks.spawn(async move { stage.refund_under(id, "5.00", &key).await });
    }
    let mut first = None;
    while let Some(click) = clicks.join_next().await {
        match click.unwrap() {
            Ok(answered) => assert_eq!(*first.get_or_insert(answered.holder), answered.holder),
            Err(DeskError::KeyInFlight) => {}
            Err(other) => unreachable!("{other}"),
        }
    }
    let again = stage.refund_under(paid.id, "5.00", &key).await.unwrap();
    assert!(again.replayed && Some(again.holder) == first);
    stage.advance(5).await;
    assert_eq!(stage.transaction(&name(&paid))["executed"]["refund"], 1);
    assert_eq!(stage.payment(paid.id).await.refunds.len(), 1);
}

#[tokio::test]
async fn a3_a_second_clerk_is_stopped_by_what_was_expected() {
    let stage = Stage::new(104);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let clerk = || order(RefundExtent::Amount(eur("5.00")), Some("13.00"));
    stage.desk.request_refund(TENANT, paid.id, stage.client, &clerk(), &stage.once()).await.unwrap();
    let second = stage.desk.request_refund(TENANT, paid.id, stage.client, &clerk(), &stage.once()).await;
    assert!(
        matches!(second, Err(DeskError::Refused(Refusal::OtherRefundable { refundable })) if refundable == eur("8.00"))
    );
}

#[tokio::test]
async fn a4_a_part_is_asked_for_exactly_and_another_amount_in_the_answer_stops_it() {
    let stage = Stage::new(105);
    let paid = stage.pay(stage.create("12.40").await.id).await;
    stage.refund(paid.id, "1.00").await.unwrap();
    stage.advance(5).await;
    assert_eq!(stage.transaction(&name(&paid))["refunded"], "1.00");

    stage.arm("wrong_amount", "refund", 1);
    let refund = stage.refund(paid.id, "2.00").await.unwrap().holder;
    assert_eq!(stage.fired("wrong_amount", "refund"), 1);
    assert_eq!(stage.refund_state(paid.id, refund).await, "unknown");
    assert_eq!(stage.payment(paid.id).await.exceptions.len(), 1);
    // What the provider did is told by its notification alone; the call itself is never repeated.
    stage.pass(600).await;
    assert_eq!(stage.transaction(&name(&paid))["calls"]["refund"], 2);
    assert_eq!(stage.refund_state(paid.id, refund).await, "succeeded");
    assert_eq!(stage.held().await, stage.held_at_twin());
}

/// A line that keeps one answer back until it is let go, once it was told to.
struct Gate {
    line: Arc<dyn Transport>,
    keep: std::sync::atomic::AtomicBool,
    open: Semaphore,
}

#[async_trait]
impl Transport for Gate {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let answer = self.line.send(request).await;
        if self.keep.swap(false, std::sync::atomic::Ordering::SeqCst) {
            let _open = self.open.acquire().await.unwrap();
        }
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a5_the_notice_of_our_own_refund_comes_before_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::migrate(&folder.path().join("store.sqlite")).unwrap());
    let mut gate = None;
    let stage = Stage::wired(
        106,
        |tenant| tenant,
        store,
        |line| {
            let made = Arc::new(Gate { line, keep: false.into(), open: Semaphore::new(0) });
            gate = Some(Arc::clone(&made));
            made
        },
    );
    let (stage, gate) = (Arc::new(stage), gate.unwrap());
    let paid = stage.pay(stage.create("13.00").await.id).await;
    gate.keep.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut asked = JoinSet::new();
    let (asking, id) = (Arc::clone(&stage), paid.id);
    asked.spawn(async move { asking.refund(id, "5.00").await });
    while stage.transaction(&name(&paid))["executed"]["refund"] != 1 {
        tokio::task::yield_now().await;
    }
    stage.advance(2).await;
    let told = stage.payment(paid.id).await;
    assert!(matches!(told.refunds[0].state, RefundState::Succeeded { .. }));
    assert_eq!(asked.try_join_next().map(|_| ()), None);
    gate.open.add_permits(1);
    asked.join_next().await.unwrap().unwrap().unwrap();
    stage.advance(3_600).await;
    let settled = stage.payment(paid.id).await;
    assert_eq!((settled.refunds.len(), settled.refunds[0].state.as_str()), (1, "succeeded"));
    assert_eq!(stage.feed_types().await.iter().filter(|kind| *kind == "refund.succeeded").count(), 1);
    assert_eq!((stage.held().await, stage.held_at_twin()), (800, 800));
}

#[tokio::test]
async fn a6_a_refund_in_flight_reserves_and_a_failed_one_gives_back() {
    let stage = Stage::new(107);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("fail_modification", "refund", 1);
    let refund = stage.refund(paid.id, "10.00").await.unwrap().holder;
    let refused = stage.refund(paid.id, "3.01").await;
    assert!(
        matches!(refused, Err(DeskError::Refused(Refusal::ExceedsRefundable { refundable })) if refundable == eur("3.00"))
    );
    stage.advance(5).await;
    assert_eq!(stage.fired("fail_modification", "refund"), 1);
    assert_eq!(stage.refund_state(paid.id, refund).await, "failed");
    assert_eq!(stage.payment(paid.id).await.amount_refundable(), eur("13.00"));
    stage.refund(paid.id, "13.00").await.unwrap();
    stage.advance(5).await;
    assert_eq!((stage.held().await, stage.held_at_twin()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a7_return_page_twice_and_the_notification_at_once_complete_it_once() {
    let (stage, _folder) = stage_on_disk(108);
    for round in 0..8 {
        let payment = stage.create("13.00").await;
        stage.approve(payment.id).await;
        let side = stage.store.side(TENANT, payment.id.0).await.unwrap().unwrap();
        let token = side::open::<PaymentSide>(&side).unwrap().token;
        let attempt = stage.payment(payment.id).await.attempts[0].id;
        let mut visits = JoinSet::new();
        for _ in 0..3 {
            let (stage, token) = (Arc::clone(&stage), token.clone());
            visits.spawn(async move { stage.desk.come_back(&token, attempt).await.map(|_| ()) });
        }
        let told = Arc::clone(&stage);
        visits.spawn(async move {
            told.settle().await;
            Ok(())
        });
        while let Some(visit) = visits.join_next().await {
            visit.unwrap().unwrap();
        }
        stage.settle().await;
        let paid = stage.payment(payment.id).await;
        assert_eq!((paid.state.as_str(), paid.captures.len()), ("paid", 1));
        assert!(paid.captures[0].reference.is_some());
        assert_eq!(stage.feed_types().await.iter().filter(|kind| *kind == "payment.paid").count(), round + 1);
        assert_eq!(stage.held().await, stage.held_at_twin());
    }
}

#[tokio::test]
async fn a8_a_page_paid_twice_is_an_overpayment_with_a_proposal() {
    let stage = Stage::new(109);
    let payment = stage.create("13.00").await;
    stage.arm("double_approve", "pay", 1);
    let paid = stage.pay(payment.id).await;
    assert_eq!(stage.fired("double_approve", "pay"), 1);
    assert_eq!((paid.state.as_str(), paid.captures.len()), ("paid", 2));
    assert_eq!((stage.held().await, stage.balance("ueberzahlung").await), (2_600, -1_300));
    let proposal = paid.refunds[0].clone();
    assert_eq!((proposal.state.as_str(), paid.refunds.len()), ("requested", 1));
    // It moves nothing by itself, however long one waits.
    stage.pass(3_600).await;
    assert_eq!(stage.held_at_twin(), 2_600);
    stage.desk.approve_refund(TENANT, proposal.id, &stage.once()).await.unwrap();
    stage.advance(5).await;
    assert_eq!(stage.refund_state(paid.id, proposal.id.0).await, "succeeded");
    assert_eq!((stage.held().await, stage.held_at_twin(), stage.balance("ueberzahlung").await), (1_300, 1_300, 0));
    assert_eq!(stage.balance("erstattung").await, 0);
    assert_eq!(stage.feed_types().await.iter().filter(|kind| *kind == "payment.paid").count(), 1);
}

#[tokio::test]
async fn a8_money_on_an_ended_payment_is_an_overpayment() {
    for end in ["cancelled", "expired"] {
        let stage = Stage::new(110);
        let payment = stage.create("13.00").await;
        stage.start(payment.id).await;
        if end == "cancelled" {
            stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
        } else {
            stage.pass(1_900).await;
        }
        let ended = stage.payment(payment.id).await;
        assert_eq!(ended.state.as_str(), end);
        // A 3-D Secure step that was under way completes although the page was closed.
        let notice = Notice::authorisation(&name(&ended), "LATEPSP000000001", 1_300);
        assert_eq!(stage.tell(&notice).await, 200);
        assert_eq!(stage.tell(&notice).await, 200);
        let late = stage.payment(payment.id).await;
        assert_eq!((late.state.as_str(), late.captures.len(), late.refunds.len()), (end, 1, 1));
        assert_eq!((stage.held().await, stage.balance("ueberzahlung").await), (1_300, -1_300));
        assert!(!stage.feed_types().await.contains(&"payment.paid".to_owned()));
    }
}

#[tokio::test]
async fn a8_a_surplus_that_the_provider_gives_back_itself_needs_no_refund() {
    let stage = Stage::new(111);
    let payment = stage.create("13.00").await;
    stage.arm("double_approve", "pay", 1);
    let paid = stage.pay(payment.id).await;
    let surplus = paid.captures[1].payment.clone().unwrap();
    let order = serde_json::json!({"provider_reference": surplus.as_str(), "event": "reversal"});
    stage.control(http::Method::POST, "/control/events", &order);
    stage.advance(5).await;
    let reversed = stage.payment(paid.id).await;
    assert_eq!((reversed.state.as_str(), reversed.refunds[0].state.as_str()), ("paid", "rejected"));
    assert_eq!((stage.held().await, stage.held_at_twin(), stage.balance("klaerung").await), (1_300, 1_300, 0));
    assert_eq!(stage.balance("ueberzahlung").await, 0);
}

#[tokio::test]
async fn a8_a_claim_is_paid_by_one_of_two_payments() {
    let stage = Stage::new(112);
    let first = stage.create("13.00").await;
    let again = zahlstelle::desk::create::NewPayment {
        kassenzeichen: Some(first.terms.kassenzeichen.clone()),
        ..new_payment("13.00")
    };
    let refused = stage.desk.create_payment(TENANT, stage.client, &again, &stage.once()).await;
    assert!(matches!(refused, Err(DeskError::ClaimHasOpenPayment { payment }) if payment == first.id.0));
    stage.pay(first.id).await;
    let refused = stage.desk.create_payment(TENANT, stage.client, &again, &stage.once()).await;
    assert!(matches!(refused, Err(DeskError::ClaimSettled { payment }) if payment == first.id.0));
    assert_eq!(stage.balance(&format!("psp/{ACCOUNT}")).await, 1_300);
}
