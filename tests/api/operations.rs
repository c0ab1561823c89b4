//! What operators see: figures, and how it is.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, oneshot},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use zahlstelle::{
    http::{Drain, Limits, Server, operators},
    jobs,
};

use crate::{
    client::Portal,
    house::House,
    stage::{ACCOUNT, TENANT},
};

/// The address for operators of a house.
struct Tower {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Tower {
    async fn of(house: &House) -> Self {
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), Limits::for_operators()).await.unwrap();
        let address = server.address().unwrap();
        let router = operators(house.stage.desk.clone(), Some(house.app.clone()));
        let (stop, stopped) = oneshot::channel();
        TaskTracker::new().spawn(async move {
            server.serve(router, &Drain::default(), async { drop(stopped.await) }).await.unwrap();
        });
        Self { address, _stop: stop }
    }

    /// Head and body of an answer.
    async fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Looks again and again until what is seen is as wanted.
    async fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let metrics = self.metrics().await;
            if wanted(&metrics) {
                return metrics;
            }
        }
    }

    async fn metrics(&self) -> String {
        let (head, body) = self.get("/metrics").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
        assert!(body.ends_with("# EOF\n"), "{body}");
        body
    }

    async fn health(&self) -> Value {
        let (head, body) = self.get("/health").await;
        assert!(head.contains("content-type: application/json"), "{head}");
        serde_json::from_str(&body).unwrap()
    }
}

/// The value of the one line that begins with a name and its labels.
fn value(metrics: &str, series: &str) -> i64 {
    let lines: Vec<&str> = metrics.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).collect();
    assert_eq!(lines.len(), 1, "{series}:\n{metrics}");
    lines[0].parse().unwrap()
}

