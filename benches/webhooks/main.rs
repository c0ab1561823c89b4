//! How fast events reach a hundred webhook endpoints of which ten are dead: half of those refuse connections, half take
//! them and never answer.
//!
//! Everything runs in one process on one machine, the receivers included. `backlog` has the events happen before anything
//! is sent and measures how fast they are worked off; `steady` has payments made at an even pace and measures how long
//! after its commit each event arrives. `cargo bench --bench webhooks` prints a Markdown table.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

#[expect(dead_code, reason = "the service is shared, and this program uses a part of it")]
#[path = "../durable_create/service.rs"]
mod service;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use zahlstelle::{
    clock::{Clock, SystemClock},
    desk::{Settings, idempotency::Idempotency, webhooks::manage::NewEndpoint},
    http::{Drain, Limits, Server},
    jobs::webhooks::{self, Hooks},
    outbound::hook::{AddressPolicy, HookClient, HookLimits},
};

use service::{Service, TENANT, create};

/// How many endpoints there are.
const ENDPOINTS: u32 = 100;
/// How many of them are dead.
const DEAD: u32 = 10;
/// How many events wait when the backlog is worked off.
const BACKLOG: u64 = 300;
/// How many payments are made at an even pace, and how long after each other.
const STEADY: u64 = 200;
const PACE: Duration = Duration::from_millis(100);

/// What has arrived: how many, and how long each took.
struct Arrived {
    count: watch::Sender<usize>,
    lags: Mutex<Vec<Duration>>,
}

#[derive(Deserialize)]
struct Event {
    created_at: Timestamp,
}

fn main() {
    if cfg!(debug_assertions) {
        println!("Only a release build says anything: cargo bench --bench webhooks");
        return;
    }
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        println!("| what | endpoints (dead) | events | deliveries | deliveries /s | lag p50/p99 ms |");
        println!("|---|---|---|---|---|---|");
        for dead in [0, DEAD] {
            run(&folder, "backlog", dead, BACKLOG, Duration::ZERO).await;
            run(&folder, "steady", dead, STEADY, PACE).await;
        }
    });
}

async fn run(folder: &TempDir, what: &str, dead: u32, events: u64, pace: Duration) {
    let arrange = |mut settings: Settings| {
        settings.webhooks.endpoints_max = ENDPOINTS;
        settings
    };
    let service = Arc::new(Service::arranged(folder, arrange));
    let arrived = Arc::new(Arrived { count: watch::Sender::new(0), lags: Mutex::default() });
    let alive = listen(Arc::clone(&arrived)).await;
    let (silent, refusing) = (never_answering().await, refusing().await);
    for number in 0..ENDPOINTS {
        let address = match number {
            number if number >= dead => alive,
            number if number.is_multiple_of(2) => silent,
            _ => refusing,
        };
        make_endpoint(&service, number, address).await;
    }
    let expected = usize::try_from(u64::from(ENDPOINTS - dead) * events).expect("a count");
    if pace.is_zero() {
        make_payments(&service, events, pace).await;
    }
    let began = Instant::now();
    let stop = CancellationToken::new();
    let sending = start(&service, &stop);
    if !pace.is_zero() {
        make_payments(&service, events, pace).await;
    }
    arrived.count.subscribe().wait_for(|count| *count >= expected).await.expect("all deliveries");
    let seconds = began.elapsed().as_millis().max(1);
    let mut lags = std::mem::take(&mut *arrived.lags.lock().unwrap_or_else(PoisonError::into_inner));
    lags.sort_unstable();
    let at = |percent: usize| lags[(lags.len() - 1) * percent / 100].as_millis();
    let lag = if pace.is_zero() { "-".to_owned() } else { format!("{} / {}", at(50), at(99)) };
    let rate = u128::try_from(expected).expect("a count") * 1_000 / seconds;
    println!("| {what} | {ENDPOINTS} ({dead}) | {events} | {expected} | {rate} | {lag} |");
    stop.cancel();
    drop(sending);
}

fn start(service: &Arc<Service>, stop: &CancellationToken) -> JoinSet<()> {
    let policy = AddressPolicy::new(vec!["127.0.0.0/8".parse().expect("a network")]);
    let client = HookClient::new(policy, HookLimits::default()).expect("a client");
    let hooks = Hooks::new(client, 256, 8);
    let tick = Duration::from_millis(500);
    JoinSet::from_iter([webhooks::run(Arc::clone(&service.desk), hooks, tick, stop.clone())])
}

async fn make_payments(service: &Arc<Service>, count: u64, pace: Duration) {
    for number in 0..count {
        create(Arc::clone(service), number).await;
        tokio::time::sleep(pace).await;
    }
}

async fn make_endpoint(service: &Service, number: u32, address: SocketAddr) {
    let url = format!("http://{address}/{number}").parse().expect("an address");
    let wanted = NewEndpoint { url, description: None, events: None };
    let key = Idempotency::new(service.client, &format!("endpoint-{number}"), "POST", "/", b"");
    service.desk.create_endpoint(TENANT, service.client, &wanted, &key).await.expect("an endpoint");
}

/// Takes deliveries and notes how old each is.
async fn listen(arrived: Arc<Arrived>) -> SocketAddr {
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), Limits::default()).await.expect("a port");
    let address = server.address().expect("an address");
    let router = Router::new().fallback(take).with_state(arrived);
    TaskTracker::new().spawn(async move { server.serve(router, &Drain::default(), std::future::pending()).await });
    address
}

async fn take(State(arrived): State<Arc<Arrived>>, body: Bytes) -> StatusCode {
    let event: Event = serde_json::from_slice(&body).expect("an event");
    let lag = SystemClock.now().duration_since(event.created_at).unsigned_abs();
    arrived.lags.lock().unwrap_or_else(PoisonError::into_inner).push(lag);
    arrived.count.send_modify(|count| *count += 1);
    StatusCode::NO_CONTENT
}

/// Takes connections and keeps them without a word.
async fn never_answering() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    TaskTracker::new().spawn(async move {
        let mut kept = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            kept.push(connection);
        }
    });
    address
}

/// A port at which nobody listens.
async fn refusing() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).await.expect("a port").local_addr().expect("an address")
}
