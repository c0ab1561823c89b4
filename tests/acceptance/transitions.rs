//! Every command and every fact in every state that commands and facts can lead to, through the domain alone.
//!
//! Starting from a new payment, everything that can be wanted or told is tried in every state found, breadth first;
//! states that differ only in ids and moments count as one. Each step is held against the tables of what may follow.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use zahlstelle::{
    domain::{
        attempt::{AttemptState, CaptureRole, Page},
        decide::{Command, RefundExtent, RefundRequest, Refusal, decide},
        event::{ClaimPosting, Event, Recorded, Terms},
        ids::{AttemptId, CallId, CaptureId, ClientId, ExceptionId, PaymentId, RefundId},
        line::{BookingData, FeeLine, ShareKind, ShareRule, TaxRate},
        payment::{Payment, State},
        record::{Context, Fact, PageTold, record},
        refund::RefundState,
    },
    ledger::posting,
};
use zahlstelle_contract::{
    fact::ProviderFact,
    method::{CaptureMode, Method},
    money::{Currency, Money},
    provider::{Mismatch, PageStatus},
    reference::{AccountName, MerchantReference, PageReference, ProviderCode, ProviderReference},
};

/// How many different states are walked for each way of capturing.
const STATES_MAX: usize = 400;
/// What is charged.
const TOTAL: i64 = 1_300;

/// What may become of a payment in one step.
const PAYMENT: &[(&str, &[&str])] = &[
    ("open", &["open", "processing", "paid", "reversed", "cancelled", "expired"]),
    (
        "processing",
        &["processing", "open", "authorised", "paid", "reversed", "outcome_unknown", "cancelled", "expired"],
    ),
    ("authorised", &["authorised", "paid", "outcome_unknown", "cancelled", "reversed", "open", "expired"]),
    (
        "outcome_unknown",
        &["outcome_unknown", "processing", "open", "authorised", "paid", "reversed", "cancelled", "expired"],
    ),
    ("paid", &["paid", "reversed"]),
    ("reversed", &["reversed"]),
    ("cancelled", &["cancelled"]),
    ("expired", &["expired"]),
];
/// What may become of an attempt in one step.
const ATTEMPT: &[(&str, &[&str])] = &[
    (
        "started",
        &[
            "started",
            "waiting",
            "authorised",
            "captured",
            "abandoned",
            "cancelled",
            "declined",
            "voided",
            "unknown",
            "reversed",
        ],
    ),
    (
        "waiting",
        &[
            "waiting",
            "pending",
            "authorised",
            "captured",
            "abandoned",
            "cancelled",
            "declined",
            "voided",
            "unknown",
            "reversed",
        ],
    ),
    (
        "pending",
        &[
            "pending",
            "waiting",
            "authorised",
            "captured",
            "abandoned",
            "cancelled",
            "declined",
            "voided",
            "unknown",
            "reversed",
        ],
    ),
    ("authorised", &["authorised", "captured", "voided", "unknown", "reversed"]),
    (
        "unknown",
        &["unknown", "waiting", "authorised", "captured", "abandoned", "cancelled", "declined", "voided", "reversed"],
    ),
    ("declined", &["declined", "authorised", "captured", "reversed"]),
    ("cancelled", &["cancelled", "authorised", "captured", "reversed"]),
    ("abandoned", &["abandoned", "authorised", "captured", "reversed"]),
    ("voided", &["voided", "captured", "reversed"]),
    ("captured", &["captured", "reversed"]),
    ("reversed", &["reversed", "captured"]),
];
/// What may become of a refund in one step.
const REFUND: &[(&str, &[&str])] = &[
    ("requested", &["requested", "approved", "rejected"]),
    ("approved", &["approved", "submitted"]),
    ("submitted", &["submitted", "unknown", "succeeded", "failed", "returned"]),
    ("unknown", &["unknown", "submitted", "succeeded", "failed", "returned"]),
    ("failed", &["failed", "succeeded"]),
    ("succeeded", &["succeeded", "returned"]),
    ("returned", &["returned"]),
    ("rejected", &["rejected"]),
];

/// A payment with what its store would know: which facts about money were posted.
#[derive(Clone)]
struct Node {
    payment: Payment,
    stream: Vec<Recorded>,
    posted: BTreeSet<String>,
    depth: u32,
}

/// What can be wanted or told.
#[derive(Clone, Debug)]
enum Step {
    Want(Command),
    Tell(Fact),
}

