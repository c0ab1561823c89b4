//! How long things take. The clock here is the machine's monotonic one: nothing is ever decided by what it shows.

use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;

/// The upper bounds of what one of our own steps takes, in microseconds.
pub(super) const STEP_BOUNDS_MICROSECONDS: [u32; 12] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];
/// The upper bounds of what a request or a call to somebody else takes, in microseconds.
pub(super) const CALL_BOUNDS_MICROSECONDS: [u32; 13] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000,
    30_000_000,
];
/// The upper bounds of how many commits are written at once.
pub(super) const GROUP_BOUNDS: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

const MICROSECONDS: u32 = 1_000_000;

/// Measures from now on.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has been.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A histogram of seconds.
#[expect(
    clippy::disallowed_types,
    clippy::float_arithmetic,
    reason = "the format has seconds as fractions; no money is near"
)]
pub(super) fn seconds(bounds_microseconds: &[u32]) -> Histogram {
    Histogram::new(bounds_microseconds.iter().map(|bound| f64::from(*bound) / f64::from(MICROSECONDS)))
}

/// A histogram of counts.
#[expect(clippy::disallowed_types, reason = "the library takes bounds as fractions")]
pub(super) fn counts(bounds: &[u32]) -> Histogram {
    Histogram::new(bounds.iter().map(|bound| f64::from(*bound)))
}

pub(super) fn observe(histogram: &Histogram, duration: Duration) {
    histogram.observe(duration.as_secs_f64());
}

#[expect(clippy::disallowed_types, reason = "the library takes values as fractions")]
pub(super) fn observe_count(histogram: &Histogram, count: usize) {
    histogram.observe(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}
