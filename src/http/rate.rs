//! How often clients and sources may ask.
//!
//! Every rate tells so many keys apart and no more. Who comes while a table is full shares one allowance with all other
//! newcomers: large enough that citizens go on paying, small enough that the table is no way around the limit. So what
//! an attacker gains by filling it is that strangers are told apart less well, and who was known before notices nothing.

use std::{
    collections::HashMap,
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore, keyed::ShrinkableKeyedStateStore},
};
use uuid::Uuid;

use super::{
    Code, Counted, Counts, ProblemDetails,
    limits::{By, Class, Rate, Rates},
    source::Source,
};

/// How many times the allowance of one key the newcomers share while a table is full.
const SHARED_ALLOWANCES: u32 = 32;
/// How often a full table is looked through for keys that are as good as new.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Every rate of a server.
#[derive(Debug)]
pub(super) struct Gates {
    reads: Buckets<Uuid>,
    writes: Buckets<Uuid>,
    polls: Buckets<Uuid>,
    waiting: Waiting,
    hooks: Buckets<Source>,
    pages: Buckets<Source>,
    open: Buckets<Source>,
    sign_ins: Buckets<Source>,
}

impl Gates {
    pub(super) fn new(rates: &Rates) -> Self {
        Self {
            reads: Buckets::new(rates.reads, rates.keys_max, DefaultClock::default()),
            writes: Buckets::new(rates.writes, rates.keys_max, DefaultClock::default()),
            polls: Buckets::new(rates.polls, rates.keys_max, DefaultClock::default()),
            waiting: Waiting { max: rates.polls_waiting_max, clients: Arc::default() },
            hooks: Buckets::new(rates.hooks, rates.keys_max, DefaultClock::default()),
            pages: Buckets::new(rates.pages, rates.keys_max, DefaultClock::default()),
            open: Buckets::new(rates.open, rates.keys_max, DefaultClock::default()),
            sign_ins: Buckets::new(rates.sign_ins, rates.keys_max, DefaultClock::default()),
        }
    }

    /// Whether a source may ask once more. Classes whose clients sign in are asked about by [`Gates::client`].
    pub(super) fn source(&self, class: Class, source: Source, counts: &Counts) -> Result<(), ProblemDetails> {
        let buckets = match class {
            Class::Hook => &self.hooks,
            Class::Checkout => &self.pages,
            Class::Open => &self.open,
            Class::Read | Class::Write | Class::LongPoll | Class::Health => return Ok(()),
        };
        told(buckets.take(&source), class.row().over_rate, counts)
    }

    /// Whether a client may ask once more; while what is returned lives, it counts as waiting where the class waits.
    pub(super) fn client(&self, class: Class, client: Uuid, counts: &Counts) -> Result<Option<Seat>, ProblemDetails> {
        let buckets = match class {
            Class::Read => &self.reads,
            Class::Write => &self.writes,
            Class::LongPoll => &self.polls,
            Class::Hook | Class::Checkout | Class::Health | Class::Open => return Ok(None),
        };
        let row = class.row();
        debug_assert_eq!(row.by, By::Client, "the table and this match agree");
        told(buckets.take(&client), row.over_rate, counts)?;
        if class != Class::LongPoll {
            return Ok(None);
        }
        let seat = self.waiting.sit(client).ok_or_else(|| {
            counts.note(row.over_rate);
            let max = self.waiting.max;
            limited(Duration::from_secs(1)).with_detail(format!("The key already waits {max} times for events."))
        })?;
        Ok(Some(seat))
    }

    /// Whether a source may try to sign in with a key that nobody has used a short while ago.
    pub(super) fn sign_in(&self, source: Source, counts: &Counts) -> Result<(), ProblemDetails> {
        told(self.sign_ins.take(&source), Counted::SignInLimited, counts)
    }
}

fn told(taken: Taken, over_rate: Counted, counts: &Counts) -> Result<(), ProblemDetails> {
    if taken.from_shared {
        counts.note(Counted::RateTableFull);
    }
    taken.answer.map_err(|wait| {
        counts.note(over_rate);
        limited(wait)
    })
}

fn limited(wait: Duration) -> ProblemDetails {
    ProblemDetails::new(Code::RateLimited).retry_after(wait)
}

/// One rate and its table.
#[derive(Debug)]
struct Buckets<K: Eq + Hash + Clone, C: Clock = DefaultClock> {
    known: RateLimiter<K, Table<K>, C, NoOpMiddleware<C::Instant>>,
    table: Table<K>,
    shared: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    swept: Mutex<C::Instant>,
    clock: C,
}

/// What became of asking for one more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Taken {
    /// Whether the table was full, and the key none that it knows.
    from_shared: bool,
    /// Or how long until there is one again.
    answer: Result<(), Duration>,
}

