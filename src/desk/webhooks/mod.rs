//! Webhook endpoints: what clients set of them ([`manage`], [`order`]), what is shown ([`show`]), and what the sender
//! needs ([`sender`]).
//!
//! The log is the queue: an endpoint has a position in it, and only what was sent has a row. So an endpoint can be down
//! for as long as it likes, and nothing is kept twice.

pub mod manage;
pub mod order;
pub mod secrets;
pub mod sender;
pub mod show;

use std::time::Duration;

pub use self::secrets::{EndpointKeys, MasterKeys};
pub use crate::{
    domain::webhook::{RetrySchedule, jittered},
    store::webhook::{
        Backlog, Delivery, DeliveryFilter, DeliveryState, DisabledReason, Replay, SecretGeneration, WebhookEndpoint,
        WebhookProgress,
    },
};

/// The type of an event that only says that the way to an endpoint works. It is in no feed.
pub const TEST_EVENT: &str = "webhook.test";
/// The most characters of an endpoint's description.
pub const DESCRIPTION_LENGTH_MAX: usize = 250;
/// How many secrets of an endpoint may sign at a time.
pub const SECRETS_MAX: usize = 3;
/// How long a former secret signs beside its successor where the client does not say.
pub const OVERLAP_SECONDS_DEFAULT: u32 = 86_400;
/// How long it may.
pub const OVERLAP_SECONDS_MAX: u32 = 604_800;
/// How many positions of the log one replay may go over.
pub const REPLAY_POSITIONS_MAX: u64 = 100_000;
/// For how long deliveries that have ended are listed.
pub const DELIVERIES_KEPT: Duration = Duration::from_hours(24 * 30);

/// How webhooks are sent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From what secrets are derived.
    pub master_keys: MasterKeys,
    /// When a failed delivery is tried again.
    pub retry_schedule: RetrySchedule,
    /// How many endpoints a Mandant may have.
    pub endpoints_max: u32,
}

impl Default for Settings {
    /// Without a key no endpoint can be made.
    fn default() -> Self {
        Self { master_keys: MasterKeys::default(), retry_schedule: RetrySchedule::default(), endpoints_max: 50 }
    }
}
