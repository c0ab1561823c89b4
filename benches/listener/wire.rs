//! The same service twice: behind TLS, and in plain.

use std::{net::SocketAddr, sync::Arc};

use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{self as client, SendRequest},
};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Mutex,
};
use tokio_util::task::TaskTracker;

use crate::{
    CLIENTS, REQUESTS, RUNS, load, row,
    service::{self, Service},
    tls::Pair,
};

/// Reading a payment through TLS against plain HTTP.
pub(crate) async fn read(folder: &TempDir) {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    let pair = Pair::new(folder);
    for _ in 0..RUNS {
        for (tls, runs) in [(Some(&pair), &mut ours), (None, &mut plain)] {
            let (connections, key) = open(folder, tls).await;
            let created = connections.ask(Method::POST, "/v1/payments", &key, 0, service::request_bytes(0)).await;
            let created: serde_json::Value = serde_json::from_slice(&created).expect("a payment");
            let path = format!("/v1/payments/{}", created["id"].as_str().expect("an id"));
            let asked = |number| {
                let (connections, path, key) = (Arc::clone(&connections), path.clone(), key.clone());
                async move { drop(connections.ask(Method::GET, &path, &key, number, Vec::new()).await) }
            };
            runs.push(load::run(CLIENTS, REQUESTS, asked).await);
        }
    }
    row("`GET /v1/payments/{id}`, TLS against plain", ours, plain);
}

/// Creating a payment through TLS against plain HTTP.
pub(crate) async fn create(folder: &TempDir) {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    let pair = Pair::new(folder);
    for _ in 0..RUNS {
        for (tls, runs) in [(Some(&pair), &mut ours), (None, &mut plain)] {
            let (connections, key) = open(folder, tls).await;
            let asked = |number| {
                let (connections, key) = (Arc::clone(&connections), key.clone());
                async move {
                    let body = service::request_bytes(number);
                    drop(connections.ask(Method::POST, "/v1/payments", &key, number, body).await);
                }
            };
            runs.push(load::run(CLIENTS, REQUESTS, asked).await);
        }
    }
    row("`POST /v1/payments`, TLS against plain", ours, plain);
}

/// As many connections as there are clients, all of them open before anything is measured.
struct Connections {
    free: Mutex<Vec<SendRequest<Full<Bytes>>>>,
    // The tasks that carry the connections end with them.
    carried: TaskTracker,
}

/// A new service and its clients; and the key they ask with.
async fn open(folder: &TempDir, tls: Option<&Pair>) -> (Arc<Connections>, String) {
    let service = Service::new(folder);
    let (address, key) = service
        .listen_arranged(|server| match tls {
            Some(pair) => server.with_tls(pair.load()),
            None => server,
        })
        .await;
    let connections = Connections { free: Mutex::default(), carried: TaskTracker::new() };
    for _ in 0..CLIENTS {
        match tls {
            Some(pair) => connections.add(pair.connect(address).await).await,
            None => connections.add(plain(address).await).await,
        }
    }
    (Arc::new(connections), key)
}

async fn plain(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a setting");
    stream
}

impl Connections {
    async fn add(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (sender, connection) = client::handshake(TokioIo::new(stream)).await.expect("a handshake");
        self.carried.spawn(connection);
        self.free.lock().await.push(sender);
    }

    async fn ask(&self, method: Method, path: &str, key: &str, number: u64, body: Vec<u8>) -> Bytes {
        let mut connection = self.free.lock().await.pop().expect("a connection for every client");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("key-{number}"))
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        connection.ready().await.expect("the connection stands");
        let response = connection.send_request(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        self.free.lock().await.push(connection);
        body
    }
}
