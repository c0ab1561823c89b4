//! Notifications of providers: verified, kept and acknowledged at once, applied by a job at our own pace.

use uuid::Uuid;
use zahlstelle_contract::{
    fact::ProviderFact,
    notification::{Notification, NotificationError, RawDelivery},
    provider::Notifications,
    reference::AccountName,
};

use super::{Desk, DeskError, TenantDesk, attention, change, change::Extra, later};
use crate::{
    domain::{
        ids::{AttemptId, PaymentId},
        payment::{Payment, attempt_named_by_change},
        record::Fact,
    },
    metrics::NotificationResult,
    store::{
        commit::{ClaimKey, Commit, JobChange, JobKey, JobKind, NewClaim, Outcome, Row, Space},
        read::{InboxItem, InboxState},
    },
};

/// A delivery to one provider account.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    /// The provider's name in the path.
    pub provider: &'a str,
    /// The account's name in the path.
    pub account: &'a AccountName,
    /// What was delivered.
    pub delivery: RawDelivery<'a>,
}

/// What became of the items of a delivery.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Delivered {
    /// Kept for the first time.
    pub kept: usize,
    /// Kept before.
    pub repeated: usize,
    /// Not taken, with the reason of each.
    pub refused: Vec<NotificationError>,
    /// The body that acknowledges the delivery.
    pub acknowledgement: &'static str,
}

impl Desk {
    /// Verifies every item of a delivery on its own and keeps the good ones. Nothing is acted on yet.
    pub async fn take_delivery(&self, hook: &Hook<'_>) -> Result<Delivered, DeskError> {
        let desk = self.tenant_of_account(hook.account).ok_or(DeskError::NotFound)?;
        let provider = desk.provider(hook.account)?;
        let reader =
            provider.notifications().filter(|_| provider.provider() == hook.provider).ok_or(DeskError::NotFound)?;
        let delivered = self.take_items(desk, reader, hook).await?;
        let count = |result, number| self.metrics.providers.notified(hook.account.as_str(), result, number);
        count(NotificationResult::Kept, delivered.kept);
        count(NotificationResult::Repeated, delivered.repeated);
        count(NotificationResult::Refused, delivered.refused.len());
        Ok(delivered)
    }

    async fn take_items(
        &self,
        desk: &TenantDesk,
        reader: &dyn Notifications,
        hook: &Hook<'_>,
    ) -> Result<Delivered, DeskError> {
        let mut delivered = Delivered { acknowledgement: reader.acknowledgement(), ..Delivered::default() };
        let items = match reader.verify(hook.delivery) {
            Ok(items) => items,
            Err(error) => {
                delivered.refused.push(error);
                return Ok(delivered);
            }
        };
        for item in items {
            match item {
                Ok(notification) => {
                    if self.keep(desk, notification.get(), hook.delivery.received_at).await? {
                        delivered.kept = delivered.kept.saturating_add(1);
                    } else {
                        delivered.repeated = delivered.repeated.saturating_add(1);
                    }
                }
                Err(error) => {
                    tracing::error!(account = %hook.account, %error, "an item for account {} was not taken", hook.account);
                    delivered.refused.push(error);
                }
            }
        }
        Ok(delivered)
    }

    /// Keeps a notification, unless it is known.
    async fn keep(
        &self,
        desk: &TenantDesk,
        notification: &Notification,
        received_at: jiff::Timestamp,
    ) -> Result<bool, DeskError> {
        let id = self.id();
        let now = self.now();
        let parts = [notification.account.as_str().as_bytes(), notification.id.as_str().as_bytes()];
        let body = serde_json::to_vec(notification)?;
        let mut commit = Commit::new(self.id(), desk.tenant.id.as_str(), now);
        commit.claims.push(NewClaim::of(ClaimKey::new(Space::Notification, &parts), id));
        commit.rows.push(Row::Inbox(InboxItem { id, received_at, state: InboxState::Waiting, body }));
        commit.jobs.push(JobChange::Set { kind: JobKind::Notification, subject: id, due_at: now });
        match self.store.commit(commit).await? {
            Outcome::Committed => {
                self.wake.notify_one();
                Ok(true)
            }
            Outcome::Taken(_) | Outcome::AlreadyCommitted => {
                tracing::info!(account = %notification.account, notification = %notification.id, "notification {} came again", notification.id);
                Ok(false)
            }
            Outcome::Stale(_) | Outcome::FenceLost => Err(DeskError::Contended),
        }
    }

