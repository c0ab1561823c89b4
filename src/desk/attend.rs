//! Looking after payments and notifications: what jobs do when something is due.

use jiff::Timestamp;

use super::{
    Desk, DeskError, TenantDesk,
    attention::{self, can_be_asked, recheck_at},
    change::{self, Extra},
    later,
};
use crate::{
    domain::{
        decide::REFUNDS_MAX,
        ids::PaymentId,
        payment::{Payment, State},
        record::Fact,
    },
    store::{
        commit::{Commit, JobChange, JobKind, Outcome},
        read::DueJob,
    },
};

impl Desk {
    /// Does what a job is due for, and says when it is due again.
    pub async fn attend(&self, job: &DueJob) -> Result<(), DeskError> {
        let desk = self.tenant(&job.key.tenant)?;
        match job.key.kind {
            JobKind::Payment => self.attend_payment(desk, job).await,
            JobKind::Notification => self.attend_notification(desk, job).await,
            // They are taken by `claim_endpoints` alone.
            JobKind::Endpoint => Ok(()),
        }
    }

    /// Gives a job back after an error, so that it is tried again on the resolver's schedule.
    pub async fn give_back(&self, job: &DueJob) -> Result<(), DeskError> {
        let wait = attention::step(&self.settings.resolver_schedule, job.tries.saturating_sub(1));
        Ok(self.store.postpone_job(&job.key, job.fence, later(self.now(), wait)).await?)
    }

    async fn attend_notification(&self, desk: &TenantDesk, job: &DueJob) -> Result<(), DeskError> {
        match self.apply_notification(desk, job.key.subject, &job.key, job.fence).await {
            Ok(true) => Ok(()),
            Ok(false) => self.give_back(job).await,
            Err(error) => self.give_up_notification(desk, &job.key, job.fence, error).await,
        }
    }

    async fn attend_payment(&self, desk: &TenantDesk, job: &DueJob) -> Result<(), DeskError> {
        let id = PaymentId(job.key.subject);
        let payment = self.carry_out_due(desk, id).await?;
        let payment = self.ask_live_page(desk, payment).await?;
        let payment = self.ask_closed_pages(desk, payment).await?;
        let payment = self.end_in_time(desk, payment).await?;
        let payment = self.tell_what_is_overdue(desk, payment).await?;
        // Every change on the way has set the job anew and taken it from us; this counts only when nothing changed.
        match self.next_look(desk, &payment, job.tries) {
            Some(due_at) => Ok(self.store.postpone_job(&job.key, job.fence, due_at).await?),
            None => self.end_job(desk, job).await,
        }
    }

    /// Each fact of a passed deadline tells of one refund; there are as many facts as refunds at most.
    async fn tell_what_is_overdue(&self, desk: &TenantDesk, mut payment: Payment) -> Result<Payment, DeskError> {
        for _ in 0..=REFUNDS_MAX {
            let changed = self.record(desk, payment.id, &Fact::DeadlinePassed, &Extra::default()).await?;
            payment = changed.payment;
            if changed.events.is_empty() {
                break;
            }
        }
        Ok(payment)
    }

    async fn end_job(&self, desk: &TenantDesk, job: &DueJob) -> Result<(), DeskError> {
        let mut commit = Commit::new(self.id(), desk.tenant.id.as_str(), self.now());
        commit.jobs.push(JobChange::EndTaken { kind: job.key.kind, subject: job.key.subject, fence: job.fence });
        match self.store.commit(commit).await? {
            Outcome::Committed | Outcome::AlreadyCommitted | Outcome::FenceLost => Ok(()),
            Outcome::Stale(_) | Outcome::Taken(_) => Err(DeskError::Contended),
        }
    }

    /// Carries out calls that nobody has sent, and repeats those that were not answered.
    async fn carry_out_due(&self, desk: &TenantDesk, id: PaymentId) -> Result<Payment, DeskError> {
        let payment = self.payment(desk.tenant.id.as_str(), id).await?;
        for call in &payment.calls {
            self.carry_out(desk, id, call.id).await?;
        }
        self.carry_out_unsent(desk, id).await
    }

    async fn ask_live_page(&self, desk: &TenantDesk, payment: Payment) -> Result<Payment, DeskError> {
        match payment.live().filter(|live| can_be_asked(live)) {
            Some(live) => self.ask_page(desk, &payment, live).await,
            None => Ok(payment),
        }
    }

    /// Asks once more about pages that were closed: a step of the payer that was under way may have completed.
    async fn ask_closed_pages(&self, desk: &TenantDesk, mut payment: Payment) -> Result<Payment, DeskError> {
        let now = self.now();
        let in_flight = change::waits(desk, &payment).in_flight;
        let closed: Vec<_> = payment
            .attempts
            .iter()
            .filter(|attempt| recheck_at(attempt, in_flight).is_some_and(|at| is_within(at, now)))
            .cloned()
            .collect();
        for attempt in closed {
            payment = self.ask_page(desk, &payment, &attempt).await?;
        }
        self.carry_out_unsent(desk, payment.id).await
    }

    async fn end_in_time(&self, desk: &TenantDesk, payment: Payment) -> Result<Payment, DeskError> {
        match payment.state {
            State::Open | State::Processing { .. } => self.expire(desk, payment.id).await,
            State::Authorised { .. } => self.lapse(desk, payment.id).await,
            State::OutcomeUnknown { .. }
            | State::Paid { .. }
            | State::Reversed { .. }
            | State::Cancelled
            | State::Expired
            | State::Failed => Ok(payment),
        }
    }
}

fn is_within(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < later(at, attention::RECHECK_WINDOW)
}
