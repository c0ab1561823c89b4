//! Work in the background: what runs, what failed, and when each kind last succeeded, so that silence can be heard.

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

use super::catalogue::Catalogue;

/// Work in the background. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    looked_at: Family<Name, Gauge>,
    running: Family<Kind, Gauge>,
    runs: Family<Run, Counter>,
    succeeded_at: Family<Kind, Gauge>,
}

/// What looks for work again and again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loop {
    /// Payments and notifications that are due.
    Jobs,
    /// Webhook endpoints that nobody looks after.
    Webhooks,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Name {
    what: &'static str,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Run {
    kind: &'static str,
    result: &'static str,
}

impl Jobs {
    /// There is such a kind of work: what is counted of it begins at zero. When it last succeeded is not known then.
    pub fn expect(&self, kind: &'static str) {
        drop(self.running.get_or_create(&Kind { kind }));
        for result in ["done", "failed"] {
            drop(self.runs.get_or_create(&Run { kind, result }));
        }
    }

    /// Due work was looked for, and the store answered.
    pub fn looked(&self, what: Loop, now: Timestamp) {
        let what = match what {
            Loop::Jobs => "jobs",
            Loop::Webhooks => "webhooks",
        };
        self.looked_at.get_or_create(&Name { what }).set(now.as_second());
    }

    /// A job begins; it ends with what is returned, as failed where nobody says otherwise.
    pub fn begin(&self, kind: &'static str) -> RunningJob {
        self.running.get_or_create(&Kind { kind }).inc();
        RunningJob { jobs: self.clone(), kind, succeeded_at: None }
    }

    pub(super) fn register(&self, catalogue: &mut Catalogue) {
        catalogue.add(
            "zahlstelle_jobs_looked_timestamp_seconds",
            "When due work, or an endpoint that nobody looks after, was last looked for",
            self.looked_at.clone(),
        );
        catalogue.add("zahlstelle_jobs_running", "Jobs that are being done", self.running.clone());
        catalogue.add("zahlstelle_job_runs", "Jobs that were done or failed, by kind", self.runs.clone());
        catalogue.add(
            "zahlstelle_job_succeeded_timestamp_seconds",
            "When a job of the kind last succeeded",
            self.succeeded_at.clone(),
        );
    }
}

/// A job that is being done.
#[derive(Debug)]
pub struct RunningJob {
    jobs: Jobs,
    kind: &'static str,
    succeeded_at: Option<Timestamp>,
}

impl RunningJob {
    /// It was done.
    pub fn succeeded(mut self, now: Timestamp) {
        self.succeeded_at = Some(now);
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        let kind = self.kind;
        let result = if self.succeeded_at.is_some() { "done" } else { "failed" };
        self.jobs.runs.get_or_create(&Run { kind, result }).inc();
        if let Some(at) = self.succeeded_at {
            self.jobs.succeeded_at.get_or_create(&Kind { kind }).set(at.as_second());
        }
        self.jobs.running.get_or_create(&Kind { kind }).dec();
    }
}
