//! `GET /control/transactions`: the books of the provider.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    adyen,
    ledger::{
        Calls,
        page::{Condition, LinkStatus, Page},
        payment::{ChangeKind, Outcome, Payment},
    },
    world::World,
};

/// One payment, or one page on which nothing was paid.
#[derive(Serialize)]
pub(super) struct Transaction {
    provider: &'static str,
    merchant_reference: String,
    /// The provider's reference of the payment or of the last try; null while nobody has tried.
    provider_reference: Option<String>,
    page_reference: String,
    page_url: String,
    state: State,
    currency: &'static str,
    amount: String,
    captured: String,
    refunded: String,
    /// What went back without a request of the merchant.
    reversed: String,
    /// What the payer's bank holds.
    disputed: String,
    calls: Calls,
    executed: Calls,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Pending,
    Authorised,
    Captured,
    Declined,
    Cancelled,
    Expired,
    Voided,
}

pub(super) fn list(world: &World, now: Timestamp) -> Vec<Transaction> {
    let mut transactions = Vec::new();
    for page in world.state.ledger.pages() {
        let made: Vec<&Payment> = world.state.ledger.payments_of(page).collect();
        let paid: Vec<&&Payment> = made.iter().filter(|payment| payment.outcome == Outcome::Authorised).collect();
        if paid.is_empty() {
            transactions.push(describe(world, now, page, made.last().copied()));
        }
        for payment in paid {
            transactions.push(describe(world, now, page, Some(payment)));
        }
    }
    transactions
}

fn describe(world: &World, now: Timestamp, page: &Page, payment: Option<&Payment>) -> Transaction {
    let zero = zahlstelle_contract::money::Money::zero(page.amount.currency());
    let of = |part: fn(&Payment) -> zahlstelle_contract::money::Money| payment.map_or(zero, part).decimal();
    let create = world.state.create_calls.get(&page.merchant_reference).copied().unwrap_or_default();
    Transaction {
        provider: "adyen",
        merchant_reference: page.merchant_reference.clone(),
        provider_reference: payment.map(|payment| payment.psp.clone()),
        page_reference: page.id.clone(),
        page_url: adyen::page_url(world, &page.id),
        state: state(now, page, payment),
        currency: page.amount.currency().code(),
        amount: page.amount.decimal(),
        captured: of(Payment::captured),
        refunded: of(Payment::refunded),
        reversed: of(Payment::reversed),
        disputed: of(Payment::disputed),
        calls: Calls { create, ..page.calls },
        executed: page.executed,
    }
}

fn state(now: Timestamp, page: &Page, payment: Option<&Payment>) -> State {
    match payment.map(|payment| (payment.outcome, payment)) {
        Some((Outcome::Authorised, payment)) if payment.succeeded_at_all(ChangeKind::Capture) => State::Captured,
        Some((Outcome::Authorised, payment)) if payment.is_voided() => State::Voided,
        Some((Outcome::Authorised, _)) => State::Authorised,
        Some((Outcome::Pending, _)) => State::Pending,
        Some((Outcome::Refused, _)) | None => match page.status(now) {
            LinkStatus::Expired if page.condition == Condition::Closed => State::Cancelled,
            LinkStatus::Expired => State::Expired,
            LinkStatus::Active | LinkStatus::PaymentPending | LinkStatus::Completed => {
                if payment.is_some() {
                    State::Declined
                } else {
                    State::Pending
                }
            }
        },
    }
}
