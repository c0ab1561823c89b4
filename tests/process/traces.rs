//! A service whose spans go to a collector: one that decodes them, one that says nothing, and none.

use std::{
    collections::BTreeMap,
    io::Read,
    net::{TcpListener, TcpStream},
    path::Path,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::{
    operators::free_port,
    serve::Serving,
    support::{binary, curl, nonce},
};

/// A trace that a portal has begun, and keeps.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Everything that may be said of a span. What is added here must hold nothing of a person, no token and no key.
const ATTRIBUTES: [&str; 10] =
    ["request_id", "operation", "status", "account", "call", "outcome", "kind", "subject", "endpoint", "delivery"];

/// A service that exports its traces, and a portal of it.
struct House {
    serving: Serving,
    address: String,
    key: String,
    _folder: TempDir,
}

impl House {
    /// `collector` takes the traces; it stands for the provider as well, and knows no call.
    fn open(collector: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let tracing = format!("[tracing]\notlp_endpoint = \"{collector}/v1/traces\"\nservice_name = \"amt\"\n");
        let serving = Serving::start_with(folder.path(), |settings, tenant| {
            let listen = format!("listen = \"127.0.0.1:{port}\"\ndrain_seconds = 2");
            let settings = settings
                .replace("listen = \"127.0.0.1:0\"", &listen)
                .replace("http://127.0.0.1:8080", &format!("http://127.0.0.1:{port}"));
            (format!("{settings}{tracing}"), tenant.replace("https://checkout-test.adyen.com", collector))
        });
        let key = key(folder.path());
        Self { serving, address: format!("http://127.0.0.1:{port}"), key, _folder: folder }
    }

    /// Creates a payment within a trace of the portal's.
    fn create(&self, reference: &str) -> Value {
        let body = json!({
            "service": "buergerportal",
            "reference": reference,
            "lines": [{"fee": "fuehrungszeugnis", "quantity": 1}],
            "return_url": "http://127.0.0.1:8090/zurueck?name=Erika",
        });
        let answer = curl(&[
            "-H",
            &format!("Authorization: Bearer {}", self.key),
            "-H",
            &format!("Idempotency-Key: {reference}"),
            "-H",
            "Content-Type: application/json",
            "-H",
            &traceparent(TRACE),
            "-d",
            &body.to_string(),
            &format!("{}/v1/payments", self.address),
        ]);
        let payment: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(payment["state"], "open", "{payment}");
        payment
    }
}

fn key(folder: &Path) -> String {
    let mut create = binary();
    create.args(["key", "create", "--config"]).arg(folder.join("zahlstelle.toml"));
    create.args(["--tenant", "dortmund-demo", "--client", "portal", "--scope", "payments:write"]);
    let output = create.output().unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    shown["key"].as_str().unwrap().to_owned()
}

fn traceparent(trace: &str) -> String {
    format!("traceparent: 00-{trace}-{PARENT}-01")
}

/// The spans that a collector got, and all its bytes as text.
async fn received(collector: &MockServer) -> (Vec<Span>, String) {
    let mut spans = Vec::new();
    let mut bytes = String::new();
    for request in collector.received_requests().await.unwrap() {
        // The collector is also the provider, to whom nothing of a trace goes.
        let headers = format!("{:?}", request.headers);
        assert!(!headers.contains("traceparent") && !headers.contains(TRACE), "{headers}");
        if request.url.path() != "/v1/traces" {
            continue;
        }
        bytes.push_str(&String::from_utf8_lossy(&request.body));
        let taken = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
        for of_resource in taken.resource_spans {
            let resource: Vec<String> =
                of_resource.resource.unwrap().attributes.into_iter().map(|attribute| attribute.key).collect();
            assert_eq!(resource, ["service.name"]);
            spans.extend(of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans));
        }
    }
    (spans, bytes)
}

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let shown = |value: &Option<opentelemetry_proto::tonic::common::v1::AnyValue>| format!("{value:?}");
    span.attributes.iter().map(|attribute| (attribute.key.as_str(), shown(&attribute.value))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_a_payment_reach_the_collector_without_anything_personal() {
    let collector = MockServer::start().await;
    let thanks = ResponseTemplate::new(200);
    Mock::given(matchers::path("/v1/traces")).respond_with(thanks).mount(&collector).await;
    let house = House::open(&collector.uri());
    let payment = house.create("Erika-Mustermann-1");
    let checkout = payment["checkout_url"].as_str().unwrap().to_owned();
    let token = checkout.rsplit_once('/').unwrap().1.to_owned();
    let other = "0af7651916cd43dd8448eb211c80319c";
    curl(&["-H", &traceparent(other), &format!("{checkout}?name=Erika")]);
    curl(&["-o", "/dev/null", "-d", "method=card", "-d", &format!("nonce={}", nonce(&checkout)), &checkout]);
    let key = house.key.clone();
    let port = house.address.rsplit_once(':').unwrap().1.to_owned();
    // What waits is sent before the process ends.
    house.serving.ended_well();

    let (spans, bytes) = received(&collector).await;
    let named =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    let create = named("createPayment");
    assert_eq!((hex::encode(&create.trace_id), hex::encode(&create.parent_span_id)), (TRACE.into(), PARENT.into()));
    assert_eq!(create.kind, SpanKind::Server as i32);
    let told = attributes(create);
    assert!(told["status"].contains("201") && told["request_id"].len() > 36, "{told:?}");
    let inside = |span: &&Span| span.name == "commit" && span.parent_span_id == create.span_id;
    assert!(spans.iter().any(|span| inside(&span)), "{spans:#?}");
    let call = named("open_page");
    assert!(attributes(call)["account"].contains("adyen-test") && call.kind == SpanKind::Client as i32, "{call:?}");
    assert!(spans.iter().any(|span| span.span_id == call.parent_span_id && span.kind == SpanKind::Server as i32));
    // Whoever has not signed in belongs to no trace of anybody's.
    assert!(spans.iter().any(|span| span.name.contains("heckout")), "the page was asked for: {spans:#?}");
    assert!(spans.iter().all(|span| hex::encode(&span.trace_id) != other));

    for span in &spans {
        assert!(attributes(span).keys().all(|key| ATTRIBUTES.contains(key)), "{span:#?}");
        assert!(span.events.is_empty() && span.links.is_empty() && span.trace_state.is_empty(), "{span:#?}");
    }
    for secret in [token.as_str(), key.as_str(), "Erika", "Mustermann", "127.0.0.1", port.as_str(), "/pay/", "5EED"] {
        assert!(!bytes.contains(secret), "{secret} was exported: {spans:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_says_nothing_costs_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut house = House::open(&format!("http://{}", listener.local_addr().unwrap()));
    house.create("antrag-1");
    let held = hold(&listener);
    // Spans are on their way and stay there, and work goes on.
    house.create("antrag-2");
    house.serving.until("traces cannot be exported and are lost");
    house.create("antrag-3");
    house.serving.ended_well();
    drop(held);
}

#[test]
fn a_collector_that_is_not_there_is_told_of_and_costs_nothing() {
    let mut house = House::open(&format!("http://127.0.0.1:{}", free_port()));
    house.create("antrag-1");
    house.serving.until("traces cannot be exported and are lost");
    house.create("antrag-2");
    house.serving.ended_well();
}

/// Takes the first call of an exporter, and does not answer.
fn hold(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut first = [0; 18];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"POST /v1/traces HT");
    stream
}