fn start() -> Timestamp {
    "2026-11-24T08:00:00Z".parse().unwrap()
}

fn euro(minor: i64) -> Money {
    Money::from_minor(minor, Currency::EUR)
}

fn id(number: u32, kind: u128) -> Uuid {
    Uuid::from_u128((u128::from(number) << 8) | kind)
}

fn psp(text: &str) -> ProviderReference {
    ProviderReference::parse(text).unwrap()
}

fn code() -> ProviderCode {
    ProviderCode::parse("Refused").unwrap()
}

fn created(capture: CaptureMode) -> Node {
    let booking = BookingData::default();
    let rule = ShareRule { kind: ShareKind::Ertrag, booking, numerator: 1, denominator: 1 };
    let line = FeeLine::from_gross(None, 1, euro(TOTAL), TaxRate::NONE, &[rule]).unwrap();
    let terms = Terms {
        service: "buergerportal".to_owned(),
        kassenzeichen: "4200000000184".to_owned(),
        lines: vec![line],
        total: euro(TOTAL),
        capture,
        methods: vec![Method::Card, Method::GooglePay],
        language: Some("de".to_owned()),
        claim: ClaimPosting::AtPayment,
        attempts_before: 0,
        expires_at: start() + SignedDuration::from_mins(30),
        client: ClientId(id(0, 1)),
        side_mac: String::new(),
    };
    let recorded = Recorded { at: start(), event: Event::Created(Box::new(terms)) };
    let payment = Payment::create(PaymentId(id(0, 2)), &recorded).unwrap();
    Node { payment, stream: vec![recorded], posted: BTreeSet::new(), depth: 1 }
}

fn context(depth: u32, now: Timestamp) -> Context {
    Context {
        now,
        outcome_due_at: now + SignedDuration::from_hours(72),
        capture_before: now + SignedDuration::from_hours(28 * 24),
        capture: CaptureId(id(depth, 3)),
        refund: RefundId(id(depth, 4)),
        call: CallId(id(depth, 5)),
        exception: ExceptionId(id(depth, 6)),
    }
}

/// Early, past the end of the page, and past the end of every hold and doubt.
fn moments() -> [Timestamp; 3] {
    [start(), start() + SignedDuration::from_hours(1), start() + SignedDuration::from_hours(40 * 24)]
}

fn commands(node: &Node) -> Vec<Command> {
    let (depth, payment) = (node.depth, &node.payment);
    let call = CallId(id(depth, 7));
    let account = AccountName::parse("adyen-test").unwrap();
    let attempt = AttemptId(id(depth, 8));
    let refund = |extent, approved| {
        Command::RequestRefund(RefundRequest {
            refund: RefundId(id(depth, 9)),
            call,
            capture: None,
            extent,
            expected_refundable: None,
            approved,
            client: ClientId(id(0, 1)),
            side_mac: None,
        })
    };
    let mut commands: Vec<Command> = [Method::Card, Method::GooglePay]
        .map(|method| Command::StartAttempt { attempt, method, account: account.clone(), call, language: None })
        .to_vec();
    commands.extend([
        Command::CloseAttempt { call },
        Command::Cancel { call },
        Command::Expire { call },
        Command::ExtendTime { seen: None },
        Command::Lapse { call, exception: ExceptionId(id(depth, 10)) },
        Command::Capture { amount: None, call },
        Command::Capture { amount: Some(euro(TOTAL - 1)), call },
        refund(RefundExtent::Amount(euro(500)), true),
        refund(RefundExtent::Lines(vec![(0, euro(TOTAL))]), false),
    ]);
    for known in payment.refunds.iter().take(2) {
        commands.push(Command::ApproveRefund { refund: known.id, call });
        commands.push(Command::RejectRefund { refund: known.id });
    }
    commands.extend(payment.calls.iter().map(|known| Command::MarkSent { call: known.id }));
    commands
}

