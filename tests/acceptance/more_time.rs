//! More time to pay: what an extension adds, how often, in which states, and what it does to an open page.

use jiff::{SignedDuration, Timestamp};
use zahlstelle::{
    desk::{DeskError, create::NewPayment},
    domain::{
        decide::Refusal,
        ids::PaymentId,
        payment::{Payment, State},
        time_limit::{EXTENSION_HOURS_MAX, EXTENSION_MINUTES_MIN, EXTENSIONS_MAX},
    },
};

use crate::stage::{START, Stage, TENANT};

fn minutes_after_start(minutes: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

async fn extend(stage: &Stage, id: PaymentId) -> Result<Payment, DeskError> {
    stage.desk.extend_time(TENANT, id, None).await
}

#[tokio::test]
async fn an_extension_moves_the_end_for_citizen_portal_and_job_alike() {
    let stage = Stage::new(701);
    let payment = stage.create("13.00").await;
    stage.advance(29 * 60).await;
    let extended = extend(&stage, payment.id).await.unwrap();
    assert_eq!(extended.time_limit.expires_at, minutes_after_start(60), "half an hour more");
    assert_eq!(extended.terms.expires_at, minutes_after_start(30), "what was agreed at first stays readable");
    let view = stage.desk.view(stage.desk.tenant(TENANT).unwrap(), &extended).await.unwrap();
    let view = serde_json::to_value(view).unwrap();
    assert_eq!(view["expires_at"], serde_json::json!(minutes_after_start(60)));

    stage.advance(30 * 60).await;
    assert_eq!(stage.payment(payment.id).await.state, State::Open, "the old end has passed and changes nothing");
    stage.advance(2 * 60).await;
    assert_eq!(stage.payment(payment.id).await.state, State::Expired, "the new end holds without anybody looking");
    assert_eq!(stage.feed_types().await, ["payment.created", "payment.expired"], "no portal has to know");
    stage.check().await;
}

#[tokio::test]
async fn an_extension_adds_the_first_time_within_bounds() {
    for (seconds, minutes) in [
        (60, EXTENSION_MINUTES_MIN),
        (20 * 60, 20),
        (45 * 60, 45),
        (24 * 3_600, 24 * 60),
        (7 * 24 * 3_600, EXTENSION_HOURS_MAX * 60),
    ] {
        let stage = Stage::new(702);
        let wish = |request| NewPayment { expires_in_seconds: Some(seconds), ..request };
        let before = stage.create_with("13.00", wish).await;
        let after = extend(&stage, before.id).await.unwrap();
        let added = after.time_limit.expires_at.duration_since(before.time_limit.expires_at);
        assert_eq!(added, SignedDuration::from_mins(minutes), "after {seconds} s");
        let more = extend(&stage, before.id).await.unwrap().time_limit.expires_at;
        assert_eq!(more.duration_since(after.time_limit.expires_at), added, "the second adds as much as the first");
    }
}

#[tokio::test]
async fn the_time_can_be_extended_ten_times_and_no_more() {
    let stage = Stage::new(703);
    let payment = stage.create("13.00").await;
    for number in 1..=EXTENSIONS_MAX {
        stage.advance(29 * 60).await;
        assert_eq!(extend(&stage, payment.id).await.unwrap().time_limit.extensions, number);
    }
    let refused = extend(&stage, payment.id).await.unwrap_err();
    assert!(matches!(refused, DeskError::Refused(Refusal::TooMany)), "{refused}");
    assert_eq!(stage.payment(payment.id).await.time_limit.expires_at, minutes_after_start(11 * 30));
}

#[tokio::test]
async fn one_wish_told_twice_extends_once_even_at_the_same_moment() {
    let stage = Stage::new(704);
    let payment = stage.create("13.00").await;
    let wish = || stage.desk.extend_time(TENANT, payment.id, Some(0));
    let (one, other) = tokio::join!(wish(), wish());
    assert_eq!((one.unwrap().time_limit.extensions, other.unwrap().time_limit.extensions), (1, 1));
    wish().await.unwrap();
    assert_eq!(stage.payment(payment.id).await.time_limit.extensions, 1, "an old page asks for nothing new");
    stage.desk.extend_time(TENANT, payment.id, Some(1)).await.unwrap();
    assert_eq!(stage.payment(payment.id).await.time_limit.extensions, 2);
}

/// Every state of a payment, and whether it can be given more time there.
const STATES: [(&str, bool); 8] = [
    ("open", true),
    ("processing", true),
    ("authorised", false),
    ("outcome_unknown", false),
    ("paid", false),
    ("reversed", false),
    ("cancelled", false),
    ("expired", false),
];

#[tokio::test]
async fn only_what_can_still_be_paid_gets_more_time() {
    for (state, can) in STATES {
        let stage = Stage::new(705);
        let id = reach(&stage, state).await;
        let before = stage.payment(id).await;
        assert_eq!(before.state.as_str(), state);
        let answer = extend(&stage, id).await;
        assert_eq!(answer.is_ok(), can, "{state}");
        if let Err(error) = answer {
            let named = matches!(error, DeskError::Refused(Refusal::WrongState { state: named }) if named == state);
            let in_doubt = matches!(error, DeskError::Refused(Refusal::OutcomeUnknown { .. }));
            assert!(if state == "outcome_unknown" { in_doubt } else { named }, "{state}: {error}");
            assert_eq!(stage.payment(id).await, before, "{state}: nothing was changed");
        }
    }
}

async fn reach(stage: &Stage, situation: &str) -> PaymentId {
    let manual = situation == "authorised";
    let id = if manual { stage.create_manual("13.00").await.id } else { stage.create("13.00").await.id };
    match situation {
        "processing" => drop(stage.start(id).await),
        "authorised" | "paid" => drop(stage.pay(id).await),
        "reversed" => {
            stage.arm("reversal", "pay", 1);
            stage.pay(id).await;
            stage.advance(60).await;
        }
        "outcome_unknown" => {
            stage.start(id).await;
            stage.arm("lose_answer", "close_page", 10);
            stage.arm("refuse_connection", "query", 10);
            stage.desk.cancel_by_payer(TENANT, id).await.unwrap();
            assert!(stage.fired("lose_answer", "close_page") > 0);
        }
        "cancelled" => drop(stage.desk.cancel_by_payer(TENANT, id).await.unwrap()),
        "expired" => stage.advance(31 * 60).await,
        _ => {}
    }
    id
}

#[tokio::test]
async fn over_is_over_even_where_no_job_has_come() {
    let stage = Stage::new(706);
    let payment = stage.create("13.00").await;
    stage.clock.advance(SignedDuration::from_mins(30));
    let refused = extend(&stage, payment.id).await.unwrap_err();
    assert!(matches!(refused, DeskError::Refused(Refusal::Expired)), "{refused}");
}

#[tokio::test]
async fn an_open_page_keeps_its_own_end_and_choosing_again_opens_a_new_one() {
    let stage = Stage::new(707);
    let payment = stage.create("13.00").await;
    let first = stage.start(payment.id).await;
    extend(&stage, payment.id).await.unwrap();
    // No job comes in between, so that choosing alone has to notice that the page has lapsed.
    stage.clock.advance(SignedDuration::from_mins(31));
    let second = stage.start(payment.id).await;
    assert_ne!(second, first);
    assert_eq!(stage.decide(&first, "approve"), None, "the first page takes nothing any more");
    stage.decide(&second, "approve").unwrap();
    stage.settle().await;
    let paid = stage.payment(payment.id).await;
    assert_eq!((paid.state.as_str(), paid.attempts.len(), paid.captures.len()), ("paid", 2, 1));
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn a_page_that_was_paid_just_before_it_lapsed_is_not_followed_by_another() {
    let stage = Stage::new(708);
    let payment = stage.create("13.00").await;
    let page = stage.start(payment.id).await;
    extend(&stage, payment.id).await.unwrap();
    stage.decide(&page, "approve").unwrap();
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "processing", "nobody has told us yet");
    stage.clock.advance(SignedDuration::from_mins(31));
    let next = stage.desk.start_attempt(TENANT, payment.id, zahlstelle_contract::method::Method::Card).await;
    assert!(matches!(next, Ok(zahlstelle::desk::NextStep::Look) | Err(DeskError::Refused(_))), "{next:?}");
    stage.settle().await;
    let paid = stage.payment(payment.id).await;
    assert_eq!((paid.state.as_str(), paid.attempts.len(), paid.captures.len()), ("paid", 1, 1));
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}
