//! What a hostile reading of the desk found, each as it was found.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use serde_json::json;
use zahlstelle::{
    clock::Clock,
    desk::{DeskError, RefundOrder, idempotency::Idempotency},
    domain::{
        decide::RefundExtent,
        event::ExceptionCause,
        ids::{PaymentId, RefundId},
        payment::Payment,
    },
    store::{
        commit::{Commit, JobChange, JobKind, Outcome, Row},
        read::{InboxItem, InboxState},
        sqlite::direct::DirectStore,
    },
};
use zahlstelle_contract::method::Method;

use crate::{
    hostile::Notice,
    stage::{HMAC_KEY_HEX, MERCHANT_ACCOUNT, Stage, TENANT, eur},
};

/// The name of the first attempt of a payment at the provider.
fn name(payment: &Payment) -> String {
    payment.merchant_reference(&payment.attempts[0]).as_str().to_owned()
}

/// A payment whose page is open.
async fn started(stage: &Stage) -> Payment {
    let id = stage.create("13.00").await.id;
    stage.start(id).await;
    stage.payment(id).await
}

/// A payment whose money is held until somebody captures it.
async fn held(stage: &Stage) -> Payment {
    let id = stage.create_manual("13.00").await.id;
    stage.approve(id).await;
    stage.settle().await;
    stage.payment(id).await
}

async fn state(stage: &Stage, id: PaymentId) -> &'static str {
    stage.payment(id).await.state.as_str()
}

/// How many exceptions of a payment are of a kind.
async fn exceptions(stage: &Stage, id: PaymentId, is: impl Fn(&ExceptionCause) -> bool) -> usize {
    stage.payment(id).await.exceptions.iter().filter(|known| is(&known.cause)).count()
}

fn is_overdue(cause: &ExceptionCause) -> bool {
    matches!(cause, ExceptionCause::OutcomeOverdue { .. })
}

fn is_elsewhere(cause: &ExceptionCause) -> bool {
    matches!(cause, ExceptionCause::Impossible { fact, .. } if fact == "belongs_to_another_payment")
}

/// Lets hours pass in which the jobs work and no notification arrives.
async fn hours_without_notifications(stage: &Stage, hours: u32) {
    for _ in 0..hours {
        stage.clock.advance(SignedDuration::from_hours(1));
        stage.attend().await;
    }
}

/// Lets hours pass; how many jobs failed in them.
async fn failures_in_hours(stage: &Stage, hours: u32) -> u32 {
    let mut failures = 0;
    for _ in 0..hours {
        stage.clock.advance(SignedDuration::from_hours(1));
        let now = stage.clock.now();
        let lease_until = now.checked_add(SignedDuration::from_secs(30)).unwrap();
        for job in stage.store.claim_jobs(now, lease_until, 16).await.unwrap() {
            if stage.desk.attend(&job).await.is_err() {
                failures += 1;
                stage.desk.give_back(&job).await.unwrap();
            }
        }
    }
    failures
}

#[tokio::test]
async fn c2_a_name_that_only_begins_like_ours_is_not_ours() {
    let stage = Stage::new(4001);
    let payment = started(&stage).await;
    for (number, suffix) in ["-else", "-c", "-r1", "-1"].into_iter().enumerate() {
        let reference = format!("{}{suffix}", name(&payment));
        let psp = format!("FOREIGN00000000{number}");
        stage.tell(&Notice::authorisation(&reference, &psp, 1300)).await;
        assert_eq!(state(&stage, payment.id).await, "processing", "{suffix}");
    }
    stage.check().await;
}

