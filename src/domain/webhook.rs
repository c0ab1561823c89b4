//! When a delivery to a webhook endpoint is tried again.

use std::time::Duration;

/// After how long a failed delivery is tried again: one delay for each failed try, and none after the last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RetrySchedule(Vec<Duration>);

/// Why delays make no schedule.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// There are none, or too many.
    #[error("must have from 1 to {} delays", RetrySchedule::DELAYS_MAX)]
    Count,
    /// A later delay is shorter than an earlier one, or there is a delay of nothing.
    #[error("must not have a delay of 0, or one shorter than the delay before it")]
    NotAscending,
    /// A portal that is down over a long weekend would miss it.
    #[error("must add up to at least {} hours", RetrySchedule::SPAN_MIN.as_secs() / 3_600)]
    TooShort,
}

/// The jitter adds at most this part of a delay, so that a schedule never gets shorter by it.
const JITTER_DIVISOR: u32 = 4;

impl RetrySchedule {
    /// The most delays.
    pub const DELAYS_MAX: usize = 50;
    /// For how long a delivery is tried at least.
    pub const SPAN_MIN: Duration = Duration::from_hours(72);
    /// Seconds, minutes, hours, and at last a day: 75 hours in all, and quick where the fault is a restart.
    pub const DEFAULT_SECONDS: [u32; 13] =
        [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200, 43_200, 86_400];

    /// Takes delays that only grow and reach far enough.
    pub fn new(delays: Vec<Duration>) -> Result<Self, ScheduleError> {
        if !(1..=Self::DELAYS_MAX).contains(&delays.len()) {
            return Err(ScheduleError::Count);
        }
        if delays.iter().any(Duration::is_zero) || !delays.is_sorted() {
            return Err(ScheduleError::NotAscending);
        }
        let span = delays.iter().fold(Duration::ZERO, |span, delay| span.saturating_add(*delay));
        if span < Self::SPAN_MIN { Err(ScheduleError::TooShort) } else { Ok(Self(delays)) }
    }

    /// How long to wait after so many failed tries; [`None`] when it was tried often enough.
    ///
    /// `random` spreads what failed at the same moment, so that an endpoint that comes back is not met by all of it.
    pub fn delay(&self, failed_tries: u32, random: u8) -> Option<Duration> {
        let index = usize::try_from(failed_tries).ok()?.checked_sub(1)?;
        self.0.get(index).map(|delay| jittered(*delay, random))
    }
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self(Self::DEFAULT_SECONDS.iter().map(|seconds| Duration::from_secs(u64::from(*seconds))).collect())
    }
}

/// A delay with up to a quarter more.
pub fn jittered(delay: Duration, random: u8) -> Duration {
    let most = delay.checked_div(JITTER_DIVISOR).unwrap_or_default();
    let part = most.saturating_mul(u32::from(random)).checked_div(u32::from(u8::MAX)).unwrap_or_default();
    delay.saturating_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(delays: &[u64]) -> Vec<Duration> {
        delays.iter().copied().map(Duration::from_secs).collect()
    }

    #[test]
    fn the_default_is_a_schedule_of_at_least_three_days() {
        let default = RetrySchedule::default();
        assert_eq!(RetrySchedule::new(default.0.clone()), Ok(default.clone()));
        let tries = u32::try_from(default.0.len()).unwrap();
        let span: Duration = (1..=tries).map(|tries| default.delay(tries, 0).unwrap()).sum();
        assert!(span >= Duration::from_hours(72), "{span:?}");
        assert_eq!(default.delay(tries + 1, 0), None, "then it is enough");
        assert_eq!(default.delay(0, 0), None);
    }

    #[test]
    fn delays_that_shrink_or_end_too_soon_are_no_schedule() {
        for (delays, expected) in [
            (vec![], ScheduleError::Count),
            (vec![7_200; 51], ScheduleError::Count),
            (vec![0, 300_000], ScheduleError::NotAscending),
            (vec![300_000, 5], ScheduleError::NotAscending),
            (vec![5, 259_194], ScheduleError::TooShort),
        ] {
            assert_eq!(RetrySchedule::new(seconds(&delays)), Err(expected), "{delays:?}");
        }
        assert!(RetrySchedule::new(seconds(&[5, 259_195])).is_ok());
        assert!(RetrySchedule::new(vec![Duration::MAX, Duration::MAX]).is_ok());
    }

    #[test]
    fn g7_jitter_spreads_and_never_shortens() {
        let delay = Duration::from_secs(400);
        let spread: std::collections::BTreeSet<Duration> =
            (0..=u8::MAX).map(|random| jittered(delay, random)).collect();
        assert!(spread.len() > 200, "{} different delays", spread.len());
        assert_eq!(spread.first(), Some(&delay));
        assert_eq!(spread.last(), Some(&Duration::from_secs(500)));
        assert_eq!(jittered(Duration::MAX, u8::MAX), Duration::MAX);
    }
}
