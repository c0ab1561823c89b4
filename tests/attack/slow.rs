//! Clients that take their time: with heads, with bodies, with taking what they asked for, or with saying anything.

use std::io::{Read, Write};

use crate::{
    service::{Service, new_payment, unused_key},
    wire::{Answer, connect, read_to_end},
};

/// How many slow clients there are at a time, fewer than one source may have.
const CLIENTS: usize = 24;

#[test]
fn heads_that_never_end_are_cut_off() {
    let service = Service::start();
    service.attacked(|| {
        let head = format!("GET /v1/payments HTTP/1.1\r\nhost: {}\r\nx-slow: ", service.address);
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(service.address)).collect();
        for client in &mut clients {
            client.write_all(head.as_bytes()).unwrap();
        }
        for client in &mut clients {
            let answer = Answer::of(&read_to_end(client));
            assert!([0, 408].contains(&answer.status), "{answer:?}");
        }
    });
    service.until("each is counted", |service| {
        service.counted("zahlstelle_connections_cut_total", "head_timeout") >= u64::try_from(CLIENTS).unwrap()
    });
}

#[test]
fn connections_that_say_nothing_are_let_go() {
    let service = Service::start();
    service.attacked(|| {
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(service.address)).collect();
        for client in &mut clients {
            assert_eq!(read_to_end(client), b"");
        }
    });
}

#[test]
fn bodies_that_never_end_are_cut_off_and_nothing_is_done() {
    let service = Service::start();
    let body = new_payment().to_string();
    service.attacked(|| {
        let keys: Vec<_> = (0..CLIENTS).map(|_| unused_key()).collect();
        let clients: Vec<_> = keys
            .iter()
            .map(|key| {
                let mut client = connect(service.address);
                let head = format!(
                    "POST /v1/payments HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nidempotency-key: slow-{key}\
                     \r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    service.address,
                    service.key,
                    body.len()
                );
                client.write_all(head.as_bytes()).unwrap();
                // All but the last byte.
                client.write_all(&body.as_bytes()[..body.len() - 1]).unwrap();
                client
            })
            .collect();
        for mut client in clients {
            let answer = Answer::of(&read_to_end(&mut client));
            assert_eq!((answer.status, answer.code().as_str()), (408, "body_too_slow"), "{answer:?}");
        }
    });
    service.until("each is counted", |service| {
        service.counted("zahlstelle_requests_refused_total", "body_timeout") >= u64::try_from(CLIENTS).unwrap()
    });
}

#[test]
fn whoever_does_not_take_the_answers_is_cut_off() {
    let service = Service::start();
    let before = service.resident_bytes();
    service.attacked(|| {
        let request = format!("GET /openapi.yaml HTTP/1.1\r\nhost: {}\r\n\r\n", service.address);
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let mut client = connect(service.address);
                client.set_nonblocking(true).unwrap();
                // As many requests as fit, and not one answer is read.
                while client.write_all(request.as_bytes()).is_ok() {}
                client.set_nonblocking(false).unwrap();
                client
            })
            .collect();
        service.until("each is counted", |service| {
            service.counted("zahlstelle_connections_cut_total", "write_timeout") >= 8
        });
        for mut client in clients {
            // What was on its way may still be read, then the connection is over.
            let mut taken = [0; 4_096];
            while client.read(&mut taken).is_ok_and(|count| count > 0) {}
        }
    });
    let grown = service.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more are held");
}
