//! The last stop before the line: spans are declared here, and failures told once.

use std::time::Duration;

use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

use super::{Switch, declaration::declared};

/// Exports what [`declared`] lets through.
#[derive(Debug)]
pub(super) struct Exporter {
    otlp: OtlpExporter,
    /// Whether the last batch was lost.
    failing: Switch,
}

impl Exporter {
    pub(super) fn new(otlp: OtlpExporter) -> Self {
        Self { otlp, failing: Switch::default() }
    }
}

impl SpanExporter for Exporter {
    /// A batch that cannot be sent is lost, which is told here when it begins and when it ends. For the library it has
    /// been sent: it would tell of each batch.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.otlp.export(batch.into_iter().map(declared).collect()).await;
        let failing = result.is_err();
        if self.failing.turn(failing) {
            if let Err(error) = result {
                tracing::warn!(%error, "traces cannot be exported and are lost");
            } else {
                tracing::info!("traces are exported again");
            }
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.otlp.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}