fn facts(node: &Node) -> Vec<Fact> {
    let payment = &node.payment;
    let mut facts = vec![Fact::DeadlinePassed];
    for call in payment.calls.iter().filter(|call| call.first_sent_at.is_some()) {
        let (call, reference) = (call.id, psp("CHANGE1"));
        for mismatch in [None, Some(Mismatch::Amount)] {
            let page = Page { reference: PageReference::parse("PL1").unwrap(), url: String::new(), expires_at: None };
            facts.push(Fact::PageMade { call, page, mismatch });
            facts.push(Fact::CallTaken { call, reference: reference.clone(), mismatch });
        }
        for (rejected, repeated) in [(false, false), (true, false), (true, true)] {
            facts.push(Fact::CallRefused { call, code: Some(code()), rejected, repeated });
        }
        facts.push(Fact::CallUnanswered { call });
        facts.push(Fact::CallGivenUp { call });
    }
    for attempt in payment.attempts.iter().take(2) {
        for status in [PageStatus::Payable, PageStatus::Pending, PageStatus::Paid, PageStatus::Closed] {
            for mismatch in [None, Some(Mismatch::Account)] {
                let told = PageTold { status, payment: None, amount: Some(euro(TOTAL)), mismatch };
                facts.push(Fact::PageTold { attempt: attempt.id, told });
            }
        }
        facts.push(Fact::PageUnanswered { attempt: attempt.id });
        let name = payment.refunds.first().map(|refund| payment.refund_reference(attempt, refund));
        let told = provider_facts(attempt.number, name.as_ref());
        facts.extend(told.into_iter().map(|fact| Fact::Told { attempt: attempt.id, fact }));
    }
    facts
}

/// Everything that a provider can say about an attempt, with the right amount and with another.
fn provider_facts(number: u32, name: Option<&MerchantReference>) -> Vec<ProviderFact> {
    let payment = psp(&format!("PAYMENT{number}"));
    let (capture, refund, dispute) = (psp(&format!("CAPTURE{number}")), psp("CHANGE1"), psp("DISPUTE1"));
    let merchant_reference = name.cloned();
    let mut facts = vec![
        ProviderFact::Refused { payment: Some(psp("TRY1")), code: code() },
        ProviderFact::Pending { payment: None },
        ProviderFact::Voided { payment: payment.clone() },
        ProviderFact::VoidFailed { payment: payment.clone(), code: code() },
        ProviderFact::Other { code: code() },
        ProviderFact::Authorised { payment: psp("ANOTHER1"), amount: euro(TOTAL) },
    ];
    for amount in [euro(TOTAL), euro(500), Money::from_minor(TOTAL, Currency::from_code("USD").unwrap())] {
        let (payment, capture, refund, dispute) = (payment.clone(), capture.clone(), refund.clone(), dispute.clone());
        facts.extend([
            ProviderFact::Authorised { payment: payment.clone(), amount },
            ProviderFact::Captured { payment: payment.clone(), capture: capture.clone(), amount },
            ProviderFact::CaptureFailed { payment: payment.clone(), capture, amount, code: code() },
            ProviderFact::Reversed { payment: payment.clone(), reversal: psp("REVERSAL1"), amount },
            ProviderFact::Refunded {
                payment: payment.clone(),
                refund: refund.clone(),
                merchant_reference: merchant_reference.clone(),
                amount,
            },
            ProviderFact::RefundFailed {
                payment: payment.clone(),
                refund: refund.clone(),
                merchant_reference: merchant_reference.clone(),
                amount,
                code: code(),
            },
            ProviderFact::RefundReturned { payment: payment.clone(), refund, amount },
            ProviderFact::DisputeOpened { payment: payment.clone(), dispute: dispute.clone(), amount },
            ProviderFact::DisputeDebited { payment: payment.clone(), dispute: dispute.clone(), amount },
            ProviderFact::DisputeWon { payment, dispute, amount },
        ]);
    }
    facts
}

/// Applies events as the desk does: a fact about money that was posted before changes nothing.
fn follow(node: &Node, events: &[Event], at: Timestamp, step: &Step) -> Option<Node> {
    let mut next = Node { depth: node.depth + 1, ..node.clone() };
    for event in events {
        for entry in
            posting::entries(Some(&next.payment), event).unwrap_or_else(|error| unreachable!("{step:?}: {error}"))
        {
            if let Some(first) = entry.legs.first() {
                let sum = Money::total(entry.legs.iter().map(|leg| leg.amount), first.amount.currency());
                assert!(sum.is_ok_and(Money::is_zero), "{step:?}: {entry:?}");
            }
            if let Some(fact) = &entry.money_fact
                && !next.posted.insert(fact.key())
            {
                return None;
            }
        }
        next.payment.apply(event, at).unwrap_or_else(|error| unreachable!("{step:?}: {error}"));
        next.stream.push(Recorded { at, event: event.clone() });
    }
    Some(next)
}