#[tokio::test]
async fn c2_money_of_another_payment_is_shown_to_a_person_and_booked_once() {
    let stage = Stage::new(4002);
    let (first, second) = (started(&stage).await, started(&stage).await);
    stage.tell(&Notice::authorisation(&name(&first), "SAME000000000001", 1300)).await;
    stage.tell(&Notice::later("CAPTURE", &name(&second), "SAME000000000001", "SAME000000000001", 1300)).await;
    assert_eq!(state(&stage, first.id).await, "paid");
    assert_eq!(exceptions(&stage, first.id, is_elsewhere).await, 0);
    assert_ne!(state(&stage, second.id).await, "paid");
    assert_eq!(exceptions(&stage, second.id, is_elsewhere).await, 1);
    assert_eq!(stage.held().await, 1300);
}

#[tokio::test]
async fn c2_a_payment_at_the_provider_that_belongs_to_another_is_shown_once_and_never_repeated() {
    let stage = Stage::new(4003);
    let first = started(&stage).await;
    let second = stage.create_manual("13.00").await;
    stage.start(second.id).await;
    let second = stage.payment(second.id).await;
    stage.tell(&Notice::authorisation(&name(&first), "SAME000000000001", 1300)).await;
    stage.tell(&Notice::later("CAPTURE", &name(&second), "SAME000000000001", "CAP0000000000002", 1300)).await;
    stage.tell(&Notice::later("CAPTURE", &name(&second), "SAME000000000001", "CAP0000000000003", 1300)).await;
    assert_eq!(failures_in_hours(&stage, 24).await, 0);
    assert_eq!(exceptions(&stage, second.id, is_elsewhere).await, 1);
    assert_eq!(stage.held().await, 1300);
}

#[tokio::test]
async fn c3_amounts_beyond_all_measure_are_not_taken() {
    for event in ["CHARGEBACK", "REFUND", "CAPTURE", "CHARGEBACK_REVERSED", "REFUNDED_REVERSED"] {
        for minor in [i64::MAX, i64::MAX - 1300, 10_000_000_000_000_000] {
            let stage = Stage::new(4004);
            let payment = stage.pay(stage.create("13.00").await.id).await;
            let psp = payment.captures[0].payment.clone().unwrap();
            let notice = Notice::later(event, &name(&payment), psp.as_str(), "HUGE000000000001", minor);
            assert_eq!(stage.tell(&notice).await, 401, "{event} {minor}");
            assert_eq!(failures_in_hours(&stage, 2).await, 0);
            assert_eq!(stage.payment(payment.id).await.version, payment.version);
        }
    }
}

#[tokio::test]
async fn c3_the_largest_amounts_that_are_taken_still_add_up() {
    let stage = Stage::new(4005);
    let payment = started(&stage).await;
    for number in 0..3 {
        let psp = format!("LARGE00000000000{number}");
        let notice = Notice::authorisation(&name(&payment), &psp, 9_999_999_999_999_999);
        assert_eq!(stage.tell(&notice).await, 200);
    }
    assert_eq!(failures_in_hours(&stage, 2).await, 0);
    stage.check().await;
}

#[tokio::test]
async fn c3_a_notification_that_cannot_be_applied_is_not_tried_for_ever() {
    let stage = Stage::new(4016);
    let (id, received_at) = (uuid::Uuid::from_u128(4016), stage.clock.now());
    let mut commit = Commit::new(uuid::Uuid::from_u128(1), TENANT, received_at);
    let unreadable = InboxItem { id, received_at, state: InboxState::Waiting, body: b"nonsense".to_vec() };
    commit.rows.push(Row::Inbox(unreadable));
    commit.jobs.push(JobChange::Set { kind: JobKind::Notification, subject: id, due_at: received_at });
    assert_eq!(stage.store.commit(commit).await.unwrap(), Outcome::Committed);
    let state_now = async || stage.store.inbox_item(TENANT, id).await.unwrap().unwrap().state;
    assert!(failures_in_hours(&stage, 71).await > 0);
    assert_eq!(state_now().await, InboxState::Waiting);
    failures_in_hours(&stage, 30).await;
    assert_eq!(state_now().await, InboxState::Unmatched);
    assert_eq!(failures_in_hours(&stage, 48).await, 0);
}

