//! Work in the background: payments and notifications that are due.
//!
//! There is one job for each payment that will change by itself and one for each notification that waits. Jobs are
//! taken with a lease, so several instances share them, and a job whose taker died is taken again. Webhook endpoints are
//! looked after in [`webhooks`].

pub mod webhooks;

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    desk::{Desk, DeskError},
    metrics::Loop,
};

/// How many jobs are taken at once.
const JOBS_MAX: u32 = 64;
/// How long a job may take before somebody else takes it: twice as long as a provider may take to answer. After a crash
/// nobody attends to what was taken until then; taken twice, it is told apart by versions and provider keys.
const LEASE: SignedDuration = SignedDuration::from_secs(20);
/// How long to wait after the store failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Does what is due until `stop` is cancelled, and then finishes what it has begun.
pub async fn run(desk: Arc<Desk>, wake: Arc<Notify>, tick: Duration, stop: CancellationToken) {
    let mut jobs = JoinSet::new();
    while !stop.is_cancelled() {
        let pause = match take(&desk, &mut jobs).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => tick,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "jobs cannot be taken");
                FAILURE_PAUSE
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
            () = wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    while jobs.join_next().await.is_some() {}
}

/// Takes due jobs and starts them; whether there were as many as could be taken.
async fn take(desk: &Arc<Desk>, running: &mut JoinSet<()>) -> Result<bool, DeskError> {
    let now = desk.now();
    let due = desk.store().next_due().await?.is_some_and(|due| due <= now);
    desk.metrics().jobs.looked(Loop::Jobs, now);
    let free = JOBS_MAX.saturating_sub(u32::try_from(running.len()).unwrap_or(u32::MAX));
    if !due || free == 0 {
        return Ok(false);
    }
    let lease_until = now.checked_add(LEASE).unwrap_or(now);
    let jobs = desk.store().claim_jobs(now, lease_until, free).await?;
    let all = u32::try_from(jobs.len()).is_ok_and(|count| count == free);
    for job in jobs {
        let desk = Arc::clone(desk);
        let (kind, subject) = (job.key.kind.as_str(), job.key.subject);
        let span = tracing::info_span!("job", kind, %subject);
        let attending = async move {
            let counted = desk.metrics().jobs.begin(kind);
            if let Err(error) = desk.attend(&job).await {
                tracing::error!(%subject, error = &error as &dyn std::error::Error, "job {subject} failed and is tried again");
                if let Err(error) = desk.give_back(&job).await {
                    tracing::error!(%subject, error = &error as &dyn std::error::Error, "job {subject} waits for its lease");
                }
            } else {
                counted.succeeded(desk.now());
            }
        };
        running.spawn(attending.instrument(span));
    }
    Ok(all)
}
