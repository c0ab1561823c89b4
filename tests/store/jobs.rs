//! Jobs: each is looked after by one taker at a time, and who has lost it can neither end nor move it.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use uuid::Uuid;
use zahlstelle::store::{
    Store,
    commit::{ClaimKey, Commit, JobChange, JobKind, NewClaim, Outcome, Space},
    read::DueJob,
};

use crate::support::{TENANT, appending, at, commit, committed, id};

const KIND: JobKind = JobKind::Payment;
/// No job at all.
const NONE: [Uuid; 0] = [];

async fn set(store: &Arc<dyn Store>, subject: u128, due_at: Timestamp) {
    let change = JobChange::Set { kind: KIND, subject: id(subject), due_at };
    committed(store, Commit { jobs: vec![change], ..commit(subject) }).await;
}

async fn end(store: &Arc<dyn Store>, subject: u128) {
    let change = JobChange::End { kind: KIND, subject: id(subject) };
    committed(store, Commit { jobs: vec![change], ..commit(subject) }).await;
}

async fn end_taken(store: &Arc<dyn Store>, job: &DueJob) -> Outcome {
    let change = JobChange::EndTaken { kind: job.key.kind, subject: job.key.subject, fence: job.fence };
    store.commit(Commit { jobs: vec![change], ..commit(1) }).await.unwrap()
}

/// Takes what is due at a second, under a lease of half a minute.
async fn take(store: &Arc<dyn Store>, seconds: i64) -> Vec<DueJob> {
    store.claim_jobs(at(seconds), at(seconds + 30), 100).await.unwrap()
}

fn subjects(jobs: &[DueJob]) -> Vec<Uuid> {
    jobs.iter().map(|job| job.key.subject).collect()
}

pub(crate) async fn a_job_is_taken_when_it_is_due_and_only_once(store: Arc<dyn Store>) {
    set(&store, 2, at(20)).await;
    set(&store, 1, at(10)).await;
    set(&store, 3, at(60)).await;
    assert_eq!(subjects(&take(&store, 9).await), NONE);
    assert_eq!(subjects(&store.claim_jobs(at(20), at(50), 1).await.unwrap()), [id(1)]);
    let taken = take(&store, 20).await;
    assert_eq!(subjects(&taken), [id(2)]);
    assert_eq!((taken[0].tries, taken[0].key.tenant.as_str(), taken[0].key.kind), (1, TENANT, KIND));
    assert_eq!(subjects(&take(&store, 21).await), NONE);
    assert_eq!(end_taken(&store, &taken[0]).await, Outcome::Committed);
    assert_eq!(end_taken(&store, &taken[0]).await, Outcome::FenceLost);
}

pub(crate) async fn a_lease_that_ran_out_gives_the_job_to_the_next(store: Arc<dyn Store>) {
    set(&store, 1, at(0)).await;
    let first = take(&store, 0).await.remove(0);
    assert_eq!(subjects(&take(&store, 29).await), NONE);
    let second = take(&store, 30).await.remove(0);
    assert_eq!(second.tries, 2);
    assert_ne!(second.fence, first.fence);
    assert_eq!(end_taken(&store, &first).await, Outcome::FenceLost);
    store.postpone_job(&first.key, first.fence, at(31)).await.unwrap();
    assert_eq!(subjects(&take(&store, 59).await), NONE, "the first taker has moved a job that was no longer its own");
    assert_eq!(end_taken(&store, &second).await, Outcome::Committed);
    assert_eq!(store.next_due().await.unwrap(), None);
}

pub(crate) async fn setting_a_job_takes_it_from_its_taker(store: Arc<dyn Store>) {
    set(&store, 1, at(0)).await;
    let first = take(&store, 0).await.remove(0);
    set(&store, 1, at(5)).await;
    assert_eq!(end_taken(&store, &first).await, Outcome::FenceLost);
    store.postpone_job(&first.key, first.fence, at(1_000)).await.unwrap();
    let second = take(&store, 5).await.remove(0);
    assert_eq!(second.tries, 1, "a job that was set begins to count anew");
    assert_eq!(end_taken(&store, &first).await, Outcome::FenceLost);
    assert_eq!(end_taken(&store, &second).await, Outcome::Committed);
}

pub(crate) async fn a_postponed_job_waits_and_counts_its_tries(store: Arc<dyn Store>) {
    set(&store, 1, at(0)).await;
    for tries in 1..=3 {
        let seconds = i64::from(tries) * 100;
        let job = take(&store, seconds).await.remove(0);
        assert_eq!(job.tries, tries);
        store.postpone_job(&job.key, job.fence, at(seconds + 100)).await.unwrap();
        assert_eq!(subjects(&take(&store, seconds + 99).await), NONE);
        assert_eq!(end_taken(&store, &job).await, Outcome::FenceLost, "who has given a job back has it no longer");
    }
}

pub(crate) async fn a_fence_outlives_its_job(store: Arc<dyn Store>) {
    set(&store, 1, at(0)).await;
    let first = take(&store, 0).await.remove(0);
    end(&store, 1).await;
    set(&store, 1, at(0)).await;
    let second = take(&store, 0).await.remove(0);
    assert_eq!(end_taken(&store, &first).await, Outcome::FenceLost, "the fence of a job that has ended came back");
    store.postpone_job(&first.key, first.fence, at(1)).await.unwrap();
    assert_eq!(subjects(&take(&store, 1).await), NONE);
    assert_eq!(end_taken(&store, &second).await, Outcome::Committed);
}

pub(crate) async fn two_takers_at_once_never_get_the_same_job(store: Arc<dyn Store>) {
    const JOBS: u128 = 200;
    for subject in 1..=JOBS {
        set(&store, subject, at(0)).await;
    }
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        takers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let taken = store.claim_jobs(at(0), at(30), 7).await.unwrap();
                if taken.is_empty() {
                    return mine;
                }
                mine.extend(taken);
            }
        });
    }
    let taken: Vec<DueJob> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 200);
    let different: BTreeSet<Uuid> = taken.iter().map(|job| job.key.subject).collect();
    assert_eq!(different.len(), 200);
    let fences: BTreeSet<u64> = taken.iter().map(|job| job.fence).collect();
    assert_eq!(fences.len(), 200);
}

pub(crate) async fn a_lost_fence_takes_the_whole_commit_back(store: Arc<dyn Store>) {
    set(&store, 1, at(0)).await;
    let job = take(&store, 0).await.remove(0);
    set(&store, 1, at(7)).await;
    let key = ClaimKey::new(Space::MoneyFact, &[b"fact"]);
    let mut whole = appending(5, 10, 0, &["a"]);
    whole.claims.push(NewClaim::of(key, id(10)));
    whole.jobs.push(JobChange::EndTaken { kind: KIND, subject: id(1), fence: job.fence });
    assert_eq!(store.commit(whole).await.unwrap(), Outcome::FenceLost);
    assert_eq!(store.stream(TENANT, id(10)).await.unwrap(), []);
    assert_eq!(store.claim(TENANT, &key).await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), Some(at(7)));
}

pub(crate) async fn the_earliest_job_is_told(store: Arc<dyn Store>) {
    assert_eq!(store.next_due().await.unwrap(), None);
    set(&store, 1, at(50)).await;
    set(&store, 2, at(40)).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(40)));
    // A job that is taken calls nobody before its lease ends.
    assert_eq!(subjects(&take(&store, 40).await), [id(2)]);
    assert_eq!(store.next_due().await.unwrap(), Some(at(50)));
    end(&store, 1).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(70)));
    end(&store, 2).await;
    assert_eq!(store.next_due().await.unwrap(), None);
}
