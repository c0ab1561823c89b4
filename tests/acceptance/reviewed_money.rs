//! What a provider says about another try, in another currency, over nothing, or over a part only: the books follow the
//! money that is meant, and a person sees the rest.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use zahlstelle::domain::{event::ExceptionCause, payment::Payment};
use zahlstelle_contract::reference::ProviderReference;

use crate::{
    hostile::Notice,
    stage::{Stage, TENANT},
};

/// A try on the page that timed out at the provider and was cancelled by it.
const OTHER_TRY: &str = "TIMEDOUTTRY00001";

fn name(payment: &Payment) -> String {
    payment.merchant_reference(&payment.attempts[0]).as_str().to_owned()
}

fn reference(payment: &Payment) -> ProviderReference {
    payment.captures[0].payment.clone().unwrap()
}

fn impossible(payment: &Payment) -> Vec<&str> {
    let facts = payment.exceptions.iter().filter_map(|known| match &known.cause {
        ExceptionCause::Impossible { fact, .. } => Some(fact.as_str()),
        _ => None,
    });
    facts.collect()
}

async fn other_try_is_cancelled(stage: &Stage, payment: &Payment) -> Payment {
    stage.tell(&Notice::later("TECHNICAL_CANCEL", &name(payment), OTHER_TRY, "TECHCANCEL000001", 1_300)).await;
    stage.payment(payment.id).await
}