impl<K: Eq + Hash + Clone, C: Clock + Clone> Buckets<K, C> {
    fn new(rate: Rate, keys_max: usize, clock: C) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let times = |number: NonZeroU32| number.saturating_mul(NonZeroU32::MIN.saturating_add(SHARED_ALLOWANCES - 1));
        let shared = Quota::per_second(times(rate.per_second)).allow_burst(times(rate.burst));
        let table = Table { keys_max, keys: Arc::default() };
        Self {
            known: RateLimiter::new(quota, table.clone(), clock.clone()),
            table,
            shared: RateLimiter::direct_with_clock(shared, clock.clone()),
            swept: Mutex::new(clock.now()),
            clock,
        }
    }

    fn take(&self, key: &K) -> Taken {
        let now = self.clock.now();
        let known = self.table.enter(key) || (self.sweep(now) && self.table.enter(key));
        let refused = |not_until: governor::NotUntil<C::Instant>| not_until.wait_time_from(now);
        let answer =
            if known { self.known.check_key(key).map_err(refused) } else { self.shared.check().map_err(refused) };
        Taken { from_shared: !known, answer }
    }

    /// Forgets the keys that have their whole allowance again, unless that was done a moment ago.
    fn sweep(&self, now: C::Instant) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if Duration::from(now.duration_since(*swept)) < SWEEP_INTERVAL {
            return false;
        }
        *swept = now;
        self.known.retain_recent();
        true
    }
}

/// The keys that a rate knows. [`None`] is one that has just entered. Clones share everything.
#[derive(Debug)]
struct Table<K> {
    keys_max: usize,
    keys: Arc<Mutex<HashMap<K, Option<Nanos>>>>,
}

impl<K> Clone for Table<K> {
    fn clone(&self) -> Self {
        Self { keys_max: self.keys_max, keys: Arc::clone(&self.keys) }
    }
}

impl<K: Eq + Hash + Clone> Table<K> {
    /// Whether the key is known now; it is not where it is new and there is no room.
    fn enter(&self, key: &K) -> bool {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.contains_key(key) {
            return true;
        }
        let has_room = keys.len() < self.keys_max;
        if has_room {
            keys.insert(key.clone(), None);
        }
        has_room
    }
}

impl<K: Eq + Hash + Clone> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let state = keys.entry(key.clone()).or_default();
        let (outcome, next) = measure(*state)?;
        *state = Some(next);
        Ok(outcome)
    }
}

impl<K: Eq + Hash + Clone> ShrinkableKeyedStateStore<K> for Table<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, state| state.is_some_and(|state| state > drop_below));
    }

    fn len(&self) -> usize {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How many requests of each client wait at the moment. Clients that wait for nothing are not kept.
#[derive(Debug)]
struct Waiting {
    max: u32,
    clients: Arc<Mutex<HashMap<Uuid, u32>>>,
}

/// The place of a request that waits.
#[derive(Debug)]
pub(super) struct Seat {
    client: Uuid,
    clients: Arc<Mutex<HashMap<Uuid, u32>>>,
}

impl Waiting {
    fn sit(&self, client: Uuid) -> Option<Seat> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = clients.entry(client).or_default();
        if *waiting >= self.max {
            return None;
        }
        *waiting = waiting.saturating_add(1);
        Some(Seat { client, clients: Arc::clone(&self.clients) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = clients.get_mut(&self.client) {
            *waiting = waiting.saturating_sub(1);
            if *waiting == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate { per_second: per_second.try_into().unwrap(), burst: burst.try_into().unwrap() }
    }

    const PASSES: Taken = Taken { from_shared: false, answer: Ok(()) };

    #[test]
    fn a_key_has_its_burst_and_then_its_rate() {
        let clock = FakeRelativeClock::default();
        let buckets = Buckets::new(rate(2, 3), 10, clock.clone());
        for _ in 0..3 {
            assert_eq!(buckets.take(&1), PASSES);
        }
        let wait = buckets.take(&1).answer.unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
        assert_eq!(buckets.take(&2), PASSES, "another key has an allowance of its own");
        clock.advance(wait);
        assert_eq!(buckets.take(&1), PASSES);
        assert!(buckets.take(&1).answer.is_err());
    }

    #[test]
    fn newcomers_share_what_is_left_while_the_table_is_full() {
        let clock = FakeRelativeClock::default();
        let buckets = Buckets::new(rate(1, 1), 2, clock.clone());
        assert_eq!((buckets.take(&1), buckets.take(&2)), (PASSES, PASSES));
        let passed = (3..1_000).filter(|key| buckets.take(key).answer.is_ok()).count();
        assert_eq!(passed, usize::try_from(SHARED_ALLOWANCES).unwrap());
        assert!(buckets.take(&3).from_shared);
        assert_eq!(buckets.table.len(), 2, "the table does not grow");
        assert!(buckets.take(&1).answer.is_err(), "who is known keeps his own account");
        // Keys that have everything back make room.
        clock.advance(Duration::from_secs(3));
        assert_eq!(buckets.take(&3), PASSES);
        assert_eq!(buckets.table.len(), 1);
    }

    #[test]
    fn a_client_waits_so_often_and_no_more() {
        let waiting = Waiting { max: 2, clients: Arc::default() };
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = waiting.sit(one).unwrap();
        let second = waiting.sit(one).unwrap();
        assert!(waiting.sit(one).is_none());
        assert!(waiting.sit(other).is_some());
        drop(first);
        let third = waiting.sit(one).unwrap();
        drop((second, third));
        assert!(waiting.clients.lock().unwrap().is_empty(), "who waits for nothing is not kept");
    }
}
