//! Giving money back over the wire, never more than was taken.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    client::{Portal, Reply},
    house::House,
};

#[tokio::test(flavor = "multi_thread")]
async fn a1_ten_parallel_refunds_of_the_whole_amount_make_one() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let replies = in_parallel(&portal, &id, 10, &json!({"amount": "13.00", "reason": "storniert"})).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        assert_eq!(refused.problem(422, "refund_exceeds_refundable")["amount_refundable"], "0.00");
    }
    house.stage.advance(5).await;
    let twin = &house.stage.transactions()[0];
    assert_eq!((&twin["calls"]["refund"], &twin["refunded"]), (&json!(1), &json!("13.00")));
    assert_eq!(house.stage.held().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_ten_parallel_refunds_of_six_on_ten_make_one() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "10.00").await;
    let replies = in_parallel(&portal, &id, 10, &json!({"amount": "6.00", "reason": "storniert"})).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        assert_eq!(refused.problem(422, "refund_exceeds_refundable")["amount_refundable"], "4.00");
    }
    house.stage.advance(5).await;
    let twin = &house.stage.transactions()[0];
    assert_eq!((&twin["calls"]["refund"], &twin["refunded"]), (&json!(1), &json!("6.00")));
    assert_eq!((house.stage.held().await, house.stage.held_at_twin()), (400, 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_parallel_partial_refunds_never_exceed_the_capture() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let replies = in_parallel(&portal, &id, 10, &json!({"amount": "3.00", "reason": "storniert"})).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 4);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        refused.problem(422, "refund_exceeds_refundable");
    }
    house.stage.advance(5).await;
    let twin = &house.stage.transactions()[0];
    assert_eq!((&twin["calls"]["refund"], &twin["refunded"]), (&json!(4), &json!("12.00")));
    let payment = portal.get(&format!("/v1/payments/{id}")).await.expect(200);
    assert_eq!((&payment["amount_refunded"], &payment["amount_refundable"]), (&json!("12.00"), &json!("1.00")));
    assert_eq!((house.stage.held().await, house.stage.held_at_twin()), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_an_impossible_amount_is_refused_before_anything_is_written() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let before = portal.get(&format!("/v1/payments/{id}")).await.expect(200);
    let path = format!("/v1/payments/{id}/refunds");
    for amount in ["0", "0.00", "-1.00", "-0", "1.005", "1e1", "", "13,00", "+1.00", " 1.00"] {
        let order = json!({"amount": amount, "reason": "storniert"});
        let refused = portal.post(&path, &house.stage.fresh_key(), &order).await;
        refused.problem(422, "validation_failed");
        assert_eq!(refused.pointers(), ["/amount"], "{amount}");
    }
    for lines in [json!([{"line": 0, "amount": "0.00"}]), json!([{"line": 1, "amount": "1.00"}]), json!([])] {
        let order = json!({"lines": lines, "reason": "storniert"});
        portal.post(&path, &house.stage.fresh_key(), &order).await.problem(422, "validation_failed");
    }
    let too_much = json!({"amount": "13.01", "reason": "storniert"});
    let refused = portal.post(&path, &house.stage.fresh_key(), &too_much).await;
    assert_eq!(refused.problem(422, "refund_exceeds_refundable")["amount_refundable"], "13.00");
    assert_eq!(portal.get(&format!("/v1/payments/{id}")).await.expect(200), before);
    assert_eq!(house.stage.transactions()[0]["calls"]["refund"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_neither_a_double_click_nor_a_second_clerk_refunds_again() {
    let house = House::open(1).await;
    let (portal, clerk) = (house.portal().await, house.portal().await);
    let id = house.paid(&portal, "13.00").await;
    let path = format!("/v1/payments/{id}/refunds");
    let order = json!({"amount": "5.00", "reason": "storniert", "expected_refundable": "13.00"});
    let made = portal.post(&path, "form", &order).await;
    let again = portal.post(&path, "form", &order).await;
    assert_eq!((made.status, again.status, again.is_replayed()), (201, 201, true));
    assert_eq!(made.body, again.body);
    let refused = clerk.post(&path, "form", &order).await;
    assert_eq!(refused.problem(412, "expected_refundable_mismatch")["amount_refundable"], "8.00");
    let payment = portal.get(&format!("/v1/payments/{id}")).await.expect(200);
    assert_eq!(payment["refunds"].as_array().unwrap().len(), 1);
    assert_eq!(house.stage.transactions()[0]["calls"]["refund"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_lines_names_what_goes_back() {
    let house = House::open(1).await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let path = format!("/v1/payments/{id}/refunds");
    let order = json!({"lines": [{"line": 0, "amount": "2.50"}], "reason": "zu viel"});
    let refund = portal.post(&path, "lines", &order).await.expect(201);
    assert_eq!(refund["lines"], json!([{"line": 0, "amount": "2.50", "tax_amount": "0.00"}]));
    let both = json!({"lines": [{"line": 0, "amount": "2.50"}], "amount": "2.50", "reason": "zu viel"});
    assert_eq!(portal.post(&path, "both", &both).await.pointers(), [""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_approves_nothing_where_a_chain_names_persons() {
    let chain = r#"approval_chain = [{ name = "anordnung", scope = "refunds:order" }]"#;
    let house = House::open_with(1, crate::house::limits(), |tenant| {
        assert!(tenant.contains("approval_chain = []"));
        tenant.replace("approval_chain = []", chain)
    })
    .await;
    let portal = house.portal().await;
    let id = house.paid(&portal, "13.00").await;
    let order = json!({"amount": "5.00", "reason": "zu viel"});
    let refund = portal.post(&format!("/v1/payments/{id}/refunds"), "key", &order).await.expect(201);
    assert_eq!(refund["state"], "requested");
    let path = format!("/v1/refunds/{}", refund["id"].as_str().unwrap());
    for step in ["approve", "reject"] {
        let refused = portal.post_raw(&format!("{path}/{step}"), &house.stage.fresh_key(), "").await;
        refused.problem(403, "needs_person");
    }
    assert_eq!(portal.get(&path).await.expect(200)["state"], "requested");
    assert_eq!(house.stage.transactions()[0]["calls"]["refund"], 0);
}

/// The same order under keys of its own on connections of its own, all leaving at once.
async fn in_parallel(portal: &Portal, id: &str, count: usize, order: &Value) -> Vec<Reply> {
    let together = Arc::new(Barrier::new(count));
    let mut crowd = JoinSet::new();
    for number in 0..count {
        let (portal, together) = (portal.clone(), Arc::clone(&together));
        let (path, order) = (format!("/v1/payments/{id}/refunds"), order.clone());
        crowd.spawn(async move {
            portal.get("/health/live").await;
            together.wait().await;
            portal.post(&path, &format!("refund-{number}"), &order).await
        });
    }
    crowd.join_all().await
}
