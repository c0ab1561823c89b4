//! Checking every invariant of a database: the chain, the balance of every entry, the sums, that each payment's records
//! make the payment that is listed, and that everything beside the log is as the log says ([`evidence`]).

mod endpoints;
mod evidence;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;
use zahlstelle_contract::money::Money;

use self::{endpoints::Endpoints, evidence::Evidence};
use super::{DeskError, change, log::PaymentRecord};
use crate::{
    domain::{
        attempt::{Capture, CaptureRole},
        event::{ClaimPosting, Recorded},
        ids::PaymentId,
        payment::Payment,
        refund::{DisputeState, RefundState},
    },
    ledger::{
        account::Account,
        chain::{self, Link},
        claim,
        entry::Entry,
        posting,
    },
    store::{
        Store,
        commit::StreamKind,
        read::{ListFilter, SealedRecord},
    },
};

/// How many records are read at once.
const BATCH: u32 = 1_000;
/// How many findings are listed; more are only counted.
const FINDINGS_MAX: usize = 200;

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many records the log has.
    pub records: u64,
    /// How many payments.
    pub payments: u64,
    /// The balance of every account that is not zero, in minor units by currency code.
    pub balances: BTreeMap<(Account, &'static str), i64>,
    /// The hash of the last position, in hexadecimal.
    pub head: String,
    /// What is wrong, each in one sentence.
    pub findings: Vec<String>,
    /// How many findings there are in all.
    pub findings_count: usize,
}

impl Report {
    fn find(&mut self, finding: impl FnOnce() -> String) {
        self.findings_count = self.findings_count.saturating_add(1);
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding());
        }
    }
}

/// Checks everything that is sealed for a Mandant, and what must stand beside it at this moment.
pub async fn verify(store: &dyn Store, tenant: &str, now: Timestamp) -> Result<Report, DeskError> {
    let mut check = Check::default();
    loop {
        let records = store.log(tenant, check.report.records, BATCH).await?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            check.record(tenant, record);
        }
    }
    check.listed(store, tenant).await?;
    check.sums(store, tenant).await?;
    check.open_items();
    let evidence = std::mem::take(&mut check.evidence);
    evidence.compare(store, tenant, &check.payments, now, &mut check.report).await?;
    let endpoints = std::mem::take(&mut check.endpoints);
    endpoints.compare(store, tenant, &mut check.report).await?;
    check.claims();
    check.report.payments = u64::try_from(check.payments.len()).unwrap_or(u64::MAX);
    check.report.head = hex::encode(check.head);
    check.report.balances = std::mem::take(&mut check.balances).into_iter().filter(|(_, sum)| *sum != 0).collect();
    Ok(check.report)
}

#[derive(Default)]
struct Check {
    report: Report,
    head: [u8; 32],
    payments: BTreeMap<Uuid, Payment>,
    balances: BTreeMap<(Account, &'static str), i64>,
    days: BTreeMap<(String, String, String), (i64, i64)>,
    facts: BTreeSet<String>,
    evidence: Evidence,
    endpoints: Endpoints,
}

impl Check {
    fn record(&mut self, tenant: &str, record: &SealedRecord) {
        let expected = self.report.records.saturating_add(1);
        if record.position != expected {
            self.report.find(|| format!("position {} follows {}", record.position, expected.saturating_sub(1)));
        }
        self.report.records = record.position;
        let link = Link {
            tenant,
            position: record.position,
            stream: record.stream,
            version: record.version,
            at_micros: record.at.as_microsecond(),
            wanted_day: record.wanted_day,
            booking_day: record.booking_day,
            kind: record.kind.as_str(),
            body: &record.body,
        };
        if chain::hash(&self.head, &link) != record.hash {
            self.report.find(|| format!("position {}: the hash does not fit", record.position));
        }
        self.head = record.hash;
        match record.kind {
            StreamKind::Payment => self.payment_record(record),
            StreamKind::Client => self.evidence.client_record(record, &mut self.report),
            StreamKind::Webhook => self.endpoints.record(record, &mut self.report),
            StreamKind::Numbers => {}
        }
    }

