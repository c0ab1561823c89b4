//! The books: accounts, posting rules and the hash chain. Pure: what is booked follows from the events alone.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::wildcard_enum_match_arm)]

pub mod account;
pub mod chain;
pub mod claim;
pub mod entry;
pub mod posting;
