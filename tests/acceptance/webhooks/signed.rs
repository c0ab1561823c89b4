//! G3: what is signed is what is sent, and keys change without a gap.

use super::{
    receiver::{Answer, Receiver},
    sending::{PER_ENDPOINT, Sender, endpoint, go_to_next_try, keys, under_way, until_deliveries},
};
use crate::stage::{Stage, TENANT};
use zahlstelle::{clock::Clock, desk::webhooks::DeliveryState, webhook::verify::VerifyError};

#[tokio::test(flavor = "multi_thread")]
async fn g3_every_try_is_signed_anew_over_the_sent_bytes_under_the_same_id() {
    let stage = Stage::new(31);
    let receiver = Receiver::open().await;
    let mut count = 0;
    receiver.answer(move |_| {
        count += 1;
        Answer::Status(if count < 3 { 500 } else { 200 })
    });
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let (secret, public) = keys(&stage, id).await.remove(0);
    let sender = Sender::start(&stage.desk);
    stage.create("13.00").await;
    for tries in [1, 2] {
        until_deliveries(&stage, id, |found| found.first().is_some_and(|one| one.tries == tries)).await;
        go_to_next_try(&stage, id).await;
    }
    let hits = receiver.until(|hits| hits.len() == 3).await;
    sender.stop().await;
    let first = &hits[0];
    for hit in &hits {
        assert_eq!((hit.id(), &hit.body), (first.id(), &first.body), "the same event");
        let received_at = jiff::Timestamp::from_second(hit.signed_at()).unwrap();
        assert_eq!(hit.verify(&secret, received_at), Ok(()));
        assert_eq!(hit.verify_public(&public, received_at), Ok(()));
    }
    let signed: Vec<i64> = hits.iter().map(super::receiver::Hit::signed_at).collect();
    assert!(signed.is_sorted_by(|one, two| one < two), "each at its own time: {signed:?}");
    // A receiver that keeps to its window takes the last try, and would not take the first one now.
    let later = stage.clock.now().checked_add(jiff::SignedDuration::from_mins(4)).unwrap();
    assert_eq!(hits[2].verify(&secret, later), Ok(()));
    let much_later = stage.clock.now().checked_add(jiff::SignedDuration::from_mins(6)).unwrap();
    assert!(matches!(hits[0].verify(&secret, much_later), Err(VerifyError::TooOld { .. })));
    let changed = super::receiver::Hit { body: [&first.body[..], b" "].concat().into(), ..first.clone() };
    let received_at = jiff::Timestamp::from_second(first.signed_at()).unwrap();
    assert_eq!(changed.verify(&secret, received_at), Err(VerifyError::Mismatch));
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_while_a_secret_is_replaced_receivers_with_either_verify() {
    let stage = Stage::new(32);
    let receiver = Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let old = keys(&stage, id).await.remove(0);
    let sender = Sender::start(&stage.desk);
    let rotate = async |overlap| {
        stage.desk.rotate_secret(TENANT, stage.client, id, overlap, &stage.once()).await.unwrap();
        keys(&stage, id).await.remove(0)
    };
    let next_hit = async || {
        let before = receiver.hits().len();
        stage.create("13.00").await;
        receiver.until(|hits| hits.len() > before).await[before].clone()
    };
    let verified = |hit: &super::receiver::Hit, keys: &(String, String)| {
        let now = stage.clock.now();
        (hit.verify(&keys.0, now).is_ok(), hit.verify_public(&keys.1, now).is_ok())
    };
    let new = rotate(3_600).await;
    let hit = next_hit().await;
    assert_eq!((verified(&hit, &old), verified(&hit, &new)), ((true, true), (true, true)));
    stage.clock.advance(jiff::SignedDuration::from_secs(3_599));
    let hit = next_hit().await;
    assert_eq!((verified(&hit, &old), verified(&hit, &new)), ((true, true), (true, true)));
    stage.clock.advance(jiff::SignedDuration::from_secs(1));
    let hit = next_hit().await;
    assert_eq!((verified(&hit, &old), verified(&hit, &new)), ((false, false), (true, true)), "the old one has ended");
    // A secret that has leaked signs nothing more.
    let newest = rotate(0).await;
    let hit = next_hit().await;
    assert_eq!((verified(&hit, &new), verified(&hit, &newest)), ((false, false), (true, true)));
    assert!(stage.check().await.findings.is_empty());
    sender.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_a_secret_that_has_leaked_begins_no_further_try() {
    let stage = Stage::new(34);
    let receiver = Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let (sender, release) = under_way(&stage, &receiver).await;
    stage.desk.rotate_secret(TENANT, stage.client, id, 0, &stage.once()).await.unwrap();
    let (secret, _) = keys(&stage, id).await.remove(0);
    release.cancel();
    let hits = receiver.until(|hits| hits.len() >= 3 * PER_ENDPOINT).await;
    sender.stop().await;
    let (before, after) = hits.split_at(PER_ENDPOINT);
    let now = stage.clock.now();
    assert!(before.iter().all(|hit| hit.verify(&secret, now).is_err()), "they were under way by then");
    assert!(after.iter().all(|hit| hit.verify(&secret, now).is_ok()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_goes_the_same_way_and_is_in_no_feed() {
    let stage = Stage::new(33);
    let receiver = Receiver::open().await;
    let id = endpoint(&stage, &receiver.url("/hook")).await;
    let (secret, _) = keys(&stage, id).await.remove(0);
    let sender = Sender::start(&stage.desk);
    let answered = stage.desk.test_endpoint(TENANT, id, &stage.once()).await.unwrap();
    let hits = receiver.until(|hits| !hits.is_empty()).await;
    assert_eq!(hits[0].verify(&secret, stage.clock.now()), Ok(()));
    let body = hits[0].json();
    assert_eq!((&body["type"], &body["data"]["id"]), (&"webhook.test".into(), &id.to_string().into()));
    assert_eq!(hits[0].id(), answered.holder.to_string());
    let sent = until_deliveries(&stage, id, |found| found[0].state == DeliveryState::Delivered).await;
    assert_eq!((sent.len(), sent[0].status, sent[0].tries), (1, Some(204), 1));
    assert_eq!(super::feed(&stage).await.len(), 0);
    sender.stop().await;
}