    fn payment_record(&mut self, record: &SealedRecord) {
        let position = record.position;
        let Ok(body) = serde_json::from_slice::<PaymentRecord>(&record.body) else {
            return self.report.find(|| format!("position {position}: the record cannot be read"));
        };
        let before = self.payments.remove(&record.stream);
        let version = before.as_ref().map_or(0, |payment| payment.version);
        if record.version != version.saturating_add(1) {
            self.report
                .find(|| format!("position {position}: version {} of its payment follows {version}", record.version));
        }
        match posting::entries(before.as_ref(), &body.event) {
            Ok(entries) if entries == body.entries => {}
            Ok(_) | Err(_) => {
                self.report.find(|| format!("position {position}: the entries do not follow from the event"));
            }
        }
        for entry in &body.entries {
            self.entry(record, entry);
        }
        let after = match before {
            None => {
                let created = Recorded { at: record.at, event: body.event.clone() };
                Payment::create(PaymentId(record.stream), &created)
            }
            Some(mut payment) => payment.apply(&body.event, record.at).map(|()| payment),
        };
        match after {
            Ok(payment) => {
                self.evidence.payment_record(&payment, &body, &mut self.report);
                for capture in &payment.captures {
                    if payment.refundable_minor(capture) < 0 {
                        self.report.find(|| {
                            format!("position {position}: more went back of capture {} than was taken", capture.id)
                        });
                    }
                }
                self.payments.insert(record.stream, payment);
            }
            Err(error) => self.report.find(|| format!("position {position}: {error}")),
        }
    }

    fn entry(&mut self, record: &SealedRecord, entry: &Entry) {
        let position = record.position;
        let currency = entry.legs.first().map(|leg| leg.amount.currency());
        let sum = currency.map(|currency| Money::total(entry.legs.iter().map(|leg| leg.amount), currency));
        if sum.is_some_and(|sum| !sum.is_ok_and(Money::is_zero)) {
            self.report.find(|| format!("position {position}: an entry does not balance"));
        }
        if let Some(fact) = &entry.money_fact
            && !self.facts.insert(fact.key())
        {
            self.report.find(|| format!("position {position}: {} was posted before", fact.key()));
        }
        for leg in &entry.legs {
            let code = leg.amount.currency().code();
            let balance = self.balances.entry((leg.account.clone(), code)).or_default();
            *balance = balance.saturating_add(leg.amount.minor());
            let day = (record.booking_day.to_string(), leg.account.to_string(), code.to_owned());
            let (debit, credit) = self.days.entry(day).or_default();
            let side = if leg.amount.is_positive() { debit } else { credit };
            *side = side.saturating_add(leg.amount.minor().saturating_abs());
        }
    }

    /// Every payment is listed as its records leave it, and none else is.
    async fn listed(&mut self, store: &dyn Store, tenant: &str) -> Result<(), DeskError> {
        let mut seen: u64 = 0;
        let mut before = None;
        loop {
            let filter = ListFilter {
                reference: None,
                kassenzeichen: None,
                state: None,
                created_after: None,
                created_before: None,
                before,
                limit: BATCH,
            };
            let page = store.payments(tenant, &filter).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            for row in &page {
                seen = seen.saturating_add(1);
                let fits = self.payments.get(&row.id).is_some_and(|payment| {
                    row.version == payment.version
                        && row.state == payment.state.as_str()
                        && row.kassenzeichen == payment.terms.kassenzeichen
                        && row.created_at == payment.created_at
                        && row.intent_since == change::intent_since(payment)
                });
                if !fits {
                    self.report.find(|| format!("payment {} is listed otherwise than its records say", row.id));
                }
            }
        }
        let known = u64::try_from(self.payments.len()).unwrap_or(u64::MAX);
        if seen != known {
            self.report.find(|| format!("{seen} payments are listed, the log has {known}"));
        }
        Ok(())
    }

    /// The sums that the sealer keeps are those of the log.
    async fn sums(&mut self, store: &dyn Store, tenant: &str) -> Result<(), DeskError> {
        let kept = store.account_days(tenant).await?;
        for sum in &kept {
            let key = (sum.day.to_string(), sum.account.clone(), sum.currency.clone());
            if self.days.get(&key) != Some(&(sum.debit, sum.credit)) {
                self.report.find(|| format!("the sums of {} on {} differ from the log", sum.account, sum.day));
            }
        }
        if kept.len() != self.days.len() {
            let (kept, counted) = (kept.len(), self.days.len());
            self.report.find(|| format!("{kept} sums are kept, the log makes {counted}"));
        }
        Ok(())
    }

