//! One claim, several payments: it is posted once, and what is open of it is what can be paid.

use zahlstelle::{
    desk::{DeskError, create::NewPayment},
    domain::{ids::PaymentId, payment::Payment},
};

use crate::stage::{Stage, TENANT, new_payment};

/// A request for a further payment of a claim.
fn again(of: &Payment, amount: &str) -> NewPayment {
    NewPayment { kassenzeichen: Some(of.terms.kassenzeichen.clone()), ..new_payment(amount) }
}

async fn follow_up(stage: &Stage, of: &Payment, amount: &str) -> Result<PaymentId, DeskError> {
    let created = stage.desk.create_payment(TENANT, stage.client, &again(of, amount), &stage.once()).await?;
    Ok(PaymentId(created.answered.holder))
}

#[tokio::test]
async fn a_claim_whose_money_went_back_is_posted_once_however_often_it_is_tried_again() {
    let stage = Stage::new(901);
    let first = stage.pay(stage.create("13.00").await.id).await;
    stage.event(stage.payment(first.id).await.merchant_reference(&first.attempts[0]).as_str(), "capture_failed");
    stage.advance(5).await;
    assert_eq!(stage.payment(first.id).await.state.as_str(), "reversed");
    let second = follow_up(&stage, &first, "13.00").await.unwrap();
    stage.desk.cancel(TENANT, second, &stage.once()).await.unwrap();
    let third = follow_up(&stage, &first, "13.00").await.unwrap();
    assert_eq!(stage.pay(third).await.state.as_str(), "paid");
    assert_eq!(stage.balance("forderung/buergerportal").await, 0);
    assert_eq!(stage.held().await, 1_300);
}

#[tokio::test]
async fn after_a_partial_refund_and_a_reversal_only_what_is_open_can_be_paid() {
    let stage = Stage::new(902);
    let first = stage.pay(stage.create("13.00").await.id).await;
    stage.refund(first.id, "5.00").await.unwrap();
    stage.advance(5).await;
    stage.event(first.merchant_reference(&first.attempts[0]).as_str(), "reversal");
    stage.advance(5).await;
    assert_eq!(stage.payment(first.id).await.state.as_str(), "reversed");
    assert!(matches!(follow_up(&stage, &first, "13.00").await, Err(DeskError::Invalid(_))));
    let second = follow_up(&stage, &first, "8.00").await.unwrap();
    assert_eq!(stage.pay(second).await.state.as_str(), "paid");
    assert_eq!(stage.balance("forderung/buergerportal").await, 0);
}

#[tokio::test]
async fn a_repetition_uses_up_no_number() {
    let stage = Stage::new(903);
    let key = stage.once();
    let first = stage.desk.create_payment(TENANT, stage.client, &new_payment("13.00"), &key).await.unwrap();
    for _ in 0..50 {
        let again = stage.desk.create_payment(TENANT, stage.client, &new_payment("13.00"), &key).await.unwrap();
        assert!(again.answered.replayed);
    }
    let first = stage.payment(PaymentId(first.answered.holder)).await;
    let next = stage.create("13.00").await;
    let running = |payment: &Payment| payment.terms.kassenzeichen[4..12].parse::<u64>().unwrap();
    assert_eq!(running(&next), running(&first) + 1);
}