#[tokio::test]
async fn b3_a_refund_that_never_left_is_sent_when_the_line_is_back() {
    let stage = Stage::new(4006);
    let payment = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("refuse_connection", "refund", 1_000_000);
    let refund = stage.refund(payment.id, "5.00").await.unwrap().holder;
    for _ in 0..24 * 20 {
        stage.advance(3600).await;
    }
    assert_eq!(stage.refund_state(payment.id, refund).await, "submitted");
    assert_eq!(exceptions(&stage, payment.id, is_overdue).await, 1);
    assert!(stage.payment(payment.id).await.version < 3_000, "the stream grows with every try");
    stage.arm("refuse_connection", "refund", 0);
    for _ in 0..48 {
        stage.advance(3600).await;
    }
    assert_eq!(stage.refund_state(payment.id, refund).await, "succeeded");
    assert_eq!(stage.held_at_twin(), 800);
    assert_eq!(stage.held().await, 800);
}

#[tokio::test]
async fn b3_a_refund_that_may_have_left_is_not_taken_back_by_a_later_try_that_did_not() {
    let stage = Stage::new(4007);
    let payment = stage.pay(stage.create("13.00").await.id).await;
    stage.arm("lose_answer", "refund", 1);
    let refund = stage.refund(payment.id, "5.00").await.unwrap().holder;
    assert_eq!(stage.refund_state(payment.id, refund).await, "unknown");
    let sent_at = stage.payment(payment.id).await.calls[0].first_sent_at;
    stage.arm("refuse_connection", "refund", 3);
    stage.clock.advance(SignedDuration::from_secs(30));
    stage.attend().await;
    let calls = stage.payment(payment.id).await.calls;
    assert!(sent_at.is_some());
    assert_eq!(calls[0].first_sent_at, sent_at);
    assert_eq!(calls[0].not_sent, None);
}

#[tokio::test]
async fn b3_a_capture_that_never_left_is_told_and_sent_when_the_line_is_back() {
    let stage = Stage::new(4008);
    let payment = held(&stage).await;
    stage.arm("refuse_connection", "capture", 1_000_000);
    stage.desk.capture(TENANT, payment.id, None, &stage.once()).await.unwrap();
    for _ in 0..24 * 4 {
        stage.advance(3600).await;
    }
    assert_eq!(exceptions(&stage, payment.id, is_overdue).await, 1);
    assert_eq!(stage.payment(payment.id).await.calls[0].first_sent_at, None);
    stage.arm("refuse_connection", "capture", 0);
    for _ in 0..2 {
        stage.advance(3600).await;
    }
    assert_eq!(state(&stage, payment.id).await, "paid");
}

#[tokio::test]
async fn b3_what_was_taken_and_is_never_confirmed_is_told_once() {
    let stage = Stage::new(4009);
    let payment = stage.pay(stage.create("13.00").await.id).await;
    let refund = stage.refund(payment.id, "5.00").await.unwrap().holder;
    hours_without_notifications(&stage, 24 * 2).await;
    assert_eq!(exceptions(&stage, payment.id, is_overdue).await, 0);
    hours_without_notifications(&stage, 24 * 20).await;
    assert_eq!(
        exceptions(&stage, payment.id, |cause| {
            *cause == ExceptionCause::OutcomeOverdue { attempt: None, refund: Some(RefundId(refund)) }
        })
        .await,
        1
    );
    assert_eq!(exceptions(&stage, payment.id, is_overdue).await, 1);

    let stage = Stage::new(4010);
    let payment = held(&stage).await;
    stage.desk.capture(TENANT, payment.id, None, &stage.once()).await.unwrap();
    hours_without_notifications(&stage, 24 * 20).await;
    assert_eq!(exceptions(&stage, payment.id, is_overdue).await, 1);

    let stage = Stage::new(4011);
    let payment = held(&stage).await;
    stage.desk.cancel(TENANT, payment.id, &stage.once()).await.unwrap();
    hours_without_notifications(&stage, 24 * 20).await;
    assert_eq!(exceptions(&stage, payment.id, is_overdue).await, 1);
}

