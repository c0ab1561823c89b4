//! `[limits]`: how often clients and sources may ask.

use std::num::NonZeroU32;

use super::reader::{Keys, Section};

pub(super) const KEYS: Keys = Keys {
    schema: "limits",
    names: &[
        "enabled",
        "reads_per_second",
        "reads_burst",
        "writes_per_second",
        "writes_burst",
        "polls_per_second",
        "polls_burst",
        "polls_waiting_max",
        "hooks_per_second",
        "hooks_burst",
        "pages_per_second",
        "pages_burst",
        "open_per_second",
        "open_burst",
        "sign_ins_per_second",
        "sign_ins_burst",
    ],
};

/// The largest number of either kind.
const NUMBER_MAX: u32 = 1_000_000;

/// How often something may happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many a second, on average.
    pub per_second: NonZeroU32,
    /// How many at once.
    pub burst: NonZeroU32,
}

/// How often clients and sources may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Whether the rates hold at all.
    pub enabled: bool,
    /// Reads of a client.
    pub reads: Rate,
    /// Writes of a client.
    pub writes: Rate,
    /// Waits for events of a client.
    pub polls: Rate,
    /// The most waits of a client at a time.
    pub polls_waiting_max: u32,
    /// Deliveries of providers from a source.
    pub hooks: Rate,
    /// Pages for citizens from a source.
    pub pages: Rate,
    /// What anybody may ask, and what does not exist, from a source.
    pub open: Rate,
    /// Sign-ins from a source with a key that was not good a short while ago.
    pub sign_ins: Rate,
}

impl Limits {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let rate = |per_second, a_second, burst, at_once| Rate {
            per_second: number(section, per_second, a_second),
            burst: number(section, burst, at_once),
        };
        Self {
            enabled: section.get("enabled").and_then(|value| value.boolean()).unwrap_or(true),
            reads: rate("reads_per_second", 200, "reads_burst", 1_000),
            writes: rate("writes_per_second", 100, "writes_burst", 500),
            polls: rate("polls_per_second", 10, "polls_burst", 50),
            polls_waiting_max: number(section, "polls_waiting_max", 16).get(),
            hooks: rate("hooks_per_second", 200, "hooks_burst", 2_000),
            pages: rate("pages_per_second", 20, "pages_burst", 200),
            open: rate("open_per_second", 5, "open_burst", 50),
            sign_ins: rate("sign_ins_per_second", 1, "sign_ins_burst", 30),
        }
    }
}

fn number(section: &Section<'_>, name: &'static str, default: u32) -> NonZeroU32 {
    NonZeroU32::new(section.integer_or(name, 1..=NUMBER_MAX, default)).unwrap_or(NonZeroU32::MIN)
}
