//! Over HTTP: ours behind its listener, the bare limit behind hyper, and clients with one connection each.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::{self as client, SendRequest},
    server::conn::http1 as server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
};
use tokio_util::task::TaskTracker;

use crate::{
    CREATIONS, READS, RUNS,
    bare::{self, Kept},
    load, row,
    service::{self, Service},
};

/// Creating a payment over HTTP, against hyper that keeps the bytes of the request.
pub(crate) async fn create(folder: &TempDir, clients: u64) {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let service = Service::new(folder);
        let (address, key) = service.listen().await;
        ours.push(post_many(address, &key, clients).await);
        let kept = Arc::new(Kept::new(folder));
        bare.push(post_many(serve_bare(Answer::Kept(kept)).await, &key, clients).await);
    }
    row("`POST /v1/payments`", clients, ours, bare);
}

/// Reading a payment over HTTP, against hyper that answers the same bytes from memory.
pub(crate) async fn read(folder: &TempDir, clients: u64) {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let service = Service::new(folder);
        let (address, key) = service.listen().await;
        let first = connections(address, 1).await;
        let created = first.ask(Method::POST, "/v1/payments", &key, 0, service::request_bytes(0)).await;
        let created: serde_json::Value = serde_json::from_slice(&created).expect("a payment");
        let path = format!("/v1/payments/{}", created["id"].as_str().expect("an id"));
        let body = first.ask(Method::GET, &path, &key, 0, Vec::new()).await;
        ours.push(get_many(address, &path, &key, clients).await);
        bare.push(get_many(serve_bare(Answer::Fixed(body)).await, &path, &key, clients).await);
    }
    row("`GET /v1/payments/{id}`", clients, ours, bare);
}

async fn post_many(address: SocketAddr, key: &str, clients: u64) -> load::Measured {
    let connections = connections(address, clients).await;
    load::run(clients, CREATIONS, |number| {
        let (connections, key) = (Arc::clone(&connections), key.to_owned());
        async move {
            connections.ask(Method::POST, "/v1/payments", &key, number, service::request_bytes(number)).await;
        }
    })
    .await
}

async fn get_many(address: SocketAddr, path: &str, key: &str, clients: u64) -> load::Measured {
    let connections = connections(address, clients).await;
    load::run(clients, READS, |number| {
        let (connections, path, key) = (Arc::clone(&connections), path.to_owned(), key.to_owned());
        async move {
            connections.ask(Method::GET, &path, &key, number, Vec::new()).await;
        }
    })
    .await
}

/// As many connections as there are clients; each is used by one request at a time.
struct Connections {
    address: SocketAddr,
    free: Mutex<Vec<SendRequest<Full<Bytes>>>>,
    // The tasks that carry the connections end with them.
    _carried: TaskTracker,
}

async fn connections(address: SocketAddr, clients: u64) -> Arc<Connections> {
    let carried = TaskTracker::new();
    let mut free = Vec::new();
    for _ in 0..clients {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a setting");
        let (sender, connection) = client::handshake(TokioIo::new(stream)).await.expect("a handshake");
        carried.spawn(connection);
        free.push(sender);
    }
    Arc::new(Connections { address, free: Mutex::new(free), _carried: carried })
}

impl Connections {
    async fn ask(&self, method: Method, path: &str, key: &str, number: u64, body: Vec<u8>) -> Bytes {
        let mut connection = self.free.lock().await.pop().expect("a connection for every client");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
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

/// What the bare server does with a request.
#[derive(Clone)]
enum Answer {
    /// Keeps its bytes and sends them back.
    Kept(Arc<Kept>),
    /// Sends these bytes.
    Fixed(Bytes),
}

async fn serve_bare(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let tasks = TaskTracker::new();
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("a setting");
            let answer = answer.clone();
            let service = service_fn(move |request| reply(answer.clone(), request));
            connections.spawn(server::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

async fn reply(answer: Answer, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let (status, body) = match answer {
        Answer::Kept(kept) => {
            bare::keep(kept, NUMBER.fetch_add(1, Ordering::Relaxed), body.to_vec()).await;
            (StatusCode::CREATED, body)
        }
        Answer::Fixed(bytes) => (StatusCode::OK, bytes),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}
