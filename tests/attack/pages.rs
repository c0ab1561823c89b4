//! Attacks on the checkout: forms of other sites, frames, and addresses that lead elsewhere.

use crate::{
    service::{Service, new_payment, unused_key},
    wire::{Answer, attack},
};

fn form(service: &Service, path: &str, fields: &str, form: &str) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
         {fields}connection: close\r\n\r\n",
        service.address,
        form.len()
    );
    attack(service.address, format!("{head}{form}").as_bytes())
}

fn page(service: &Service, path: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", service.address);
    attack(service.address, head.as_bytes())
}

#[test]
fn forms_of_other_sites_press_no_button() {
    let service = Service::start();
    let checkout = service.checkout();
    let before = page(&service, &checkout).text();
    service.attacked(|| {
        for fields in [
            "sec-fetch-site: cross-site\r\n",
            "sec-fetch-site: same-site\r\n",
            "origin: https://evil.example\r\n",
            "origin: http://127.0.0.1\r\n",
            "sec-fetch-site: cross-site\r\norigin: null\r\n",
        ] {
            for (path, body) in [("", "method=card"), ("/cancel", ""), ("/extend", "")] {
                let answer = form(&service, &format!("{checkout}{path}"), fields, body);
                assert_eq!(answer.status, 403, "{path} {fields:?}: {answer:?}");
            }
        }
    });
    // Three forms from five places.
    assert_eq!(service.counted("zahlstelle_http_requests_total", "status=\"4xx\""), 15);
    let after = page(&service, &checkout).text();
    assert!(after.contains("value=\"card\""), "it can still be paid: {after}");
    assert_eq!(after.matches("<button").count(), before.matches("<button").count());
}

#[test]
fn no_page_can_be_framed_or_load_anything_from_elsewhere() {
    let service = Service::start();
    let checkout = service.checkout();
    for path in [checkout.clone(), format!("{checkout}/cancel"), "/pay/unknown".to_owned(), "/pay/".to_owned()] {
        let answer = page(&service, &path);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {answer:?}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-frame-options").as_deref(), Some("DENY"), "{path}");
        assert_eq!(answer.header("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy").as_deref(), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{path}");
        assert!(answer.header("set-cookie").is_none(), "{path}: {answer:?}");
    }
}

#[test]
fn the_way_back_leads_only_where_the_service_allows() {
    let service = Service::start();
    service.attacked(|| {
        for address in [
            "https://evil.example/",
            "//evil.example/",
            "http://127.0.0.1:8090@evil.example/",
            "http://127.0.0.1:8090.evil.example/zurueck",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://127.0.0.1:8090/zurueck\\@evil.example",
            "http://evil.example#http://127.0.0.1:8090/zurueck",
        ] {
            let mut body = new_payment();
            body["return_url"] = address.into();
            let answer = service.door.post("/v1/payments", &service.key, &unused_key(), &body);
            assert_eq!(answer.status, 422, "{address}: {answer:?}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/return_url", "{address}: {answer:?}");
        }
        // No parameter of an address of ours leads anywhere either.
        let checkout = service.checkout();
        for path in ["", "/cancel", "/receipt", "/return/00000000-0000-7000-8000-000000000000"] {
            let asked =
                format!("{checkout}{path}?return_url=https://evil.example/&url=//evil.example&next=//evil.example");
            let answer = page(&service, &asked);
            let location = answer.header("location").unwrap_or_default();
            assert!(!location.contains("evil") && !answer.text().contains("evil"), "{asked}: {answer:?}");
        }
    });
}

#[test]
fn tokens_that_are_none_open_nothing_and_tell_nothing() {
    let service = Service::start();
    let checkout = service.checkout();
    let token = checkout.trim_start_matches("/pay/");
    let unknown = page(&service, "/pay/unknown");
    assert_eq!(unknown.status, 404);
    service.attacked(|| {
        let mut changed = token.to_owned();
        let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
        changed.push(last);
        let cut = token[..token.len() - 1].to_owned();
        for wrong in
            [changed, cut, format!("{token}A"), token.to_uppercase(), token.repeat(50), "%27%20OR%201=1".to_owned()]
        {
            let answer = page(&service, &format!("/pay/{wrong}"));
            assert_eq!((answer.status, answer.text()), (404, unknown.text()), "{wrong}");
        }
    });
    assert_eq!(service.logged(token), 0, "a token stands in the log");
}

#[test]
fn oversized_forms_and_fields_are_refused_and_change_nothing() {
    let service = Service::start();
    let checkout = service.checkout();
    service.attacked(|| {
        let large = form(&service, &checkout, "", &format!("method=card&nonce={}", "n".repeat(100_000)));
        assert_eq!(large.status, 413, "{large:?}");
        for body in
            ["method=card&method=paypal", "method=bitcoin", "method=%00", "nonce=x", "%", "method=card&amount=0.01"]
        {
            let answer = form(&service, &checkout, "", body);
            assert!([400, 422].contains(&answer.status), "{body}: {answer:?}");
        }
    });
}
