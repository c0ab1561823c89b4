//! Requests that are shaped to be read in two ways, or to lead somewhere else.

use crate::{
    service::{Service, new_payment, unused_key},
    wire::{Answer, attack},
};

/// The head of a request with further fields, then a body.
fn post(service: &Service, fields: &str, body: &str) -> Answer {
    let head = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nidempotency-key: {}\r\n\
         content-type: application/json\r\n{fields}connection: close\r\n\r\n",
        service.address,
        service.key,
        unused_key()
    );
    attack(service.address, format!("{head}{body}").as_bytes())
}

fn get(service: &Service, line: &str, fields: &str) -> Answer {
    attack(service.address, format!("{line}\r\n{fields}connection: close\r\n\r\n").as_bytes())
}

#[test]
fn a_second_request_cannot_be_smuggled_into_the_first() {
    let service = Service::start();
    let body = new_payment().to_string();
    let length = body.len();
    let smuggled = format!("0\r\n\r\nGET /v1/payments HTTP/1.1\r\nhost: {}\r\n\r\n", service.address);
    let shapes = [
        // Two framings at once, in both orders.
        (format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"), smuggled.clone()),
        (format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n"), smuggled.clone()),
        // Two lengths, or one that is none.
        (format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1), body.clone()),
        (format!("content-length: {length}, {}\r\n", length + 1), body.clone()),
        (format!("content-length: +{length}\r\n"), body.clone()),
        (format!("content-length: -{length}\r\n"), body.clone()),
        (format!("content-length: 0x{length:x}\r\n"), body.clone()),
        ("content-length: 99999999999999999999999\r\n".to_owned(), body.clone()),
        // Codings that somebody else might read as chunked.
        ("transfer-encoding: chunked, identity\r\n".to_owned(), smuggled.clone()),
        ("transfer-encoding: xchunked\r\n".to_owned(), smuggled.clone()),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".to_owned(), smuggled.clone()),
        // A name with a blank before its colon, a folded line, and a name that is none.
        (format!("content-length : {length}\r\n"), body.clone()),
        (format!("x-a: b\r\n content-length: {length}\r\ntransfer-encoding: chunked\r\n"), smuggled.clone()),
        (format!("cont\u{0}ent-length: {length}\r\n"), body.clone()),
        // Chunks that lie about their length.
        ("transfer-encoding: chunked\r\n".to_owned(), "fffffffffffffffff\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("transfer-encoding: chunked\r\n".to_owned(), "-2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("transfer-encoding: chunked\r\n".to_owned(), "2;\r\n\r\n{}\r\n0\r\n\r\n".to_owned()),
    ];
    service.attacked(|| {
        for (fields, body) in &shapes {
            let answer = post(&service, fields, body);
            assert_ne!(answer.status, 201, "{fields:?} made a payment");
            assert!(answer.status == 0 || answer.status >= 400, "{fields:?}: {answer:?}");
            // A second answer would be the one to the smuggled request.
            let text = answer.text();
            assert!(!text.contains("HTTP/1.1"), "{fields:?} was answered twice: {text}");
        }
    });
}

#[test]
fn lines_that_end_otherwise_are_no_requests() {
    let service = Service::start();
    service.attacked(|| {
        for bytes in [
            &b"GET /health/live HTTP/1.1\rhost: 127.0.0.1\r\r"[..],
            b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\0\r\nconnection: close\r\n\r\n",
            b"GET /health/live\0 HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
            b"GET  /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
            b"GET /health/live HTTP/9.9\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\0\0\0\0\0\0\0\0\0\0",
        ] {
            let answer = crate::wire::ask_and_close(service.address, bytes);
            assert!(answer.status == 0 || (400..=599).contains(&answer.status), "{bytes:?}: {answer:?}");
        }
    });
}

#[test]
fn paths_lead_nowhere_but_to_their_operation() {
    let service = Service::start();
    let auth = format!("host: {}\r\nauthorization: Bearer {}\r\n", service.address, service.key);
    service.attacked(|| {
        for path in [
            "/v1/../v1/payments",
            "/v1/%2e%2e/v1/payments",
            "/v1//payments",
            "/V1/payments",
            "/v1/payments/",
            "/v1/payments/..%2f..%2fetc%2fpasswd",
            "/v1/payments/%00",
            "/v1/payments/%ff%fe",
            "/pay/../v1/payments",
            "/pay/assets/..%2f..%2fCargo.toml",
            "/pay/assets/../../zahlstelle.toml",
            "/hooks/adyen/..%2fadyen-test",
            "/metrics",
            "/%",
            "/;/v1/payments",
            "/v1/payments;a=b",
        ] {
            let answer = get(&service, &format!("GET {path} HTTP/1.1"), &auth);
            assert!([400, 404, 405].contains(&answer.status), "{path}: {answer:?}");
        }
        // A path that is as long as a head may be at all.
        let long = get(&service, &format!("GET /{} HTTP/1.1", "a".repeat(20_000)), &auth);
        assert!([404, 414].contains(&long.status), "{long:?}");
        let longer = get(&service, &format!("GET /{} HTTP/1.1", "a".repeat(200_000)), &auth);
        assert!([0, 414, 431].contains(&longer.status), "{longer:?}");
    });
}

#[test]
fn a_wrong_host_is_told_so_and_no_link_ever_repeats_it() {
    let service = Service::start();
    let checkout = service.checkout();
    service.attacked(|| {
        for host in ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80@evil.example", "", "a b", "[::1"] {
            let answer = get(&service, &format!("GET {checkout} HTTP/1.1"), &format!("host: {host}\r\n"));
            assert!([400, 421].contains(&answer.status), "{host:?}: {answer:?}");
            assert!(!answer.text().contains("evil.example"), "{host:?}: {answer:?}");
        }
        for fields in [
            format!("host: {}\r\nhost: evil.example\r\n", service.address),
            format!("host: evil.example\r\nhost: {}\r\n", service.address),
            String::new(),
        ] {
            let answer = get(&service, &format!("GET {checkout} HTTP/1.1"), &fields);
            assert!([400, 421].contains(&answer.status), "{fields:?}: {answer:?}");
        }
        // What a proxy may be told is no address of ours either.
        let fields = format!(
            "host: {}\r\nx-forwarded-host: evil.example\r\nforwarded: host=evil.example\r\nx-original-url: /v1/payments\r\n",
            service.address
        );
        let page = get(&service, &format!("GET {checkout} HTTP/1.1"), &fields);
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("evil.example") && !page.head.contains("evil.example"), "{page:?}");
        for line in ["GET http://evil.example/health/live HTTP/1.1", "CONNECT evil.example:443 HTTP/1.1"] {
            let answer = get(&service, line, "host: evil.example\r\n");
            assert!((400..500).contains(&answer.status), "{line}: {answer:?}");
        }
        let options = get(&service, "OPTIONS * HTTP/1.1", &format!("host: {}\r\n", service.address));
        assert!((400..500).contains(&options.status), "{options:?}");
    });
    service.until("each is counted", |service| {
        let counted = |reason| service.counted("zahlstelle_requests_refused_total", reason);
        counted("wrong_host") >= 2 && counted("target_invalid") >= 4
    });
}

#[test]
fn heads_beyond_all_measure_are_refused() {
    let service = Service::start();
    let host = format!("host: {}\r\n", service.address);
    service.attacked(|| {
        let cookie = get(&service, "GET /health/live HTTP/1.1", &format!("{host}cookie: {}\r\n", "c".repeat(40_000)));
        assert_eq!(cookie.status, 431, "{cookie:?}");
        let many = "x-a: b\r\n".repeat(200);
        let many = get(&service, "GET /health/live HTTP/1.1", &format!("{host}{many}"));
        assert_eq!(many.status, 431, "{many:?}");
        let endless = format!("{host}x-a: {}\r\n", "b".repeat(4 << 20));
        let endless = get(&service, "GET /health/live HTTP/1.1", &endless);
        assert!([0, 431].contains(&endless.status), "{endless:?}");
    });
    service.until("each is counted", |service| service.counted("zahlstelle_connections_cut_total", "broken") >= 3);
}

#[test]
fn what_clients_send_never_becomes_a_header_of_ours() {
    let service = Service::start();
    let host = format!("host: {}\r\n", service.address);
    service.attacked(|| {
        for path in
            ["/v1/payments?state=%0d%0aset-cookie:%20a=b", "/pay/%0d%0aset-cookie:%20a=b", "/%0d%0aset-cookie:%20a"]
        {
            let answer = get(&service, &format!("GET {path} HTTP/1.1"), &host);
            assert!(answer.header("set-cookie").is_none(), "{path}: {answer:?}");
        }
        // A return address with a line break is refused, so it can never stand in a Location.
        let mut body = new_payment();
        body["return_url"] = "http://127.0.0.1:8090/zurueck\r\nset-cookie: a=b".into();
        let body = body.to_string();
        let answer = post(&service, &format!("content-length: {}\r\n", body.len()), &body);
        assert_eq!(answer.status, 422, "{answer:?}");
    });
}

#[test]
fn a_body_of_a_gigabyte_is_refused_at_its_first_bytes() {
    let service = Service::start();
    let before = service.resident_bytes();
    service.attacked(|| {
        // Announced, and never sent.
        let told = post(&service, &format!("content-length: {}\r\n", 1 << 30), "{");
        assert_eq!((told.status, told.code().as_str()), (413, "body_too_large"), "{told:?}");
        // Not announced: sent in chunks until nobody reads any more.
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let chunks = chunk.repeat(64);
        let sent = post(&service, "transfer-encoding: chunked\r\n", &chunks);
        assert!([0, 413].contains(&sent.status), "{sent:?}");
        let hook = format!(
            "POST /hooks/adyen/adyen-test HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            service.address,
            1 << 30
        );
        assert_eq!(attack(service.address, hook.as_bytes()).status, 413);
    });
    let grown = service.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more are held");
    service.until("each is counted", |service| {
        service.counted("zahlstelle_requests_refused_total", "body_too_large") >= 3
    });
}
