//! A seeded run: clients, citizens, banks and clocks do what they like while the provider has the worst of days. An
//! auditor who knows only what clients were told, what the provider was heard to say and what it holds checks the books.
//!
//! `ZAHLSTELLE_SIM_SEED` and `ZAHLSTELLE_SIM_STEPS` run one seed again; a run that fails prints its seed and last steps.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};
use zahlstelle::{
    clock::Clock,
    desk::{DeskError, NextStep, RefundOrder, create::NewPayment, idempotency::Answered, side, side::PaymentSide},
    domain::{
        attempt::CaptureRole,
        decide::RefundExtent,
        event::ExceptionCause,
        ids::{PaymentId, RefundId},
        payment::{OpenException, Payment, State},
        refund::{DisputeState, RefundOrigin, RefundState},
    },
};
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::{Currency, Money},
};

use zahlstelle_twin::faults::Profile;

use crate::stage::{Stage, TENANT, eur, new_payment};

/// The seeds of a normal run.
const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];
/// The steps of each seed in a normal run.
const STEPS: u64 = 1_000;
/// After how many steps the books are checked.
const CHECK_EVERY: u64 = 100;
/// How many steps a failing run prints.
const TRACE: usize = 30;
/// Seconds in an hour and in a day.
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// `SplitMix64`, so that a run follows from its seed.
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below(u64::try_from(high - low + 1).unwrap())).unwrap()
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let bound = u64::try_from(list.len()).ok().filter(|bound| *bound > 0)?;
        list.get(usize::try_from(self.below(bound)).unwrap())
    }
}

/// The last steps, printed when the run fails.
struct Trace {
    seed: u64,
    steps: VecDeque<String>,
}

impl Drop for Trace {
    #[expect(clippy::print_stderr, reason = "whoever sees the failure must be able to run it again")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("ZAHLSTELLE_SIM_SEED={} failed; its last steps:", self.seed);
            for step in &self.steps {
                eprintln!("  {step}");
            }
        }
    }
}

/// A request that was answered, to be repeated under its key.
#[derive(Clone)]
enum Asked {
    Create { capture: CaptureMode, cents: i64 },
    Capture { payment: PaymentId },
    Cancel { payment: PaymentId },
    Refund { payment: PaymentId, cents: i64 },
}

/// What clients were told, and what the provider was heard to say.
#[derive(Default)]
struct Auditor {
    payments: BTreeMap<PaymentId, CaptureMode>,
    answers: Vec<(String, Asked, Answered)>,
    refunds: BTreeMap<RefundId, (PaymentId, i64)>,
    cancelled: BTreeSet<PaymentId>,
    paid: BTreeSet<PaymentId>,
    /// Accepted notifications: event, reference and success name one; with payment and amount.
    heard: BTreeMap<(String, String, bool), (String, i64)>,
    feed_after: u64,
    feed: Vec<Value>,
}

struct Run {
    stage: Stage,
    luck: Luck,
    trace: Trace,
    auditor: Auditor,
    pages: Vec<(PaymentId, String)>,
}

fn two_methods(tenant: &str) -> String {
    let both = "methods = { card = \"adyen-test\", google_pay = \"adyen-test\" }";
    tenant.replace("methods = { card = \"adyen-test\" }", both)
}

impl Run {
    fn new(seed: u64) -> Self {
        let stage = Stage::with(seed, |tenant| two_methods(&tenant));
        // On a wild day notifications get lost for good; on the others the books must be those of the provider, too.
        let profile = if seed.is_multiple_of(2) { Profile::Wild } else { Profile::None };
        stage.world.lock().unwrap().set_fault_profile(profile);
        let trace = Trace { seed, steps: VecDeque::new() };
        let luck = Luck(seed.wrapping_mul(0x1234_5678_9abc_def1));
        Self { stage, luck, trace, auditor: Auditor::default(), pages: Vec::new() }
    }

    fn note(&mut self, step: impl Into<String>) {
        if self.trace.steps.len() >= TRACE {
            self.trace.steps.pop_front();
        }
        self.trace.steps.push_back(format!("{} {}", self.stage.clock.now(), step.into()));
    }

