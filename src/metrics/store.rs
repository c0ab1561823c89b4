//! What a storage engine counts about itself.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};

use super::{
    catalogue::Catalogue,
    durations::{self, GROUP_BOUNDS, STEP_BOUNDS_MICROSECONDS},
};

/// What a storage engine counts about itself. Clones share everything.
#[derive(Clone, Debug)]
pub struct StoreFigures {
    commits: Family<Result, Counter>,
    errors: Family<Kind, Counter>,
    group: Histogram,
    durations: Histogram,
    queued: Family<QueueName, Gauge>,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommitResult {
    /// Everything is true.
    Committed,
    /// It was true already.
    AlreadyCommitted,
    /// Somebody else appended first.
    Stale,
    /// A key was taken.
    Taken,
    /// The job was given to somebody else.
    FenceLost,
    /// The engine failed.
    Failed,
}

/// Why the engine could not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorKind {
    /// The disk is full.
    Full,
    /// More is queued than it takes, or somebody else has the database.
    Busy,
    /// It has gone.
    Unavailable,
    /// Anything else: a row that does not parse, or the database itself.
    Failed,
}

/// What waits for the engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Queue {
    /// Writes.
    Writes,
    /// Reads.
    Reads,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Result {
    result: &'static str,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Copy, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct QueueName {
    queue: &'static str,
}

impl Default for StoreFigures {
    /// Everything begins at zero, so that a first failure is seen as a change.
    fn default() -> Self {
        let figures = Self {
            commits: Family::default(),
            errors: Family::default(),
            group: durations::counts(&GROUP_BOUNDS),
            durations: durations::seconds(&STEP_BOUNDS_MICROSECONDS),
            queued: Family::default(),
        };
        for result in CommitResult::ALL.map(CommitResult::as_str) {
            drop(figures.commits.get_or_create(&Result { result }));
        }
        for kind in ErrorKind::ALL.map(ErrorKind::as_str) {
            drop(figures.errors.get_or_create(&Kind { kind }));
        }
        for queue in [Queue::Writes, Queue::Reads] {
            figures.set_queued(queue, 0);
        }
        figures
    }
}

impl StoreFigures {
    /// A commit was answered.
    pub fn committed(&self, result: CommitResult) {
        self.commits.get_or_create(&Result { result: result.as_str() }).inc();
    }

    /// A group of commits was written in one transaction.
    pub fn wrote_group(&self, commits: usize, took: Duration) {
        durations::observe_count(&self.group, commits);
        durations::observe(&self.durations, took);
    }

    /// A read or a write could not be answered.
    pub fn failed(&self, kind: ErrorKind) {
        self.errors.get_or_create(&Kind { kind: kind.as_str() }).inc();
    }

    /// So much waits at this moment.
    pub fn set_queued(&self, queue: Queue, count: usize) {
        let queue = match queue {
            Queue::Writes => "writes",
            Queue::Reads => "reads",
        };
        self.queued.get_or_create(&QueueName { queue }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn register(&self, catalogue: &mut Catalogue) {
        catalogue.add(
            "zahlstelle_store_commits",
            "Commits by what became of them; stale and taken are conflicts that are decided anew",
            self.commits.clone(),
        );
        catalogue.add(
            "zahlstelle_store_errors",
            "Reads and writes that the store could not answer, by kind",
            self.errors.clone(),
        );
        catalogue.add(
            "zahlstelle_store_group_commits",
            "How many commits were written in one transaction",
            self.group.clone(),
        );
        catalogue.add(
            "zahlstelle_store_commit_duration_seconds",
            "How long writing one group of commits took, until it was on the disk",
            self.durations.clone(),
        );
        catalogue.add("zahlstelle_store_queued", "Reads and writes that wait for the store", self.queued.clone());
    }
}

impl CommitResult {
    const ALL: [Self; 6] =
        [Self::Committed, Self::AlreadyCommitted, Self::Stale, Self::Taken, Self::FenceLost, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::AlreadyCommitted => "already_committed",
            Self::Stale => "stale",
            Self::Taken => "taken",
            Self::FenceLost => "fence_lost",
            Self::Failed => "failed",
        }
    }
}

impl ErrorKind {
    const ALL: [Self; 4] = [Self::Full, Self::Busy, Self::Unavailable, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}
