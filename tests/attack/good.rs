//! A good client: it creates payments and reads them, each time on a new connection, and is never refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use crate::{
    service::{PATIENCE, new_payment},
    wire::Door,
};

/// How many requests it makes for each new payment.
const READS: u64 = 3;
/// How many rounds it makes at most, so that it ends by itself.
const ROUNDS_MAX: u64 = 1_000;

/// A client in a thread of its own.
pub(crate) struct Good {
    served: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Good {
    pub(crate) fn begin(door: Door, key: &str) -> Self {
        let (served, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counter, stopped, key) = (Arc::clone(&served), Arc::clone(&stop), key.to_owned());
        let thread = thread::spawn(move || {
            for round in 0..ROUNDS_MAX {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                serve_once(&door, &key, round);
                counter.fetch_add(1, Ordering::AcqRel);
            }
        });
        Self { served, stop, thread }
    }

    /// How many rounds were served.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::Acquire)
    }

    /// Waits until so many rounds were served in all.
    pub(crate) fn until_served(&self, rounds: u64) {
        let begun = Instant::now();
        while self.served() < rounds.min(ROUNDS_MAX) && !self.thread.is_finished() {
            assert!(begun.elapsed() < PATIENCE, "the good client is not served");
            thread::yield_now();
        }
    }

    /// Ends it. A round that failed fails the test here.
    pub(crate) fn end(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap();
    }
}

/// Creates a payment and reads it.
fn serve_once(door: &Door, key: &str, round: u64) {
    let made = door.post("/v1/payments", key, &format!("good-{round}"), &new_payment());
    assert_eq!(made.status, 201, "the good client was refused: {made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    for _ in 0..READS {
        let read = door.get(&format!("/v1/payments/{id}"), key);
        assert_eq!((read.status, read.json()["id"].as_str().unwrap()), (200, id.as_str()), "{read:?}");
    }
}
