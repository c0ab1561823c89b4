//! Replays, skewed clocks and dates that nobody signed, as far as the provider's wire has them. Adyen signs no time, so
//! what keeps an old delivery from doing harm is its id, and what it says about time decides nothing.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use zahlstelle::{
    clock::Clock,
    desk::{Delivered, Hook},
    domain::{ids::PaymentId, payment::Payment},
};
use zahlstelle_contract::{notification::RawDelivery, reference::AccountName};

use crate::{
    deliveries::{delivery, item_of, signed_item},
    stage::{ACCOUNT, Stage, TENANT},
};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// A payment that was paid, and the one delivery that said so.
async fn paid(stage: &Stage) -> (Payment, Vec<u8>) {
    let payment = stage.create("13.00").await;
    stage.approve(payment.id).await;
    let [told] = told_now(stage).try_into().unwrap();
    assert_eq!(take_at(stage, &told, stage.clock.now()).await.kept, 1);
    stage.settle().await;
    let payment = stage.payment(payment.id).await;
    assert_eq!(payment.state.as_str(), "paid");
    (payment, told)
}

/// What the provider has to say now; it takes it for delivered.
fn told_now(stage: &Stage) -> Vec<Vec<u8>> {
    let now = stage.clock.now();
    let mut world = stage.world.lock().unwrap();
    let due = world.due_notifications(now);
    for delivery in &due {
        world.delivered(delivery.id, Some(200), now);
    }
    due.into_iter().map(|delivery| delivery.body).collect()
}

async fn take_at(stage: &Stage, body: &[u8], received_at: Timestamp) -> Delivered {
    let account = AccountName::parse(ACCOUNT).unwrap();
    let delivery = RawDelivery { headers: &[], body, received_at };
    stage.desk.take_delivery(&Hook { provider: "adyen", account: &account, delivery }).await.unwrap()
}

/// The same delivery with another date, which no signature covers.
fn dated(body: &[u8], date: &Value) -> Vec<u8> {
    let mut item = item_of(body);
    item["eventDate"] = date.clone();
    item.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    delivery(&[item])
}

/// Everything that portals and the treasury can see of a payment.
async fn seen(stage: &Stage, id: PaymentId) -> (Payment, Vec<String>, i64) {
    (stage.payment(id).await, stage.feed_types().await, stage.held().await)
}

#[tokio::test]
async fn c10_a_delivery_that_is_sent_again_changes_nothing_however_fresh_or_old_it_is() {
    let stage = Stage::new(1_010);
    let (payment, told) = paid(&stage).await;
    let before = seen(&stage, payment.id).await;
    // Within the minutes in which a signed time would still pass, days later, and long after anybody keeps keys.
    for pause in [0, MINUTE, 4 * MINUTE, DAY, 400 * DAY] {
        stage.advance(pause).await;
        let again = take_at(&stage, &told, stage.clock.now()).await;
        assert_eq!((again.kept, again.repeated), (0, 1), "after {pause} seconds");
        stage.settle().await;
        assert_eq!(seen(&stage, payment.id).await, before, "after {pause} seconds");
    }
    // A date of its own does not make it another delivery.
    for date in [json!("2031-01-01T00:00:00+01:00"), Value::Null, json!("yesterday"), json!("")] {
        let again = take_at(&stage, &dated(&told, &date), stage.clock.now()).await;
        assert_eq!((again.kept, again.repeated), (0, 1), "dated {date}");
    }
    assert_eq!(seen(&stage, payment.id).await, before);
}

#[tokio::test]
async fn c11_a_clock_that_is_wrong_or_jumps_neither_loses_nor_doubles_a_notification() {
    let stage = Stage::new(1_011);
    let payment = stage.create("13.00").await;
    stage.approve(payment.id).await;
    let [told] = told_now(&stage).try_into().unwrap();
    // The provider's clock is a day behind, then two days ahead; ours was put back an hour between the two.
    let now = stage.clock.now();
    let received = [now, now.checked_sub(SignedDuration::from_hours(1)).unwrap()];
    let behind = dated(&told, &json!(now.checked_sub(SignedDuration::from_hours(24)).unwrap().to_string()));
    let ahead = dated(&told, &json!(now.checked_add(SignedDuration::from_hours(48)).unwrap().to_string()));
    assert_eq!(take_at(&stage, &ahead, received[0]).await.kept, 1);
    assert_eq!(take_at(&stage, &behind, received[1]).await.repeated, 1);
    stage.settle().await;
    let paid = stage.payment(payment.id).await;
    assert_eq!(paid.state.as_str(), "paid");
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
    // What came from a future that never was moved no deadline and no moment of ours.
    let view = serde_json::to_value(stage.desk.feed(TENANT, 0, 1_000).await.unwrap()).unwrap();
    let told = view["data"].as_array().unwrap().iter().find(|event| event["type"] == "payment.paid").unwrap();
    assert_eq!(told["data"]["paid_at"], json!(now.to_string()));
    assert_eq!(told["created_at"], json!(now.to_string()));
}