    /// One of the last payments, mostly one in such a state, so that histories become long and little is refused.
    async fn some_payment(&mut self, states: &[&str]) -> Option<PaymentId> {
        let all: Vec<PaymentId> = self.auditor.payments.keys().copied().collect();
        let recent = &all[all.len().saturating_sub(20)..];
        let mut fitting = Vec::new();
        for id in recent {
            if states.contains(&self.stage.payment(*id).await.state.as_str()) {
                fitting.push(*id);
            }
        }
        let list = if fitting.is_empty() || self.luck.below(8) == 0 { recent } else { &fitting };
        self.luck.pick(list).copied()
    }

    async fn step(&mut self) {
        match self.luck.below(100) {
            0..14 => self.create().await,
            14..20 => self.start().await,
            20..36 => self.decide(),
            36..40 => self.come_back().await,
            40..44 => self.cancel().await,
            44..52 => self.capture().await,
            52..63 => self.refund().await,
            63..66 => self.judge_proposal().await,
            66..70 => self.happen().await,
            70..75 => self.repeat().await,
            75..80 => self.arm(),
            80..85 => {
                self.note("deliver");
                self.deliver().await;
            }
            85..90 => {
                self.note("attend");
                self.stage.attend().await;
            }
            90..97 => self.pass(1, 30).await,
            97..99 => self.pass(60, HOUR).await,
            _ if self.luck.below(3) == 0 => self.pass(HOUR, 3 * DAY).await,
            _ => self.pass(30, 300).await,
        }
    }

    async fn pass(&mut self, low: i64, high: i64) {
        let seconds = self.luck.between(low, high);
        self.note(format!("pass {seconds} s"));
        self.advance(seconds).await;
    }

    async fn advance(&mut self, seconds: i64) {
        self.stage.clock.advance(jiff::SignedDuration::from_secs(seconds));
        for _ in 0..500 {
            if self.deliver().await + self.stage.attend().await == 0 {
                return;
            }
        }
        unreachable!("nothing settles");
    }

    /// Delivers as the stage does, and listens.
    async fn deliver(&mut self) -> usize {
        let now = self.stage.clock.now();
        let due = self.stage.world.lock().unwrap().due_notifications(now);
        let count = due.len();
        for delivery in due {
            let status = self.stage.hand_over(&[], &delivery.body).await;
            if status == 200 {
                self.hear(&serde_json::from_slice(&delivery.body).unwrap());
            }
            self.stage.world.lock().unwrap().delivered(delivery.id, Some(status), now);
        }
        count
    }

    fn hear(&mut self, body: &Value) {
        let item = &body["notificationItems"][0]["NotificationRequestItem"];
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let key = (text("eventCode"), text("pspReference"), text("success") == "true");
        let payment =
            if text("originalReference").is_empty() { text("pspReference") } else { text("originalReference") };
        let minor = item["amount"]["value"].as_i64().unwrap();
        let taken_back = item["additionalData"]["modification.action"] != "cancel";
        self.auditor.heard.insert(key, (payment, if taken_back { minor } else { 0 }));
    }

    async fn create(&mut self) {
        let capture = if self.luck.below(3) == 0 { CaptureMode::Manual } else { CaptureMode::Automatic };
        let cents = self.luck.between(1, 10_000);
        let asked = Asked::Create { capture, cents };
        let key = self.stage.fresh_key();
        self.note(format!("{key}: create {capture:?} of {cents}"));
        self.ask(key, asked).await;
        if self.luck.below(2) == 0 {
            self.hurry().await;
        }
    }

    /// A citizen pays the newest payment at once.
    async fn hurry(&mut self) {
        let Some(id) = self.auditor.payments.keys().next_back().copied() else { return };
        let step = self.stage.desk.start_attempt(TENANT, id, Method::Card).await;
        self.note(format!("hurry to pay {id}: {step:?}"));
        if let Ok(NextStep::Redirect { url }) = step {
            self.press(&url, "approve");
            self.pages.push((id, url));
            self.pass(1, 5).await;
        }
    }