    /// Every clearing account equals the sum of its open items, counted from the payments and not from the entries.
    fn open_items(&mut self) {
        let mut expected: BTreeMap<(Account, &'static str), i64> = BTreeMap::new();
        for payment in self.payments.values() {
            for (account, amount) in open_items(payment) {
                let sum = expected.entry((account, amount.currency().code())).or_default();
                *sum = sum.saturating_add(amount.minor());
            }
        }
        let accounts: BTreeSet<_> = expected.keys().chain(self.balances.keys()).cloned().collect();
        for key in accounts {
            if !has_items(&key.0) {
                continue;
            }
            let wanted = expected.get(&key).copied().unwrap_or_default();
            let posted = self.balances.get(&key).copied().unwrap_or_default();
            if wanted != posted {
                self.report.find(|| format!("{} holds {posted} minor units, its open items make {wanted}", key.0));
            }
        }
    }

    /// Nobody pays more for a claim than it was over: what comes in beside it is an overpayment.
    fn claims(&mut self) {
        let in_credit: Vec<_> =
            open_of_claims(self.payments.values()).into_iter().filter(|(_, open)| *open < 0).collect();
        let texts: Vec<String> = in_credit
            .into_iter()
            .map(|((claim, _), open)| {
                format!("the claim {claim} is in credit by {} minor units", open.saturating_neg())
            })
            .collect();
        for text in texts {
            self.report.find(|| text);
        }
    }
}

/// What is open of each claim that this program posts, in minor units by Kassenzeichen and currency code.
fn open_of_claims<'a>(payments: impl Iterator<Item = &'a Payment>) -> BTreeMap<(&'a str, &'static str), i64> {
    let mut open: BTreeMap<(&str, &'static str), (bool, i64)> = BTreeMap::new();
    for payment in payments {
        let terms = &payment.terms;
        let (posted, sum) = open.entry((terms.kassenzeichen.as_str(), terms.total.currency().code())).or_default();
        *posted |= terms.claim != ClaimPosting::Elsewhere;
        for (_, amount) in claim_items(payment) {
            *sum = sum.saturating_add(amount.minor());
        }
    }
    // A claim that another program posts is in credit here by what was paid for it.
    open.into_iter().filter(|(_, (posted, _))| *posted).map(|(claim, (_, sum))| (claim, sum)).collect()
}

/// Whether the items of an account can be counted from the payments.
fn has_items(account: &Account) -> bool {
    match account {
        Account::Forderung(_)
        | Account::Psp(_)
        | Account::Erstattung
        | Account::Ueberzahlung
        | Account::Rueckbelastung
        | Account::Klaerung => true,
        Account::Ertrag(_) | Account::Durchlaufend(_) | Account::Umsatzsteuer(_) => false,
    }
}

/// What a payment leaves open, as the balances it makes: debits positive.
fn open_items(payment: &Payment) -> Vec<(Account, Money)> {
    let mut items = claim_items(payment);
    for capture in &payment.captures {
        items.extend(capture_items(payment, capture));
    }
    for refund in &payment.refunds {
        match refund.state {
            RefundState::Approved | RefundState::Submitted { .. } | RefundState::Unknown { .. } => {
                items.push((Account::Erstattung, owed(refund.amount)));
            }
            RefundState::Returned { .. } => items.push((Account::Erstattung, owed(refund.left_owed()))),
            RefundState::Requested
            | RefundState::Rejected
            | RefundState::Succeeded { .. }
            | RefundState::Failed { .. } => {}
        }
    }
    for moved in &payment.unexplained {
        items.push((Account::Psp(moved.account.as_str().to_owned()), moved.amount));
        items.push((Account::Klaerung, owed(moved.amount)));
    }
    items
}

fn claim_items(payment: &Payment) -> Vec<(Account, Money)> {
    let open = Money::from_minor(claim::open_minor(payment), payment.terms.total.currency());
    vec![(Account::Forderung(payment.terms.service.clone()), open)]
}

/// What a capture leaves with the provider, what is owed of it, and what the payer's bank took of it.
fn capture_items(payment: &Payment, capture: &Capture) -> Vec<(Account, Money)> {
    let mut held = capture.amount.minor().saturating_sub(capture.reversed.map_or(0, Money::minor));
    let mut surplus = held;
    for refund in payment.refunds.iter().filter(|refund| refund.capture == capture.id) {
        let amount = refund.amount.minor();
        match refund.state {
            RefundState::Requested | RefundState::Rejected | RefundState::Failed { .. } => {}
            RefundState::Approved | RefundState::Submitted { .. } | RefundState::Unknown { .. } => {
                surplus = surplus.saturating_sub(amount);
            }
            RefundState::Returned { .. } => surplus = surplus.saturating_sub(refund.left_owed().minor()),
            RefundState::Succeeded { .. } => {
                surplus = surplus.saturating_sub(amount);
                held = held.saturating_sub(amount);
            }
        }
    }
    let currency = capture.amount.currency();
    let mut items = Vec::new();
    for dispute in payment.disputes.iter().filter(|dispute| dispute.capture == capture.id) {
        match dispute.state {
            DisputeState::Debited | DisputeState::Lost => {
                held = held.saturating_sub(dispute.amount.minor());
                items.push((Account::Rueckbelastung, dispute.amount));
            }
            DisputeState::Opened | DisputeState::Won | DisputeState::Closed => {}
        }
    }
    items.push((Account::Psp(capture.account.as_str().to_owned()), Money::from_minor(held, currency)));
    if capture.role == CaptureRole::Surplus {
        items.push((Account::Ueberzahlung, owed(Money::from_minor(surplus, currency))));
    }
    items
}

/// An amount on the credit side.
fn owed(amount: Money) -> Money {
    amount.checked_neg().unwrap_or(amount)
}