/// What two payments have in common that differ only in ids, moments and in how often something was told.
fn shape(payment: &Payment) -> String {
    let place = |attempt: AttemptId| payment.attempts.iter().position(|known| known.id == attempt);
    let cause = |state: &AttemptState| match state {
        AttemptState::Unknown { cause, .. } => format!("{cause:?}"),
        other => other.as_str().to_owned(),
    };
    let attempts = payment.attempts.iter().map(|known| {
        let (page, named) = (known.page.is_some(), known.reference.is_some());
        format!("{}{page}{named}{}", cause(&known.state), known.tries.len().min(1))
    });
    let captures = payment.captures.iter().map(|known| {
        format!(
            "{:?}{:?}{:?}{}",
            place(known.attempt),
            known.role,
            known.reversed.map(Money::minor),
            known.payment.is_some()
        )
    });
    let refunds = payment.refunds.iter().map(|known| format!("{}{}", known.state.as_str(), known.amount.minor()));
    let disputes = payment.disputes.iter().map(|known| format!("{:?}{}", known.state, known.amount.minor()));
    let calls = payment.calls.iter().map(|known| {
        let (sent, taken) = (known.first_sent_at.is_some(), known.accepted.is_some());
        format!("{:?}{:?}{sent}{taken}", known.purpose.operation(), known.purpose.attempt().map(place))
    });
    let all: Vec<String> = attempts.chain(captures).chain(refunds).chain(disputes).chain(calls).collect();
    format!("{} {}", payment.state.as_str(), all.join(" "))
}

fn may_become(table: &[(&str, &[&str])], before: &str, after: &str, step: &Step) {
    let row = table.iter().find(|(state, _)| *state == before);
    assert!(row.is_some_and(|(_, next)| next.contains(&after)), "{before} became {after} by {step:?}");
}

/// Everything that must hold of one step.
fn judge(before: &Node, after: &Node, step: &Step) {
    let (old, new) = (&before.payment, &after.payment);
    may_become(PAYMENT, old.state.as_str(), new.state.as_str(), step);
    for (old, new) in old.attempts.iter().zip(&new.attempts) {
        may_become(ATTEMPT, old.state.as_str(), new.state.as_str(), step);
    }
    for (old, new) in old.refunds.iter().zip(&new.refunds) {
        may_become(REFUND, old.state.as_str(), new.state.as_str(), step);
    }
    for capture in &new.captures {
        assert!(new.refundable_minor(capture) >= 0, "{step:?}: {new:#?}");
        assert_eq!(capture.amount, euro(TOTAL), "{step:?}");
    }
    let paying = new.captures.iter().filter(|capture| capture.role == CaptureRole::Paying).count();
    assert!(paying <= 1, "{step:?}: {new:#?}");
    assert_eq!(matches!(new.state, State::Paid { .. } | State::Reversed { .. }), paying == 1, "{step:?}: {new:#?}");
    if let Some(live) = new.state.live_attempt() {
        assert!(new.attempt(live).is_some_and(|attempt| attempt.state.is_live()), "{step:?}: {new:#?}");
    }
    let replayed = Payment::replay(new.id, after.stream.iter()).unwrap();
    assert_eq!(replayed.as_ref(), Some(new), "{step:?}");
}

/// What a command may answer in a state, by `design` words: who waits for an outcome starts nothing else.
fn judge_refusal(payment: &Payment, command: &Command, answer: &Result<Vec<Event>, Refusal>) {
    let state = payment.state.as_str();
    let allowed = match command {
        Command::StartAttempt { .. } | Command::ExtendTime { .. } => matches!(state, "open" | "processing"),
        Command::CloseAttempt { .. } => state == "processing",
        Command::Cancel { .. } => matches!(state, "open" | "processing" | "authorised" | "cancelled"),
        Command::Expire { .. } | Command::Lapse { .. } | Command::MarkSent { .. } => true,
        Command::Capture { .. } => state == "authorised",
        Command::RequestRefund(_) => payment.paying_capture().is_some(),
        Command::ApproveRefund { refund, .. } | Command::RejectRefund { refund } => {
            payment.refund(*refund).is_some_and(|refund| refund.state == RefundState::Requested)
        }
    };
    match answer {
        Ok(_) => assert!(allowed, "{command:?} was taken in {state}"),
        Err(Refusal::OutcomeUnknown { .. }) => assert_eq!(state, "outcome_unknown", "{command:?}"),
        Err(Refusal::WrongState { .. } | Refusal::RefundWrongState { .. }) => {
            assert!(!allowed, "{command:?} was refused in {state}");
        }
        Err(Refusal::AttemptUnderWay) => assert_eq!(state, "processing"),
        Err(Refusal::ChangeUnderWay) => assert!(state == "authorised" && !payment.calls.is_empty()),
        Err(
            Refusal::Expired
            | Refusal::PartialCapture { .. }
            | Refusal::ExceedsRefundable { .. }
            | Refusal::NoSuchCapture,
        ) => assert!(allowed, "{command:?} in {state}"),
        Err(other) => unreachable!("{command:?} in {state}: {other}"),
    }
}

