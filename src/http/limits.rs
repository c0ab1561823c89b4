//! What bounds a request and the server as a whole: one row for each class of requests, one field for each bound.

use std::{num::NonZeroU32, time::Duration};

use super::Counted;
use crate::config;

/// What kind of request it is; its row in [`Class::row`] says what bounds it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// A portal reads.
    Read,
    /// A portal writes.
    Write,
    /// A portal waits for something to happen.
    LongPoll,
    /// A delivery of a provider.
    Hook,
    /// A page for a citizen.
    Checkout,
    /// Whether the service is well.
    Health,
    /// What anybody may ask, and what does not exist.
    Open,
}

/// Who shares an allowance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum By {
    /// The requests of a client that has signed in.
    Client,
    /// The requests from a source.
    Source,
    /// Nobody: there is no rate.
    Nobody,
}

/// The most bytes of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyBytes {
    /// What the settings say.
    AsSet,
    /// So many.
    Fixed(usize),
}

/// What bounds the requests of a class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) by: By,
    pub(super) body_bytes: BodyBytes,
    /// How long a body may take to arrive, unless the server as a whole is less patient.
    pub(super) body_timeout: Duration,
    /// How long an answer may take beyond the timeout of the settings.
    pub(super) waits: Duration,
    /// Where a request beyond its rate is counted.
    pub(super) over_rate: Counted,
}

/// The most bytes of a delivery from a provider; its batches are larger than what portals send.
const HOOK_BODY: BodyBytes = BodyBytes::Fixed(256 << 10);
/// The most bytes of a form.
const FORM_BODY: BodyBytes = BodyBytes::Fixed(super::checkout::FORM_BYTES_MAX);
/// The longest time that the feed may be asked to wait.
pub(super) const FEED_WAIT_SECONDS_MAX: u32 = 30;
const FEED_WAIT: Duration = Duration::from_secs(30);
/// How long a body may take to arrive where a program sends it.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the few bytes of a form may take, also from a telephone with a bad line.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of the path and query of a request; the longest of ours have a few hundred.
pub(super) const TARGET_BYTES_MAX: usize = 8 << 10;
/// How long a handshake of TLS may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a head may take to arrive, also the first one of a connection and the next one of an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may stay without a request being handled, also one that answers pings.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a peer may take no byte of what is sent to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a peer may take for an answer. The largest has some 100 kB, so this asks for less than 2 kB a second.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a connection waits for room when the server is full, before it is refused.
const ROOM_TIMEOUT: Duration = Duration::from_secs(5);
/// The most requests that are handled at a time, also those whose clients have gone.
const REQUESTS_MAX: usize = 8_192;
/// The most of them from one source where no key is needed: whoever sends bodies slowly, and many of them, must not take
/// the places of all others. Behind one address may be a whole town hall, or a provider with much to tell.
const REQUESTS_PER_SOURCE_MAX: usize = 256;
/// The most clients or sources that a rate tells apart; it bounds the memory of a rate to about a megabyte.
const RATE_KEYS_MAX: usize = 16_384;

/// What bounds a request and the server as a whole, as settings say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most bytes of a request's body.
    pub request_body_bytes_max: usize,
    /// How long a handshake of TLS may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long its body may take to arrive.
    pub body_timeout: Duration,
    /// How long a connection may stay without a request being handled, and then again until it is gone.
    pub idle_timeout: Duration,
    /// How long a peer may take no byte of what is sent to it.
    pub write_timeout: Duration,
    /// How long a peer may take for the whole of an answer.
    pub answer_timeout: Duration,
    /// How long a client waits for an answer; the work goes on behind it.
    pub request_timeout: Duration,
    /// The most connections at a time.
    pub connections_max: usize,
    /// The most connections at a time from one source; named proxies have as many as there are.
    pub connections_per_source_max: usize,
    /// How long a connection waits for room when there are as many as may be.
    pub room_timeout: Duration,
    /// The most requests that are handled at a time, also those whose clients have gone.
    pub requests_max: usize,
    /// The most of them from one source, where no key is needed.
    pub requests_per_source_max: usize,
    /// How often clients and sources may ask; [`None`] is as often as they like.
    pub rates: Option<Rates>,
    /// How long running requests may go on at shutdown.
    pub drain: Duration,
}

/// How often something may happen: `per_second` on average, and `burst` at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many a second.
    pub per_second: NonZeroU32,
    /// How many at once.
    pub burst: NonZeroU32,
}