    /// Applies a kept notification. `false` when the payment it names is not known yet: it is looked for again.
    pub(super) async fn apply_notification(
        &self,
        desk: &TenantDesk,
        id: Uuid,
        job: &JobKey,
        fence: u64,
    ) -> Result<bool, DeskError> {
        let tenant = desk.tenant.id.as_str();
        let Some(item) = self.waiting_item(tenant, id).await? else { return Ok(true) };
        let notification: Notification = serde_json::from_slice(&item.body)?;
        let found = match &notification.fact {
            ProviderFact::Other { code } => {
                tracing::warn!(account = %notification.account, %code, "notification {code} of account {} has no rule", notification.account);
                self.close_item(desk, item, InboxState::Uninterpreted, job, fence).await?;
                return Ok(true);
            }
            _ => self.find(tenant, &notification).await?,
        };
        let Some((payment, attempt)) = found else { return self.not_found_yet(desk, item, job, fence).await };
        let fact = Fact::Told { attempt, fact: notification.fact.clone() };
        let applied = InboxItem { state: InboxState::Applied, ..item };
        let end = JobChange::EndTaken { kind: job.kind, subject: job.subject, fence };
        let extra = Extra { rows: vec![Row::Inbox(applied)], jobs: vec![end], ..Extra::default() };
        self.record(desk, payment, &fact, &extra).await?;
        self.carry_out_unsent(desk, payment).await?;
        Ok(true)
    }

    async fn waiting_item(&self, tenant: &str, id: Uuid) -> Result<Option<InboxItem>, DeskError> {
        Ok(self.store.inbox_item(tenant, id).await?.filter(|item| item.state == InboxState::Waiting))
    }

    /// Closes a notification that cannot be applied for as long as one is waited for, so that it is not tried for ever.
    ///
    /// Errors that pass by themselves close nothing: after a long outage of the store nobody may lose a notification.
    pub(super) async fn give_up_notification(
        &self,
        desk: &TenantDesk,
        job: &JobKey,
        fence: u64,
        error: DeskError,
    ) -> Result<(), DeskError> {
        if matches!(error, DeskError::Store(_) | DeskError::Contended) {
            return Err(error);
        }
        let Some(item) = self.waiting_item(desk.tenant.id.as_str(), job.subject).await? else { return Err(error) };
        if self.now() < later(item.received_at, self.settings.notification_patience) {
            return Err(error);
        }
        tracing::error!(notification = %item.id, %error, "notification {} cannot be applied", item.id);
        self.close_item(desk, item, InboxState::Unmatched, job, fence).await
    }

    async fn not_found_yet(
        &self,
        desk: &TenantDesk,
        item: InboxItem,
        job: &JobKey,
        fence: u64,
    ) -> Result<bool, DeskError> {
        if self.now() < later(item.received_at, self.settings.notification_patience) {
            return Ok(false);
        }
        tracing::error!(notification = %item.id, "notification {} names no payment of ours", item.id);
        self.close_item(desk, item, InboxState::Unmatched, job, fence).await?;
        Ok(true)
    }