#[tokio::test]
async fn c12_what_was_received_in_time_is_applied_however_late_it_is_processed() {
    let stage = Stage::new(1_012);
    let payment = stage.create("13.00").await;
    stage.approve(payment.id).await;
    let [told] = told_now(&stage).try_into().unwrap();
    assert_eq!(take_at(&stage, &told, stage.clock.now()).await.kept, 1);
    // Jobs stand still for longer than any notification would wait for its payment.
    stage.clock.advance(SignedDuration::from_hours(24 * 9));
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "processing");
    stage.settle().await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid");
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn c12_patience_is_counted_from_the_receipt() {
    let stage = Stage::new(1_112);
    let stranger = delivery(&[signed_item("NOBODY-1", &json!({"eventDate": "2020-01-01T00:00:00+01:00"}))]);
    let received_at = stage.clock.now();
    assert_eq!(take_at(&stage, &stranger, received_at).await.kept, 1);
    stage.settle().await;
    // Its own date is years old, but it waits its three days from the moment it was received.
    stage.advance(71 * 3_600).await;
    assert!(stage.store.next_due().await.unwrap().is_some(), "it is still waited for");
    stage.advance(2 * 3_600).await;
    assert_eq!(stage.store.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn c13_a_date_that_is_not_signed_decides_nothing() {
    let stage = Stage::new(1_013);
    let payment = stage.create("13.00").await;
    stage.approve(payment.id).await;
    let [told] = told_now(&stage).try_into().unwrap();
    let forged = dated(&told, &json!("1999-12-31T23:59:59+01:00"));
    assert_ne!(told, forged);
    // The signature still fits, which shows that the date is outside of it.
    assert_eq!(take_at(&stage, &forged, stage.clock.now()).await.kept, 1);
    stage.settle().await;
    let now = stage.clock.now();
    let view = serde_json::to_value(stage.desk.feed(TENANT, 0, 1_000).await.unwrap()).unwrap();
    let told = view["data"].as_array().unwrap().iter().find(|event| event["type"] == "payment.paid").unwrap();
    assert_eq!(told["data"]["paid_at"], json!(now.to_string()), "our own clock says when it was paid");
    assert_eq!(told["data"]["booking_day"], json!("2026-11-24"));
}

/// What Adyen may leave out or send as nothing about a wallet's card, or about how it was paid at all.
#[tokio::test]
async fn d6_what_is_not_said_about_the_card_stays_absent_and_nothing_is_guessed() {
    let without = [
        json!({"paymentMethod": null}),
        json!({"paymentMethod": ""}),
        json!({"paymentMethod": "applepay"}),
        json!({"paymentMethod": "googlepay", "reason": null}),
    ];
    for (seed, members) in (1_600..).zip(&without) {
        let stage = Stage::new(seed);
        let payment = stage.create("13.00").await;
        stage.approve(payment.id).await;
        let [told] = told_now(&stage).try_into().unwrap();
        let mut item = item_of(&told);
        for (name, value) in members.as_object().unwrap() {
            item[name] = value.clone();
        }
        for name in ["cardSummary", "cardHolderName", "expiryDate", "authCode", "paymentMethodVariant"] {
            item["additionalData"][name] = Value::Null;
        }
        assert_eq!(take_at(&stage, &delivery(&[item]), stage.clock.now()).await.kept, 1, "{members}");
        stage.settle().await;
        let paid = stage.payment(payment.id).await;
        assert_eq!(paid.state.as_str(), "paid", "{members}");
        // What the payer chose with us is what is said; the provider's silence makes nothing up beside it.
        let view = serde_json::to_value(stage.desk.feed(TENANT, 0, 1_000).await.unwrap()).unwrap();
        let told = view["data"].as_array().unwrap().iter().find(|event| event["type"] == "payment.paid").unwrap();
        assert_eq!(told["data"]["paid_with"], json!("card"), "{members}");
        let text = told.to_string();
        for guess in ["visa", "mc", "applepay", "googlepay", "null_null"] {
            assert!(!text.contains(&format!("\"{guess}\"")), "{guess} in {text}");
        }
        stage.check().await;
    }
}
