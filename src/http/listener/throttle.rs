//! Telling something often enough to be seen, and not so often that it buries everything else.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Lets one through in so long a time.
#[derive(Debug)]
pub(super) struct Throttle {
    every: Duration,
    last: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, last: Mutex::default() }
    }

    /// Whether this one is told.
    pub(super) fn lets_through(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let told = last.is_none_or(|last| now.saturating_duration_since(last) >= self.every);
        if told {
            *last = Some(now);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_in_a_while() {
        let throttle = Throttle::new(Duration::from_mins(1));
        let began = Instant::now();
        let told =
            [0, 1, 59, 60, 61, 119, 120].map(|second| throttle.lets_through(began + Duration::from_secs(second)));
        assert_eq!(told, [true, false, false, true, false, false, true]);
    }
}
