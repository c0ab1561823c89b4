//! The loop that every change of a payment goes through: load, decide, commit, and again when somebody was faster.

use jiff::Timestamp;
use uuid::Uuid;
use zahlstelle_contract::reference::ProviderReference;

use super::{
    Desk, DeskError, TenantDesk,
    attention::{self, Waits},
    log,
};
use crate::{
    domain::{
        call::Call,
        decide::{self, Command},
        event::{Event, ExceptionCause},
        ids::{CallId, CaptureId, ExceptionId, PaymentId, RefundId},
        payment::{Payment, State},
        record::{self, Context, Fact},
    },
    ledger::entry::Entry,
    store::{
        commit::{
            Answer, Append, ClaimKey, Commit, JobChange, JobKind, NewClaim, Outcome, Row, Space, StreamKind, Taken,
            Takeover,
        },
        read::ListedPayment,
    },
};

/// How often a command is decided anew before it gives up.
const DECISIONS_MAX: usize = 16;

/// What an exception calls a fact about money or a payment at the provider that belongs to another payment of ours.
const BELONGS_ELSEWHERE: &str = "belongs_to_another_payment";

/// What a commit is to contain beside the events and what follows from them.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    pub(super) claims: Vec<NewClaim>,
    pub(super) answers: Vec<(ClaimKey, u16)>,
    pub(super) takeovers: Vec<Takeover>,
    pub(super) rows: Vec<Row>,
    pub(super) jobs: Vec<JobChange>,
}

/// A payment after a change, with the events that made it.
pub(super) struct Changed {
    pub(super) payment: Payment,
    pub(super) events: Vec<Event>,
}

impl Desk {
    /// A payment as it is now.
    pub async fn payment(&self, tenant: &str, id: PaymentId) -> Result<Payment, DeskError> {
        self.payment_at(tenant, id, u64::MAX).await
    }

    /// A payment as it was at a version.
    pub async fn payment_at(&self, tenant: &str, id: PaymentId, version: u64) -> Result<Payment, DeskError> {
        let stream = self.store.stream(tenant, id.0).await?;
        log::replay(id, &stream, version)?.ok_or(DeskError::NotFound)
    }

    /// Carries out a command.
    pub(super) async fn command(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        command: &Command,
        extra: &Extra,
    ) -> Result<Changed, DeskError> {
        let now = self.now();
        self.change(desk, id, extra, now, |payment| Ok(decide::decide(payment, command, now)?)).await
    }

    /// Records a fact. It is never refused; a fact about money that was posted before changes nothing.
    pub(super) async fn record(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        fact: &Fact,
        extra: &Extra,
    ) -> Result<Changed, DeskError> {
        let context = self.context(desk, id).await?;
        let recorded =
            self.change(desk, id, extra, context.now, |payment| Ok(record::record(payment, fact, &context))).await;
        match recorded {
            // The fact was posted before, from another source; only what goes with this one is still to be noted.
            Err(DeskError::Taken(taken)) if taken.key.space == Space::MoneyFact && taken.claim.holder == id.0 => {
                self.change(desk, id, extra, context.now, |_| Ok(Vec::new())).await
            }
            Err(DeskError::Taken(taken)) if matches!(taken.key.space, Space::MoneyFact | Space::ProviderReference) => {
                self.change(desk, id, extra, context.now, |payment| Ok(contested(payment, fact, &context))).await
            }
            other => other,
        }
    }

    async fn context(&self, desk: &TenantDesk, id: PaymentId) -> Result<Context, DeskError> {
        let payment = self.payment(desk.tenant.id.as_str(), id).await?;
        let now = self.now();
        let deadline = waits(desk, &payment).outcome_deadline;
        // The shortest hold of the accounts concerned: voiding too early costs a capture, too late costs certainty.
        let holds = payment.attempts.iter().filter_map(|attempt| desk.providers.get(&attempt.account));
        let hold = holds.map(|provider| provider.authorisation_lifetime()).min().unwrap_or_default();
        Ok(Context {
            now,
            outcome_due_at: super::later(now, deadline),
            capture_before: super::later(now, hold),
            capture: CaptureId(self.id()),
            refund: RefundId(self.id()),
            call: CallId(self.id()),
            exception: ExceptionId(self.id()),
        })
    }

