//! Posting rules: what each event does to the books. The table of `docs/journal.md` in code.

use zahlstelle_contract::{money::Money, reference::ProviderReference};

use super::{
    account::Account,
    entry::{Draft, Entry, EntryError, MoneyFact, simple},
};
use crate::domain::{
    attempt::{Capture, CaptureRole},
    event::{ClaimPosting, Event, MoneyKind, Terms},
    ids::{AttemptId, CaptureId, RefundId},
    line::{FeeLine, Share, ShareKind},
    payment::Payment,
    refund::{self, Refund, RefundState},
};

/// The entries of an event, given the payment before it; `None` for the event that creates it.
pub fn entries(before: Option<&Payment>, event: &Event) -> Result<Vec<Entry>, EntryError> {
    match (before, event) {
        (None, Event::Created(terms)) if terms.claim == ClaimPosting::AtCreation => Ok(vec![claim(terms)?]),
        (None, _) => Ok(Vec::new()),
        (Some(payment), event) => of_payment(payment, event),
    }
}

fn of_payment(payment: &Payment, event: &Event) -> Result<Vec<Entry>, EntryError> {
    match event {
        Event::Captured { attempt, amount, reference, role, .. } => {
            let fact = reference.as_ref().and_then(|reference| fact(payment, *attempt, MoneyKind::Capture, reference));
            captured(payment, *attempt, *amount, *role, fact)
        }
        Event::CaptureAdopted { capture, reference, .. } => Ok(adopted(payment, *capture, reference)),
        Event::CaptureReversed { capture, amount, reference } => {
            let Some(taken) = payment.capture(*capture) else { return Ok(Vec::new()) };
            let fact = MoneyFact::first(taken.account.clone(), MoneyKind::Reversal, reference.clone());
            Ok(vec![simple(credited_by(payment, taken), psp(taken), *amount, Some(fact))?])
        }
        Event::Cancelled | Event::Expired | Event::Failed => claim_withdrawn(payment),
        Event::RefundApproved { refund, .. } => {
            with_refund(payment, *refund, |refund, taken| refund_approved(payment, refund, taken))
        }
        Event::RefundSucceeded { refund, reference } => with_refund(payment, *refund, |refund, taken| {
            let fact = MoneyFact::first(taken.account.clone(), MoneyKind::Refund, reference.clone());
            let mut entries = Vec::new();
            // A refund that was thought to have failed is owed again before it is paid.
            if matches!(refund.state, RefundState::Failed { .. }) {
                entries.extend(refund_approved(payment, refund, taken)?);
            }
            entries.push(simple(Account::Erstattung, psp(taken), refund.amount, Some(fact))?);
            Ok(entries)
        }),
        Event::RefundFailed { refund, .. } => {
            with_refund(payment, *refund, |refund, taken| refund_failed(payment, refund, taken))
        }
        Event::RefundReturned { refund, reference } => with_refund(payment, *refund, |refund, taken| {
            let fact = MoneyFact::first(taken.account.clone(), MoneyKind::Return, reference.clone());
            Ok(vec![simple(psp(taken), Account::Erstattung, refund.amount, Some(fact))?])
        }),
        Event::DisputeDebited { capture, reference, amount } => {
            disputed(payment, *capture, MoneyKind::Dispute, reference, *amount)
        }
        Event::DisputeWon { capture, reference, amount } => {
            disputed(payment, *capture, MoneyKind::DisputeWon, reference, *amount)
        }
        Event::Unexplained { account, kind, reference, amount } => {
            let round = round_of(payment, *kind, reference);
            let fact = MoneyFact { account: account.clone(), kind: *kind, reference: reference.clone(), round };
            let held = Account::Psp(account.as_str().to_owned());
            Ok(vec![simple(held, Account::Klaerung, *amount, Some(fact))?])
        }
        Event::Created(_)
        | Event::AttemptStarted { .. }
        | Event::TimeExtended { .. }
        | Event::CallSent { .. }
        | Event::CallNotSent { .. }
        | Event::PageOpened { .. }
        | Event::TryRefused { .. }
        | Event::AttemptPending { .. }
        | Event::AttemptWaiting { .. }
        | Event::ReferenceLearned { .. }
        | Event::Authorised { .. }
        | Event::CloseIntended { .. }
        | Event::VoidIntended { .. }
        | Event::CaptureIntended { .. }
        | Event::CallAccepted { .. }
        | Event::CallSettled { .. }
        | Event::AttemptEnded { .. }
        | Event::AttemptUnknown { .. }
        | Event::CaptureFailed { .. }
        | Event::RefundRequested { .. }
        | Event::RefundRejected { .. }
        | Event::RefundSubmitted { .. }
        | Event::RefundAccepted { .. }
        | Event::RefundUnknown { .. }
        | Event::DisputeOpened { .. }
        | Event::ExceptionOpened { .. } => Ok(Vec::new()),
    }
}

