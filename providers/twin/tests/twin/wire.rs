//! The twin on a socket: real connections, real deliveries, restarts.

use std::{path::Path, sync::Arc, time::Duration};

use http::Method;
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use zahlstelle_twin::{
    ManualClock, TwinClock, World,
    server::{Listener, Server, ServerError, load},
};

use crate::play::{API_KEY, link_body, settings, start};

/// How long a test waits for something that must come, before it fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// A receiver of notifications that answers with one status after the other, and with 200 from then on.
struct Receiver {
    url: String,
    received: mpsc::Receiver<Value>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    async fn start(statuses: Vec<u16>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/adyen/main", socket.local_addr().unwrap());
        let (sender, received) = mpsc::channel(100);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut statuses = statuses.into_iter();
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                let status = statuses.next().unwrap_or(200);
                let sender = sender.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let sender = sender.clone();
                    async move {
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        sender.send(serde_json::from_slice(&body).unwrap()).await.unwrap();
                        let answer = Full::new(Bytes::from_static(b"[accepted]"));
                        hyper::Response::builder().status(status).body(answer)
                    }
                });
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
            }
        });
        Self { url, received, _tasks: tasks }
    }

    async fn next(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("a notification comes").unwrap()
    }
}

/// Sends a request; `None` when the connection ends without an answer.
async fn send(base: &str, method: Method, path: &str, body: &Value) -> Option<(u16, Value)> {
    let stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let form = body.as_str().map(str::to_owned);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "twin")
        .header("x-api-key", API_KEY)
        .body(Full::new(Bytes::from(form.unwrap_or_else(|| body.to_string()))))
        .unwrap();
    // The sender goes with the answer, which is what closes the connection.
    let answer = async move {
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    };
    let (answer, _) = tokio::join!(tokio::time::timeout(PATIENCE, answer), async {
        tokio::time::timeout(PATIENCE, connection).await.ok()
    });
    answer.expect("an answer or its loss comes")
}

async fn start_server(notification_url: &str, clock: &Arc<ManualClock>, data: Option<&Path>) -> Server {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let settings = settings(&listener.base_url(), notification_url);
    let world = match data {
        Some(data) => load(settings, data, clock.now()).unwrap(),
        None => World::new(settings).unwrap(),
    };
    let clock: Arc<dyn TwinClock> = Arc::<ManualClock>::clone(clock);
    Server::start(listener, world, clock, data.map(Path::to_owned)).unwrap()
}

async fn open(base: &str, reference: &str) -> String {
    let (status, link) = send(base, Method::POST, "/v71/paymentLinks", &link_body(reference, 1300)).await.unwrap();
    assert_eq!(status, 201, "{link}");
    let url = link["url"].as_str().unwrap();
    assert!(url.starts_with(base));
    url.strip_prefix(base).unwrap().to_owned()
}

fn reference(delivery: &Value) -> &str {
    delivery["notificationItems"][0]["NotificationRequestItem"]["merchantReference"].as_str().unwrap()
}

