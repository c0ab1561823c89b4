//! Attacks on the real process, over real connections, with a good client beside each that must never fail.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod certificate;
mod endpoints;
mod floods;
mod frames;
mod good;
mod http1;
mod http2;
mod pages;
mod service;
mod slow;
mod tls;
mod wire;
