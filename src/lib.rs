//! Zahlstelle: the open payment gateway of a city's citizen services. `ARCHITECTURE.md` is the way in.
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod desk;
pub mod domain;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod ledger;
pub mod metrics;
pub mod outbound;
pub mod store;
pub mod traces;
pub mod webhook;
