//! The task that looks after one endpoint.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    FAILURE_PAUSE, Hooks, LEASE, RENEW_AFTER,
    plan::{self, Amounts, Plan, Standing},
    round::{Outcome, Round},
};
use crate::{
    desk::{
        Desk, DeskError,
        webhooks::{
            EndpointKeys, Replay, WebhookProgress,
            sender::{Noted, ReplayStep, Watch, Work},
        },
    },
    webhook::{
        secret::{HmacSecret, SigningPair},
        sign::{KeyPair, Signer},
    },
};

/// How long events are gathered after one has happened, so that a moment with many makes one round of them.
const GATHER: Duration = Duration::from_millis(10);

/// A task and what it knows of its endpoint between two steps.
pub(super) struct Keeper {
    desk: Arc<Desk>,
    hooks: Hooks,
    watch: Watch,
    tick: Duration,
    /// How far the log was looked through; positions without a wanted event are not noted one by one.
    position: u64,
    /// When the lease was last renewed, by the clock by which it ends.
    renewed_at: Timestamp,
}

/// What comes next.
enum Step {
    /// There may be more to send.
    Again,
    /// Nothing before this moment, or before something changes.
    Wait(Option<Timestamp>),
    /// The endpoint is somebody else's, or nobody's.
    Left,
}

impl Keeper {
    pub(super) fn new(desk: Arc<Desk>, hooks: Hooks, watch: Watch, taken_at: Timestamp, tick: Duration) -> Self {
        Self { desk, hooks, watch, tick, position: 0, renewed_at: taken_at }
    }