    async fn start(&mut self) {
        let Some(id) = self.some_payment(&["open", "processing"]).await else { return };
        let method = if self.luck.below(3) == 0 { Method::GooglePay } else { Method::Card };
        let step = self.stage.desk.start_attempt(TENANT, id, method).await;
        self.note(format!("start {id} by {method}: {step:?}"));
        if let Ok(NextStep::Redirect { url }) = step {
            self.pages.push((id, url));
        }
    }

    fn decide(&mut self) {
        let recent = self.pages.len().saturating_sub(3);
        let Some((id, page)) = self.luck.pick(&self.pages[recent..]).cloned() else { return };
        let decision = *self.luck.pick(&["approve", "approve", "approve", "decline", "cancel", "abandon"]).unwrap();
        self.note(format!("{decision} {id} on {page}"));
        self.press(&page, decision);
    }

    /// A payer presses a button; what the page answers does not matter here, a fault may have lost it.
    fn press(&self, page: &str, decision: &str) {
        let path = url::Url::parse(page).unwrap().path().to_owned();
        let request = zahlstelle_twin::Request::new(http::Method::POST, &path).form(&[("decision", decision)]);
        let _ = self.stage.world.lock().unwrap().handle(self.stage.clock.now(), &request);
    }

    async fn come_back(&mut self) {
        let Some(id) = self.some_payment(&["processing", "outcome_unknown"]).await else { return };
        let side = self.stage.store.side(TENANT, id.0).await.unwrap().unwrap();
        let token = side::open::<PaymentSide>(&side).unwrap().token;
        if let Some(attempt) = self.stage.payment(id).await.attempts.last().map(|attempt| attempt.id) {
            self.note(format!("come back to {id}"));
            self.stage.desk.come_back(&token, attempt).await.unwrap();
        }
    }

    async fn cancel(&mut self) {
        let Some(payment) = self.some_payment(&["open", "processing", "authorised"]).await else { return };
        let key = self.stage.fresh_key();
        self.note(format!("{key}: cancel {payment}"));
        self.ask(key, Asked::Cancel { payment }).await;
    }

    async fn capture(&mut self) {
        let Some(payment) = self.some_payment(&["authorised"]).await else { return };
        let key = self.stage.fresh_key();
        self.note(format!("{key}: capture {payment}"));
        self.ask(key, Asked::Capture { payment }).await;
    }

    async fn refund(&mut self) {
        let Some(payment) = self.some_payment(&["paid"]).await else { return };
        let left = self.stage.payment(payment).await.amount_refundable().minor();
        let cents = self.luck.between(1, left.max(1) / 2 + 10);
        let key = self.stage.fresh_key();
        self.note(format!("{key}: refund {cents} of {payment}"));
        self.ask(key, Asked::Refund { payment, cents }).await;
    }

    /// Sends a request and keeps what was answered.
    async fn ask(&mut self, key: String, asked: Asked) {
        match self.send(&key, &asked).await {
            Ok(answered) => self.told(key, asked, answered),
            Err(error) => self.may_refuse(&error),
        }
    }

    async fn send(&self, key: &str, asked: &Asked) -> Result<Answered, DeskError> {
        let (desk, client, key) = (&self.stage.desk, self.stage.client, self.stage.under(key));
        match asked {
            Asked::Create { capture, cents } => {
                let amount = Money::from_minor(*cents, Currency::EUR).decimal();
                let request = NewPayment { capture: Some(*capture), ..new_payment(&amount) };
                desk.create_payment(TENANT, client, &request, &key).await
            }
            Asked::Capture { payment } => desk.capture(TENANT, *payment, None, &key).await,
            Asked::Cancel { payment } => desk.cancel(TENANT, *payment, &key).await,
            Asked::Refund { payment, cents } => {
                let extent = RefundExtent::Amount(Money::from_minor(*cents, Currency::EUR));
                let order = RefundOrder { extent, reason: String::new(), capture: None, expected_refundable: None };
                desk.request_refund(TENANT, *payment, client, &order, &key).await
            }
        }
    }

