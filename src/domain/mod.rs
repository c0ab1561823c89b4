//! The pure core: what a payment is, what may happen to it, and what it costs. No clock, no randomness, no I/O.
//!
//! A payment is one stream of [`event::Event`]s. Commands go through [`decide`], which may refuse; what providers say
//! goes through [`record`], which never does. Both only return events; [`payment::Payment::apply`] alone changes state.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::wildcard_enum_match_arm)]

pub mod apply;
pub mod apportion;
pub mod attempt;
pub mod call;
pub mod decide;
pub mod doubt;
pub mod event;
pub mod fee_schedule;
pub mod ids;
pub mod kassenzeichen;
pub mod language;
pub mod line;
pub mod names;
pub mod payment;
pub mod record;
pub mod refund;
pub mod return_url;
pub mod tenant;
pub mod time_limit;
pub mod webhook;
