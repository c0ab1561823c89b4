//! The API over real connections: a listener on a port of this machine, the desk on a database on disk, and the twin.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod client;
mod gate;
mod house;
mod payments;
#[path = "../acceptance/stage.rs"]
mod stage;
