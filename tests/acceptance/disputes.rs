//! Money that goes back, or comes back, without being asked: the journal says each time where it is.

use zahlstelle::domain::{ids::PaymentId, payment::Payment};

use crate::stage::{Stage, TENANT};

/// What the books say: held by the provider, charged back, owed back, and taken but not explained; in cents.
async fn books(stage: &Stage) -> [i64; 4] {
    [
        stage.held().await,
        stage.balance("rueckbelastung").await,
        stage.balance("erstattung").await,
        stage.balance("klaerung").await,
    ]
}

async fn happens(stage: &Stage, payment: &Payment, event: &str) {
    stage.event(payment.merchant_reference(&payment.attempts[0]).as_str(), event);
    stage.advance(5).await;
}

async fn state(stage: &Stage, id: PaymentId) -> &'static str {
    stage.payment(id).await.state.as_str()
}

#[tokio::test]
async fn a_dispute_is_announced_debited_won_and_debited_again() {
    let stage = Stage::new(90);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    assert_eq!(books(&stage).await, [1_300, 0, 0, 0]);
    let steps = [
        ("notification_of_chargeback", [1_300, 0, 0, 0], "dispute.opened"),
        ("chargeback", [0, 1_300, 0, 0], "dispute.debited"),
        ("chargeback_reversed", [1_300, 0, 0, 0], "dispute.won"),
        ("chargeback", [0, 1_300, 0, 0], "dispute.debited"),
    ];
    for (event, expected, told) in steps {
        happens(&stage, &paid, event).await;
        assert_eq!(books(&stage).await, expected, "{event}");
        assert_eq!(stage.held().await, stage.held_at_twin(), "{event}");
        assert_eq!(stage.feed_types().await.last().unwrap(), told);
        // The service was paid for and given; what the bank did since is between bank and city.
        assert_eq!(state(&stage, paid.id).await, "paid");
        assert_eq!(stage.payment(paid.id).await.disputes.len(), 1);
    }
}

#[tokio::test]
async fn a_disputed_amount_cannot_be_refunded_as_well() {
    let stage = Stage::new(91);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    happens(&stage, &paid, "notification_of_chargeback").await;
    stage.refund(paid.id, "0.01").await.unwrap_err();
    happens(&stage, &paid, "chargeback").await;
    stage.refund(paid.id, "0.01").await.unwrap_err();
    happens(&stage, &paid, "chargeback_reversed").await;
    let refund = stage.refund(paid.id, "13.00").await.unwrap();
    stage.advance(5).await;
    assert_eq!(stage.refund_state(paid.id, refund.holder).await, "succeeded");
    assert_eq!(books(&stage).await, [0, 0, 0, 0]);
    assert_eq!(stage.held_at_twin(), 0);
}

#[tokio::test]
async fn a_refund_that_fails_leaves_the_money_where_it_was() {
    let stage = Stage::new(92);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("fail_modification", "refund", 1);
    let refund = stage.refund(paid.id, "5.00").await.unwrap().holder;
    assert_eq!(stage.fired("fail_modification", "refund"), 1);
    assert_eq!(books(&stage).await, [1_300, 0, -500, 0]);
    stage.advance(5).await;
    assert_eq!(stage.refund_state(paid.id, refund).await, "failed");
    assert_eq!(books(&stage).await, [1_300, 0, 0, 0]);
    assert_eq!(stage.held_at_twin(), 1_300);
    // What failed is free to be refunded again.
    stage.refund(paid.id, "13.00").await.unwrap();
    stage.advance(5).await;
    assert_eq!((books(&stage).await, stage.held_at_twin()), ([0, 0, 0, 0], 0));
}

#[tokio::test]
async fn a_refund_that_comes_back_is_owed_again() {
    for (seed, event) in [(93, "refund_failed"), (94, "refunded_reversed")] {
        let stage = Stage::new(seed);
        let paid = stage.pay(stage.create("13.00").await.id).await;
        let refund = stage.refund(paid.id, "5.00").await.unwrap().holder;
        stage.advance(5).await;
        assert_eq!(stage.refund_state(paid.id, refund).await, "succeeded");
        assert_eq!(books(&stage).await, [800, 0, 0, 0]);
        happens(&stage, &paid, event).await;
        assert_eq!(stage.refund_state(paid.id, refund).await, "returned", "{event}");
        // The citizen is still owed what could not be given back, and the provider holds it for us again.
        assert_eq!(books(&stage).await, [1_300, 0, -500, 0], "{event}");
        assert_eq!(stage.held_at_twin(), 1_300, "{event}");
        assert!(stage.feed_types().await.iter().any(|kind| kind == "refund.returned"));
    }
}

#[tokio::test]
async fn a_capture_that_fails_after_success_leaves_the_claim_open() {
    let stage = Stage::new(95);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    happens(&stage, &paid, "capture_failed").await;
    assert_eq!(state(&stage, paid.id).await, "reversed");
    assert_eq!((books(&stage).await, stage.held_at_twin()), ([0, 0, 0, 0], 0));
    assert_eq!(stage.balance("forderung/buergerportal").await, 1_300);
}

#[tokio::test]
async fn a_capture_that_fails_at_once_never_makes_paid() {
    let stage = Stage::new(96);
    let payment = stage.create_manual("13.00").await;
    stage.approve(payment.id).await;
    stage.settle().await;
    stage.arm("fail_modification", "capture", 1);
    stage.desk.capture(TENANT, payment.id, None, &stage.once()).await.unwrap();
    assert_eq!(stage.fired("fail_modification", "capture"), 1);
    stage.advance(5).await;
    assert_ne!(state(&stage, payment.id).await, "paid");
    assert_eq!((books(&stage).await, stage.held_at_twin()), ([0, 0, 0, 0], 0));
    // The hold is still there, so the portal may ask once more.
    assert_eq!(state(&stage, payment.id).await, "authorised");
    stage.desk.capture(TENANT, payment.id, None, &stage.once()).await.unwrap();
    stage.advance(5).await;
    assert_eq!(state(&stage, payment.id).await, "paid");
    assert_eq!((books(&stage).await, stage.held_at_twin()), ([1_300, 0, 0, 0], 1_300));
}
