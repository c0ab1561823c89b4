//! Logs: structured lines on the error output, without secrets and without personal data.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

/// Starts logging as the settings say. Called once; a second call changes nothing.
pub(super) fn start(log: Log) {
    let filter = EnvFilter::new(format!("warn,zahlstelle={level}", level = log.level.as_str()));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
        LogFormat::Text => registry.with(fmt::layer().with_ansi(false).with_writer(std::io::stderr)).try_init(),
    };
    // Only tests call it twice in one process.
    drop(started);
}