    /// Goes on until the endpoint is somebody else's or the service stops; then others may take it at once.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let endpoint = self.watch.endpoint;
        // Whoever listens before looking misses nothing that is written in between.
        let mut changes = self.desk.changes();
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            match self.step(&stop).await {
                Ok(Step::Again) => {}
                Ok(Step::Wait(until)) => self.wait(until, &mut changes, &stop).await,
                Ok(Step::Left) => return,
                Err(error) => {
                    tracing::error!(
                        %endpoint,
                        error = &error as &dyn std::error::Error,
                        "a webhook endpoint could not be looked after"
                    );
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(FAILURE_PAUSE) => {}
                    }
                }
            }
        }
        if let Err(error) = self.desk.note(&self.watch, Noted::default(), Duration::ZERO).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%endpoint, error, "a webhook endpoint waits for the end of its lease");
        }
    }

    /// The clock of the desk may be moved and other instances write as well, so it is never waited longer than a tick.
    async fn wait(&self, until: Option<Timestamp>, changes: &mut watch::Receiver<()>, stop: &CancellationToken) {
        let now = self.desk.now();
        let rest = until.map(|until| Duration::try_from(until.duration_since(now)).unwrap_or_default());
        let pause = rest.map_or(self.tick, |rest| rest.min(self.tick));
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            _ = changes.changed() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(pause) => {}
        }
    }

    async fn step(&mut self, stop: &CancellationToken) -> Result<Step, DeskError> {
        // One moment for the whole step: what is due by it, this lease covers.
        let now = self.desk.now();
        let Some(work) = self.desk.endpoint_work(&self.watch).await? else {
            let more = self.desk.clear_deleted(&self.watch, LEASE).await?;
            return Ok(if more { Step::Again } else { Step::Left });
        };
        if work.endpoint.settings.disabled.is_some() {
            self.desk.leave_endpoint(&self.watch).await?;
            return Ok(Step::Left);
        }
        self.position = self.position.max(work.endpoint.progress.position);
        // Nothing is sent under a lease that may have run out.
        let age = now.duration_since(self.renewed_at);
        if age.unsigned_abs() >= RENEW_AFTER && !self.renew(&work.endpoint.progress).await? {
            return Ok(Step::Left);
        }
        let Some(round) = self.round(&work) else { return Ok(Step::Wait(None)) };
        let standing = Standing {
            progress: work.endpoint.progress,
            backlog: work.backlog,
            is_replaying: work.endpoint.replay.is_some(),
        };
        match plan::plan(&standing, now) {
            Plan::Wait(until) => Ok(Step::Wait(until)),
            Plan::Send(amounts) => self.send(&round, &work, amounts, stop).await,
        }
    }

    /// What all tries of this step have in common; [`None`] when nothing can be signed.
    fn round(&self, work: &Work) -> Option<Round> {
        let version = work.endpoint.settings.version;
        let endpoint = self.watch.endpoint;
        let pairs: Vec<KeyPair> = work.keys.iter().filter_map(key_pair).collect();
        let Ok(signer) = Signer::new(pairs) else {
            tracing::error!(%endpoint, "the master key of a webhook endpoint is missing, nothing is sent to it");
            return None;
        };
        let Ok(url) = Url::parse(&work.endpoint.settings.url) else {
            tracing::error!(%endpoint, "the address of a webhook endpoint cannot be read");
            return None;
        };
        let (desk, hooks) = (Arc::clone(&self.desk), self.hooks.clone());
        Some(Round { desk, hooks, watch: self.watch.clone(), version, url, signer: Arc::new(signer) })
    }

    /// Sends what is planned, each kind in a round of its own, until one changes what may be sent.
    async fn send(
        &mut self,
        round: &Round,
        work: &Work,
        amounts: Amounts,
        stop: &CancellationToken,
    ) -> Result<Step, DeskError> {
        let mut progress = work.endpoint.progress;
        let mut moved = false;
        if amounts.first > 0 {
            let after = self.position;
            let page = self.desk.outgoing(&self.watch, &work.endpoint, after, u64::MAX, amounts.first).await?;
            if page.outgoing.is_empty() {
                moved = page.next_after > after;
                self.position = page.next_after;
            } else {
                let Some(outcome) = round.run(&page.outgoing, progress, stop).await? else { return Ok(Step::Left) };
                let (outcome, after) = outcome.without_gaps(&page);
                self.position = after;
                progress = outcome.progress;
                let ends = amounts.probing || outcome.is_gone || progress.resume_at.is_some();
                if let Some(step) = self.note(outcome, ReplayStep::Untouched, ends).await? {
                    return Ok(step);
                }
                moved = true;
            }
        }
        if amounts.again > 0 {
            let limit = u32::try_from(amounts.again).unwrap_or(u32::MAX);
            let due = self.desk.outgoing_again(&self.watch, limit).await?;
            if !due.is_empty() {
                let Some(outcome) = round.run(&due, progress, stop).await? else { return Ok(Step::Left) };
                progress = outcome.progress;
                let ends = amounts.probing || outcome.is_gone || progress.resume_at.is_some();
                if let Some(step) = self.note(outcome, ReplayStep::Untouched, ends).await? {
                    return Ok(step);
                }
                moved = true;
            }
        }
        if let Some(replay) = work.endpoint.replay.filter(|_| amounts.replayed > 0) {
            return self.replay(round, work, replay, amounts.replayed, progress, stop).await;
        }
        Ok(if moved { Step::Again } else { Step::Wait(plan::next_look(&work.backlog)) })
    }

    /// Sends a page of a replay and notes how far it is.
    async fn replay(
        &mut self,
        round: &Round,
        work: &Work,
        replay: Replay,
        limit: usize,
        progress: WebhookProgress,
        stop: &CancellationToken,
    ) -> Result<Step, DeskError> {
        let page = self.desk.outgoing(&self.watch, &work.endpoint, replay.after, replay.until, limit).await?;
        let Some(outcome) = round.run(&page.outgoing, progress, stop).await? else { return Ok(Step::Left) };
        let (outcome, after) = outcome.without_gaps(&page);
        let rest =
            if after < replay.until { ReplayStep::GoesOn(Replay { after, ..replay }) } else { ReplayStep::Ended };
        Ok(self.note(outcome, rest, true).await?.unwrap_or(Step::Again))
    }

    /// Writes what came of a round. Some step when the endpoint was lost or is gone, or when the round was the last.
    async fn note(&mut self, outcome: Outcome, replay: ReplayStep, is_last: bool) -> Result<Option<Step>, DeskError> {
        let noted = Noted {
            progress: Some(WebhookProgress { position: self.position, ..outcome.progress }),
            deliveries: outcome.tried.into_iter().flatten().collect(),
            replay,
            recovered: outcome.recovered,
        };
        // Before the commit: the lease may begin later than we think, but not earlier.
        let renewed_at = self.desk.now();
        if !self.desk.note(&self.watch, noted, LEASE).await? {
            return Ok(Some(Step::Left));
        }
        self.renewed_at = renewed_at;
        if outcome.is_gone {
            let endpoint = self.watch.endpoint;
            tracing::warn!(%endpoint, "a webhook endpoint is gone, nothing more is sent to it");
            self.desk.note_gone(&self.watch).await?;
            return Ok(Some(Step::Left));
        }
        Ok(is_last.then_some(Step::Again))
    }

    async fn renew(&mut self, stored: &WebhookProgress) -> Result<bool, DeskError> {
        let progress =
            (self.position > stored.position).then_some(WebhookProgress { position: self.position, ..*stored });
        let renewed_at = self.desk.now();
        let kept = self.desk.note(&self.watch, Noted { progress, ..Noted::default() }, LEASE).await?;
        self.renewed_at = renewed_at;
        Ok(kept)
    }
}

fn key_pair(keys: &EndpointKeys) -> Option<KeyPair> {
    let hmac = HmacSecret::from_bytes(keys.hmac.expose_secret()).ok()?;
    Some(KeyPair { hmac, ed25519: SigningPair::from_seed(*keys.seed.expose_secret()) })
}
