//! Calls that leave this service: the HTTP client towards providers, the one towards the endpoints of portals, and what
//! both promise to those who use them.

mod client;
pub mod hook;

pub use self::client::{Client, ClientError, Limits};