    fn told(&mut self, key: String, asked: Asked, answered: Answered) {
        match &asked {
            Asked::Create { capture, .. } => {
                self.auditor.payments.insert(PaymentId(answered.holder), *capture);
            }
            Asked::Capture { payment } if answered.status == 200 => {
                self.auditor.paid.insert(*payment);
            }
            Asked::Cancel { payment } if answered.status == 200 => {
                self.auditor.cancelled.insert(*payment);
            }
            Asked::Refund { payment, cents } => {
                self.auditor.refunds.insert(RefundId(answered.holder), (*payment, *cents));
            }
            Asked::Capture { .. } | Asked::Cancel { .. } => {}
        }
        self.auditor.answers.push((key, asked, answered));
    }

    /// Only the domain may say no in this world; anything else is a fault of ours.
    fn may_refuse(&mut self, error: &DeskError) {
        self.note(format!("  refused: {error}"));
        assert!(matches!(error, DeskError::Refused(_)), "{error}");
    }

    /// A client that lost an answer asks again under the same key.
    async fn repeat(&mut self) {
        let Some((key, asked, first)) = self.luck.pick(&self.auditor.answers).cloned() else { return };
        self.note(format!("{key}: again"));
        let again = self.send(&key, &asked).await.unwrap();
        assert!(again.replayed, "{key}");
        assert_eq!((again.holder, again.status, again.version), (first.holder, first.status, first.version));
    }

    async fn judge_proposal(&mut self) {
        let Some(id) = self.some_payment(&["paid", "cancelled", "expired"]).await else { return };
        let payment = self.stage.payment(id).await;
        let waiting = |state: &RefundState| *state == RefundState::Requested;
        let Some(proposal) = payment.refunds.iter().find(|refund| waiting(&refund.state)) else { return };
        self.note(format!("judge proposal {} of {id}", proposal.id));
        let key = self.stage.once();
        if self.luck.below(4) == 0 {
            self.stage.desk.reject_refund(TENANT, proposal.id, &key).await.unwrap();
        } else {
            self.stage.desk.approve_refund(TENANT, proposal.id, &key).await.unwrap();
        }
    }

    /// Banks do what they like with money that everybody knows of. What happened before is told before: a provider
    /// that tells of a failure ahead of the success it undoes is a case of its own.
    async fn happen(&mut self) {
        let Some(id) = self.some_payment(&["paid"]).await else { return };
        self.advance(120).await;
        let payment = self.stage.payment(id).await;
        let Some(capture) = payment.captures.iter().find(|capture| capture.reference.is_some()) else { return };
        let psp = capture.payment.clone().unwrap();
        let events = [
            "notification_of_chargeback",
            "chargeback",
            "chargeback",
            "chargeback_reversed",
            "reversal",
            "capture_failed",
        ];
        let event = *self.luck.pick(&events).unwrap();
        self.note(format!("{event} of {id}"));
        let order = json!({"provider_reference": psp.as_str(), "event": event});
        let request = zahlstelle_twin::Request::new(http::Method::POST, "/control/events").json(&order);
        let _ = self.stage.world.lock().unwrap().handle(self.stage.clock.now(), &request);
        self.advance(120).await;
    }

    fn arm(&mut self) {
        let faults = [
            ("lose_answer", "open_page"),
            ("lose_answer", "close_page"),
            ("lose_answer", "capture"),
            ("lose_answer", "refund"),
            ("lose_answer", "cancel"),
            ("error_500_after_commit", "refund"),
            ("error_500_after_commit", "capture"),
            ("drop_before", "query"),
            ("fail_modification", "capture"),
            ("fail_modification", "refund"),
            ("fail_modification", "cancel"),
            ("error_500_stored", "open_page"),
            ("double_approve", "pay"),
            ("reversal", "pay"),
            ("decline", "pay"),
            ("duplicate", "notification"),
            ("late", "notification"),
            ("reorder", "notification"),
        ];
        let (fault, operation) = *self.luck.pick(&faults).unwrap();
        self.note(format!("arm {fault} at {operation}"));
        self.stage.arm(fault, operation, 1);
    }