    /// Decides and commits until nobody was faster. Ids are drawn before, so every decision uses the same ones.
    pub(super) async fn change(
        &self,
        desk: &TenantDesk,
        id: PaymentId,
        extra: &Extra,
        now: Timestamp,
        decide: impl Fn(&Payment) -> Result<Vec<Event>, DeskError> + Send,
    ) -> Result<Changed, DeskError> {
        let command = self.id();
        let tenant = desk.tenant.id.as_str();
        for _ in 0..DECISIONS_MAX {
            let before = self.payment(tenant, id).await?;
            let events = decide(&before)?;
            let (posted, after) = log::post(Some(before.clone()), id, &events, now)?;
            let after = after.ok_or(DeskError::NotFound)?;
            let commit = self.assemble(desk, command, now, Some(&before), &after, &events, posted, extra)?;
            if commit_is_empty(&commit) {
                return Ok(Changed { payment: before, events });
            }
            match self.store.commit(commit).await? {
                Outcome::Committed => {
                    self.announce();
                    self.raise_alarms(&after, &events);
                    return Ok(Changed { payment: after, events });
                }
                Outcome::AlreadyCommitted => {
                    return Ok(Changed { payment: self.payment(tenant, id).await?, events });
                }
                Outcome::Stale(_) => {}
                Outcome::Taken(taken) => self.judge_taken(tenant, &before, &taken).await?,
                Outcome::FenceLost => return Err(DeskError::Contended),
            }
        }
        Err(DeskError::Contended)
    }

    /// A key that is taken ends the command, unless the payment has moved on and a new decision will see why.
    async fn judge_taken(&self, tenant: &str, before: &Payment, taken: &Taken) -> Result<(), DeskError> {
        let moved = self.payment(tenant, before.id).await?.version != before.version;
        if moved && taken.key.space != Space::Idempotency {
            return Ok(());
        }
        Err(DeskError::Taken(Box::new(taken.clone())))
    }

    /// Everything that becomes true with these events.
    #[expect(clippy::too_many_arguments, reason = "it is the one place where all parts of a commit meet")]
    pub(super) fn assemble(
        &self,
        desk: &TenantDesk,
        command: Uuid,
        now: Timestamp,
        before: Option<&Payment>,
        after: &Payment,
        events: &[Event],
        posted: Vec<Vec<Entry>>,
        extra: &Extra,
    ) -> Result<Commit, DeskError> {
        let mut commit = Commit::new(command, desk.tenant.id.as_str(), now);
        commit.claims.clone_from(&extra.claims);
        commit.takeovers.clone_from(&extra.takeovers);
        commit.rows.clone_from(&extra.rows);
        commit.jobs.clone_from(&extra.jobs);
        commit.answers = extra
            .answers
            .iter()
            .map(|(key, status)| Answer { key: *key, status: *status, version: after.version })
            .collect();
        if events.is_empty() {
            return Ok(commit);
        }
        for entry in posted.iter().flatten() {
            if let Some(fact) = &entry.money_fact {
                commit.claims.push(NewClaim::of(money_fact_key(&fact.key()), after.id.0));
            }
        }
        commit.claims.extend(events.iter().filter_map(|event| event_claim(after, event)));
        if releases_claim(before, after) {
            commit.released.push((open_claim_key(&after.terms.kassenzeichen), after.id.0));
        }
        let records = events.iter().zip(posted).map(|(event, entries)| log::payment_record(event, entries));
        commit.appends.push(Append {
            stream: after.id.0,
            expected_version: before.map_or(0, |before| before.version),
            kind: StreamKind::Payment,
            records: records.collect::<Result<_, _>>()?,
        });
        commit.rows.push(Row::Payment(listed(after)));
        commit.jobs.push(self.attention(desk, after, now));
        Ok(commit)
    }

    /// The payment's one job, set anew.
    fn attention(&self, desk: &TenantDesk, payment: &Payment, now: Timestamp) -> JobChange {
        let (kind, subject) = (JobKind::Payment, payment.id.0);
        match attention::due(payment, (&self.settings).into(), waits(desk, payment), 0, now) {
            Some(due_at) => JobChange::Set { kind, subject, due_at },
            None => JobChange::End { kind, subject },
        }
    }
}

/// The deadline of a service that the settings no longer name, in seconds: a day.
const OUTCOME_DEADLINE_DEFAULT_SECONDS: u64 = 86_400;

/// How long the providers and the service of a payment have to be waited for.
pub(super) fn waits(desk: &TenantDesk, payment: &Payment) -> Waits {
    let providers = payment.attempts.iter().filter_map(|attempt| desk.providers.get(&attempt.account));
    let in_flight = providers.map(|provider| provider.in_flight()).max().unwrap_or_default();
    let service = desk.tenant.services.get(payment.terms.service.as_str());
    let seconds =
        service.map_or(OUTCOME_DEADLINE_DEFAULT_SECONDS, |service| u64::from(service.outcome_deadline_seconds));
    Waits { in_flight, outcome_deadline: std::time::Duration::from_secs(seconds) }
}

