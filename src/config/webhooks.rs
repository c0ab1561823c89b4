//! `[webhooks]`: deliveries to the endpoints of portals.

use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretSlice};

use super::{
    error::Problem,
    reader::{Keys, Section, Value},
    secret::Secrets,
};
use crate::domain::webhook::RetrySchedule;

pub(super) const KEYS: Keys = Keys {
    schema: "webhooks",
    names: &[
        "master_keys",
        "retry_delays_seconds",
        "endpoints_per_tenant_max",
        "in_flight_max",
        "in_flight_per_endpoint_max",
        "networks_allowed",
    ],
};

/// The fewest digits of a master key: 32 bytes, as many as what is derived from it has.
const MASTER_KEY_DIGITS_MIN: usize = 64;
const MASTER_KEYS_MAX: usize = 8;
const DELAY_SECONDS_MAX: u32 = 604_800;
const NETWORKS_MAX: usize = 64;
const ENDPOINTS_DEFAULT: u32 = 50;
const IN_FLIGHT_DEFAULT: u32 = 256;
const IN_FLIGHT_PER_ENDPOINT_DEFAULT: u32 = 8;

/// Deliveries to the endpoints of portals.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// From what the secrets of endpoints are derived, newest first; without any, no endpoint can be made.
    pub master_keys: Vec<SecretSlice<u8>>,
    /// When a failed delivery is tried again.
    pub retry_schedule: RetrySchedule,
    /// How many endpoints a Mandant may have.
    pub endpoints_per_tenant_max: u32,
    /// How many deliveries may be under way at a time.
    pub in_flight_max: u32,
    /// How many of them to one endpoint; never more than half of all, so that none takes every place.
    pub in_flight_per_endpoint_max: u32,
    /// Networks in which endpoints may be although they are not public, also without encryption.
    pub networks_allowed: Vec<IpNet>,
}

impl Webhooks {
    pub(super) fn read(section: &Section<'_>, secrets: &Secrets<'_>) -> Self {
        let in_flight_max = section.integer_or("in_flight_max", 2..=10_000, IN_FLIGHT_DEFAULT);
        let per_endpoint = section.integer_or("in_flight_per_endpoint_max", 1..=1_000, IN_FLIGHT_PER_ENDPOINT_DEFAULT);
        if per_endpoint > in_flight_max / 2 {
            let max = u64::from(in_flight_max / 2);
            section.report("in_flight_per_endpoint_max", Problem::OutOfRange { min: 1, max });
        }
        Self {
            master_keys: section.get("master_keys").map(|value| master_keys(&value, secrets)).unwrap_or_default(),
            retry_schedule: section.get("retry_delays_seconds").and_then(|value| schedule(&value)).unwrap_or_default(),
            endpoints_per_tenant_max: section.integer_or("endpoints_per_tenant_max", 1..=1_000, ENDPOINTS_DEFAULT),
            in_flight_max,
            in_flight_per_endpoint_max: per_endpoint,
            networks_allowed: section
                .get("networks_allowed")
                .map(|value| value.networks(NETWORKS_MAX))
                .unwrap_or_default(),
        }
    }
}

fn master_keys(value: &Value<'_>, secrets: &Secrets<'_>) -> Vec<SecretSlice<u8>> {
    let items = value.items(0..=MASTER_KEYS_MAX);
    let keys = items.iter().filter_map(|item| {
        let key = secrets.read_key(item)?;
        let long = key.expose_secret().len() >= MASTER_KEY_DIGITS_MIN / 2;
        item.checked(if long { Ok(key) } else { Err(Problem::NotHexadecimal { digits_min: MASTER_KEY_DIGITS_MIN }) })
    });
    keys.collect()
}

fn schedule(value: &Value<'_>) -> Option<RetrySchedule> {
    let items = value.items(1..=RetrySchedule::DELAYS_MAX);
    let delays: Vec<Duration> = items
        .iter()
        .filter_map(|item| item.integer(1..=DELAY_SECONDS_MAX))
        .map(|seconds| Duration::from_secs(seconds.into()))
        .collect();
    // Where an entry was wrong that is already told, the rest would only be too short by it.
    if delays.len() == items.len() { value.checked(RetrySchedule::new(delays)) } else { None }
}
