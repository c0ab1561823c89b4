//! The pure core: what a payment is, what may happen to it, and what it costs. No clock, no randomness, no I/O.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::wildcard_enum_match_arm)]

pub mod fee_schedule;
pub mod kassenzeichen;
pub mod language;
pub mod line;
pub mod names;
pub mod return_url;
pub mod tenant;
