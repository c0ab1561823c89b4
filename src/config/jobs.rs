//! `[jobs]`: work in the background.

use std::time::Duration;

use super::{
    error::Problem,
    reader::{Keys, Section, Value},
};

pub(super) const KEYS: Keys = Keys { schema: "jobs", names: &["tick_milliseconds", "resolver_delays_seconds"] };

const TICK_MILLISECONDS_DEFAULT: u32 = 500;
const DELAYS_MAX: usize = 50;
const DELAY_SECONDS_MAX: u32 = 604_800;

/// Seconds, minutes, hours, and at last longer than a day, which is the usual cycle of a provider's batches.
const DELAYS_SECONDS_DEFAULT: [u32; 8] = [5, 30, 120, 600, 3_600, 14_400, 43_200, 93_600];

/// Work in the background.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Jobs {
    /// How often due work is looked for.
    pub tick: Duration,
    /// How long the resolver of unknown outcomes waits before it asks for the first time, the second time and so on; the
    /// last delay is repeated. Never empty, never getting shorter.
    pub resolver_delays: Vec<Duration>,
}

impl Jobs {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let tick = section.integer_or("tick_milliseconds", 10..=60_000, TICK_MILLISECONDS_DEFAULT);
        let delays = section.get("resolver_delays_seconds").map(|value| delays(&value));
        let delays = delays.unwrap_or_else(|| DELAYS_SECONDS_DEFAULT.to_vec());
        Self {
            tick: Duration::from_millis(tick.into()),
            resolver_delays: delays.into_iter().map(|seconds| Duration::from_secs(seconds.into())).collect(),
        }
    }
}

fn delays(value: &Value<'_>) -> Vec<u32> {
    let mut delays = Vec::new();
    for item in value.items(1..=DELAYS_MAX) {
        let Some(delay) = item.integer(1..=DELAY_SECONDS_MAX) else { continue };
        if delays.last().is_some_and(|last| *last > delay) {
            item.report(Problem::NotAscending);
        }
        delays.push(delay);
    }
    delays
}