    async fn check(&mut self) {
        self.stage.check().await;
        let ids: Vec<PaymentId> = self.auditor.payments.keys().copied().collect();
        for id in ids {
            let payment = self.stage.payment(id).await;
            if matches!(payment.state, State::Paid { .. }) {
                self.auditor.paid.insert(id);
            }
            if self.auditor.paid.contains(&id) {
                assert!(matches!(payment.state, State::Paid { .. } | State::Reversed { .. }), "{id} was paid");
            }
            if self.auditor.cancelled.contains(&id) {
                assert_eq!(payment.state, State::Cancelled, "{id} was cancelled");
            }
            assert!(payment.captures.iter().all(|capture| payment.refundable_minor(capture) >= 0), "{id}");
            let paying = payment.captures.iter().filter(|capture| capture.role == CaptureRole::Paying).count();
            assert!(paying <= 1, "{id} is paid {paying} times");
        }
        for (refund, (payment, cents)) in &self.auditor.refunds {
            let payment = self.stage.payment(*payment).await;
            assert_eq!(payment.refund(*refund).map(|refund| refund.amount.minor()), Some(*cents), "{refund}");
        }
        self.read_feed().await;
    }

    async fn read_feed(&mut self) {
        loop {
            let page = self.stage.desk.feed(TENANT, self.auditor.feed_after, 50).await.unwrap();
            let page = serde_json::to_value(&page).unwrap();
            let events = page["data"].as_array().unwrap();
            if events.is_empty() {
                return;
            }
            self.auditor.feed.extend(events.iter().cloned());
            self.auditor.feed_after = page["next_after"].as_u64().unwrap();
        }
    }

    /// Faults end, everybody goes home, and everything must come to its end or be in front of somebody.
    async fn come_to_rest(&mut self) {
        self.note("faults end");
        self.stage.control(http::Method::DELETE, "/control/faults", &Value::Null);
        for (rounds, seconds) in [(30, 60), (48, HOUR), (40, DAY)] {
            for _ in 0..rounds {
                self.advance(seconds).await;
            }
        }
        self.check().await;
        let mut known = BTreeMap::new();
        for id in self.auditor.payments.keys() {
            let payment = self.stage.payment(*id).await;
            assert_at_rest(&payment);
            known.insert(*id, payment);
        }
        self.compare_books(&known).await;
        self.compare_feed(&known).await;
    }

    /// What we hold is what the provider was heard to take and give, counted anew from its own words.
    async fn compare_books(&self, known: &BTreeMap<PaymentId, Payment>) {
        let rows = self.stage.transactions();
        let mut pages: BTreeSet<String> = BTreeSet::new();
        let mut held: i64 = 0;
        let heard_of =
            |psp: &Value| self.auditor.heard.iter().any(|((_, _, success), (of, _))| *success && psp == of.as_str());
        let is_paid = |row: &&Value| matches!(row["state"].as_str(), Some("captured" | "authorised" | "voided"));
        let at_once = |row: &&Value| self.capture_of(row, known) == CaptureMode::Automatic;
        let paid: Vec<&Value> = rows.iter().filter(is_paid).filter(at_once).collect();
        for row in paid.iter().filter(|row| heard_of(&row["provider_reference"])) {
            pages.insert(row["page_reference"].to_string());
            held += eur(row["amount"].as_str().unwrap()).minor();
        }
        // A page tells that it was paid, though not how often.
        for row in paid.iter().filter(|row| pages.insert(row["page_reference"].to_string())) {
            held += eur(row["amount"].as_str().unwrap()).minor();
        }
        for ((event, reference, success), (_, minor)) in &self.auditor.heard {
            let won = ("CHARGEBACK_REVERSED".to_owned(), reference.clone(), true);
            held += match (event.as_str(), success) {
                ("CAPTURE" | "CHARGEBACK_REVERSED", true) => *minor,
                // A second debit of one dispute whose win got lost is the money of the first.
                ("SECOND_CHARGEBACK", true) if !self.auditor.heard.contains_key(&won) => 0,
                ("REFUND" | "CANCEL_OR_REFUND" | "CHARGEBACK" | "SECOND_CHARGEBACK" | "CAPTURE_FAILED", true) => -minor,
                _ => 0,
            };
        }
        let ours = self.stage.held().await;
        assert_eq!(ours, held, "the books and the provider's words: {:#?}", self.differences(known));
        let silent = ["drop_notification", "bad_signature"].map(|fault| self.stage.fired(fault, "notification"));
        if silent == [0, 0] {
            assert_eq!(
                ours,
                self.stage.held_at_twin(),
                "the books and the provider's books: {:#?}",
                self.differences(known)
            );
        }
        for payment in known.values() {
            self.count_orders(payment, &rows);
        }
    }