#[tokio::test]
async fn a2_an_answer_stays_the_answer_when_its_service_has_gone() {
    let store = Arc::new(DirectStore::in_memory().unwrap());
    let stage = Stage::on(4012, |tenant| tenant, store.clone());
    let payment = stage.pay(stage.create("13.00").await.id).await;
    let key = stage.under("refund-key");
    let first = stage.refund_under(payment.id, "5.00", &key).await.unwrap();
    let renamed = Stage::on(4013, |tenant| tenant.replace("\"buergerportal\"", "\"renamed\""), store);
    let order = RefundOrder {
        extent: RefundExtent::Amount(eur("5.00")),
        reason: "test".to_owned(),
        capture: None,
        expected_refundable: None,
    };
    let again = renamed.desk.request_refund(TENANT, payment.id, stage.client, &order, &key).await.unwrap();
    assert!(again.replayed);
    assert_eq!((again.holder, again.status), (first.holder, first.status));
    let other = Idempotency::new(stage.client, "refund-key", "POST", "/", b"other");
    let reused = renamed.desk.request_refund(TENANT, payment.id, stage.client, &order, &other).await;
    assert!(matches!(reused, Err(DeskError::KeyReused)));
}

#[tokio::test]
async fn a2_a_start_that_could_not_open_its_page_may_be_tried_again_at_once_under_its_key() {
    let stage = Stage::new(4014);
    let payment = stage.create("13.00").await;
    stage.arm("refuse_connection", "open_page", 2);
    let key = stage.under("start-1");
    for _ in 0..2 {
        let unavailable = stage.desk.start_attempt_once(TENANT, payment.id, Method::Card, &key).await;
        assert!(matches!(unavailable, Err(DeskError::ProviderUnavailable)), "{unavailable:?}");
    }
    let started = stage.desk.start_attempt_once(TENANT, payment.id, Method::Card, &key).await.unwrap();
    assert!(!started.replayed);
    assert_eq!(stage.payment(payment.id).await.attempts.len(), 1);
    let replayed = stage.desk.start_attempt_once(TENANT, payment.id, Method::Card, &key).await.unwrap();
    assert!(replayed.replayed);
}

/// A signed `CANCEL_OR_REFUND` with an action, which is not signed.
fn cancel_or_refund(payment: &Payment, action: &str) -> Vec<u8> {
    let (reference, psp) = (name(payment), "REVERSAL00000001");
    let original = payment.attempts[0].reference.clone().unwrap();
    let signed = format!("{psp}:{original}:{MERCHANT_ACCOUNT}:{reference}:1300:EUR:CANCEL_OR_REFUND:true");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&hex::decode(HMAC_KEY_HEX).unwrap()).unwrap();
    mac.update(signed.as_bytes());
    let item = json!({
        "eventCode": "CANCEL_OR_REFUND",
        "pspReference": psp,
        "originalReference": original.as_str(),
        "merchantAccountCode": MERCHANT_ACCOUNT,
        "merchantReference": reference,
        "amount": {"currency": "EUR", "value": 1300},
        "success": "true",
        "additionalData": {
            "hmacSignature": STANDARD.encode(mac.finalize().into_bytes()),
            "modification.action": action,
        },
    });
    json!({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}).to_string().into_bytes()
}

#[tokio::test]
async fn c1_a_copy_with_a_changed_action_does_not_stand_in_for_the_genuine_delivery() {
    let stage = Stage::new(4015);
    let payment = held(&stage).await;
    for action in ["nonsense", "cancel", "cancel"] {
        assert_eq!(stage.hand_over(&[], &cancel_or_refund(&payment, action)).await, 200);
        stage.settle().await;
    }
    let voided = stage.payment(payment.id).await;
    assert_eq!(voided.attempts[0].state.as_str(), "voided");
    assert!(voided.exceptions.is_empty());
}