/// The claim: owed by the citizen, earned by whom the shares name.
fn claim(terms: &Terms) -> Result<Entry, EntryError> {
    let mut draft = Draft::default();
    draft.debit(forderung(terms), terms.total);
    for line in &terms.lines {
        for share in &line.shares {
            draft.credit(share_account(share), share.amount)?;
        }
        draft.credit(tax_account(line), line.tax)?;
    }
    draft.finish(None)
}

fn claim_withdrawn(payment: &Payment) -> Result<Vec<Entry>, EntryError> {
    // A payment that had ended before, or was paid, has no claim that could be withdrawn.
    if payment.terms.claim != ClaimPosting::AtCreation || payment.state.has_ended() {
        return Ok(Vec::new());
    }
    Ok(vec![claim(&payment.terms)?.reversed()?])
}

fn captured(
    payment: &Payment,
    attempt: AttemptId,
    amount: Money,
    role: CaptureRole,
    fact: Option<MoneyFact>,
) -> Result<Vec<Entry>, EntryError> {
    let Some(attempt) = payment.attempt(attempt) else { return Ok(Vec::new()) };
    let held = Account::Psp(attempt.account.as_str().to_owned());
    let mut entries = Vec::new();
    if role == CaptureRole::Paying && payment.terms.claim == ClaimPosting::AtPayment {
        entries.push(claim(&payment.terms)?);
    }
    let credit = match role {
        CaptureRole::Paying => forderung(&payment.terms),
        CaptureRole::Surplus => Account::Ueberzahlung,
    };
    entries.push(simple(held, credit, amount, fact)?);
    Ok(entries)
}

/// An adopted reference moves nothing; its entry without legs only takes the key, so that nobody posts it again.
fn adopted(payment: &Payment, capture: CaptureId, reference: &ProviderReference) -> Vec<Entry> {
    let Some(taken) = payment.capture(capture) else { return Vec::new() };
    let fact = MoneyFact::first(taken.account.clone(), MoneyKind::Capture, reference.clone());
    vec![Entry { legs: Vec::new(), money_fact: Some(fact) }]
}

/// The approval of a refund, and before it the end of what earlier refunds left owed by coming back: the new one stands
/// for it, and nothing is owed twice.
fn refund_approved(payment: &Payment, refund: &Refund, taken: &Capture) -> Result<Vec<Entry>, EntryError> {
    let mut entries = Vec::new();
    for taken_up in refund::take_up(&payment.refunds, taken.id, refund.amount) {
        let Some(earlier) = payment.refund(taken_up.returned) else { continue };
        entries.push(part_owed(payment, earlier, taken, taken_up.from, taken_up.to)?.reversed()?);
    }
    entries.push(refund_owed(payment, refund, taken)?);
    Ok(entries)
}

/// The end of a refund that moved nothing: it is owed no more, and what it had stood for is owed again.
fn refund_failed(payment: &Payment, refund: &Refund, taken: &Capture) -> Result<Vec<Entry>, EntryError> {
    let mut entries = vec![refund_owed(payment, refund, taken)?.reversed()?];
    for given in refund::give_back(&payment.refunds, taken.id, refund.took_up) {
        let Some(earlier) = payment.refund(given.returned) else { continue };
        entries.push(part_owed(payment, earlier, taken, given.to, given.from)?);
    }
    Ok(entries)
}

/// What a refund's approval books: the lines give back what they had earned, an overpayment what it had put aside.
fn refund_owed(payment: &Payment, refund: &Refund, taken: &Capture) -> Result<Entry, EntryError> {
    part_owed(payment, refund, taken, Money::from_minor(0, refund.amount.currency()), refund.amount)
}

