//! A build without OpenTelemetry: the same calls, and nothing behind them.

use std::{convert::Infallible, time::Duration};

use tracing::Span;
use tracing_subscriber::layer::Identity;

use crate::config::Tracing;

/// Why traces cannot be exported; here nothing can fail.
pub type TracesError = Infallible;

/// No exporter of traces.
#[derive(Debug, Default)]
pub struct Traces(());

impl Traces {
    /// Starts nothing: settings that ask for more are refused when they are read.
    pub fn start(_settings: &Tracing) -> Result<Self, TracesError> {
        Ok(Self::default())
    }

    /// Takes no span.
    pub fn layer(&self) -> Identity {
        Identity::default()
    }

    /// Has nothing to send.
    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub async fn finish(self, _patience: Duration) {}
}

/// Does nothing: the log has what it needs already.
pub fn adopt(_span: &Span, _trace: &str, _parent: &str, _is_kept: bool) {}
