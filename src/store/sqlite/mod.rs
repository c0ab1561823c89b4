//! SQLite, embedded: one writer with group commit, readers beside it.
//!
//! [`core`] is synchronous and complete; [`engine`] puts it on threads behind the port, [`direct`] calls it in place
//! for the simulator, which cannot replay threads.

pub mod core;
pub mod direct;
pub mod engine;
mod schema;