#[tokio::test]
async fn a_cancelled_try_takes_nothing_from_a_payment_that_another_try_paid() {
    let stage = Stage::new(9_100);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let after = other_try_is_cancelled(&stage, &paid).await;
    assert_eq!(after.state, paid.state);
    assert_eq!(after.captures, paid.captures);
    assert_eq!(impossible(&after), ["voided_other_try"]);
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn a_cancelled_try_leaves_the_hold_of_another_try() {
    let stage = Stage::new(9_101);
    let payment = stage.create_manual("13.00").await;
    stage.approve(payment.id).await;
    stage.settle().await;
    let held = stage.payment(payment.id).await;
    let after = other_try_is_cancelled(&stage, &held).await;
    assert_eq!(after.state, held.state);
    assert_eq!(impossible(&after), ["voided_other_try"]);
    stage.tell(&Notice { success: false, ..Notice::later("CANCELLATION", &name(&held), OTHER_TRY, "C1", 1_300) }).await;
    assert_eq!(impossible(&stage.payment(held.id).await), ["voided_other_try", "void_failed_other_try"]);
    stage.desk.capture(TENANT, held.id, None, &stage.once()).await.unwrap();
    stage.advance(5).await;
    assert_eq!(stage.payment(held.id).await.state.as_str(), "paid");
    assert_eq!(stage.held().await, 1_300);
}

#[tokio::test]
async fn a_cancelled_try_leaves_the_page_payable() {
    let stage = Stage::new(9_102);
    let created = stage.create("13.00").await;
    let page = stage.start(created.id).await;
    let started = stage.payment(created.id).await;
    let after = other_try_is_cancelled(&stage, &started).await;
    assert_eq!(after.state, started.state);
    assert_eq!((after.attempts[0].state.as_str(), after.attempts[0].tries.len()), ("waiting", 1));
    // The authorisation of that very try, told too late, takes nothing either.
    stage.tell(&Notice::authorisation(&name(&started), OTHER_TRY, 1_300)).await;
    assert!(stage.payment(created.id).await.captures.is_empty());
    stage.decide(&page, "approve");
    stage.advance(5).await;
    assert_eq!(stage.payment(created.id).await.state.as_str(), "paid");
    assert_eq!(stage.held().await, 1_300);
}

#[tokio::test]
async fn a_payment_that_was_let_go_before_its_name_was_told_is_not_held() {
    let stage = Stage::new(9_110);
    let created = stage.create("13.00").await;
    let page = stage.start(created.id).await;
    stage.decide(&page, "approve");
    // The page tells that it was paid before the provider tells the name of the payment.
    stage.clock.advance(jiff::SignedDuration::from_secs(61));
    stage.attend().await;
    let paid = stage.payment(created.id).await;
    assert_eq!((paid.state.as_str(), paid.captures[0].payment.is_none()), ("paid", true));
    let psp = stage.transaction(&name(&paid))["provider_reference"].as_str().unwrap().to_owned();
    stage
        .hand_over(&[], &Notice::later("TECHNICAL_CANCEL", &name(&paid), &psp, "TECHCANCEL000001", 1_300).body())
        .await;
    stage.settle().await;
    let after = stage.payment(created.id).await;
    assert_eq!((after.state.as_str(), stage.held().await), ("reversed", 0));
    assert_eq!(after.captures.len(), 1);
}

#[tokio::test]
async fn of_two_captures_the_one_that_is_named_is_let_go() {
    let stage = Stage::new(9_103);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.tell(&Notice::authorisation(&name(&paid), "SECOND0000000001", 1_300)).await;
    let first = reference(&paid);
    stage.tell(&Notice::later("CANCELLATION", &name(&paid), first.as_str(), "CANCEL0000000001", 1_300)).await;
    let after = stage.payment(paid.id).await;
    let reversed: Vec<bool> = after.captures.iter().map(|capture| capture.reversed.is_some()).collect();
    assert_eq!(reversed, [true, false]);
    assert_eq!(after.state.as_str(), "reversed");
    assert_eq!(stage.held().await, 1_300);
}

#[tokio::test]
async fn another_currency_touches_neither_capture_nor_claim() {
    for (event, held, items) in [("CHARGEBACK", -1_300, 1), ("NOTIFICATION_OF_CHARGEBACK", 0, 0)] {
        let stage = Stage::new(9_104);
        let paid = stage.pay(stage.create("13.00").await.id).await;
        let told = Notice::later(event, &name(&paid), reference(&paid).as_str(), "DISPUTE000000001", 1_300);
        stage.tell(&Notice { currency: "USD", ..told }).await;
        let after = stage.payment(paid.id).await;
        assert_eq!(after.state, paid.state);
        assert!(after.disputes.is_empty());
        assert_eq!((after.unexplained.len(), after.exceptions.len()), (items, 1));
        let report = stage.check().await;
        let in_dollars = |account: &str| {
            let rows =
                report.balances.iter().filter(|((known, code), _)| known.to_string() == account && *code == "USD");
            rows.map(|(_, sum)| *sum).sum::<i64>()
        };
        assert_eq!(in_dollars("psp/adyen-test"), held, "{event}");
        assert_eq!(in_dollars("klaerung"), -held, "{event}");
    }
    let stage = Stage::new(9_105);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    let told = Notice::later("CANCEL_OR_REFUND", &name(&paid), reference(&paid).as_str(), "REVERSAL00000001", 1_300);
    stage.hand_over(&[], &Notice { currency: "USD", ..told }.acting("refund")).await;
    stage.settle().await;
    let after = stage.payment(paid.id).await;
    assert_eq!((after.state.as_str(), after.unexplained.len()), ("paid", 1));
    stage.check().await;
}

#[tokio::test]
async fn an_amount_of_nothing_is_no_money() {
    for event in ["CHARGEBACK", "NOTIFICATION_OF_CHARGEBACK", "REFUND", "CAPTURE", "CHARGEBACK_REVERSED"] {
        for minor in [0, -1_300] {
            let stage = Stage::new(9_106);
            let paid = stage.pay(stage.create("13.00").await.id).await;
            stage.tell(&Notice::later(event, &name(&paid), reference(&paid).as_str(), "NOTHING000000001", minor)).await;
            let after = stage.payment(paid.id).await;
            assert_eq!((&after.state, &after.captures), (&paid.state, &paid.captures), "{event} {minor}");
            assert!(after.disputes.is_empty() && after.unexplained.is_empty(), "{event} {minor}");
            assert_eq!(stage.held().await, 1_300);
        }
    }
}

#[tokio::test]
async fn what_came_back_is_taken_up_only_as_far_as_it_is_refunded_anew() {
    let stage = Stage::new(9_107);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.refund(paid.id, "5.00").await.unwrap();
    stage.advance(5).await;
    stage.event(&name(&paid), "refunded_reversed");
    stage.advance(5).await;
    assert_eq!(stage.balance("erstattung").await, -500);
    // The new refund stands for one of the five euros, and four stay owed.
    stage.arm("fail_modification", "refund", 1);
    let failing = stage.refund(paid.id, "1.00").await.unwrap();
    assert_eq!(stage.balance("erstattung").await, -500);
    stage.advance(5).await;
    assert_eq!(stage.refund_state(paid.id, failing.holder).await, "failed");
    assert_eq!((stage.balance("erstattung").await, stage.held().await), (-500, 1_300));
    stage.refund(paid.id, "1.00").await.unwrap();
    stage.advance(5).await;
    assert_eq!((stage.balance("erstattung").await, stage.held().await), (-400, 1_200));
    stage.refund(paid.id, "6.00").await.unwrap();
    assert_eq!(stage.balance("erstattung").await, -600);
    stage.advance(5).await;
    assert_eq!((stage.balance("erstattung").await, stage.held().await), (0, 600));
    let report = stage.check().await;
    let earned: i64 = report
        .balances
        .iter()
        .filter(|((name, _), _)| name.to_string().starts_with("ertrag"))
        .map(|(_, sum)| *sum)
        .sum();
    assert_eq!(earned, -600);
}

#[tokio::test]
async fn the_rest_that_is_reversed_after_a_refund_is_what_is_open_again() {
    let stage = Stage::new(9_108);
    let paid = stage.pay(stage.create("13.00").await.id).await;
    stage.refund(paid.id, "5.00").await.unwrap();
    stage.advance(5).await;
    let told = Notice::later("CANCEL_OR_REFUND", &name(&paid), reference(&paid).as_str(), "REVERSAL00000001", 800);
    stage.hand_over(&[], &told.acting("refund")).await;
    stage.settle().await;
    let after = stage.payment(paid.id).await;
    assert_eq!((after.state.as_str(), after.attempts[0].state.as_str()), ("reversed", "reversed"));
    let forderung = format!("forderung/{}", after.terms.service);
    assert_eq!((stage.held().await, stage.balance(&forderung).await), (0, 800));
}

#[tokio::test]
async fn the_failure_of_another_capture_leaves_ours_under_way() {
    let stage = Stage::new(9_109);
    let payment = stage.create_manual("13.00").await;
    stage.approve(payment.id).await;
    stage.settle().await;
    stage.desk.capture(TENANT, payment.id, None, &stage.once()).await.unwrap();
    let held = stage.payment(payment.id).await;
    assert_eq!(held.calls.len(), 1);
    let of = held.attempts[0].reference.clone().unwrap();
    stage.tell(&Notice::later("CAPTURE_FAILED", &name(&held), of.as_str(), "OLDCAPTURE000001", 1_300)).await;
    let after = stage.payment(payment.id).await;
    assert_eq!(after.calls, held.calls);
    assert_eq!(impossible(&after), ["capture_failed"]);
    stage.advance(5).await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid");
}
