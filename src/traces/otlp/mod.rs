//! With OpenTelemetry: from the spans of the service through a bounded queue to the collector.
//!
//! Work never waits for it. A span that ends is put into a queue of [`SPANS_WAITING_MAX`] or dropped; a thread of its own
//! takes it from there, with a connection and a runtime of its own, so that a collector that stalls holds up nothing else.

mod declaration;
mod exporter;
mod line;
mod sampler;
#[cfg(test)]
mod tests;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider},
};
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter as OtlpExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanExporter},
};
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use self::{exporter::Exporter, line::Line, sampler::Sampler};
use crate::{config::Tracing, outbound::ClientError};

/// How many spans that have ended may wait for the collector; more are dropped, and at shutdown it is told how many.
const SPANS_WAITING_MAX: usize = 8_192;
/// How many of them travel at once.
const SPANS_PER_CALL_MAX: usize = 512;
/// How long a span waits for company.
const GATHER: Duration = Duration::from_secs(2);
/// How long a call to the collector may take. What it does not take by then is lost: the next spans are waiting.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// How large a call may be: several times what as many spans of ours need.
const CALL_BYTES_MAX: usize = 1 << 20;

/// Spans of the service itself, and none of the libraries', whose fields nobody here has looked at.
const TARGET: &str = "zahlstelle";

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// There is no client for the collector.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The exporter has no runtime.
    #[error("the exporter of traces cannot be started")]
    Runtime(#[from] std::io::Error),
    /// The library refuses what it is given, by the settings or by variables of the environment.
    #[error("traces cannot be exported")]
    Library(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// The exporter of traces; nothing where the settings name no collector.
#[derive(Debug, Default)]
pub struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// Starts exporting, if the settings want it. A collector that does not answer is no reason not to start.
    pub fn start(settings: &Tracing) -> Result<Self, TracesError> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(Self::default()) };
        let otlp = OtlpExporter::builder()
            .with_http()
            .with_http_client(Line::new(CALL_TIMEOUT)?)
            .with_endpoint(endpoint.as_str())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(CALL_TIMEOUT)
            .with_max_request_body_size(CALL_BYTES_MAX)
            // A second try would hold up the spans behind it, in a queue that is full already.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        // Built from nothing: the library would add what it finds on the machine and in the environment.
        let resource = Resource::builder_empty().with_service_name(settings.service_name.clone()).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::new(settings.sample_one_in))
            .with_resource(resource)
            .with_span_processor(queue(Exporter::new(otlp)))
            .build();
        Ok(Self { provider: Some(provider) })
    }

    /// Takes the spans of the service. Lines of the log stay in the log: their words are for people, and may name causes.
    pub fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.provider.as_ref()?.tracer(TARGET);
        let layer = tracing_opentelemetry::layer()
            // A request is given its parent after it has been entered, when its sender is known.
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_tracer(tracer);
        Some(layer.with_filter(filter_fn(is_exported)))
    }

    /// Sends what waits, for at most so long.
    pub async fn finish(self, patience: Duration) {
        let Some(provider) = self.provider else { return };
        let finished = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(patience)).await;
        if !matches!(finished, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be exported in time");
        }
    }
}

/// Where spans wait. Every limit is set here: those of the library can be moved by variables of the environment.
fn queue(exporter: impl SpanExporter + 'static) -> BatchSpanProcessor {
    let limits = BatchConfigBuilder::default()
        .with_max_queue_size(SPANS_WAITING_MAX)
        .with_max_export_batch_size(SPANS_PER_CALL_MAX)
        .with_scheduled_delay(GATHER)
        .build();
    BatchSpanProcessor::builder(exporter).with_batch_config(limits).build()
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    let inside = metadata.target().strip_prefix(TARGET);
    metadata.is_span() && inside.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Makes a span part of a trace that began elsewhere. Nothing happens where spans are not exported.
pub fn adopt(span: &Span, trace: &str, parent: &str, is_kept: bool) {
    let (Ok(trace), Ok(parent)) = (TraceId::from_hex(trace), SpanId::from_hex(parent)) else { return };
    let flags = if is_kept { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let context = SpanContext::new(trace, parent, flags, true, TraceState::default());
    // It fails where there is no exporter, and that is all.
    drop(span.set_parent(Context::new().with_remote_span_context(context)));
}

/// Says that something has changed, and not that it is still so.
#[derive(Debug, Default)]
struct Switch(AtomicBool);

impl Switch {
    /// Whether this is news.
    fn turn(&self, on: bool) -> bool {
        self.0.swap(on, Ordering::Relaxed) != on
    }
}
