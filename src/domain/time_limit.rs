//! Until when a payment can be paid, and how a citizen gets more time.
//!
//! Whoever reads slowly, or by ear, or with a switch, needs more time than others, and nobody but the citizen knows how
//! much: WCAG 2.2, criterion 2.2.1, asks for a simple action that extends a limit at least ten times.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::payment::Payment;

/// How often the limit of a payment can be extended.
pub const EXTENSIONS_MAX: u32 = 10;
/// The least that an extension adds, in minutes, however short the first limit was.
pub const EXTENSION_MINUTES_MIN: i64 = 20;
/// The most that an extension adds, in hours, so that a payment of a week cannot become one of a quarter.
pub const EXTENSION_HOURS_MAX: i64 = 24;

/// Until when a payment can be paid.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TimeLimit {
    /// The end as it is now; the first one stays in the terms.
    pub expires_at: Timestamp,
    /// How often it was extended.
    pub extensions: u32,
}

impl TimeLimit {
    /// The limit of a payment that was just created.
    pub fn first(expires_at: Timestamp) -> Self {
        Self { expires_at, extensions: 0 }
    }

    /// The limit after one more extension to this moment.
    #[must_use]
    pub fn extended_to(self, expires_at: Timestamp) -> Self {
        Self { expires_at, extensions: self.extensions.saturating_add(1) }
    }

    /// Whether the time to pay is over.
    pub fn is_over(self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

impl Payment {
    /// How much an extension adds: as much as the payment had at first, within bounds.
    pub fn extension(&self) -> SignedDuration {
        let least = SignedDuration::from_mins(EXTENSION_MINUTES_MIN);
        let most = SignedDuration::from_hours(EXTENSION_HOURS_MAX);
        self.terms.expires_at.duration_since(self.created_at).clamp(least, most)
    }

    /// Until when it could be paid after one more extension; nothing once there were as many as there may be.
    pub fn extended_limit(&self) -> Option<Timestamp> {
        let may = self.time_limit.extensions < EXTENSIONS_MAX;
        self.time_limit.expires_at.checked_add(self.extension()).ok().filter(|_| may)
    }
}
