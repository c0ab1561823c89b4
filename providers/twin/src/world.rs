//! The world: one state machine behind every address of the twin.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    adyen::{self, idempotency::Keys},
    clock::after,
    control,
    exchange::{Request, Response},
    faults::Faults,
    ledger::Ledger,
    outbox::{Outbox, OutgoingDelivery},
    random::SplitMix64,
    settings::{Checked, SettingsError, WorldSettings, is_http},
};

/// The stream of random numbers from which references are drawn.
const STREAM_REFERENCES: u64 = 1;
/// The stream of random numbers that decides about luck, apart from the other so that a fault moves no reference.
const STREAM_LUCK: u64 = 2;
/// The number of the first batch.
const BATCH_FIRST: u64 = 1;
/// The headers of a notification.
const NOTIFICATION_HEADERS: [(&str, &str); 1] = [("content-type", "application/json; charset=utf-8")];

/// The simulated providers. Pure: time comes in with every call, luck from the seed.
#[derive(Clone)]
pub struct World {
    pub(crate) settings: Checked,
    pub(crate) state: State,
}

/// Why a stored world cannot be taken up again.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The stored bytes are not a world.
    #[error("the stored state of the twin is unreadable")]
    Unreadable(#[source] serde_json::Error),
}

/// Everything that outlives a restart.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct State {
    pub(crate) references: SplitMix64,
    pub(crate) faults: Faults,
    pub(crate) ledger: Ledger,
    pub(crate) keys: Keys,
    pub(crate) outbox: Outbox,
    pub(crate) agenda: BTreeSet<Appointment>,
    agenda_next: u64,
    pub(crate) next_batch: u64,
    /// What earlier batches left over, in minor units by currency; never positive.
    pub(crate) carried: BTreeMap<String, i64>,
    /// Requests to create a page that have reached the provider, by merchant reference.
    pub(crate) create_calls: BTreeMap<String, u64>,
}

/// Something that will happen by itself.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Appointment {
    at: Timestamp,
    sequence: u64,
    work: Work,
}

/// What happens by itself. References are those of payments and of their changes.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    ProcessChange { payment: String, change: String },
    CaptureByDelay { payment: String },
    Reverse { payment: String },
}

impl World {
    /// A new world in which nothing has happened yet.
    pub fn new(settings: WorldSettings) -> Result<Self, SettingsError> {
        let (seed, settings) = Checked::check(settings)?;
        let state = State {
            references: SplitMix64::new(seed, STREAM_REFERENCES),
            faults: Faults::new(SplitMix64::new(seed, STREAM_LUCK)),
            ledger: Ledger::default(),
            keys: Keys::default(),
            outbox: Outbox::default(),
            agenda: BTreeSet::new(),
            agenda_next: 0,
            next_batch: BATCH_FIRST,
            carried: BTreeMap::new(),
            create_calls: BTreeMap::new(),
        };
        Ok(Self { settings, state })
    }

    /// Takes up a world again that [`Self::store`] wrote. The seed of the settings is not used: luck goes on.
    pub fn restore(settings: WorldSettings, stored: &[u8], now: Timestamp) -> Result<Self, RestoreError> {
        let (_, settings) = Checked::check(settings)?;
        let state = serde_json::from_slice(stored).map_err(RestoreError::Unreadable)?;
        let mut world = Self { settings, state };
        world.recall(now);
        Ok(world)
    }

    /// Makes everything due again that was on its way to the service when the process ended.
    pub(crate) fn recall(&mut self, now: Timestamp) {
        self.state.outbox.recall(now);
    }

    /// The state as bytes, without addresses and keys, which are settings.
    pub fn store(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.state)
    }

    /// Answers a request to the provider's API, to a hosted page or to the control surface.
    pub fn handle(&mut self, now: Timestamp, request: &Request) -> Response {
        self.catch_up(now);
        let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match segments.as_slice() {
            ["v71", rest @ ..] => adyen::api::answer(self, now, request, rest),
            ["adyen", "pay", page] => adyen::hosted::answer(self, now, request, page),
            ["adyen", "style.css"] => adyen::html::stylesheet(),
            ["control", rest @ ..] => control::answer(self, now, request, rest),
            _ => {
                Response::json(StatusCode::NOT_FOUND, &serde_json::json!({"status": 404, "detail": "no such address"}))
            }
        }
    }

    /// Hands out the notifications that are due, in their order. Each is out until [`Self::delivered`] is told of it.
    pub fn due_notifications(&mut self, now: Timestamp) -> Vec<OutgoingDelivery> {
        self.catch_up(now);
        let url = &self.settings.notification_url;
        let deliver = |(id, body): (u64, String)| OutgoingDelivery {
            id,
            url: url.clone(),
            headers: NOTIFICATION_HEADERS.to_vec(),
            body: body.into_bytes(),
        };
        self.state.outbox.take_due(now).into_iter().map(deliver).collect()
    }

    /// Says how a delivery ended: with a status, or with none when nobody answered. Anything but 2xx comes again.
    pub fn delivered(&mut self, id: u64, status: Option<u16>, now: Timestamp) {
        self.state.outbox.delivered(id, status, now);
    }

    /// When something will happen by itself, be it at the provider or on the way to the service.
    pub fn next_due(&self) -> Option<Timestamp> {
        let agenda = self.state.agenda.first().map(|appointment| appointment.at);
        [agenda, self.state.outbox.next_due()].into_iter().flatten().min()
    }

    /// Sends notifications elsewhere from now on, e.g. because the service listens on another port after a restart.
    pub fn set_notification_url(&mut self, url: &str) -> Result<(), SettingsError> {
        if !is_http(url, &["http"]) {
            return Err(SettingsError::NotificationUrl);
        }
        url.clone_into(&mut self.settings.notification_url);
        Ok(())
    }

    /// Sets which faults happen by chance.
    pub fn set_fault_profile(&mut self, profile: crate::faults::Profile) {
        self.state.faults.set_profile(profile);
    }

    /// Puts `work` on the agenda, `seconds` from now.
    pub(crate) fn schedule(&mut self, now: Timestamp, seconds: i64, work: Work) {
        let sequence = self.state.agenda_next;
        self.state.agenda_next = sequence.saturating_add(1);
        self.state.agenda.insert(Appointment { at: after(now, seconds), sequence, work });
    }

    /// Does what has become due, in order, each at its own time.
    fn catch_up(&mut self, now: Timestamp) {
        while self.state.agenda.first().is_some_and(|appointment| appointment.at <= now) {
            let Some(Appointment { at, work, .. }) = self.state.agenda.pop_first() else { return };
            match work {
                Work::ProcessChange { payment, change } => adyen::processing::process(self, at, &payment, &change),
                Work::CaptureByDelay { payment } => adyen::processing::capture_by_delay(self, at, &payment),
                Work::Reverse { payment } => adyen::processing::reverse(self, at, &payment),
            }
        }
    }
}
