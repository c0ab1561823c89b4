//! Calls that leave this service: the one HTTP client, and what it promises to those who use it.

mod client;

pub use self::client::{Client, ClientError, Limits};
