//! What protects the pages: headers, tokens, forms of other sites, escaping, and where redirects lead.

use axum::body::Body;
use http::{Method, StatusCode, header};
use zahlstelle::{
    desk::create::{NewLine, NewPayment},
    http::checkout::{CheckoutSettings, FORM_BYTES_MAX},
};

use crate::{
    browser::{Browser, Got, OWN, TWIN, page_of},
    stage::Stage,
};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      form-action 'self' http://127.0.0.1:8181; frame-ancestors 'none'; base-uri 'none'";

fn check_headers(got: &Got) {
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-robots-tag", "noindex, nofollow"),
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(got.header(name), value, "{name} of {}", got.status);
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    let stage = Stage::new(41);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let shown = browser.get(&page).await;
    assert_eq!((shown.header("content-type"), shown.header("content-language")), ("text/html; charset=utf-8", "de"));
    check_headers(&shown);
    check_headers(&browser.press(&shown.method("card")).await);
    for path in [&page, &format!("{page}/cancel"), &format!("{page}/receipt"), "/pay/wrong"] {
        check_headers(&browser.get(path).await);
    }
    for path in ["/pay/assets/checkout.css", "/pay/assets/checkout.js"] {
        let asset = browser.get(path).await;
        assert_eq!((asset.status, asset.header("content-security-policy")), (StatusCode::OK, POLICY), "{path}");
        assert_eq!(asset.header("cross-origin-resource-policy"), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_done_is_told_in_a_page_of_the_citizens_language() {
    let stage = Stage::new(48);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    for (method, path) in [
        (Method::PUT, page.clone()),
        (Method::DELETE, format!("{page}/cancel")),
        (Method::POST, format!("{page}/receipt")),
        (Method::POST, "/pay/assets/checkout.css".to_owned()),
    ] {
        for (browser, title) in [
            (browser.clone(), "Nicht ausgeführt – Online-Bezahlung"),
            (browser.clone().speaking("en"), "Not done – Online payment"),
        ] {
            let got = browser.send(browser.request(method.clone(), &path).body(Body::empty()).unwrap()).await;
            assert_eq!((got.status, got.title().as_str()), (StatusCode::METHOD_NOT_ALLOWED, title), "{method} {path}");
            assert!(got.header("allow").contains("GET"), "{method} {path}: {}", got.header("allow"));
            check_headers(&got);
        }
    }
    for path in ["/pay/", &format!("{page}/"), &format!("{page}/unknown"), "/pay/assets/unknown.css", "/pay/a/b/c/d"] {
        let got = browser.get(path).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(got.title(), "Nicht gefunden – Online-Bezahlung", "{path}");
        check_headers(&got);
    }
    assert_eq!(stage.payment(payment.id).await.version, 1, "nothing happened");
}

#[tokio::test]
async fn no_address_comes_from_the_request() {
    let stage = Stage::new(49);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let address = format!("{page}?return_url=https://evil.example/&next=//evil.example&lang=https://evil.example");
    let mut request = browser.request(Method::GET, &address).body(Body::empty()).unwrap();
    for name in ["host", "x-forwarded-host", "forwarded", "x-original-url"] {
        request.headers_mut().insert(name, "evil.example".parse().unwrap());
    }
    let got = browser.send(request).await;
    assert_eq!((got.status, got.body.contains("evil.example")), (StatusCode::OK, false), "{}", got.body);
    assert_eq!(got.body, browser.get(&page).await.body, "it says the same as without");
}

/// What the first visit of a phone on a slow line may cost.
const FIRST_VISIT_BYTES_MAX: usize = 60 * 1024;

#[tokio::test]
async fn a_first_visit_is_light() {
    let stage = Stage::new(50);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let mut bytes = 0;
    for path in [page_of(&stage, &payment).await.as_str(), "/pay/assets/checkout.css", "/pay/assets/checkout.js"] {
        let got = browser.get(path).await;
        bytes +=
            got.body.len() + got.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    }
    assert!(bytes < FIRST_VISIT_BYTES_MAX, "{bytes} bytes, uncompressed");
}

#[tokio::test]
async fn the_style_sheet_is_served_from_here_and_may_be_kept_shortly() {
    let stage = Stage::new(42);
    let style = Browser::new(&stage).get("/pay/assets/checkout.css").await;
    assert_eq!((style.status, style.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert_eq!(style.header("cache-control"), "public, max-age=300");
    assert!(!style.body.contains("url(") && !style.body.contains("@import"), "it loads nothing");
}

#[tokio::test]
async fn a_wrong_token_tells_nothing() {
    let stage = Stage::new(43);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let token = page.strip_prefix("/pay/").unwrap();
    let unknown = browser.get("/pay/unknown").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.title(), "Nicht gefunden – Online-Bezahlung");
    for wanted in ["Online-Bezahlung", "Die Adresse ist unvollständig", "Der Link ist alt", "zurück zum Online-Dienst"]
    {
        assert!(unknown.words().contains(wanted), "{wanted:?} is missing: {}", unknown.words());
    }
    assert!(!unknown.body.contains("Dortmund"), "not even whose it is");
    let other_end = if token.ends_with('A') { 'Q' } else { 'A' };
    for wrong in [
        format!("{}{other_end}", &token[..token.len() - 1]),
        token.to_lowercase(),
        format!("{token}="),
        format!("{token}%00"),
        "%ff%fe".to_owned(),
        "%2e%2e%2f".to_owned(),
        "a".repeat(10_000),
        "%F0%9F%92%B6".repeat(500),
    ] {
        for below in ["", "/cancel", "/receipt", &format!("/return/{}", uuid::Uuid::nil())] {
            let got = browser.get(&format!("/pay/{wrong}{below}")).await;
            assert_eq!((got.status, &got.body), (StatusCode::NOT_FOUND, &unknown.body), "{wrong}{below}");
        }
    }
    assert_eq!(browser.speaking("en").get("/pay/unknown").await.title(), "Not found – Online payment");
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let stage = Stage::new(44);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let send = |path: String, headers: &'static [(&'static str, &'static str)]| {
        let mut request =
            browser.request(Method::POST, &path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        browser.send(request.body(Body::from("method=card")).unwrap())
    };
    let foreign: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "null")],
        &[("sec-fetch-site", "same-site"), ("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8090")],
    ];
    for headers in foreign {
        for path in [page.clone(), format!("{page}/cancel"), format!("{page}/extend")] {
            let got = send(path, headers).await;
            assert_eq!(
                (got.status, got.title().as_str()),
                (StatusCode::FORBIDDEN, "Nicht ausgeführt – Online-Bezahlung"),
                "{headers:?}"
            );
        }
    }
    assert_eq!(stage.payment(payment.id).await.version, 1, "nothing happened");
    let own: [&[(&str, &str)]; 3] = [&[], &[("origin", OWN), ("sec-fetch-site", "same-origin")], &[("origin", "null")]];
    for headers in own {
        assert_eq!(send(page.clone(), headers).await.status, StatusCode::SEE_OTHER, "{headers:?}");
    }
}

#[tokio::test]
async fn forms_are_read_strictly_and_never_at_length() {
    let stage = Stage::new(45);
    let browser = Browser::new(&stage);
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let send = |kind: &str, body: String| {
        let request = browser.request(Method::POST, &page).header(header::CONTENT_TYPE, kind);
        browser.send(request.body(Body::from(body)).unwrap())
    };
    let form = "application/x-www-form-urlencoded";
    for (kind, body) in [
        ("application/json", "{\"method\":\"card\"}"),
        ("text/plain", "method=card"),
        (form, "method=card&amount=0.01"),
        (form, "method=card&method=card"),
        (form, "method=card&nonce=x"),
    ] {
        let got = send(kind, body.to_owned()).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{kind} {body}");
        assert!(got.words().contains("konnte nicht gelesen werden"), "{}", got.words());
    }
    let long = format!("method=card&nonce={}", "0".repeat(FORM_BYTES_MAX));
    let got = send(form, long).await;
    assert_eq!(
        (got.status, got.title().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "Nicht ausgeführt – Online-Bezahlung")
    );
    assert_eq!(stage.payment(payment.id).await.version, 1, "nothing happened");
    assert_eq!(send(form, "method=card".to_owned()).await.status, StatusCode::SEE_OTHER, "a script needs no nonce");
}

#[tokio::test]
async fn what_a_portal_writes_is_text_and_never_markup() {
    let stage = Stage::new(46);
    let browser = Browser::new(&stage);
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=y> & Söhne";
    let rename = |mut request: NewPayment| {
        let NewLine::Explicit { description, .. } = &mut request.lines[0] else { panic!("an explicit line") };
        evil.clone_into(description);
        request
    };
    let payment = stage.create_with("13.00", rename).await;
    let got = browser.get(&page_of(&stage, &payment).await).await;
    assert!(got.words().contains(evil), "it is read as it was written: {}", got.words());
    assert!(!got.body.contains("<script>") && !got.body.contains("<img"));
}

#[tokio::test]
async fn the_way_back_keeps_the_query_of_the_portal() {
    let stage = Stage::new(47);
    let browser = Browser::new(&stage);
    let there = |request| NewPayment { return_url: "http://127.0.0.1:8090/z?a=1&b=%26%22".to_owned(), ..request };
    let payment = stage.create_with("13.00", there).await;
    let page = page_of(&stage, &payment).await;
    let [confirm] = browser.get(&format!("{page}/cancel")).await.buttons().try_into().unwrap();
    let back = browser.press_and_look(&confirm).await.link("Zurück: ").unwrap();
    let url = url::Url::parse(&back).unwrap();
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let id = payment.id.to_string();
    let expected =
        [("a", "1"), ("b", "&\""), ("payment", id.as_str())].map(|(name, value)| (name.into(), value.into()));
    assert_eq!((url.path(), pairs), ("/z", expected.to_vec()));
}

#[tokio::test]
async fn a_page_at_an_unknown_origin_is_reached_by_a_link() {
    let stage = Stage::new(48);
    let browser = Browser::with(&stage.desk, CheckoutSettings::default());
    let payment = stage.create("13.00").await;
    let page = page_of(&stage, &payment).await;
    let shown = browser.get(&page).await;
    assert!(shown.header("content-security-policy").contains("form-action 'self';"));
    let got = browser.press(&shown.method("card")).await;
    assert_eq!(got.location(), Some(page), "browsers would not follow a redirect to the provider");
    let link = browser.get(&got.location().unwrap()).await.link("Beim Zahlungsdienst weiter").unwrap();
    assert!(link.starts_with(TWIN), "{link}");
    assert!(stage.decide(&link, "approve").is_some());
}
