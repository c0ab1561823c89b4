//! The auditor: what clients were told, what the provider was heard to say and what it holds, against the books.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use zahlstelle::domain::{
    attempt::CaptureRole,
    event::ExceptionCause,
    ids::PaymentId,
    payment::{OpenException, Payment, State},
    refund::{DisputeState, RefundOrigin, RefundState},
};
use zahlstelle_contract::{method::CaptureMode, money::Money};

use super::{Asked, DAY, HOUR, Run};
use crate::stage::{TENANT, eur};

impl Run {
    pub(super) async fn check(&mut self) {
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
            events.iter().for_each(crate::event_schemas::assert_described);
            self.auditor.feed.extend(events.iter().cloned());
            self.auditor.feed_after = page["next_after"].as_u64().unwrap();
        }
    }

    /// Faults end, everybody goes home, and everything must come to its end or be in front of somebody.
    pub(super) async fn come_to_rest(&mut self) {
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
        // What was let go before the provider took it never moved, once we were told.
        let is_let_go = |row: &&Value| {
            self.auditor.heard.iter().any(|((event, _, success), (of, minor))| {
                event == "CANCEL_OR_REFUND" && *success && *minor == 0 && row["provider_reference"] == of.as_str()
            })
        };
        let paid: Vec<&Value> = rows.iter().filter(is_paid).filter(at_once).filter(|row| !is_let_go(row)).collect();
        for row in paid.iter().filter(|row| heard_of(&row["provider_reference"])) {
            pages.insert(row["page_reference"].to_string());
            held += eur(row["amount"].as_str().unwrap()).minor();
        }
        // A page tells that it was paid, though not how often.
        for row in paid.iter().filter(|row| pages.insert(row["page_reference"].to_string())) {
            held += eur(row["amount"].as_str().unwrap()).minor();
        }
        let taken_by = |psp: &str| {
            let row = paid.iter().find(|row| row["provider_reference"] == psp);
            row.map_or(0, |row| eur(row["amount"].as_str().unwrap()).minor())
        };
        for ((event, reference, success), (of, minor)) in &self.auditor.heard {
            let won = ("CHARGEBACK_REVERSED".to_owned(), reference.clone(), true);
            held += match (event.as_str(), success) {
                ("CAPTURE" | "CHARGEBACK_REVERSED", true) => *minor,
                // A second debit of one dispute whose win got lost is the money of the first.
                ("SECOND_CHARGEBACK", true) if !self.auditor.heard.contains_key(&won) => 0,
                // Cancelled before it was settled: all of it went back, and the notification names no amount.
                ("CANCEL_OR_REFUND", true) if *minor == 0 => -taken_by(of),
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