#[tokio::test]
async fn a_payment_on_the_wire_is_told_again_until_it_is_accepted() {
    let mut receiver = Receiver::start(vec![503]).await;
    let clock = Arc::new(ManualClock::new(start()));
    let server = start_server(&receiver.url, &clock, None).await;
    let base = server.base_url();
    let page = open(&base, "r").await;
    let (status, _) = send(&base, Method::POST, &page, &json!("decision=approve")).await.unwrap();
    assert_eq!(status, 303);
    let first = receiver.next().await;
    assert_eq!(reference(&first), "r");
    // The retry is planned once the refusal has arrived; advancing by any pause before that would be too early, so
    // the clock moves until the notification comes again.
    let advance = json!({"advance_seconds": 9});
    let again = tokio::time::timeout(PATIENCE, async {
        loop {
            send(&base, Method::POST, "/control/clock", &advance).await.unwrap();
            if let Ok(again) = receiver.received.try_recv() {
                return again;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(again.await.expect("the notification comes again"), first);
    assert!(clock.now() > start());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_a_broken_connection() {
    let receiver = Receiver::start(Vec::new()).await;
    let clock = Arc::new(ManualClock::new(start()));
    let server = start_server(&receiver.url, &clock, None).await;
    let base = server.base_url();
    let order = json!([{"fault": "lose_answer", "operation": "open_page", "count": 1}]);
    send(&base, Method::POST, "/control/faults", &order).await.unwrap();
    assert_eq!(send(&base, Method::POST, "/v71/paymentLinks", &link_body("r", 100)).await, None);
    let (_, rows) = send(&base, Method::GET, "/control/transactions", &Value::Null).await.unwrap();
    assert_eq!(rows[0]["state"], "pending");
    let (_, counts) = send(&base, Method::GET, "/control/faults", &Value::Null).await.unwrap();
    assert_eq!(counts[0]["count"], 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_world_goes_on_where_it_was_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(start()));
    // Nobody listens at the address of the first run, so the notification is still owed when it ends.
    let server = start_server("http://127.0.0.1:9/hooks", &clock, Some(folder.path())).await;
    let page = open(&server.base_url(), "r").await;
    send(&server.base_url(), Method::POST, &page, &json!("decision=approve")).await.unwrap();
    server.stop().await.unwrap();

    let mut receiver = Receiver::start(Vec::new()).await;
    clock.advance(60).unwrap();
    let server = start_server(&receiver.url, &clock, Some(folder.path())).await;
    assert_eq!(reference(&receiver.next().await), "r");
    let base = server.base_url();
    let (_, rows) = send(&base, Method::GET, "/control/transactions", &Value::Null).await.unwrap();
    assert_eq!(
        (&rows[0]["state"], rows[0]["page_url"].as_str().unwrap().starts_with(&base)),
        (&json!("captured"), true)
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_twin_has_forgotten_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(start()));
    let server = start_server("http://127.0.0.1:9/hooks", &clock, Some(folder.path())).await;
    let base = server.base_url();
    let faults = json!([{"fault": "error_500_stored", "operation": "open_page", "count": 1}, {"fault": "decline", "operation": "pay", "count": 2}]);
    send(&base, Method::POST, "/control/faults", &faults).await.unwrap();
    let page = open(&base, "r").await;
    send(&base, Method::POST, &page, &json!("decision=approve")).await.unwrap();
    send(&base, Method::GET, &page.replace("/adyen/pay/", "/v71/paymentLinks/"), &Value::Null).await.unwrap();
    let (_, rows) = send(&base, Method::GET, "/control/transactions", &Value::Null).await.unwrap();
    let (_, counts) = send(&base, Method::GET, "/control/faults", &Value::Null).await.unwrap();
    assert_eq!((&rows[0]["state"], &rows[0]["calls"]["query"]), (&json!("declined"), &json!(1)));

    // Without `stop` nothing is written but what was written before each answer; a torn line is what a kill leaves.
    drop(server);
    let journal = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let journal = journal.into_iter().find(|path| path.extension().is_some_and(|name| name == "jsonl")).unwrap();
    let mut torn = std::fs::read(&journal).unwrap();
    assert!(!String::from_utf8_lossy(&torn).contains(API_KEY));
    torn.extend_from_slice(b"{\"entry\":\"requ");
    std::fs::write(&journal, torn).unwrap();

    let server = start_server("http://127.0.0.1:9/hooks", &clock, Some(folder.path())).await;
    let again = server.base_url();
    let (_, restored) = send(&again, Method::GET, "/control/transactions", &Value::Null).await.unwrap();
    assert_eq!(rows.to_string().replace(&base, &again), restored.to_string());
    assert_eq!(send(&again, Method::GET, "/control/faults", &Value::Null).await.unwrap().1, counts);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn settlement_writes_a_file_or_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Vec::new()).await;
    let clock = Arc::new(ManualClock::new(start()));
    let server = start_server(&receiver.url, &clock, None).await;
    let base = server.base_url();
    let page = open(&base, "r").await;
    send(&base, Method::POST, &page, &json!("decision=approve")).await.unwrap();
    let obstacle = folder.path().join("file");
    std::fs::write(&obstacle, b"").unwrap();
    let wanted = json!({"day": "2026-11-24", "folder": obstacle});
    let (status, answer) = send(&base, Method::POST, "/control/settle", &wanted).await.unwrap();
    assert_eq!((status, &answer["member"]), (400, &json!("folder")));
    let wanted = json!({"day": "2026-11-24", "folder": folder.path().join("reports")});
    let (_, answer) = send(&base, Method::POST, "/control/settle", &wanted).await.unwrap();
    let report = std::fs::read_to_string(answer["reports"][0]["path"].as_str().unwrap()).unwrap();
    assert!(report.contains(",Settled,"), "what could not be written was not settled: {report}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_named() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let taken = Listener::bind(listener.address()).await.unwrap_err();
    assert!(taken.to_string().contains(&listener.address().to_string()));
    let public = Listener::bind("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
    assert!(matches!(public, ServerError::NotLoopback { .. }));
}
