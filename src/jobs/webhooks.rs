//! Sending events to webhook endpoints.
//!
//! Every endpoint that this instance looks after has a task of its own, so one that does not answer holds up nobody
//! else. What a task does next is decided by [`plan`], the tries of one round are carried out by [`round`], and
//! [`keeper`] is the task. Tries of all endpoints share a number of places; since an endpoint may take only a few of
//! them, and they are given in the order of asking, it waits for a place at most as long as one try takes.

mod keeper;
mod plan;
mod round;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::keeper::Keeper;
use crate::{desk::Desk, metrics::Loop, outbound::hook::HookClient};

/// How many endpoints one instance looks after at most.
const ENDPOINTS_MAX: usize = 10_000;
/// How many endpoints are taken at once.
const TAKEN_MAX: usize = 100;
/// For how long an endpoint is taken. After a crash nobody looks after it until then. A round renews it long before.
const LEASE: Duration = Duration::from_mins(1);
/// After how long a lease is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(20);
/// How long to wait after the store failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// With what events are sent.
#[derive(Clone)]
pub struct Hooks {
    client: HookClient,
    places: Arc<Semaphore>,
    per_endpoint: usize,
}

impl Hooks {
    /// At most so many tries at a time, and so many of them to one endpoint.
    pub fn new(client: HookClient, in_flight_max: u32, per_endpoint_max: u32) -> Self {
        let places = usize::try_from(in_flight_max).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let per_endpoint = usize::try_from(per_endpoint_max).unwrap_or(usize::MAX).max(1);
        Self { client, places: Arc::new(Semaphore::new(places)), per_endpoint }
    }
}

/// Looks after endpoints until `stop` is cancelled, and then finishes the tries that are under way.
pub async fn run(desk: Arc<Desk>, hooks: Hooks, tick: Duration, stop: CancellationToken) {
    let mut keepers = JoinSet::new();
    while !stop.is_cancelled() {
        let pause = match take(&desk, &hooks, tick, &stop, &mut keepers).await {
            Ok(()) => tick,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "webhook endpoints cannot be taken");
                FAILURE_PAUSE
            }
        };
        let look_again = tokio::time::sleep(pause);
        tokio::pin!(look_again);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = keepers.join_next(), if !keepers.is_empty() => {}
                () = &mut look_again => break,
            }
        }
    }
    while keepers.join_next().await.is_some() {}
}

/// Takes endpoints that nobody looks after, and starts their tasks.
async fn take(
    desk: &Arc<Desk>,
    hooks: &Hooks,
    tick: Duration,
    stop: &CancellationToken,
    keepers: &mut JoinSet<()>,
) -> Result<(), crate::desk::DeskError> {
    let free = ENDPOINTS_MAX.saturating_sub(keepers.len()).min(TAKEN_MAX);
    let limit = u32::try_from(free).unwrap_or(u32::MAX);
    let taken_at = desk.now();
    let watches = desk.watch_endpoints(LEASE, limit).await?;
    desk.metrics().jobs.looked(Loop::Webhooks, taken_at);
    for watch in watches {
        let keeper = Keeper::new(Arc::clone(desk), hooks.clone(), watch, taken_at, tick);
        keepers.spawn(keeper.run(stop.clone()));
    }
    Ok(())
}
