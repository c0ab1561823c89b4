//! Very many connections at once: idle ones, from one source and from many.

use std::net::Ipv4Addr;

use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::{
    certificate::Certificate,
    service::Service,
    wire::{connect_from, read_to_end},
};

/// How many idle connections are held at a time.
const IDLE: usize = 10_000;
/// How many are opened before the service is asked whether it has them.
const STEP: usize = 500;
/// How many of them one source has.
const A_SOURCE: usize = 50;
/// File descriptors that the test and the service need besides.
const SPARE: usize = 500;

#[test]
#[expect(clippy::print_stdout, reason = "a test that cannot check says so, and one that measures says what")]
fn ten_thousand_idle_connections_are_held_and_others_are_served() {
    let allowed = descriptors_max();
    if allowed < IDLE + SPARE {
        println!("SKIPPED: {IDLE} connections need as many file descriptors, and only {allowed} are allowed");
        return;
    }
    let service = Service::with(&format!("connections_max = {}", IDLE + SPARE));
    let before = service.resident_bytes();
    service.attacked(|| {
        let mut idle = Vec::new();
        for opened in (0..IDLE).step_by(STEP) {
            let step = (opened..opened + STEP).map(|number| connect_from(source(number / A_SOURCE), service.address));
            idle.extend(step.map(Result::unwrap));
            // The kernel says that a connection stands before the service has taken it.
            let so_far = idle.len().try_into().unwrap();
            service.until("all are held", |service| service.counted("zahlstelle_connections_open", "") >= so_far);
        }
        let grown = service.resident_bytes().saturating_sub(before);
        println!("{} bytes for each of {IDLE} idle connections", grown / u64::try_from(IDLE).unwrap());
        assert!(grown < 512 << 20, "{grown} bytes more are held");
        drop(idle);
    });
}

#[test]
fn one_source_cannot_take_the_places_of_others() {
    // With TLS nobody is a proxy, whose connections would not be counted.
    let certificate = Certificate::new(&PKCS_ECDSA_P256_SHA256);
    let service = Service::with_tls(&certificate, "connections_max = 200\nconnections_per_source_max = 20");
    service.attacked(|| {
        let greedy = source(0);
        let held: Vec<_> = (0..400).map(|_| connect_from(greedy, service.address)).collect();
        service.until("what is too many is refused", |service| {
            service.counted("zahlstelle_connections_refused_total", "source_full") >= 380
        });
        drop(held);
    });
}

#[test]
fn when_all_places_are_taken_the_idle_ones_make_room() {
    let service = Service::with("connections_max = 40");
    // Nobody says anything, so their places come back after the time for a head; whoever waits is served then.
    let idle: Vec<_> = (0..60).map(|number| connect_from(source(number / 10), service.address)).collect();
    let answer =
        service.ask(&format!("GET /health/live HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", service.address));
    assert!([0, 200].contains(&answer.status), "{answer:?}");
    for mut stream in idle.into_iter().flatten() {
        read_to_end(&mut stream);
    }
    let answer =
        service.ask(&format!("GET /health/live HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", service.address));
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// A source of its own among the addresses of this machine.
fn source(number: usize) -> Ipv4Addr {
    let [high, low] = u16::try_from(number + 1).unwrap().to_be_bytes();
    Ipv4Addr::new(127, 7, high, low)
}

/// How many files this process, and so the service that it starts, may have open.
fn descriptors_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX)
}
