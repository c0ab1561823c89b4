//! One round of tries to an endpoint: several at a time, but those of one payment one after the other, in their order.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use http::header;
use jiff::{SignedDuration, Timestamp};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use url::Url;
use uuid::Uuid;

use super::{Hooks, LEASE, RENEW_AFTER, plan};
use crate::{
    desk::{
        Desk, DeskError,
        webhooks::{
            Delivery, DeliveryState, RetrySchedule, WebhookProgress,
            sender::{Noted, Outgoing, OutgoingPage, Watch},
        },
    },
    outbound::hook::{HookAnswer, HookError},
    webhook::{MessageId, sign::Signer},
};

/// Who sends, as it stands in the header.
const USER_AGENT: &str = concat!("Zahlstelle/", env!("CARGO_PKG_VERSION"));
/// The answer of an endpoint that is gone for good.
const GONE: u16 = 410;
/// The answers of an endpoint that has too much to do (Standard Webhooks, "Operational considerations").
const TOO_MUCH: [u16; 3] = [429, 502, 504];

/// Everything that the tries of a round have in common.
pub(super) struct Round {
    pub(super) desk: Arc<Desk>,
    pub(super) hooks: Hooks,
    pub(super) watch: Watch,
    /// The endpoint's version by which address and keys are known; after another nothing is begun with them.
    pub(super) version: u64,
    pub(super) url: Url,
    pub(super) signer: Arc<Signer>,
}

/// What came of a round.
pub(super) struct Outcome {
    /// How far the endpoint is now; its position is for the caller to move.
    pub(super) progress: WebhookProgress,
    /// What was tried, as it stands now, each in the place in which it was to be sent.
    pub(super) tried: Vec<Option<Delivery>>,
    /// Whether something arrived although the endpoint was taken for down.
    pub(super) recovered: bool,
    /// Whether the endpoint said that it is gone for good.
    pub(super) is_gone: bool,
}

impl Outcome {
    /// What was tried up to the first delivery that was not, and the position before that one. Tries behind it are left
    /// out: they are made again in their order, under the same ids.
    pub(super) fn without_gaps(mut self, page: &OutgoingPage) -> (Self, u64) {
        let tried = self.tried.iter().take_while(|tried| tried.is_some()).count();
        self.tried.truncate(tried);
        let next = page.outgoing.get(tried).map(|next| next.delivery.position.saturating_sub(1));
        (self, next.unwrap_or(page.next_after))
    }
}

/// A try that has ended.
struct Ended {
    index: usize,
    at: Timestamp,
    answer: Result<HookAnswer, HookError>,
}

impl Round {
    /// Tries deliveries until they are through or the endpoint should get no more; [`None`] when it was given to
    /// somebody else meanwhile.
    pub(super) async fn run(
        &self,
        outgoing: &[Outgoing],
        progress: WebhookProgress,
        stop: &CancellationToken,
    ) -> Result<Option<Outcome>, DeskError> {
        let mut tally = Tally::new(self, outgoing, progress);
        let mut renew_at = in_future(RENEW_AFTER);
        let mut changes = self.desk.changes();
        changes.mark_changed();
        loop {
            // Whoever has deleted an endpoint, moved it or given it another secret means what has not begun as well.
            if !tally.waiting.is_empty() && changes.has_changed().unwrap_or(false) {
                changes.mark_unchanged();
                tally.halted |= self.desk.endpoint_version(&self.watch).await? != Some(self.version);
            }
            while let Some(index) = tally.next(self.hooks.per_endpoint, stop) {
                if let Some(next) = outgoing.get(index) {
                    tally.running.spawn(self.attempt(index, next));
                }
            }
            if tally.running.is_empty() {
                return Ok(Some(tally.finish()));
            }
            tokio::select! {
                biased;
                Some(ended) = tally.running.join_next() => match ended {
                    Ok(ended) => tally.end(&ended),
                    Err(broken) => {
                        tracing::error!(error = %broken, "a delivery broke");
                        tally.halted = true;
                    }
                },
                () = sleep_until(renew_at) => {
                    if !self.desk.note(&self.watch, Noted::default(), LEASE).await? {
                        return Ok(None);
                    }
                    renew_at = in_future(RENEW_AFTER);
                }
            }
        }
    }

    /// One try: signed when its turn has come, over the bytes that are sent.
    fn attempt(&self, index: usize, outgoing: &Outgoing) -> impl Future<Output = Ended> + Send + 'static {
        let (desk, hooks) = (Arc::clone(&self.desk), self.hooks.clone());
        let (url, signer) = (self.url.clone(), Arc::clone(&self.signer));
        let (id, body) = (MessageId::from(outgoing.delivery.id), Bytes::from(outgoing.body.clone()));
        let (endpoint, delivery) = (self.watch.endpoint, outgoing.delivery.id);
        async move {
            // Places are never closed, so this only waits.
            let _place = hooks.places.acquire().await;
            let at = desk.now();
            let span = tracing::info_span!("webhook_try", %endpoint, %delivery, status = tracing::field::Empty);
            let mut headers = vec![
                (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
                (header::USER_AGENT.as_str(), USER_AGENT.to_owned()),
            ];
            headers.extend(signer.sign(&id, at, &body).headers());
            let answer = hooks.client.deliver(&url, &headers, body).instrument(span.clone()).await;
            if let Ok(answer) = &answer {
                span.record("status", answer.status);
            }
            Ended { index, at, answer }
        }
    }
}