/// The check of this name.
fn check<'h>(health: &'h Value, name: &str) -> &'h Value {
    let checks = health["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name} is not among {checks:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_tell_what_has_happened_and_nothing_else_is_there() {
    let house = House::open(901).await;
    let (tower, portal) = (Tower::of(&house).await, house.portal().await);
    let before = tower.metrics().await;
    assert_eq!(value(&before, "zahlstelle_http_requests_total{operation=\"createPayment\",status=\"2xx\"}"), 0);
    assert_eq!(value(&before, &format!("zahlstelle_log_position{{tenant=\"{TENANT}\"}}")), 1, "the client alone");
    house.paid(&portal, "13.00").await;
    portal.get("/v1/payments/nowhere").await.problem(404, "not_found");

    house.stage.clock.advance(SignedDuration::from_secs(10));
    let after = tower.metrics().await;
    assert_eq!(value(&after, "zahlstelle_http_requests_total{operation=\"createPayment\",status=\"2xx\"}"), 1);
    assert_eq!(value(&after, "zahlstelle_http_requests_total{operation=\"getPayment\",status=\"4xx\"}"), 1);
    let call = |outcome| {
        let labels = format!("account=\"{ACCOUNT}\",operation=\"open_page\",outcome=\"{outcome}\"");
        value(&after, &format!("zahlstelle_provider_calls_total{{{labels}}}"))
    };
    assert_eq!((call("ok"), call("unknown")), (1, 0));
    let kept = format!("zahlstelle_notifications_total{{account=\"{ACCOUNT}\",result=\"kept\"}}");
    assert_eq!((value(&before, &kept), value(&after, &kept)), (0, 1));
    let records = value(&after, &format!("zahlstelle_log_position{{tenant=\"{TENANT}\"}}"));
    assert!(records > 5, "{records}");
    let commits = "zahlstelle_store_commits_total{result=\"committed\"}";
    assert!(value(&after, commits) > value(&before, commits) + 3);
    assert_eq!(value(&after, "zahlstelle_store_readable"), 1);
    assert_eq!(value(&after, "zahlstelle_clock_timestamp_seconds"), house.stage.desk.now().as_second());
    assert!(value(&after, "process_open_fds") > 3);

    for path in ["/", "/metrics/", "/v1/payments", "/health/ready", "/pay/x"] {
        assert!(tower.get(path).await.0.starts_with("HTTP/1.1 404"), "{path}");
    }
    let public = Portal::new(house.address, None);
    for path in ["/metrics", "/health"] {
        public.get(path).await.problem(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_open_intent_has_an_age_that_outlives_the_process() {
    let house = House::open(902).await;
    let (tower, portal) = (Tower::of(&house).await, house.portal().await);
    let id = house.create(&portal, "13.00").await;
    assert_eq!(value(&tower.metrics().await, "zahlstelle_open_intents"), 0);
    // The intent and that it was sent are written; what the provider said is held.
    house.gate.hold_after(2);
    let (path, key) = (format!("/v1/payments/{id}/attempts"), house.stage.fresh_key());
    let starting = TaskTracker::new().spawn({
        let portal = portal.clone();
        async move { portal.post(&path, &key, &json!({"method": "card"})).await }
    });
    house.gate.until_held().await;
    assert_eq!(house.stage.transactions().len(), 1, "the provider was not asked");

    house.stage.clock.advance(SignedDuration::from_secs(90));
    let held = tower.metrics().await;
    assert_eq!(value(&held, "zahlstelle_open_intents"), 1);
    assert_eq!(value(&held, "zahlstelle_oldest_open_intent_seconds"), 90);
    assert_eq!(value(&held, "zahlstelle_http_requests_in_flight{operation=\"startAttempt\"}"), 1);
    house.stage.clock.advance(SignedDuration::from_mins(15));
    let health = tower.health().await;
    assert_eq!(check(&health, "intents")["code"], "intent_open_too_long");

    house.gate.release();
    assert_eq!(starting.await.unwrap().status, 201);
    house.stage.clock.advance(SignedDuration::from_secs(10));
    let settled = tower.metrics().await;
    assert_eq!(value(&settled, "zahlstelle_open_intents"), 0);
    assert_eq!(value(&settled, "zahlstelle_oldest_open_intent_seconds"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_down_makes_us_degraded_and_not_unready() {
    let house = House::open(903).await;
    let (tower, portal) = (Tower::of(&house).await, house.portal().await);
    let public = Portal::new(house.address, None);
    let provider = format!("provider:{ACCOUNT}");
    assert_eq!(public.get("/health/ready").await.expect(200), json!({"status": "ready"}));
    assert_eq!(check(&tower.health().await, &provider)["status"], "ready");
    let begun = house.stage.desk.now();
    house.stage.arm("refuse_connection", "open_page", 3);
    for _ in 0..3 {
        let id = house.create(&portal, "13.00").await;
        let path = format!("/v1/payments/{id}/attempts");
        portal
            .post(&path, &house.stage.fresh_key(), &json!({"method": "card"}))
            .await
            .problem(503, "provider_unavailable");
    }
    assert_eq!(house.stage.fired("refuse_connection", "open_page"), 3);

    assert_eq!(public.get("/health/ready").await.expect(200), json!({"status": "degraded"}));
    let health = tower.health().await;
    assert_eq!(health["status"], "degraded");
    let expected = json!({
        "name": provider, "status": "degraded", "since": begun.to_string(), "code": "provider_down",
    });
    assert_eq!(check(&health, &provider), &expected);
    assert_eq!(check(&health, "storage")["status"], "ready");
    let up = format!("zahlstelle_provider_up{{account=\"{ACCOUNT}\"}}");
    assert_eq!(value(&tower.metrics().await, &up), 0);

    house.paid(&portal, "13.00").await;
    assert_eq!(public.get("/health/ready").await.expect(200), json!({"status": "ready"}));
    assert_eq!(value(&tower.metrics().await, &up), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_storage_the_service_is_not_ready_and_says_so() {
    let house = House::open(904).await;
    let tower = Tower::of(&house).await;
    assert_eq!(value(&tower.metrics().await, "zahlstelle_store_readable"), 1);
    house.gate.fail_reads(true);
    house.stage.clock.advance(SignedDuration::from_secs(10));
    let public = Portal::new(house.address, None);
    assert_eq!(public.get("/health/ready").await.expect(503), json!({"status": "not_ready"}));
    let (head, body) = tower.get("/health").await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(check(&health, "storage")["code"], "storage_unavailable");
    // Figures of the process are there all the same.
    let blind = tower.metrics().await;
    assert_eq!(value(&blind, "zahlstelle_store_readable"), 0);
    assert!(value(&blind, "process_resident_memory_bytes") > 0);

    house.gate.fail_reads(false);
    assert_eq!(public.get("/health/ready").await.expect(200), json!({"status": "ready"}));
    assert_eq!(value(&tower.metrics().await, "zahlstelle_store_readable"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_only_looks_cannot_pile_up_work() {
    let house = House::open(905).await;
    let tower = Tower::of(&house).await;
    tower.metrics().await;
    house.gate.hold_looks();
    house.stage.clock.advance(SignedDuration::from_secs(10));
    let mut impatient = TcpStream::connect(tower.address).await.unwrap();
    impatient.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    house.gate.until_held().await;
    drop(impatient);
    // A second look does not begin while the first is held, and is answered with what was known before.
    assert_eq!(value(&tower.metrics().await, "zahlstelle_store_readable"), 1);
    assert_eq!(house.gate.looks_held(), 1);
    house.stage.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(value(&tower.metrics().await, "zahlstelle_store_readable"), 0, "what was known is too old by now");
    assert_eq!(house.gate.looks_held(), 1);
    house.gate.release();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h3_work_that_was_done_or_failed_is_seen_and_so_is_silence() {
    let house = House::open(906).await;
    let (tower, portal) = (Tower::of(&house).await, house.portal().await);
    let stop = CancellationToken::new();
    let (desk, wake) = (Arc::clone(&house.stage.desk), Arc::new(Notify::new()));
    let jobs = TaskTracker::new().spawn(jobs::run(desk, Arc::clone(&wake), Duration::from_millis(5), stop.clone()));
    let runs = |result| format!("zahlstelle_job_runs_total{{kind=\"payment\",result=\"{result}\"}}");
    let looked = "zahlstelle_jobs_looked_timestamp_seconds{what=\"jobs\"}";
    let now = || house.stage.desk.now().as_second();

    let id = house.create(&portal, "13.00").await;
    assert_eq!(value(&tower.metrics().await, &runs("done")), 0);
    house.stage.clock.advance(SignedDuration::from_hours(48));
    let done = tower.until(|metrics| value(metrics, &runs("done")) > 0).await;
    assert_eq!(portal.get(&format!("/v1/payments/{id}")).await.expect(200)["state"], "expired");
    assert_eq!(value(&done, "zahlstelle_job_succeeded_timestamp_seconds{kind=\"payment\"}"), now());
    assert_eq!((value(&done, &runs("failed")), value(&done, looked)), (0, now()));

    house.create(&portal, "13.00").await;
    house.gate.fail_after(0);
    house.stage.clock.advance(SignedDuration::from_hours(48));
    tower.until(|metrics| value(metrics, &runs("failed")) > 0).await;
    assert!(house.gate.is_idle(), "the fault did not fire");

    // Silence: the clock goes on and nobody can look for work.
    house.gate.fail_reads(true);
    tower.until(|_| house.gate.reads_failed() > 0).await;
    let last = value(&tower.metrics().await, looked);
    house.stage.clock.advance(SignedDuration::from_mins(10));
    let before = house.gate.reads_failed();
    wake.notify_one();
    tower.until(|_| house.gate.reads_failed() > before + 1).await;
    assert_eq!(value(&tower.metrics().await, looked), last);
    assert!(now() - last >= 600);
    stop.cancel();
    jobs.await.unwrap();
}

/// What is logged on this thread, on which everything of a test runs.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_trace_is_followed_only_for_who_has_signed_in() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::INFO).with_writer(move || writer.clone());
    let _written = tracing::subscriber::set_default(subscriber.finish());
    let house = House::open(907).await;
    let portal = house.portal().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let header = format!("00-{trace}-00f067aa0ba902b7-01");
    let bearer = portal.bearer().unwrap();
    let send = |path, key: Option<&str>| {
        let mut headers = vec![("traceparent", header.as_str())];
        headers.extend(key.map(|key| ("authorization", key)));
        let (portal, headers): (_, Vec<(String, String)>) =
            (&portal, headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            portal.send(http::Method::GET, path, &headers, "").await
        }
    };
    send("/v1/payments", None).await.problem(401, "unauthenticated");
    send("/v1/payments", Some("Bearer zs_test_wrong")).await.problem(401, "unauthenticated");
    send("/health/ready", Some(&bearer)).await.expect(200);
    let before = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(before.contains("checkReadiness answered 200") && !before.contains(trace), "{before}");

    let id = house.create(&portal, "13.00").await;
    let seen = send("/v1/payments", Some(&bearer)).await;
    assert_eq!(seen.expect(200)["data"][0]["id"], id);
    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let line = written.lines().find(|line| line.contains("listPayments answered 200")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["span"]["trace_id"], trace, "{line}");
    assert_eq!(line["span"]["request_id"].as_str(), seen.header("request-id"));
}
