//! The vocabulary between the service and its payment providers.
//!
//! A provider crate knows this crate and nothing else of ours: it can reach neither the store nor another provider's
//! secrets, and the compiler says so. Read [`provider`] first, then [`outcome`].
#![deny(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod fact;
pub mod method;
pub mod money;
pub mod notification;
pub mod outcome;
pub mod provider;
pub mod reference;
pub mod settlement;
pub mod transport;
