//! `[metrics]`: the address for operators.

use std::net::SocketAddr;

use super::{
    error::Problem,
    reader::{Keys, Section},
};

pub(super) const KEYS: Keys = Keys { schema: "metrics", names: &["listen", "beyond_loopback"] };

/// What stands for no address.
const OFF: &str = "off";

/// The address for operators.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Metrics {
    /// Where metrics and health are served; [`None`] where they are not. Nothing is encrypted there and nobody signs in,
    /// so it leads beyond this machine only where that was asked for.
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let beyond_loopback = section.flag("beyond_loopback");
        let address = |text: &str| {
            if text == OFF {
                return Ok(None);
            }
            let address: SocketAddr = text.parse().map_err(|_| Problem::SocketAddress)?;
            if address.ip().is_loopback() || beyond_loopback { Ok(Some(address)) } else { Err(Problem::BeyondLoopback) }
        };
        Self { listen: section.get("listen").and_then(|value| value.parsed(address)).flatten() }
    }
}