/// Walks all states of one way of capturing; how often each pair of payment state and step was met.
fn walk(capture: CaptureMode) -> BTreeMap<(&'static str, String), u64> {
    let first = created(capture);
    let mut seen = BTreeSet::from([shape(&first.payment)]);
    let mut queue = VecDeque::from([first]);
    let mut met = BTreeMap::new();
    while let Some(node) = queue.pop_front() {
        let mut found = Vec::new();
        for now in moments().into_iter().filter(|now| node.stream.last().is_none_or(|last| last.at <= *now)) {
            for command in commands(&node) {
                let answer = decide(&node.payment, &command, now);
                judge_refusal(&node.payment, &command, &answer);
                let step = Step::Want(command);
                *met.entry((node.payment.state.as_str(), kind(&step))).or_default() += 1;
                found
                    .extend(answer.ok().and_then(|events| follow(&node, &events, now, &step)).map(|next| (next, step)));
            }
            for fact in facts(&node) {
                let events = record(&node.payment, &fact, &context(node.depth, now));
                let step = Step::Tell(fact.clone());
                *met.entry((node.payment.state.as_str(), kind(&step))).or_default() += 1;
                let Some(next) = follow(&node, &events, now, &step) else { continue };
                tell_again(&next, &fact, now);
                found.push((next, step));
            }
        }
        for (next, step) in found {
            judge(&node, &next, &step);
            if seen.len() < STATES_MAX && seen.insert(shape(&next.payment)) {
                queue.push_back(next);
            }
        }
    }
    assert_eq!(seen.len(), STATES_MAX, "the walk goes far");
    met
}

/// Whatever is told twice changes nothing the second time but, at most, what people are shown.
fn tell_again(node: &Node, fact: &Fact, now: Timestamp) {
    let events = record(&node.payment, fact, &context(node.depth, now));
    let step = Step::Tell(fact.clone());
    if let Some(again) = follow(node, &events, now, &step) {
        let money = again.posted.len() - node.posted.len();
        assert_eq!(money, 0, "money was posted again by {fact:?}: {events:?}");
    }
}

/// The name of a step without its data.
fn kind(step: &Step) -> String {
    let text = match step {
        Step::Want(command) => format!("want {command:?}"),
        Step::Tell(Fact::Told { fact, .. }) => format!("told {fact:?}"),
        Step::Tell(fact) => format!("tell {fact:?}"),
    };
    text.split([' ', '(']).take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_command_and_fact_is_met_in_every_state() {
    let mut met = walk(CaptureMode::Automatic);
    for (pair, times) in walk(CaptureMode::Manual) {
        *met.entry(pair).or_default() += times;
    }
    let kinds: BTreeSet<&String> = met.keys().map(|(_, kind)| kind).collect();
    assert!(kinds.len() > 30, "{kinds:?}");
    for (state, _) in PAYMENT {
        for kind in [
            "want StartAttempt",
            "want Cancel",
            "want Expire",
            "want ExtendTime",
            "want Capture",
            "want RequestRefund",
            "tell DeadlinePassed",
        ] {
            assert!(met.contains_key(&(*state, kind.to_owned())), "{kind} was never met in {state}");
        }
        let with_attempts = [
            "told Authorised",
            "told Captured",
            "told Reversed",
            "told Refunded",
            "told DisputeDebited",
            "tell PageTold",
        ];
        for kind in with_attempts {
            assert!(met.contains_key(&(*state, kind.to_owned())), "{kind} was never met in {state}");
        }
    }
}