/// What was tried and what waits, while a round goes on.
struct Tally<'r> {
    round: &'r Round,
    outgoing: &'r [Outgoing],
    progress: WebhookProgress,
    /// Which deliveries have not been begun, in order.
    waiting: Vec<usize>,
    /// Payments of which a delivery is under way.
    busy: BTreeSet<Uuid>,
    running: JoinSet<Ended>,
    tried: Vec<Option<Delivery>>,
    recovered: bool,
    is_gone: bool,
    /// Until when the endpoint asked to be left alone; what arrives meanwhile was under way by then.
    asked_until: Option<Timestamp>,
    /// Whether nothing further is begun.
    halted: bool,
}

impl<'r> Tally<'r> {
    fn new(round: &'r Round, outgoing: &'r [Outgoing], progress: WebhookProgress) -> Self {
        Self {
            round,
            outgoing,
            // A pause that is still noted is over, else nothing would be sent now.
            progress: WebhookProgress { resume_at: None, ..progress },
            waiting: (0..outgoing.len()).collect(),
            busy: BTreeSet::new(),
            running: JoinSet::new(),
            tried: vec![None; outgoing.len()],
            recovered: false,
            is_gone: false,
            asked_until: None,
            halted: false,
        }
    }

    /// The first delivery that waits and whose payment has none under way.
    fn next(&mut self, in_flight_max: usize, stop: &CancellationToken) -> Option<usize> {
        if self.halted || stop.is_cancelled() || self.running.len() >= in_flight_max {
            return None;
        }
        let stream = |index: &usize| self.outgoing.get(*index).map(|outgoing| outgoing.delivery.stream);
        let free = |index: &usize| stream(index).is_some_and(|stream| !self.busy.contains(&stream));
        let place = self.waiting.iter().position(free)?;
        let index = self.waiting.remove(place);
        self.busy.extend(stream(&index));
        Some(index)
    }

    fn end(&mut self, ended: &Ended) {
        let Some(outgoing) = self.outgoing.get(ended.index) else { return };
        self.busy.remove(&outgoing.delivery.stream);
        let failure = match &ended.answer {
            Ok(answer) if answer.is_taken() => None,
            // We had no place for a connection, so the endpoint was not asked.
            Err(HookError::Busy) => {
                self.halted = true;
                return;
            }
            Ok(answer) => Some(words_of_status(answer.status)),
            Err(error) => Some(words_of(*error)),
        };
        let delivery = match failure {
            None => {
                self.recovered |= plan::is_down(&self.progress);
                plan::after_arrival(&mut self.progress, self.asked_until);
                arrived(&outgoing.delivery, ended)
            }
            Some(words) => self.failed(&outgoing.delivery, ended, words),
        };
        if let Some(tried) = self.tried.get_mut(ended.index) {
            *tried = Some(delivery);
        }
    }

    fn failed(&mut self, delivery: &Delivery, ended: &Ended, words: &'static str) -> Delivery {
        let (now, random) = (self.round.desk.now(), self.round.desk.jitter());
        let status = ended.answer.as_ref().ok().map(|answer| answer.status);
        plan::after_failure(&mut self.progress, delivery.tries == 0, now, random);
        if let Ok(answer) = &ended.answer
            && TOO_MUCH.contains(&answer.status)
        {
            let until = plan::slow_down(&mut self.progress, answer.retry_after, now, random);
            self.asked_until = self.asked_until.max(until);
        }
        self.is_gone |= status == Some(GONE);
        self.halted |= self.is_gone || self.progress.resume_at.is_some();
        let schedule = &self.round.desk.settings().webhooks.retry_schedule;
        let tries = delivery.tries.saturating_add(1);
        let next_try_at =
            if self.is_gone { None } else { next_try(schedule, tries, random, now).max(self.not_before(tries)) };
        let state = if next_try_at.is_some() { DeliveryState::Pending } else { DeliveryState::Failed };
        Delivery {
            state,
            tries,
            status,
            error: Some(words.to_owned()),
            last_try_at: Some(ended.at),
            next_try_at,
            ..delivery.clone()
        }
    }

    /// A delivery that is tried again is not due while its endpoint is left alone.
    fn not_before(&self, tries: u32) -> Option<Timestamp> {
        let schedule = &self.round.desk.settings().webhooks.retry_schedule;
        schedule.delay(tries, 0).and(self.progress.resume_at)
    }

    fn finish(self) -> Outcome {
        let Self { progress, tried, recovered, is_gone, .. } = self;
        Outcome { progress, tried, recovered, is_gone }
    }
}

fn arrived(delivery: &Delivery, ended: &Ended) -> Delivery {
    Delivery {
        state: DeliveryState::Delivered,
        tries: delivery.tries.saturating_add(1),
        status: ended.answer.as_ref().ok().map(|answer| answer.status),
        error: None,
        last_try_at: Some(ended.at),
        next_try_at: None,
        ..delivery.clone()
    }
}

fn next_try(schedule: &RetrySchedule, tries: u32, random: u8, now: Timestamp) -> Option<Timestamp> {
    let delay = SignedDuration::try_from(schedule.delay(tries, random)?).unwrap_or(SignedDuration::MAX);
    Some(now.checked_add(delay).unwrap_or(Timestamp::MAX))
}

/// What clients see of an answer that says no.
fn words_of_status(status: u16) -> &'static str {
    match status {
        300..400 => "redirect",
        GONE => "gone",
        _ => "status",
    }
}

/// What clients see of a try without an answer. What an address resolved to is for the operator alone.
fn words_of(error: HookError) -> &'static str {
    match error {
        HookError::Address(_) => "address_refused",
        HookError::Resolve => "name_not_resolved",
        HookError::Connect => "no_connection",
        HookError::Tls => "tls",
        HookError::Timeout => "timeout",
        HookError::Broken | HookError::Busy | HookError::Header => "connection_broken",
    }
}

fn in_future(after: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(after).unwrap_or(now)
}
