//! Webhook endpoints and deliveries: what is written and what can be read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An endpoint: what people set, and how far the sender is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookEndpoint {
    /// What people set.
    pub settings: WebhookSettings,
    /// How far the sender is.
    pub progress: WebhookProgress,
    /// The part of the log that is sent once more, if somebody asked for it.
    pub replay: Option<Replay>,
}

/// What people set of an endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookSettings {
    /// Its id; also the id of its stream.
    pub id: Uuid,
    /// How many records its stream has.
    pub version: u64,
    /// Which of the Mandant's places for endpoints it takes.
    pub slot: u32,
    /// Where events are sent.
    pub url: String,
    /// What people call it.
    pub description: Option<String>,
    /// The types of events it gets; [`None`] for all.
    pub events: Option<Vec<String>>,
    /// Why nothing is sent.
    pub disabled: Option<DisabledReason>,
    /// Its secrets, newest first; what they are is derived.
    pub secrets: Vec<SecretGeneration>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why nothing is sent to an endpoint.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// A client said so.
    Client,
    /// It answered that it is gone for good (410).
    Gone,
}

impl DisabledReason {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gone => "gone",
        }
    }

    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Client, Self::Gone].into_iter().find(|reason| reason.as_str() == name)
    }
}

/// One secret of an endpoint. The secret itself is nowhere: it is derived from the named master key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SecretGeneration {
    /// From 1.
    pub generation: u32,
    /// The fingerprint of the master key it is derived from.
    pub master: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it signs; [`None`] for the newest.
    pub valid_until: Option<Timestamp>,
}

/// How far the sender is with an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WebhookProgress {
    /// The last position of the log that was looked at.
    pub position: u64,
    /// How many first tries have failed since something arrived.
    pub failures: u32,
    /// Since when nothing has arrived, while tries fail.
    pub failing_since: Option<Timestamp>,
    /// Before which moment nothing is sent.
    pub resume_at: Option<Timestamp>,
}

/// A part of the log that is sent once more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Replay {
    /// Behind which position it goes on.
    pub after: u64,
    /// The last position.
    pub until: u64,
}

/// One event for one endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// The id of the event, which every try carries.
    pub id: Uuid,
    /// Its position in the log; 0 for a test.
    pub position: u64,
    /// The payment it is about; the endpoint for a test.
    pub stream: Uuid,
    /// Its type.
    pub event_type: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// Why the last try failed, when it did.
    pub error: Option<String>,
    /// When the event happened.
    pub created_at: Timestamp,
    /// When it was last tried.
    pub last_try_at: Option<Timestamp>,
    /// When it is tried next.
    pub next_try_at: Option<Timestamp>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeliveryState {
    /// It is tried again.
    Pending,
    /// It arrived.
    Delivered,
    /// It was tried as often as it may be.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// Which deliveries are wanted, newest first.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryFilter {
    /// In which state.
    pub state: Option<DeliveryState>,
    /// Only deliveries before this one.
    pub before: Option<Uuid>,
    /// How many at most.
    pub limit: u32,
}

/// What waits for another try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backlog {
    /// How many deliveries.
    pub pending: u64,
    /// When the next of them is due.
    pub next_try_at: Option<Timestamp>,
}

/// What becomes true of webhooks.
#[derive(Clone, Debug)]
pub enum WebhookRow {
    /// A new endpoint.
    New(WebhookEndpoint),
    /// What people set of an endpoint that is there.
    Settings(WebhookSettings),
    /// How far the sender is.
    Progress {
        /// The endpoint.
        endpoint: Uuid,
        /// How far.
        progress: WebhookProgress,
    },
    /// Former failures are forgotten: the endpoint has another address, or was enabled again.
    Resumed {
        /// The endpoint.
        endpoint: Uuid,
    },
    /// A replay was asked for, went on, or ended.
    Replay {
        /// The endpoint.
        endpoint: Uuid,
        /// What is left of it.
        replay: Option<Replay>,
    },
    /// The endpoint is no more. Its deliveries are cleared away by and by.
    Gone {
        /// The endpoint.
        endpoint: Uuid,
    },
    /// A delivery, replaced whole.
    Delivery {
        /// The endpoint.
        endpoint: Uuid,
        /// The delivery.
        delivery: Delivery,
    },
    /// Everything that waits for another try is due at once, because the endpoint answers again.
    Hurried {
        /// The endpoint.
        endpoint: Uuid,
        /// When.
        due_at: Timestamp,
    },
    /// The oldest deliveries of which nothing more will be heard are cleared away.
    Cleared {
        /// The endpoint.
        endpoint: Uuid,
        /// Those of events before this moment, unless they are still to be tried; [`None`] for all there are.
        created_before: Option<Timestamp>,
        /// How many at most.
        limit: u32,
    },
}
