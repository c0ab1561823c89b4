//! One payment through every room.

use crate::stage::Stage;

#[tokio::test]
async fn a_card_payment_is_paid_and_partly_refunded() {
    let stage = Stage::new(1);
    let created = stage.create("13.00").await;
    assert_eq!(created.state.as_str(), "open");
    let paid = stage.pay(created.id).await;
    assert_eq!(paid.state.as_str(), "paid");
    let refund = stage.refund(paid.id, "5.00").await.unwrap();
    assert_eq!(stage.refund_state(paid.id, refund.holder).await, "submitted");
    stage.advance(5).await;
    assert_eq!(stage.refund_state(paid.id, refund.holder).await, "succeeded");
    assert_eq!(stage.held().await, 800);
    assert_eq!(stage.held_at_twin(), 800);
    let told = [
        "payment.created",
        "payment.processing",
        "payment.paid",
        "refund.requested",
        "refund.approved",
        "refund.succeeded",
    ];
    assert_eq!(stage.feed_types().await, told);
}
