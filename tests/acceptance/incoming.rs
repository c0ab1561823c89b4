//! What providers tell us unasked: early, late, twice at once, never, unreadable or about something long past.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use zahlstelle::{
    clock::Clock,
    desk::{Delivered, Hook},
    store::sqlite::engine::SqliteStore,
};
use zahlstelle_contract::{
    notification::{NotificationError, RawDelivery},
    reference::AccountName,
};

use crate::{
    deliveries::{Lines, delivery, item_of, signed_item},
    stage::{ACCOUNT, MERCHANT_ACCOUNT, Stage, TENANT},
};

/// How long a payment that nobody reports on may stay undecided after the payer has paid: the longest pause between two
/// looks at its page. Seconds.
const CONVERGES_WITHIN: i64 = 600;
/// Three days, for which a notification waits for the payment it names. Seconds.
const PATIENCE: i64 = 72 * 3_600;

/// A stage on a database on disk, whose inbox can be looked into from outside.
struct OnDisk {
    stage: Stage,
    folder: TempDir,
}

impl OnDisk {
    fn new(seed: u64) -> Self {
        Self::with(seed, |tenant| tenant)
    }

    fn with(seed: u64, change: impl FnOnce(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::migrate(&folder.path().join("stage.db")).unwrap();
        Self { stage: Stage::on(seed, change, Arc::new(store)), folder }
    }

    /// How many notifications were kept, by what became of them.
    fn inbox(&self) -> BTreeMap<String, i64> {
        let connection = rusqlite::Connection::open(self.folder.path().join("stage.db")).unwrap();
        let mut statement = connection.prepare("SELECT state, count(*) FROM inbox GROUP BY state").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

fn inbox<const N: usize>(states: [(&str, i64); N]) -> BTreeMap<String, i64> {
    states.into_iter().map(|(state, count)| (state.to_owned(), count)).collect()
}

/// What the provider wants to deliver now, each with the word that it was taken.
fn intercept(stage: &Stage) -> Vec<Vec<u8>> {
    let now = stage.clock.now();
    let mut world = stage.world.lock().unwrap();
    let due = world.due_notifications(now);
    for delivery in &due {
        world.delivered(delivery.id, Some(200), now);
    }
    due.into_iter().map(|delivery| delivery.body).collect()
}

/// Hands a delivery to the desk and tells what became of its items.
async fn take(stage: &Stage, body: &[u8]) -> Delivered {
    let account = AccountName::parse(ACCOUNT).unwrap();
    let delivery = RawDelivery { headers: &[], body, received_at: stage.clock.now() };
    stage.desk.take_delivery(&Hook { provider: "adyen", account: &account, delivery }).await.unwrap()
}

fn count(types: &[String], wanted: &str) -> usize {
    types.iter().filter(|kind| *kind == wanted).count()
}

#[tokio::test]
async fn c1_a_notification_that_precedes_our_record_is_kept_and_applied_later() {
    // The same seed makes the same provider, so another stage shows what it will say about the first payment.
    let rehearsal = Stage::new(61);
    rehearsal.approve(rehearsal.create("13.00").await.id).await;
    let [early] = intercept(&rehearsal).try_into().unwrap();

    let on_disk = OnDisk::new(61);
    let stage = &on_disk.stage;
    assert_eq!(stage.hand_over(&[], &early).await, 200);
    stage.settle().await;
    assert_eq!(on_disk.inbox(), inbox([("waiting", 1)]));

    stage.arm("drop_notification", "notification", 1);
    let payment = stage.create("13.00").await;
    stage.approve(payment.id).await;
    assert_eq!(stage.fired("drop_notification", "notification"), 1);
    stage.settle().await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "processing");
    // Long before the page is looked at, the notification that waits is tried again.
    stage.advance(5).await;
    assert_eq!(on_disk.inbox(), inbox([("applied", 1)]));
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid");
    // The state that is newer stays, however often the older news comes.
    assert_eq!(take(stage, &early).await.repeated, 1);
    stage.pass(CONVERGES_WITHIN).await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid");
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn c1_a_notification_that_nothing_explains_waits_three_days_and_is_then_shown() {
    let on_disk = OnDisk::new(62);
    let (stage, lines) = (&on_disk.stage, Lines::default());
    let body = delivery(&[signed_item("NOBODY-1", &json!({}))]);
    assert_eq!(stage.hand_over(&[], &body).await, 200);
    lines
        .of(async {
            stage.settle().await;
            for _ in 0..PATIENCE / 3_600 - 1 {
                stage.advance(3_600).await;
                assert_eq!(on_disk.inbox(), inbox([("waiting", 1)]));
            }
            assert_eq!(lines.count("names no payment of ours"), 0);
            stage.advance(2 * 3_600).await;
        })
        .await;
    assert_eq!(on_disk.inbox(), inbox([("unmatched", 1)]));
    assert_eq!(notified(&on_disk.stage, "unmatched"), 1);
    assert_eq!(lines.count("names no payment of ours"), 1);
    // Nothing looks at it any more, and its repetition is known.
    assert_eq!(stage.store.next_due().await.unwrap(), None);
    assert_eq!(take(stage, &body).await.repeated, 1);
}

#[tokio::test]
async fn c2_a_paid_that_comes_after_its_reversal_moves_nothing_back() {
    let on_disk = OnDisk::new(63);
    let stage = &on_disk.stage;
    stage.arm("reversal", "pay", 1);
    stage.arm("reorder", "notification", 1);
    let payment = stage.create("13.00").await;
    stage.approve(payment.id).await;
    assert_eq!((stage.fired("reversal", "pay"), stage.fired("reorder", "notification")), (1, 1));
    stage.clock.advance(SignedDuration::from_secs(10));
    let told = intercept(stage);
    let codes: Vec<Value> = told.iter().map(|body| item_of(body)["eventCode"].clone()).collect();
    assert_eq!(codes, ["CANCEL_OR_REFUND", "AUTHORISATION"]);
    for body in &told {
        assert_eq!(take(stage, body).await.kept, 1);
        stage.settle().await;
        assert_eq!(stage.payment(payment.id).await.state.as_str(), "reversed");
    }
    stage.pass(CONVERGES_WITHIN).await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "reversed");
    assert_eq!(on_disk.inbox(), inbox([("applied", 2)]));
    let types = stage.feed_types().await;
    assert_eq!((count(&types, "payment.paid"), count(&types, "payment.reversed")), (1, 1), "{types:?}");
    assert_eq!((stage.held().await, stage.held_at_twin()), (0, 0));
}

#[tokio::test]
async fn c2_an_old_paid_after_refund_or_cancellation_tells_nobody_again() {
    let on_disk = OnDisk::new(64);
    let stage = &on_disk.stage;
    let (refunded, cancelled) = (stage.create("13.00").await.id, stage.create_manual("20.00").await.id);
    stage.approve(refunded).await;
    let paid = intercept(stage);
    stage.hand_over(&[], &paid[0]).await;
    stage.approve(cancelled).await;
    let authorised = intercept(stage);
    stage.hand_over(&[], &authorised[0]).await;
    stage.settle().await;
    stage.refund(refunded, "13.00").await.unwrap();
    stage.desk.cancel(TENANT, cancelled, &stage.once()).await.unwrap();
    stage.advance(10).await;
    let before = (stage.feed_types().await, stage.payment(refunded).await, stage.payment(cancelled).await);
    assert_eq!(before.2.state.as_str(), "cancelled");
    for body in paid.iter().chain(&authorised) {
        assert_eq!(take(stage, body).await.repeated, 1);
    }
    stage.pass(CONVERGES_WITHIN).await;
    let after = (stage.feed_types().await, stage.payment(refunded).await, stage.payment(cancelled).await);
    assert_eq!(after, before);
    assert_eq!((stage.held().await, stage.held_at_twin()), (0, 0));
}

#[tokio::test]
async fn c3_partial_refunds_are_all_recorded_whatever_their_order() {
    let stage = Stage::new(65);
    let payment = stage.create("13.00").await;
    stage.pay(payment.id).await;
    stage.arm("reorder", "notification", 1);
    let first = stage.refund(payment.id, "5.00").await.unwrap().holder;
    let second = stage.refund(payment.id, "3.00").await.unwrap().holder;
    stage.advance(5).await;
    assert_eq!(stage.fired("reorder", "notification"), 1);
    for refund in [first, second] {
        assert_eq!(stage.refund_state(payment.id, refund).await, "succeeded");
    }
    let types = stage.feed_types().await;
    assert_eq!(count(&types, "refund.succeeded"), 2, "{types:?}");
    assert_eq!(stage.payment(payment.id).await.amount_refunded(), crate::stage::eur("8.00"));
    assert_eq!((stage.held().await, stage.held_at_twin()), (500, 500));
    assert_eq!(stage.balance("erstattung").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c4_simultaneous_deliveries_are_kept_once_and_each_is_logged() {
    const AT_ONCE: usize = 16;
    let on_disk = OnDisk::new(66);
    let (stage, lines) = (&on_disk.stage, Lines::default());
    stage.arm("duplicate", "notification", 1);
    let payment = stage.create("13.00").await;
    stage.approve(payment.id).await;
    assert_eq!(stage.fired("duplicate", "notification"), 1);
    let told = intercept(stage);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], told[1]);

    let barrier = Arc::new(tokio::sync::Barrier::new(AT_ONCE));
    let mut deliveries = tokio::task::JoinSet::new();
    for body in told.iter().cycle().take(AT_ONCE) {
        let body = body.clone();
        let (desk, now) = (Arc::clone(&stage.desk), stage.clock.now());
        let (barrier, lines) = (Arc::clone(&barrier), lines.clone());
        deliveries.spawn(async move {
            barrier.wait().await;
            let account = AccountName::parse(ACCOUNT).unwrap();
            let delivery = RawDelivery { headers: &[], body: &body, received_at: now };
            let hook = Hook { provider: "adyen", account: &account, delivery };
            lines.of(desk.take_delivery(&hook)).await.unwrap()
        });
    }
    let taken = deliveries.join_all().await;
    assert_eq!(taken.iter().map(|delivered| delivered.kept).sum::<usize>(), 1);
    assert_eq!(taken.iter().map(|delivered| delivered.repeated).sum::<usize>(), AT_ONCE - 1);
    assert_eq!(lines.count("came again"), AT_ONCE - 1);

    // Whoever looks for work at the same moment gets it once, too.
    let (one, other, third) = tokio::join!(stage.attend(), stage.attend(), stage.attend());
    assert_eq!(one + other + third, 1);
    stage.settle().await;
    assert_eq!(on_disk.inbox(), inbox([("applied", 1)]));
    let types = stage.feed_types().await;
    assert_eq!(count(&types, "payment.paid"), 1, "{types:?}");
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn c5_without_any_notification_the_payment_is_settled_within_the_longest_pause() {
    // Paid at once, between the first looks, and when the pauses have become as long as they get.
    for (seed, paid_after) in [(67, 0), (68, 90), (69, 500), (70, 1_100)] {
        let on_disk = OnDisk::new(seed);
        let stage = &on_disk.stage;
        stage.arm("drop_notification", "notification", 1);
        let payment = stage.create("13.00").await;
        let page = stage.start(payment.id).await;
        for _ in 0..paid_after / 10 {
            stage.advance(10).await;
        }
        stage.decide(&page, "approve");
        assert_eq!(stage.fired("drop_notification", "notification"), 1);
        stage.settle().await;
        assert_eq!(stage.payment(payment.id).await.state.as_str(), "processing");
        let mut waited = 0;
        while stage.payment(payment.id).await.state.as_str() != "paid" {
            assert!(waited < CONVERGES_WITHIN, "paid after {paid_after} s and still not known {waited} s later");
            stage.advance(10).await;
            waited += 10;
        }
        assert_eq!(on_disk.inbox(), inbox([]), "something was told after all");
        assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
    }
}

#[tokio::test]
async fn c6_an_event_of_an_unknown_kind_is_kept_and_counted_and_not_taken_as_done() {
    let on_disk = OnDisk::new(71);
    let (stage, lines) = (&on_disk.stage, Lines::default());
    let payment = stage.create("13.00").await;
    let page = stage.start(payment.id).await;
    let before = stage.payment(payment.id).await;
    let name = before.merchant_reference(&before.attempts[0]).as_str().to_owned();
    let body = delivery(&[signed_item(&name, &json!({"eventCode": "MOON_PHASE_CHANGED"}))]);
    assert_eq!(take(stage, &body).await.kept, 1);
    lines.of(stage.settle()).await;
    assert_eq!(on_disk.inbox(), inbox([("uninterpreted", 1)]));
    assert_eq!(lines.count("MOON_PHASE_CHANGED of account adyen-test has no rule"), 1);
    assert_eq!(stage.payment(payment.id).await, before);
    assert_eq!(take(stage, &body).await.repeated, 1);
    stage.decide(&page, "approve");
    stage.settle().await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid");
    assert_eq!(on_disk.inbox(), inbox([("applied", 1), ("uninterpreted", 1)]));
}

#[tokio::test]
async fn c7_an_approval_whose_browser_closed_is_taken_or_given_back_and_never_lost() {
    let on_disk = OnDisk::new(72);
    let stage = &on_disk.stage;
    // The provider's name of the page is in our records before the payer can be sent there.
    let automatic = stage.create("13.00").await.id;
    let page = stage.start(automatic).await;
    assert!(stage.payment(automatic).await.attempts[0].page.is_some());
    stage.arm("drop_notification", "notification", 1);
    stage.decide(&page, "approve");
    assert_eq!(stage.fired("drop_notification", "notification"), 1);
    // The browser closed: nobody returns and nobody tells, and yet the money is taken and known.
    stage.pass(CONVERGES_WITHIN).await;
    assert_eq!(stage.payment(automatic).await.state.as_str(), "paid");

    // What was only held goes back before it lapses when the portal never asks for it.
    let manual = stage.create_manual("20.00").await.id;
    stage.approve(manual).await;
    stage.settle().await;
    let held = stage.payment(manual).await;
    assert_eq!(held.state.as_str(), "authorised");
    let zahlstelle::domain::payment::State::Authorised { capture_before, .. } = held.state else { panic!() };
    while stage.clock.now() < capture_before {
        stage.advance(3_600).await;
    }
    stage.advance(60).await;
    assert_eq!(stage.payment(manual).await.state.as_str(), "cancelled");
    let name = held.merchant_reference(&held.attempts[0]);
    assert_eq!(stage.transaction(name.as_str())["state"], "voided");
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn c8_an_approval_that_comes_twice_and_a_capture_that_failed_first_make_one_capture() {
    let on_disk = OnDisk::new(73);
    let stage = &on_disk.stage;
    stage.arm("duplicate", "notification", 1);
    stage.arm("error_500", "capture", 1);
    let payment = stage.create_manual("13.00").await.id;
    stage.approve(payment).await;
    assert_eq!(stage.fired("duplicate", "notification"), 1);
    stage.settle().await;
    assert_eq!(stage.payment(payment).await.state.as_str(), "authorised");
    stage.desk.capture(TENANT, payment, None, &stage.once()).await.unwrap();
    assert_eq!(stage.fired("error_500", "capture"), 1);
    stage.pass(CONVERGES_WITHIN).await;
    let paid = stage.payment(payment).await;
    assert_eq!((paid.state.as_str(), paid.captures.len()), ("paid", 1));
    let name = paid.merchant_reference(&paid.attempts[0]);
    assert_eq!(stage.transaction(name.as_str())["executed"]["capture"], 1);
    assert_eq!((stage.held().await, stage.held_at_twin()), (1_300, 1_300));
}

#[tokio::test]
async fn c14_published_vectors_pass_the_hook_and_a_forged_one_is_seen() {
    let folder = std::env::var_os("ZAHLSTELLE_VECTORS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors")), PathBuf::from);
    let Ok(vectors) = std::fs::read(folder.join("webhooks/adyen_hmac.json")) else {
        skip("no vectors of Adyen's signatures found; set ZAHLSTELLE_VECTORS");
        return;
    };
    let vectors: Value = serde_json::from_slice(&vectors).unwrap();
    let cases = vectors["payments_standard_webhook"].as_array().unwrap();
    assert!(cases.len() >= 5);
    for (seed, case) in (74..).zip(cases) {
        let mut item = case["notification_request_item"].clone();
        let (key, account) = (case["hmac_key_hex"].as_str().unwrap(), item["merchantAccountCode"].as_str().unwrap());
        let on_disk = OnDisk::with(seed, |tenant| {
            let tenant = tenant.replace(MERCHANT_ACCOUNT, account);
            tenant.replace("{ env = \"ZAHLSTELLE_ADYEN_HMAC_KEY\" }", &format!("\"{key}\""))
        });
        let (stage, lines) = (&on_disk.stage, Lines::default());
        item["additionalData"]["hmacSignature"] = case["expected_hmac_b64"].clone();
        let body = delivery(std::slice::from_ref(&item));
        item["amount"]["value"] = json!(item["amount"]["value"].as_i64().unwrap() + 1);
        let forged = delivery(std::slice::from_ref(&item));

        let refused = lines.of(take(stage, &forged)).await;
        assert_eq!((refused.kept, refused.refused), (0, vec![NotificationError::BadSignature]));
        assert_eq!(lines.count("was not taken"), 1);
        assert_eq!(notified(stage, "refused"), 1);
        assert_eq!(stage.hand_over(&[], &forged).await, 401);
        assert_eq!((notified(stage, "refused"), notified(stage, "kept")), (2, 0));
        assert_eq!(on_disk.inbox(), inbox([]));
        let taken = lines.of(take(stage, &body)).await;
        assert_eq!((taken.kept, taken.refused), (1, Vec::new()), "{}", case["name"]);
        assert_eq!(on_disk.inbox(), inbox([("waiting", 1)]));
        assert_eq!((notified(stage, "refused"), notified(stage, "kept")), (2, 1));
    }
}

#[tokio::test]
async fn c14_a_forged_notification_changes_nothing_and_the_true_one_does() {
    let on_disk = OnDisk::new(80);
    let (stage, lines) = (&on_disk.stage, Lines::default());
    stage.arm("bad_signature", "notification", 1);
    let payment = stage.create("13.00").await;
    stage.approve(payment.id).await;
    assert_eq!(stage.fired("bad_signature", "notification"), 1);
    assert_eq!(notified(stage, "refused"), 0, "what is counted begins at zero, so that the first one is a change");
    lines.of(stage.settle()).await;
    assert_eq!(lines.count("signature missing or wrong"), 1);
    assert_eq!(notified(stage, "refused"), 1);
    assert_eq!((stage.payment(payment.id).await.state.as_str(), on_disk.inbox()), ("processing", inbox([])));
    // The page tells the truth all the same.
    stage.pass(CONVERGES_WITHIN).await;
    assert_eq!(stage.payment(payment.id).await.state.as_str(), "paid");
}

#[tokio::test]
async fn c15_an_event_without_an_id_of_its_own_is_refused() {
    let on_disk = OnDisk::new(81);
    let stage = &on_disk.stage;
    let without = [
        json!({"pspReference": null}),
        json!({"pspReference": ""}),
        json!({"eventCode": null}),
        json!({"eventCode": ""}),
        json!({"success": null}),
    ];
    for members in &without {
        let body = delivery(&[signed_item("NOBODY-1", members)]);
        let delivered = take(stage, &body).await;
        assert_eq!((delivered.kept, delivered.refused), (0, vec![NotificationError::Malformed]), "{members}");
        assert_ne!(stage.hand_over(&[], &body).await, 200, "{members}");
    }
    assert_eq!(on_disk.inbox(), inbox([]));
    // Two that differ only in what makes their ids are two.
    for code in ["AUTHORISATION", "CAPTURE_FAILED"] {
        let members = json!({"eventCode": code, "originalReference": "STAGE00000000002"});
        assert_eq!(take(stage, &delivery(&[signed_item("NOBODY-1", &members)])).await.kept, 1);
    }
}

#[tokio::test]
async fn c16_news_about_an_old_payment_is_recorded_and_a_late_refund_works() {
    let on_disk = OnDisk::new(82);
    let stage = &on_disk.stage;
    let (refunded, disputed) = (stage.create("13.00").await.id, stage.create("20.00").await.id);
    stage.pay(refunded).await;
    let old = stage.pay(disputed).await;
    stage.advance(400 * 86_400).await;

    let name = old.merchant_reference(&old.attempts[0]);
    stage.event(name.as_str(), "chargeback");
    let [told] = intercept(stage).try_into().unwrap();
    assert_eq!(stage.hand_over(&[], &told).await, 200);
    stage.settle().await;
    assert_eq!(stage.balance("rueckbelastung").await, 2_000);

    let refund = stage.refund(refunded, "4.00").await.unwrap().holder;
    stage.advance(10).await;
    assert_eq!(stage.refund_state(refunded, refund).await, "succeeded");
    assert_eq!(on_disk.inbox(), inbox([("applied", 4)]));
    assert_eq!((stage.held().await, stage.held_at_twin()), (900, 900));
}

#[tokio::test]
async fn c17_each_item_of_a_delivery_stands_for_itself() {
    let on_disk = OnDisk::new(83);
    let (stage, lines) = (&on_disk.stage, Lines::default());
    let (first, second, third) =
        (stage.create("13.00").await.id, stage.create("14.00").await.id, stage.create("15.00").await.id);
    for payment in [first, second, third] {
        stage.approve(payment).await;
    }
    let mut items: Vec<Value> = intercept(stage).iter().map(|body| item_of(body)).collect();
    assert_eq!(items.len(), 3);
    items[1]["additionalData"]["hmacSignature"] = json!(STANDARD.encode([7; 32]));
    items.insert(2, json!("no item at all"));
    let body = delivery(&items);
    let delivered = lines.of(take(stage, &body)).await;
    assert_eq!(delivered.kept, 2);
    assert_eq!(delivered.refused, [NotificationError::BadSignature, NotificationError::Malformed]);
    assert_eq!(lines.count("was not taken"), 2);
    stage.settle().await;
    let mut states = Vec::new();
    for payment in [first, second, third] {
        states.push(stage.payment(payment).await.state.as_str());
    }
    assert_eq!(states, ["paid", "processing", "paid"]);
    assert_eq!(on_disk.inbox(), inbox([("applied", 2)]));
    assert_eq!(stage.held().await, 2_800);
    // The provider repeats the whole delivery, because one item was refused; nothing happens twice.
    assert_eq!(take(stage, &body).await.repeated, 2);
    stage.pass(CONVERGES_WITHIN).await;
    assert_eq!((stage.held().await, stage.held_at_twin()), (4_200, 4_200));
}

/// How many notifications of the account had this result, as operators are told.
fn notified(stage: &Stage, result: &str) -> u64 {
    let metrics = stage.desk.metrics().text();
    let series = format!("zahlstelle_notifications_total{{account=\"{ACCOUNT}\",result=\"{result}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap_or_else(|| panic!("{series} is not exported")).parse().unwrap()
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
}