    async fn close_item(
        &self,
        desk: &TenantDesk,
        item: InboxItem,
        state: InboxState,
        job: &JobKey,
        fence: u64,
    ) -> Result<(), DeskError> {
        let account = serde_json::from_slice(&item.body).map(|notification: Notification| notification.account);
        let mut commit = Commit::new(self.id(), desk.tenant.id.as_str(), self.now());
        commit.rows.push(Row::Inbox(InboxItem { state, ..item }));
        commit.jobs.push(JobChange::EndTaken { kind: job.kind, subject: job.subject, fence });
        match self.store.commit(commit).await? {
            Outcome::Committed => {
                // What cannot even be read has an account all the same, which nobody knows any more.
                let account = account.as_ref().map_or("unreadable", AccountName::as_str);
                match state {
                    InboxState::Waiting | InboxState::Applied => {}
                    InboxState::Unmatched => self.metrics.providers.notified(account, NotificationResult::Unmatched, 1),
                    InboxState::Uninterpreted => {
                        self.metrics.providers.notified(account, NotificationResult::Uninterpreted, 1);
                    }
                }
                Ok(())
            }
            Outcome::AlreadyCommitted | Outcome::FenceLost => Ok(()),
            Outcome::Stale(_) | Outcome::Taken(_) => Err(DeskError::Contended),
        }
    }

    /// The payment and attempt that a notification names: by our reference, else by the provider's.
    async fn find(
        &self,
        tenant: &str,
        notification: &Notification,
    ) -> Result<Option<(PaymentId, AttemptId)>, DeskError> {
        let account = notification.account.as_str();
        if let Some(name) = &notification.merchant_reference {
            let changed = Some(&notification.fact).filter(|fact| is_about_change(fact));
            let changed = changed.and_then(|_| attempt_named_by_change(name.as_str()));
            for name in [Some(name.as_str()), changed].into_iter().flatten() {
                let key = change::merchant_reference_key(account, name);
                if let Some(claim) = self.store.claim(tenant, &key).await? {
                    let payment = self.payment(tenant, PaymentId(claim.holder)).await?;
                    let named =
                        payment.attempts.iter().find(|attempt| payment.merchant_reference(attempt).as_str() == name);
                    if let Some(attempt) = named {
                        return Ok(Some((payment.id, attempt.id)));
                    }
                }
            }
        }
        let Some(reference) = notification.fact.payment() else { return Ok(None) };
        let key = change::provider_reference_key(account, reference);
        let Some(claim) = self.store.claim(tenant, &key).await? else { return Ok(None) };
        let payment = self.payment(tenant, PaymentId(claim.holder)).await?;
        let named = payment.attempts.iter().find(|attempt| attempt.reference.as_ref() == Some(reference));
        Ok(named.map(|attempt| (payment.id, attempt.id)))
    }

    /// When a payment is to be looked at next, after so many tries in vain.
    pub(super) fn next_look(&self, desk: &TenantDesk, payment: &Payment, tries: u32) -> Option<jiff::Timestamp> {
        attention::due(payment, (&self.settings).into(), change::waits(desk, payment), tries, self.now())
    }
}

/// Whether a fact is about a change that we asked for under a name of its own. Anything else is about an attempt, whose
/// name it repeats as we gave it: a longer one is somebody else's.
fn is_about_change(fact: &ProviderFact) -> bool {
    match fact {
        ProviderFact::Captured { .. }
        | ProviderFact::CaptureFailed { .. }
        | ProviderFact::Voided { .. }
        | ProviderFact::VoidFailed { .. }
        | ProviderFact::Refunded { .. }
        | ProviderFact::RefundFailed { .. }
        | ProviderFact::RefundReturned { .. }
        | ProviderFact::Reversed { .. } => true,
        ProviderFact::Authorised { .. }
        | ProviderFact::Refused { .. }
        | ProviderFact::Pending { .. }
        | ProviderFact::DisputeOpened { .. }
        | ProviderFact::DisputeDebited { .. }
        | ProviderFact::DisputeWon { .. }
        | ProviderFact::Other { .. } => false,
    }
}
