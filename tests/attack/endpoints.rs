//! Webhook endpoints that misbehave, or that are no endpoints at all but ways into somebody's network.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::service::{Service, unused_key};

/// What deliveries to this machine need.
const HERE: &str = "[webhooks]\nmaster_keys = [{ file = \"webhook-key\" }]\nnetworks_allowed = [\"127.0.0.0/8\"]\n";
/// What deliveries to the public need.
const PUBLIC: &str = "[webhooks]\nmaster_keys = [{ file = \"webhook-key\" }]\n";
/// How many events every endpoint is to get.
const EVENTS: u64 = 12;
/// How much of an endless answer an endpoint offers.
const ENDLESS_CHUNKS: usize = 1 << 14;

/// A listener that treats every delivery in the same way.
struct Endpoint {
    address: SocketAddr,
    /// How many connections it got.
    called: Arc<AtomicU64>,
    /// How much of its answers was taken, in bytes.
    taken: Arc<AtomicU64>,
}

impl Endpoint {
    /// Begins to listen; `answer` deals with a connection whose request has been read.
    fn begin(answer: impl Fn(&mut TcpStream, &AtomicU64) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (called, taken) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (calls, bytes, answer) = (Arc::clone(&called), Arc::clone(&taken), Arc::new(answer));
        // The thread waits for connections until the test's process ends.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                calls.fetch_add(1, Ordering::AcqRel);
                let (answer, bytes) = (Arc::clone(&answer), Arc::clone(&bytes));
                thread::spawn(move || serve(stream, |stream| answer(stream, &bytes)));
            }
        });
        Self { address, called, taken }
    }

    /// One that gives the same short answer to everything.
    fn saying(answer: &'static str) -> Self {
        Self::begin(move |stream, taken| {
            let _ = stream.write_all(answer.as_bytes());
            taken.fetch_add(1, Ordering::AcqRel);
        })
    }

    fn called(&self) -> u64 {
        self.called.load(Ordering::Acquire)
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}

/// Reads requests of one connection and answers each, as long as the peer goes on.
fn serve(mut stream: TcpStream, answer: impl Fn(&mut TcpStream)) {
    let mut bytes = Vec::new();
    let mut taken = [0; 16 << 10];
    while let Ok(count) = stream.read(&mut taken) {
        if count == 0 {
            return;
        }
        bytes.extend(&taken[..count]);
        if let Some(length) = whole(&bytes) {
            bytes.drain(..length);
            answer(&mut stream);
        }
    }
}

/// The length of a request that has arrived in full.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse::<usize>().ok()?;
    (bytes.len() >= head + length).then_some(head + length)
}

fn make(service: &Service, url: &str) -> Value {
    let made = service.door.post("/v1/webhook-endpoints", &service.key, &unused_key(), &json!({"url": url}));
    assert_eq!(made.status, 201, "{url}: {made:?}");
    made.json()
}

fn deliveries(service: &Service, endpoint: &Value) -> Vec<Value> {
    let path = format!("/v1/webhook-endpoints/{}/deliveries", endpoint["id"].as_str().unwrap());
    service.door.get(&path, &service.key).json()["data"].as_array().unwrap().clone()
}

#[test]
fn g7_endpoints_that_misbehave_hold_up_neither_the_good_one_nor_the_service() {
    let service = Service::with_sections(HERE);
    let before = service.resident_bytes();
    let trap = Endpoint::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let good = Endpoint::saying("HTTP/1.1 204 No Content\r\n\r\n");
    let gone = Endpoint::saying("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n");
    let location = trap.url();
    let redirecting = Endpoint::begin(move |stream, _| {
        let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
    });
    let stalling = Endpoint::begin(|stream, _| drop(stream.read(&mut [0; 1])));
    let endless = Endpoint::begin(|stream, taken| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1 << 30);
        let _ = stream.write_all(head.as_bytes());
        let chunk = vec![b'x'; 1 << 16];
        for _ in 0..ENDLESS_CHUNKS {
            if stream.write_all(&chunk).is_err() {
                return;
            }
            taken.fetch_add(1 << 16, Ordering::AcqRel);
        }
    });
    let noisy = Endpoint::saying("this is no answer at all\r\n\r\n");
    let made: Vec<Value> = [&gone, &redirecting, &stalling, &endless, &noisy, &good]
        .iter()
        .map(|endpoint| make(&service, &endpoint.url()))
        .collect();
    service.attacked(|| {
        (0..EVENTS).for_each(|_| drop(service.checkout()));
        service.until("the good endpoint gets everything", |_| good.taken.load(Ordering::Acquire) >= EVENTS);
        service.until("each of the others was called", |_| {
            [&gone, &redirecting, &stalling, &endless, &noisy].iter().all(|endpoint| endpoint.called() > 0)
        });
    });
    assert_eq!(trap.called(), 0, "a redirect was followed");
    // What the kernel's buffers hold of each answer was offered, too.
    let each = endless.taken.load(Ordering::Acquire) / endless.called();
    assert!(each < 64 << 20, "{each} bytes of an answer were taken");
    service.until("gone is gone", |service| {
        let path = format!("/v1/webhook-endpoints/{}", made[0]["id"].as_str().unwrap());
        service.door.get(&path, &service.key).json()["disabled_reason"] == "gone"
    });
    service.until("each is counted", |service| {
        let tried = |result| service.counted("zahlstelle_webhook_tries_total", result);
        tried("delivered") >= EVENTS && tried("again") >= 3
    });
    let grown = service.resident_bytes().saturating_sub(before);
    assert!(grown < 96 << 20, "{grown} bytes more are held");
}

#[test]
fn g5_addresses_that_are_not_public_are_refused_when_an_endpoint_is_made() {
    let service = Service::with_sections(PUBLIC);
    service.attacked(|| {
        for url in [
            "http://example.org/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://10.0.0.1/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://0.0.0.0/",
            "https://255.255.255.255/",
            "https://user:secret@example.org/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "https://",
            "//example.org/",
        ] {
            let body = json!({"url": url});
            let answer = service.door.post("/v1/webhook-endpoints", &service.key, &unused_key(), &body);
            assert_eq!(answer.status, 422, "{url}: {answer:?}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/url", "{url}: {answer:?}");
        }
    });
}

#[test]
fn g5_a_name_that_leads_to_this_machine_is_refused_when_it_is_called() {
    let service = Service::with_sections(PUBLIC);
    let inner = Endpoint::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let endpoint = make(&service, &format!("https://localhost:{}/hook", inner.address.port()));
    service.attacked(|| {
        service.checkout();
        service.until("it is tried", |service| !deliveries(service, &endpoint).is_empty());
    });
    let tried = &deliveries(&service, &endpoint)[0];
    assert_eq!(tried["error"], "address_refused", "{tried}");
    assert_eq!(inner.called(), 0, "the inner address was reached");
}
