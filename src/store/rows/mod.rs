//! One file a table: its SQL, how its values are bound and how its rows are read.
//!
//! Parameters are `$1`, `$2`, … in the order of their first use, which SQLite and PostgreSQL read alike.

pub(super) mod account_day;
pub(super) mod claim;
pub(super) mod client;
pub(super) mod inbox;
pub(super) mod job;
pub(super) mod open;
pub(super) mod payment;
pub(super) mod record;
pub(super) mod seal;
pub(super) mod side;
mod value;
pub(super) mod webhook_delivery;
pub(super) mod webhook_endpoint;
