use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, channel},
};

use opentelemetry::{
    KeyValue,
    trace::{Span as _, Status, Tracer as _},
};
use opentelemetry_sdk::{error::OTelSdkResult, trace::SpanData};
use tracing_subscriber::layer::SubscriberExt as _;

use super::{declaration::declared, *};

/// A collector that answers nothing until it is let go.
#[derive(Debug)]
struct Stalled {
    let_go: Mutex<Receiver<()>>,
    taken: Arc<Mutex<Vec<SpanData>>>,
}

impl SpanExporter for Stalled {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        // Only the end of the sender lets it go, and then for good.
        let _ = self.let_go.lock().unwrap().recv();
        self.taken.lock().unwrap().extend(batch);
        Ok(())
    }
}

#[test]
fn spans_that_find_no_place_are_dropped_and_nobody_waits_for_one() {
    let (hold, let_go) = channel();
    let taken = Arc::default();
    let stalled = Stalled { let_go: Mutex::new(let_go), taken: Arc::clone(&taken) };
    let provider = SdkTracerProvider::builder().with_span_processor(queue(stalled)).build();
    let tracer = provider.tracer(TARGET);
    // It would never come to an end if any of them waited.
    for _ in 0..SPANS_WAITING_MAX * 2 {
        tracer.start("request").end();
    }
    drop(hold);
    provider.shutdown().unwrap();
    let taken = taken.lock().unwrap().len();
    assert!((SPANS_WAITING_MAX..=SPANS_WAITING_MAX + SPANS_PER_CALL_MAX).contains(&taken), "{taken}");
}

/// What is exported of spans that are made while something is done.
fn exported(work: impl FnOnce()) -> Vec<SpanData> {
    let (hold, let_go) = channel();
    drop(hold);
    let taken = Arc::default();
    let collector = Stalled { let_go: Mutex::new(let_go), taken: Arc::clone(&taken) };
    let provider = SdkTracerProvider::builder().with_span_processor(queue(collector)).build();
    let traces = Traces { provider: Some(provider.clone()) };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(traces.layer()), work);
    provider.shutdown().unwrap();
    let taken = std::mem::take(&mut *taken.lock().unwrap());
    taken.into_iter().map(declared).collect()
}

#[test]
fn what_is_not_declared_stays() {
    let spans = exported(|| {
        let span = tracing::info_span!(target: "zahlstelle::http", "request", operation = "getPage", token = "s3cr3t", status = 503);
        let _inside = span.enter();
        tracing::error!(name = "Erika", "words for people");
        drop(tracing::info_span!(target: "hyper", "request", uri = "/pay/s3cr3t"));
        drop(tracing::info_span!(target: "zahlstelle_adyen", "request"));
    });
    assert_eq!(spans.len(), 1, "{spans:?}");
    let span = &spans[0];
    assert_eq!((span.name.as_ref(), &span.status), ("getPage", &Status::error("")));
    let mut attributes = span.attributes.clone();
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(attributes, [KeyValue::new("operation", "getPage"), KeyValue::new("status", 503_i64)]);
    assert!(span.events.is_empty() && span.links.is_empty());
}