    /// The provider was made to do nothing more often than somebody had asked us for it.
    fn count_orders(&self, payment: &Payment, rows: &[Value]) {
        let prefix = format!("{}-", payment.terms.kassenzeichen);
        let of_payment = rows.iter().filter(|row| row["merchant_reference"].as_str().unwrap().starts_with(&prefix));
        // A page that was paid twice is two rows with the same counts.
        let pages: BTreeMap<String, &Value> =
            of_payment.map(|row| (row["page_reference"].to_string(), &row["executed"])).collect();
        let executed = |member: &str| pages.values().map(|counts| counts[member].as_u64().unwrap()).sum::<u64>();
        let counted = |count: usize| u64::try_from(count).unwrap();
        let approved = payment
            .refunds
            .iter()
            .filter(|refund| !matches!(refund.state, RefundState::Requested | RefundState::Rejected));
        assert!(executed("refund") <= counted(approved.count()), "{}: refunded too often", payment.id);
        let captures = self
            .auditor
            .answers
            .iter()
            .filter(|(_, asked, _)| matches!(asked, Asked::Capture { payment: asked } if *asked == payment.id));
        assert!(executed("capture") <= counted(captures.count()), "{}: captured too often", payment.id);
        assert!(executed("create") <= counted(payment.attempts.len()), "{}: too many pages", payment.id);
        let foreign = |known: &OpenException| matches!(known.cause, ExceptionCause::ForeignRefund { .. });
        assert!(!payment.exceptions.iter().any(foreign), "{}: nobody else refunds here", payment.id);
    }

    /// Payments of which we hold another amount than the provider, with what was heard of them.
    fn differences(&self, known: &BTreeMap<PaymentId, Payment>) -> Vec<String> {
        let rows = self.stage.transactions();
        let mut different = Vec::new();
        for payment in known.values() {
            let of =
                |row: &&Value| row["merchant_reference"].as_str().unwrap().starts_with(&payment.terms.kassenzeichen);
            let cents = |row: &Value, member: &str| eur(row[member].as_str().unwrap()).minor();
            let theirs: i64 = rows
                .iter()
                .filter(of)
                .map(|row| {
                    ["refunded", "reversed", "disputed"]
                        .iter()
                        .fold(cents(row, "captured"), |left, part| left - cents(row, part))
                })
                .sum();
            let taken: i64 = payment
                .captures
                .iter()
                .map(|capture| capture.amount.minor() - capture.reversed.map_or(0, Money::minor))
                .sum();
            let back = payment.refunds.iter().filter(|refund| matches!(refund.state, RefundState::Succeeded { .. }));
            let disputed = payment.disputes.iter().filter(|dispute| dispute.state == DisputeState::Debited);
            let gone: i64 =
                back.map(|refund| refund.amount).chain(disputed.map(|dispute| dispute.amount)).map(Money::minor).sum();
            if taken - gone != theirs {
                let heard = self.auditor.heard.iter().filter(|(_, (psp, _))| {
                    rows.iter().filter(of).any(|row| row["provider_reference"] == psp.as_str())
                });
                let heard: Vec<_> = heard.collect();
                let state = payment.state.as_str();
                different.push(format!(
                    "{} ({state}): ours {}, theirs {theirs}, heard {heard:?}",
                    payment.id,
                    taken - gone
                ));
            }
        }
        different
    }

