//! What idle connections cost in memory: a service in a process of its own, first without TLS and then with it.
//!
//! `cargo bench --bench idle` prints a Markdown table. Each connection is one of a source with fifty, and says nothing
//! after its handshake; all are held at once, which takes less than the time that a head may take.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on has failed"
)]

#[path = "../../tests/attack/certificate.rs"]
mod certificate;
#[path = "../../tests/attack/good.rs"]
mod good;
#[expect(dead_code, reason = "it is shared, and this program uses a part of it")]
#[path = "../../tests/attack/service.rs"]
mod service;
#[expect(dead_code, reason = "it is shared, and this program uses a part of it")]
#[path = "../../tests/attack/wire.rs"]
mod wire;

use std::{net::Ipv4Addr, sync::Arc};

use rustls::{ClientConnection, StreamOwned};

use certificate::Certificate;
use service::Service;
use wire::connect_from;

/// How many connections are held.
const CONNECTIONS: u64 = 10_000;
/// How many of them one source has.
const A_SOURCE: u64 = 50;
/// How many are opened before the service is asked whether it has them.
const STEP: usize = 500;
/// How often each is measured; the one in the middle counts.
const RUNS: usize = 3;

fn main() {
    if cfg!(debug_assertions) {
        println!("Only a release build says anything: cargo bench --bench idle");
        return;
    }
    println!("| idle connections | resident before MiB | with them MiB | bytes each |");
    println!("|---|---|---|---|");
    for encrypted in [false, true] {
        let mut runs: Vec<(u64, u64)> = (0..RUNS).map(|_| measure(encrypted)).collect();
        runs.sort_unstable_by_key(|(before, after)| after.saturating_sub(*before));
        let (before, after) = runs[RUNS / 2];
        let each = after.saturating_sub(before) / CONNECTIONS;
        let how = if encrypted { "TLS 1.3, handshake done" } else { "plain" };
        println!("| {CONNECTIONS} {how} | {} | {} | {each} |", before >> 20, after >> 20);
    }
}

/// The resident memory of a new service in bytes, without and with the connections.
fn measure(encrypted: bool) -> (u64, u64) {
    let room = format!("connections_max = {}", CONNECTIONS + 500);
    let certificate = Certificate::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let service = if encrypted { Service::with_tls(&certificate, &room) } else { Service::with(&room) };
    // What the first connections make once and for all is no cost of those that follow.
    drop(open(&service, 0, A_SOURCE));
    let before = service.resident_bytes();
    let mut held = Vec::new();
    for opened in (0..CONNECTIONS).step_by(STEP) {
        held.extend(open(&service, A_SOURCE + opened, STEP.try_into().unwrap()));
        // The kernel says that a connection stands before the service has taken it, and forgets those it has no room for.
        let so_far = held.len().try_into().unwrap();
        service.until("all are held", |service| service.counted("zahlstelle_connections_open", "") >= so_far);
    }
    let after = service.resident_bytes();
    drop(held);
    (before, after)
}

/// So many connections, numbered from one on.
fn open(service: &Service, from: u64, count: u64) -> Vec<Box<dyn std::any::Any + Send>> {
    (from..from + count)
        .map(|number| -> Box<dyn std::any::Any + Send> {
            let mut stream = connect_from(source(number / A_SOURCE), service.address).unwrap();
            let Some(config) = &service.door.tls else { return Box::new(stream) };
            let mut tls = ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap();
            while tls.is_handshaking() {
                tls.complete_io(&mut stream).unwrap();
            }
            Box::new(StreamOwned::new(tls, stream))
        })
        .collect()
}

/// A source of its own among the addresses of this machine.
fn source(number: u64) -> Ipv4Addr {
    let [high, low] = u16::try_from(number + 1).unwrap().to_be_bytes();
    Ipv4Addr::new(127, 8, high, low)
}