/// What the part of a refund from its `from`th to its `to`th cent books. The cents are counted through the lines in
/// their order, so that all parts together book exactly what the whole does.
fn part_owed(payment: &Payment, refund: &Refund, taken: &Capture, from: Money, to: Money) -> Result<Entry, EntryError> {
    let amount = to.checked_sub(from)?;
    if taken.role == CaptureRole::Surplus {
        return simple(Account::Ueberzahlung, Account::Erstattung, amount, None);
    }
    let mut draft = Draft::default();
    let mut counted: i64 = 0;
    for (account, whole) in legs_of(payment, refund) {
        let end = counted.saturating_add(whole.minor());
        let within = end.min(to.minor()).saturating_sub(counted.max(from.minor())).max(0);
        draft.debit(account, Money::from_minor(within, whole.currency()));
        counted = end;
    }
    draft.credit(Account::Erstattung, amount)?;
    draft.finish(None)
}

/// What the lines of a refund give back, by account, in their order.
fn legs_of(payment: &Payment, refund: &Refund) -> Vec<(Account, Money)> {
    let mut legs = Vec::new();
    for part in &refund.parts {
        let Some(line) = payment.terms.lines.get(part.line) else { continue };
        legs.extend(line.shares.iter().zip(&part.shares).map(|(share, amount)| (share_account(share), *amount)));
        legs.push((tax_account(line), part.tax));
    }
    legs
}

fn with_refund(
    payment: &Payment,
    refund: RefundId,
    post: impl FnOnce(&Refund, &Capture) -> Result<Vec<Entry>, EntryError>,
) -> Result<Vec<Entry>, EntryError> {
    let Some(refund) = payment.refund(refund) else { return Ok(Vec::new()) };
    let Some(taken) = payment.capture(refund.capture) else { return Ok(Vec::new()) };
    post(refund, taken)
}

fn fact(payment: &Payment, attempt: AttemptId, kind: MoneyKind, reference: &ProviderReference) -> Option<MoneyFact> {
    payment.attempt(attempt).map(|attempt| MoneyFact::first(attempt.account.clone(), kind, reference.clone()))
}

/// Money that the payer's bank took, or gave back.
fn disputed(
    payment: &Payment,
    capture: CaptureId,
    kind: MoneyKind,
    reference: &ProviderReference,
    amount: Money,
) -> Result<Vec<Entry>, EntryError> {
    let Some(taken) = payment.capture(capture) else { return Ok(Vec::new()) };
    let taken_back = kind == MoneyKind::Dispute;
    let round = round_of(payment, kind, reference);
    let fact = MoneyFact { account: taken.account.clone(), kind, reference: reference.clone(), round };
    let entry = if taken_back {
        simple(Account::Rueckbelastung, psp(taken), amount, Some(fact))
    } else {
        simple(psp(taken), Account::Rueckbelastung, amount, Some(fact))
    };
    Ok(vec![entry?])
}

/// Which movement of a kind under one reference it is, from 1: only a dispute that was won may be debited again.
fn round_of(payment: &Payment, kind: MoneyKind, reference: &ProviderReference) -> u32 {
    let debits = payment.disputes.iter().find(|known| known.reference == *reference).map_or(0, |known| known.debits);
    match kind {
        MoneyKind::Dispute => debits.saturating_add(1),
        MoneyKind::DisputeWon => debits.max(1),
        MoneyKind::Capture | MoneyKind::Refund | MoneyKind::Reversal | MoneyKind::Return => 1,
    }
}

fn credited_by(payment: &Payment, taken: &Capture) -> Account {
    match taken.role {
        CaptureRole::Paying => forderung(&payment.terms),
        CaptureRole::Surplus => Account::Ueberzahlung,
    }
}

fn forderung(terms: &Terms) -> Account {
    Account::Forderung(terms.service.clone())
}

fn psp(taken: &Capture) -> Account {
    Account::Psp(taken.account.as_str().to_owned())
}

fn share_account(share: &Share) -> Account {
    match share.kind {
        ShareKind::Ertrag => Account::Ertrag(share.booking.to_string()),
        ShareKind::Durchlaufend => Account::Durchlaufend(share.booking.to_string()),
    }
}

fn tax_account(line: &FeeLine) -> Account {
    Account::Umsatzsteuer(line.tax_rate.to_string())
}
