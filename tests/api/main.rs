//! The API over real connections: a listener on a port of this machine, the desk on a database on disk, and the twin.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod bad_input;
mod callers;
mod client;
mod connections;
mod crowds;
mod feed;
mod gate;
mod hooks;
mod house;
mod idempotency;
mod openapi;
mod operations;
mod payments;
mod rates;
mod refunds;
mod slow;
#[expect(dead_code, reason = "the stage is shared, and these tests use a part of it")]
#[path = "../acceptance/stage.rs"]
mod stage;
mod targets;
mod tls;
mod webhooks;
