//! The time of the twin, which is the time of whoever runs it.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The clock that service and twin share; `POST /control/clock` moves it.
pub trait TwinClock: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;
    /// Moves the clock forward by so many seconds, for everybody who shares it, and gives the new time.
    fn advance(&self, seconds: i64) -> Result<Timestamp, AdvanceError>;
}

/// Why a clock does not move.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the clock cannot be moved that far")]
pub struct AdvanceError;

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }
}

impl TwinClock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, seconds: i64) -> Result<Timestamp, AdvanceError> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(SignedDuration::from_secs(seconds)).map_err(|_| AdvanceError)?;
        Ok(*now)
    }
}

/// `seconds` after `instant`; at the end of time, the end of time.
pub(crate) fn after(instant: Timestamp, seconds: i64) -> Timestamp {
    instant.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
