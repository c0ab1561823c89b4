//! The simulated world of payment providers, seen from the other side of the wire.
//!
//! The twin speaks the protocols of real providers (first: Adyen's Checkout API v71 with Pay by Link, and its signed
//! notifications), keeps its own books, and can be told to go wrong in every way that real providers do. Nothing in
//! it moves money.
//!
//! # For developers of a portal
//!
//! `zahlstelle demo` starts a twin beside the service; `zahlstelle twin` starts one alone. Pay by following the
//! checkout to the twin's page, a plain HTML form with the field `decision` (`approve`, `decline`, `cancel`,
//! `abandon`). Then look at, and play with, the world through its control surface (JSON, loopback only, amounts are
//! decimal strings):
//!
//! | request | does |
//! |---|---|
//! | `GET /control/transactions` | what the provider believes: one row for each payment, or for each page that was not paid |
//! | `POST /control/faults` | `[{"fault": "lose_answer", "operation": "refund", "count": 1}]` arms faults, `{"profile": "wild"}` makes them happen by chance |
//! | `GET /control/faults` | how often each fault has happened (`count`) and how often it is still going to (`remaining`) |
//! | `DELETE /control/faults` | disarms all of them; what happened stays counted |
//! | `POST /control/events` | `{"merchant_reference": …, "event": "chargeback"}`: what the world does on its own, see [`control::event`] |
//! | `POST /control/complete` | `{"merchant_reference": …, "decision": "approve"}` decides a pending payment |
//! | `POST /control/settle` | `{"day": "2026-11-24", "folder": …}` closes the batch and writes the settlement report |
//! | `POST /control/clock` | `{"advance_seconds": 3600}` moves the clock that service and twin share |
//!
//! The faults and where each may strike are listed in [`faults`].
//!
//! # For tests and simulators
//!
//! [`World`] is a pure state machine: no clock, no thread, no randomness but a seeded generator. The same seed and the
//! same calls give the same bytes. [`server::Server`] puts it on a loopback socket; a simulator calls
//! [`World::handle`] itself, delivers what [`World::due_notifications`] hands out, reports each with
//! [`World::delivered`], and jumps its clock to [`World::next_due`].
#![deny(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod adyen;
pub mod clock;
pub mod control;
pub mod exchange;
pub mod faults;
mod ledger;
mod outbox;
mod random;
pub mod server;
pub mod settings;
mod world;

pub use crate::{
    clock::{AdvanceError, ManualClock, TwinClock},
    exchange::{Chore, Delivery, Origin, Request, Response},
    outbox::OutgoingDelivery,
    settings::{AdyenAccount, SettingsError, WorldSettings},
    world::{RestoreError, World},
};