    fn capture_of(&self, row: &Value, known: &BTreeMap<PaymentId, Payment>) -> CaptureMode {
        let name = row["merchant_reference"].as_str().unwrap();
        let named = |payment: &&Payment| name.starts_with(&format!("{}-", payment.terms.kassenzeichen));
        let payment = known.values().find(named).unwrap();
        self.auditor.payments[&payment.id]
    }

    /// Read in pieces or at once, the feed is the same, and it tells each payment's success once.
    async fn compare_feed(&self, known: &BTreeMap<PaymentId, Payment>) {
        let page = serde_json::to_value(self.stage.desk.feed(TENANT, 0, usize::MAX).await.unwrap()).unwrap();
        let mut whole = page["data"].as_array().unwrap().clone();
        let mut after = page["next_after"].as_u64().unwrap();
        loop {
            let page = serde_json::to_value(self.stage.desk.feed(TENANT, after, usize::MAX).await.unwrap()).unwrap();
            let events = page["data"].as_array().unwrap();
            if events.is_empty() {
                break;
            }
            whole.extend(events.iter().cloned());
            after = page["next_after"].as_u64().unwrap();
        }
        let ids = |events: &[Value]| events.iter().map(|event| event["id"].to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&self.auditor.feed), ids(&whole));
        let count = |kind: &str, id: &PaymentId| {
            let id = id.to_string();
            whole.iter().filter(|event| event["type"] == kind && event["data"]["id"] == id.as_str()).count()
        };
        for (id, payment) in known {
            assert_eq!(count("payment.created", id), 1, "{id}");
            let paid = usize::from(payment.paying_capture().is_some());
            assert_eq!(count("payment.paid", id), paid, "{id}: {payment:#?}");
        }
    }
}

/// Everything has ended, waits for the provider's word about something it took, or was shown to somebody.
fn assert_at_rest(payment: &Payment) {
    let accepted = payment.calls.iter().any(|call| call.accepted.is_some());
    let shown = |wanted: fn(&ExceptionCause) -> bool| payment.exceptions.iter().any(|known| wanted(&known.cause));
    let overdue = shown(|cause| matches!(cause, ExceptionCause::OutcomeOverdue { .. }));
    match &payment.state {
        State::Paid { .. } | State::Reversed { .. } | State::Cancelled | State::Expired => {}
        State::Authorised { .. } => {
            let refused =
                shown(|cause| matches!(cause, ExceptionCause::VoidFailed { .. } | ExceptionCause::CallRejected { .. }));
            assert!(accepted || refused, "{payment:#?}");
        }
        State::OutcomeUnknown { .. } => assert!(overdue, "{payment:#?}"),
        State::Open | State::Processing { .. } | State::Failed => unreachable!("{payment:#?}"),
    }
    for refund in &payment.refunds {
        match &refund.state {
            RefundState::Requested => assert_eq!(refund.origin, RefundOrigin::Overpayment),
            RefundState::Unknown { .. } | RefundState::Approved | RefundState::Submitted { reference: None } => {
                assert!(overdue, "{payment:#?}");
            }
            RefundState::Submitted { reference: Some(_) }
            | RefundState::Rejected
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. }
            | RefundState::Returned { .. } => {}
        }
    }
}

async fn run(seed: u64, steps: u64) {
    let mut run = Run::new(seed);
    for step in 1..=steps {
        run.step().await;
        if step % CHECK_EVERY == 0 {
            run.check().await;
        }
    }
    run.come_to_rest().await;
    // A run in which nothing happened would prove nothing.
    if steps >= STEPS {
        let counted = (run.auditor.paid.len(), run.auditor.refunds.len(), run.auditor.heard.len());
        assert!(counted.0 > 15 && counted.1 > 10 && counted.2 > 60, "{counted:?}");
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
fn any_seed_leaves_books_that_the_provider_and_the_clients_agree_with() {
    let steps = variable("ZAHLSTELLE_SIM_STEPS").unwrap_or(STEPS);
    let seeds = variable("ZAHLSTELLE_SIM_SEED").map_or(SEEDS.to_vec(), |seed| vec![seed]);
    for seed in seeds {
        futures::executor::block_on(run(seed, steps));
    }
}