/// What becomes of a fact whose money or payment at the provider belongs to another payment or attempt already: nothing
/// of it can be posted a second time, so a person must see it, once.
fn contested(payment: &Payment, fact: &Fact, context: &Context) -> Vec<Event> {
    let reference = match fact {
        Fact::Told { fact, .. } => fact.payment().cloned(),
        Fact::PageTold { told, .. } => told.payment.clone(),
        Fact::CallTaken { reference, .. } => Some(reference.clone()),
        Fact::PageMade { .. }
        | Fact::PageUnanswered { .. }
        | Fact::CallRefused { .. }
        | Fact::CallUnanswered { .. }
        | Fact::CallNotSent { .. }
        | Fact::CallGivenUp { .. }
        | Fact::DeadlinePassed => None,
    };
    let cause = ExceptionCause::Impossible { fact: BELONGS_ELSEWHERE.to_owned(), reference };
    if payment.exceptions.iter().any(|known| known.cause == cause) {
        return Vec::new();
    }
    vec![Event::ExceptionOpened { exception: context.exception, cause }]
}

fn commit_is_empty(commit: &Commit) -> bool {
    commit.appends.is_empty()
        && commit.claims.is_empty()
        && commit.answers.is_empty()
        && commit.takeovers.is_empty()
        && commit.rows.is_empty()
        && commit.jobs.is_empty()
}

/// Names that an event makes unique: ours for an attempt, the provider's for its payment, the refund's own.
pub(super) fn event_claim(after: &Payment, event: &Event) -> Option<NewClaim> {
    match event {
        Event::AttemptStarted { attempt, account, .. } => {
            let attempt = after.attempt(*attempt)?;
            let name = after.merchant_reference(attempt);
            Some(NewClaim::of(merchant_reference_key(account.as_str(), name.as_str()), after.id.0))
        }
        Event::ReferenceLearned { attempt, reference } => {
            let account = after.attempt(*attempt)?.account.as_str();
            Some(NewClaim::of(provider_reference_key(account, reference), after.id.0))
        }
        Event::RefundRequested { refund, .. } => Some(NewClaim::of(refund_key(*refund), after.id.0)),
        _ => None,
    }
}

/// Whether the payment has just given its claim back.
fn releases_claim(before: Option<&Payment>, after: &Payment) -> bool {
    before.is_some_and(|before| !gives_claim_back(before)) && gives_claim_back(after)
}

/// Whether the payment has no use for its claim: it ended unpaid, or what had paid it went back.
pub(super) fn gives_claim_back(payment: &Payment) -> bool {
    match &payment.state {
        State::Cancelled | State::Expired | State::Failed | State::Reversed { .. } => true,
        State::Open
        | State::Processing { .. }
        | State::Authorised { .. }
        | State::OutcomeUnknown { .. }
        | State::Paid { .. } => false,
    }
}

/// The key of a fact about money.
pub(super) fn money_fact_key(fact: &str) -> ClaimKey {
    ClaimKey::new(Space::MoneyFact, &[fact.as_bytes()])
}

/// The key of a claim that is being paid.
pub(super) fn open_claim_key(kassenzeichen: &str) -> ClaimKey {
    ClaimKey::new(Space::OpenClaim, &[kassenzeichen.as_bytes()])
}

/// The key of our name for an attempt.
pub(super) fn merchant_reference_key(account: &str, name: &str) -> ClaimKey {
    ClaimKey::new(Space::MerchantReference, &[account.as_bytes(), name.as_bytes()])
}

/// The key of a provider's name for a payment.
pub(super) fn provider_reference_key(account: &str, reference: &ProviderReference) -> ClaimKey {
    ClaimKey::new(Space::ProviderReference, &[account.as_bytes(), reference.as_str().as_bytes()])
}

/// The key under which a refund finds its payment.
pub(super) fn refund_key(refund: RefundId) -> ClaimKey {
    ClaimKey::new(Space::Refund, &[refund.0.as_bytes()])
}

/// The row by which a payment is listed.
pub(super) fn listed(payment: &Payment) -> ListedPayment {
    ListedPayment {
        id: payment.id.0,
        version: payment.version,
        state: payment.state.as_str().to_owned(),
        kassenzeichen: payment.terms.kassenzeichen.clone(),
        created_at: payment.created_at,
        intent_since: intent_since(payment),
    }
}

/// Since when a payment has had a call whose outcome is not settled. What cannot be called yet is no such call.
pub(super) fn intent_since(payment: &Payment) -> Option<Timestamp> {
    let unsettled = |call: &&Call| call.accepted.is_none() && !attention::waits_for_reference(payment, call);
    payment.calls.iter().filter(unsettled).map(|call| call.intended_at).min()
}
