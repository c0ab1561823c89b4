//! What bounds a request and the server as a whole.

use std::time::Duration;

use crate::config;

/// The most bytes of a delivery from a provider; its batches are larger than what portals send.
pub(super) const HOOK_BODY_BYTES_MAX: usize = 256 << 10;
/// How long a head may take to arrive, also the first one of a connection and the next one of an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may stay without a request being handled, also one that answers pings.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest time that the feed may be asked to wait.
pub(super) const FEED_WAIT_SECONDS_MAX: u32 = 30;

/// What bounds a request and the server as a whole, as settings say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most bytes of a request's body.
    pub request_body_bytes_max: usize,
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long its body may take to arrive.
    pub body_timeout: Duration,
    /// How long a connection may stay without a request being handled, and then again until it is gone.
    pub idle_timeout: Duration,
    /// How long a client waits for an answer; the work goes on behind it.
    pub request_timeout: Duration,
    /// The most connections at a time.
    pub connections_max: usize,
    /// How long running requests may go on at shutdown.
    pub drain: Duration,
}

impl Default for Limits {
    /// What holds for servers that nobody has set up, such as the demonstration's portal.
    fn default() -> Self {
        Self {
            request_body_bytes_max: 64 << 10,
            head_timeout: HEAD_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            request_timeout: Duration::from_secs(30),
            connections_max: 1_024,
            drain: Duration::from_secs(10),
        }
    }
}

impl From<&config::Server> for Limits {
    fn from(server: &config::Server) -> Self {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            request_body_bytes_max: size(server.request_body_bytes_max),
            head_timeout: HEAD_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            request_timeout: Duration::from_secs(u64::from(server.request_timeout_seconds)),
            connections_max: size(server.connections_max),
            drain: Duration::from_secs(u64::from(server.drain_seconds)),
        }
    }
}