/// How often clients and sources may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rates {
    /// Reads of a client.
    pub reads: Rate,
    /// Writes of a client.
    pub writes: Rate,
    /// Waits for events of a client.
    pub polls: Rate,
    /// The most waits of a client at a time.
    pub polls_waiting_max: u32,
    /// Deliveries from a source.
    pub hooks: Rate,
    /// Pages for citizens from a source.
    pub pages: Rate,
    /// Anything else that needs no key, from a source.
    pub open: Rate,
    /// Sign-ins from a source with a key that was not good a short while ago.
    pub sign_ins: Rate,
    /// The most clients or sources that each rate tells apart.
    pub keys_max: usize,
}

impl Class {
    /// The table: what bounds each class. The rates themselves are settings, see [`Rates`]. A health check is never
    /// refused, since whoever watches over the service would take it down for that.
    pub(super) const fn row(self) -> Row {
        match self {
            Self::Read => row(By::Client, BodyBytes::Fixed(0), BODY_TIMEOUT, Duration::ZERO, Counted::ReadLimited),
            Self::Write => row(By::Client, BodyBytes::AsSet, BODY_TIMEOUT, Duration::ZERO, Counted::WriteLimited),
            Self::LongPoll => row(By::Client, BodyBytes::Fixed(0), BODY_TIMEOUT, FEED_WAIT, Counted::PollLimited),
            Self::Hook => row(By::Source, HOOK_BODY, BODY_TIMEOUT, Duration::ZERO, Counted::HookLimited),
            Self::Checkout => row(By::Source, FORM_BODY, FORM_TIMEOUT, Duration::ZERO, Counted::CheckoutLimited),
            Self::Health => row(By::Nobody, BodyBytes::Fixed(0), BODY_TIMEOUT, Duration::ZERO, Counted::OpenLimited),
            Self::Open => row(By::Source, BodyBytes::Fixed(0), BODY_TIMEOUT, Duration::ZERO, Counted::OpenLimited),
        }
    }
}

const fn row(by: By, body_bytes: BodyBytes, body_timeout: Duration, waits: Duration, over_rate: Counted) -> Row {
    Row { by, body_bytes, body_timeout, waits, over_rate }
}

impl Limits {
    pub(super) fn body_bytes_max(&self, class: Class) -> usize {
        match class.row().body_bytes {
            BodyBytes::AsSet => self.request_body_bytes_max,
            BodyBytes::Fixed(bytes) => bytes,
        }
    }

    pub(super) fn body_timeout(&self, class: Class) -> Duration {
        self.body_timeout.min(class.row().body_timeout)
    }

    pub(super) fn request_timeout(&self, class: Class) -> Duration {
        self.request_timeout.saturating_add(class.row().waits)
    }
}

impl Default for Limits {
    /// What holds for servers that nobody has set up, such as the demonstration's portal.
    fn default() -> Self {
        Self {
            request_body_bytes_max: 64 << 10,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            head_timeout: HEAD_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            answer_timeout: ANSWER_TIMEOUT,
            request_timeout: Duration::from_secs(30),
            connections_max: 1_024,
            connections_per_source_max: 1_024,
            room_timeout: ROOM_TIMEOUT,
            requests_max: REQUESTS_MAX,
            requests_per_source_max: REQUESTS_PER_SOURCE_MAX,
            rates: None,
            drain: Duration::from_secs(10),
        }
    }
}

impl From<&config::Config> for Limits {
    fn from(config: &config::Config) -> Self {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let server = &config.server;
        Self {
            request_body_bytes_max: size(server.request_body_bytes_max),
            request_timeout: Duration::from_secs(u64::from(server.request_timeout_seconds)),
            connections_max: size(server.connections_max),
            connections_per_source_max: size(server.connections_per_source_max),
            rates: config.limits.enabled.then(|| Rates::from(&config.limits)),
            drain: Duration::from_secs(u64::from(server.drain_seconds)),
            ..Self::default()
        }
    }
}

impl From<&config::Limits> for Rates {
    fn from(limits: &config::Limits) -> Self {
        let rate = |rate: config::Rate| Rate { per_second: rate.per_second, burst: rate.burst };
        Self {
            reads: rate(limits.reads),
            writes: rate(limits.writes),
            polls: rate(limits.polls),
            polls_waiting_max: limits.polls_waiting_max,
            hooks: rate(limits.hooks),
            pages: rate(limits.pages),
            open: rate(limits.open),
            sign_ins: rate(limits.sign_ins),
            keys_max: RATE_KEYS_MAX,
        }
    }
}
