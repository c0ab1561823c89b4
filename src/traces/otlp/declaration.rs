//! What of a span leaves this process. Whatever is not declared here stays.

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// The attributes that are exported: fixed words, numbers, names from the settings and ids of ours. None holds a name of a
/// person, a token, a key, an address, a query or a text of somebody else's. The trace of a request is the span's own.
pub(super) const ATTRIBUTES: &[&str] =
    &["request_id", "operation", "status", "account", "call", "outcome", "kind", "subject", "endpoint", "delivery"];

/// From which status on an answer is a failure of ours.
const STATUS_FAILED_MIN: i64 = 500;

/// A span as it is exported, under the name by which operators look for it.
pub(super) fn declared(mut span: SpanData) -> SpanData {
    span.events = SpanEvents::default();
    span.links = SpanLinks::default();
    span.attributes.retain(|attribute| ATTRIBUTES.contains(&attribute.key.as_str()));
    let (kind, named_by) = match span.name.as_ref() {
        "request" => (SpanKind::Server, Some("operation")),
        "provider_call" => (SpanKind::Client, Some("call")),
        "webhook_try" => (SpanKind::Client, None),
        _ => (SpanKind::Internal, None),
    };
    span.span_kind = kind;
    span.status = if has_failed(&span) { Status::error("") } else { Status::Unset };
    if let Some(name) = named_by.and_then(|key| value(&span, key)) {
        span.name = name.into();
    }
    span
}

fn has_failed(span: &SpanData) -> bool {
    let status = value(span, "status").and_then(|status| status.parse::<i64>().ok());
    let outcome = value(span, "outcome");
    status.is_some_and(|status| status >= STATUS_FAILED_MIN)
        || outcome.is_some_and(|outcome| matches!(outcome.as_str(), "rejected" | "not_sent" | "unknown"))
}

fn value(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|attribute| attribute.value.to_string())
}
