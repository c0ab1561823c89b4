//! What goes over the wire and what comes of its answers.

use serde_json::{Value, json};
use zahlstelle_adyen::Adyen;
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::{Currency, Money},
    outcome::{CallError, NotSentCause, UnknownCause},
    provider::{Acceptance, Effect, HostedPage, Mismatch, ModifyPayment, OpenPage, PageStatus, Provider},
    reference::{MerchantReference, PageReference, ProviderKey, ProviderReference},
    transport::{HttpMethod, TransportError},
};

use crate::{
    specification::Specification,
    support::{API_KEY, MERCHANT_ACCOUNT, Script, adyen},
};

fn open_page(method: Method, capture: CaptureMode) -> OpenPage {
    OpenPage {
        key: ProviderKey::parse("0198f2c0-0000-7000-8000-000000000001.open").unwrap(),
        reference: MerchantReference::parse("2026000017-1").unwrap(),
        amount: Money::from_minor(3_700, Currency::EUR),
        method,
        capture,
        text: "Musterstadt 2026000017".to_owned(),
        language: "de-DE".to_owned(),
        return_url: "https://zahlung.musterstadt.example/k/abc?x=1".to_owned(),
        expires_at: "2026-11-24T09:30:00.999Z".parse().unwrap(),
    }
}

fn link(status: &str) -> Value {
    json!({
        "id": "PL61C53A8B97E6915A",
        "url": "https://test.adyen.link/PL61C53A8B97E6915A",
        "status": status,
        "merchantAccount": MERCHANT_ACCOUNT,
        "reference": "2026000017-1",
        "amount": { "currency": "EUR", "value": 3_700 },
        "expiresAt": "2026-11-24T09:30:00Z",
        "reusable": false,
    })
}

fn with(mut value: Value, member: &str, other: &Value) -> Value {
    value[member] = other.clone();
    value
}

fn without(mut value: Value, member: &str) -> Value {
    value.as_object_mut().unwrap().remove(member);
    value
}

fn page() -> PageReference {
    PageReference::parse("PL61C53A8B97E6915A").unwrap()
}

fn key() -> ProviderKey {
    ProviderKey::parse("k-close").unwrap()
}

const UNREADABLE: CallError = CallError::Unknown { cause: UnknownCause::Unreadable };
const BAD_REQUEST: CallError = CallError::NotSent { cause: NotSentCause::BadRequest };

#[tokio::test]
async fn a_page_is_asked_for_in_exactly_these_members() {
    let cases = [
        (Method::Card, "scheme", CaptureMode::Automatic),
        (Method::GooglePay, "googlepay", CaptureMode::Manual),
        (Method::ApplePay, "applepay", CaptureMode::Automatic),
    ];
    for (method, name, capture) in cases {
        let script = Script::of([(201, link("active"))]);
        adyen(&script).open_page(&open_page(method, capture)).await.unwrap();
        let sent = script.sent().remove(0);
        assert_eq!(
            (sent.method, sent.url.as_str()),
            (HttpMethod::Post, "https://checkout-test.adyen.com/v71/paymentLinks")
        );
        assert_eq!(sent.header("idempotency-key"), Some("0198f2c0-0000-7000-8000-000000000001.open"));
        assert_eq!(sent.header("content-type"), Some("application/json"));
        assert_eq!(sent.secret_headers, [("x-api-key", API_KEY.to_owned())]);
        assert!(sent.headers.iter().all(|(_, value)| !value.contains(API_KEY)), "the key is in a plain header");
        let mut expected = json!({
            "merchantAccount": MERCHANT_ACCOUNT,
            "amount": { "currency": "EUR", "value": 3_700 },
            "reference": "2026000017-1",
            "description": "Musterstadt 2026000017",
            "allowedPaymentMethods": [name],
            "manualCapture": capture == CaptureMode::Manual,
            "reusable": false,
            "expiresAt": "2026-11-24T09:30:00Z",
            "shopperLocale": "de-DE",
            "returnUrl": "https://zahlung.musterstadt.example/k/abc?x=1",
        });
        if capture == CaptureMode::Automatic {
            expected["captureDelayHours"] = json!(0);
        }
        assert_eq!(sent.json(), expected);
        if let Some(checkout) = Specification::checkout() {
            checkout.assert_valid("PaymentLinkRequest", &sent.json());
            checkout.assert_valid("PaymentLinkResponse", &link("active"));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_sent_as_it_is_is_not_sent() {
    let page = || open_page(Method::Card, CaptureMode::Automatic);
    let krona = Currency::from_code("ISK").unwrap();
    let cases = [
        OpenPage { method: Method::PayPal, ..page() },
        OpenPage { text: "ä".repeat(281), ..page() },
        OpenPage { language: "d".repeat(33), ..page() },
        OpenPage { return_url: format!("https://example.org/{}", "a".repeat(8000)), ..page() },
        OpenPage { amount: Money::zero(Currency::EUR), ..page() },
        OpenPage { amount: Money::from_minor(-1, Currency::EUR), ..page() },
        OpenPage { amount: Money::from_minor(100, krona), ..page() },
    ];
    for request in cases {
        let script = Script::of([]);
        assert_eq!(adyen(&script).open_page(&request).await, Err(BAD_REQUEST), "{request:?}");
        assert!(script.sent().is_empty());
    }
    let script = Script::of([(201, link("active"))]);
    assert!(adyen(&script).open_page(&OpenPage { text: "ä".repeat(280), ..page() }).await.is_ok());
}

#[tokio::test]
async fn e4_what_comes_back_is_told_to_be_compared() {
    let request = open_page(Method::Card, CaptureMode::Automatic);
    let cases = [
        (link("active"), Ok(())),
        (with(link("active"), "amount", &json!({ "currency": "EUR", "value": 3_701 })), Err(Mismatch::Amount)),
        (with(link("active"), "amount", &json!({ "currency": "USD", "value": 3_700 })), Err(Mismatch::Amount)),
        (with(link("active"), "reference", &json!("2026000018-1")), Err(Mismatch::Reference)),
        (with(link("active"), "merchantAccount", &json!("AnotherCity")), Err(Mismatch::Account)),
    ];
    for (answer, expected) in cases {
        let script = Script::of([(201, answer)]);
        let opened = adyen(&script).open_page(&request).await.unwrap();
        assert_eq!(opened.echo.compare(request.amount, &request.reference), expected);
    }
}

#[tokio::test]
async fn b1_an_answer_that_lacks_or_bends_what_we_need_is_unknown() {
    let amount = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut cases: Vec<Value> = ["id", "url", "status", "merchantAccount", "reference", "amount"]
        .iter()
        .map(|member| without(link("active"), member))
        .collect();
    cases.extend([
        link("refunded"),
        with(link("active"), "amount", &amount(r#"{"currency":"EUR","value":3700.0}"#)),
        with(link("active"), "amount", &amount(r#"{"currency":"EUR","value":"3700"}"#)),
        with(link("active"), "amount", &amount(r#"{"currency":"EUR","value":99999999999999999999}"#)),
        with(link("active"), "amount", &amount(r#"{"currency":"EUR","value":-3700}"#)),
        with(link("active"), "amount", &amount(r#"{"currency":"XXX","value":3700}"#)),
        with(link("active"), "reference", &json!("with blank")),
        with(link("active"), "id", &json!("")),
        with(link("active"), "url", &json!("http://test.adyen.link/PL61C53A8B97E6915A")),
        with(link("active"), "url", &json!("javascript:alert(1)")),
        with(link("active"), "url", &json!("/relative")),
    ]);
    for answer in cases {
        let script = Script::of([(201, answer.clone())]);
        let opened = adyen(&script).open_page(&open_page(Method::Card, CaptureMode::Automatic)).await;
        assert_eq!(opened, Err(UNREADABLE), "{answer}");
    }
}

#[tokio::test]
async fn unknown_members_and_unreadable_niceties_do_no_harm() {
    let answer = with(with(link("active"), "expiresAt", &json!("soon")), "newMember", &json!({ "deep": [1.5] }));
    let opened =
        adyen(&Script::of([(201, answer)])).open_page(&open_page(Method::Card, CaptureMode::Manual)).await.unwrap();
    assert_eq!((opened.page, opened.expires_at), (page(), None));
    assert_eq!(opened.url, "https://test.adyen.link/PL61C53A8B97E6915A");
}

#[tokio::test]
async fn every_state_of_a_link_is_told() {
    let cases = [
        ("active", PageStatus::Payable),
        ("paymentPending", PageStatus::Pending),
        ("completed", PageStatus::Paid),
        ("paid", PageStatus::Paid),
        ("expired", PageStatus::Closed),
    ];
    for (name, status) in cases {
        let script = Script::of([(200, link(name))]);
        let answer = adyen(&script).ask_page(&page()).await.unwrap();
        assert_eq!((answer.status, answer.payment), (status, None), "{name}");
        let sent = script.sent().remove(0);
        assert_eq!(sent.method, HttpMethod::Get);
        assert_eq!(sent.url, "https://checkout-test.adyen.com/v71/paymentLinks/PL61C53A8B97E6915A");
        assert!(sent.body.is_empty() && sent.header("idempotency-key").is_none());
    }
    assert_eq!(adyen(&Script::of([(200, link("ACTIVE"))])).ask_page(&page()).await, Err(UNREADABLE));
    let of_another = with(link("active"), "id", &json!("PL0000000000000000"));
    assert_eq!(adyen(&Script::of([(200, of_another)])).ask_page(&page()).await, Err(UNREADABLE));
}

#[tokio::test]
async fn b9_closing_tells_the_truth() {
    let refused = json!({ "status": 422, "errorCode": "29_102", "message": "no", "errorType": "validation" });
    let rejected = |status| CallError::Rejected {
        status,
        code: zahlstelle_contract::reference::ProviderCode::parse("29_102").ok(),
    };
    let status = |answer: Result<zahlstelle_contract::provider::PageAnswer, CallError>| answer.map(|page| page.status);

    let script = Script::of([(200, link("expired"))]);
    assert_eq!(status(adyen(&script).close_page(&page(), &key()).await), Ok(PageStatus::Closed));
    let sent = script.sent().remove(0);
    assert_eq!((sent.method, sent.json()), (HttpMethod::Patch, json!({ "status": "expired" })));
    assert_eq!(sent.header("idempotency-key"), Some("k-close"));
    if let Some(checkout) = Specification::checkout() {
        checkout.assert_valid("UpdatePaymentLinkRequest", &sent.json());
    }

    // What the answer says counts, not what was asked for.
    let script = Script::of([(200, link("completed"))]);
    assert_eq!(status(adyen(&script).close_page(&page(), &key()).await), Ok(PageStatus::Paid));

    for (name, expected) in [
        ("completed", Ok(PageStatus::Paid)),
        ("paymentPending", Ok(PageStatus::Pending)),
        ("expired", Ok(PageStatus::Closed)),
        ("active", Err(rejected(422))),
    ] {
        let script = Script::of([(422, refused.clone()), (200, link(name))]);
        assert_eq!(status(adyen(&script).close_page(&page(), &key()).await), expected, "{name}");
        assert_eq!(script.sent().len(), 2);
    }
    let script = Script::of([(422, refused.clone()), (500, json!({}))]);
    let unknown = CallError::Unknown { cause: UnknownCause::ServerError { status: 500 } };
    assert_eq!(status(adyen(&script).close_page(&page(), &key()).await), Err(unknown));
    let script = Script::of([(403, refused)]);
    assert_eq!(status(adyen(&script).close_page(&page(), &key()).await), Err(rejected(403)));
    assert_eq!(script.sent().len(), 1, "a refusal of rights is no reason to ask");
}

fn change() -> ModifyPayment {
    ModifyPayment {
        key: ProviderKey::parse("k-change").unwrap(),
        payment: ProviderReference::parse("993617894903480A").unwrap(),
        capture: ProviderReference::parse("993617894903480B").ok(),
        amount: Money::from_minor(100, Currency::EUR),
        reference: MerchantReference::parse("2026000017-1-r1").unwrap(),
    }
}

fn received() -> Value {
    json!({
        "merchantAccount": MERCHANT_ACCOUNT,
        "paymentPspReference": "993617894903480A",
        "pspReference": "993617894906488A",
        "reference": "2026000017-1-r1",
        "status": "received",
        "amount": { "currency": "EUR", "value": 100 },
    })
}

async fn call(adyen: &Adyen, kind: &str, request: &ModifyPayment) -> Result<Acceptance, CallError> {
    match kind {
        "captures" => adyen.capture().unwrap().capture(request).await,
        "cancels" => adyen.cancel().unwrap().cancel(request).await,
        "refunds" => adyen.refund().unwrap().refund(request).await,
        other => panic!("{other} is no change"),
    }
}

#[tokio::test]
async fn a4_a_change_asks_for_exactly_its_amount_and_is_only_received() {
    let schemas = [("captures", "PaymentCapture"), ("cancels", "PaymentCancel"), ("refunds", "PaymentRefund")];
    for (kind, schema) in schemas {
        let answer = if kind == "cancels" { without(received(), "amount") } else { received() };
        let script = Script::of([(201, answer.clone())]);
        let accepted = call(&adyen(&script), kind, &change()).await.unwrap();
        assert_eq!((accepted.reference.as_str(), accepted.effect), ("993617894906488A", Effect::Received));
        assert_eq!(accepted.echo.compare(change().amount, &change().reference), Ok(()));
        let sent = script.sent().remove(0);
        assert_eq!(sent.url, format!("https://checkout-test.adyen.com/v71/payments/993617894903480A/{kind}"));
        assert_eq!(sent.header("idempotency-key"), Some("k-change"));
        let mut expected = json!({ "merchantAccount": MERCHANT_ACCOUNT, "reference": "2026000017-1-r1" });
        if kind != "cancels" {
            expected["amount"] = json!({ "currency": "EUR", "value": 100 });
        }
        assert_eq!(sent.json(), expected);
        if let Some(checkout) = Specification::checkout() {
            checkout.assert_valid(&format!("{schema}Request"), &sent.json());
            checkout.assert_valid(&format!("{schema}Response"), &answer);
        }
    }
}

#[tokio::test]
async fn a_change_of_something_else_does_not_pass() {
    for kind in ["captures", "cancels", "refunds"] {
        let cases = [
            (with(received(), "paymentPspReference", &json!("993617894903480B")), Mismatch::Payment),
            (with(received(), "amount", &json!({ "currency": "EUR", "value": 101 })), Mismatch::Amount),
            (with(received(), "merchantAccount", &json!("AnotherCity")), Mismatch::Account),
            (with(received(), "reference", &json!("2026000017-1-r2")), Mismatch::Reference),
        ];
        for (answer, mismatch) in cases {
            let accepted = call(&adyen(&Script::of([(201, answer)])), kind, &change()).await.unwrap();
            assert_eq!(accepted.echo.compare(change().amount, &change().reference), Err(mismatch), "{kind}");
        }
        let unreadable = [
            with(received(), "status", &json!("done")),
            without(received(), "status"),
            without(received(), "pspReference"),
            without(received(), "paymentPspReference"),
            with(received(), "pspReference", &json!("a b")),
        ];
        for answer in unreadable {
            let script = Script::of([(201, answer.clone())]);
            assert_eq!(call(&adyen(&script), kind, &change()).await, Err(UNREADABLE), "{kind}: {answer}");
        }
    }
    let silent = Script::of([(201, without(received(), "amount"))]);
    assert_eq!(call(&adyen(&silent), "refunds", &change()).await, Err(UNREADABLE));
}

#[tokio::test]
async fn b5_a_broken_line_is_told_as_what_it_is() {
    let cases = [
        (TransportError::NotSent(NotSentCause::NoConnection), CallError::NotSent { cause: NotSentCause::NoConnection }),
        (TransportError::NoAnswer(UnknownCause::Timeout), CallError::Unknown { cause: UnknownCause::Timeout }),
        (
            TransportError::NoAnswer(UnknownCause::ConnectionLost),
            CallError::Unknown { cause: UnknownCause::ConnectionLost },
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(call(&adyen(&Script::failing(error)), "refunds", &change()).await, Err(expected.clone()));
        assert_eq!(adyen(&Script::failing(error)).ask_page(&page()).await, Err(expected));
    }
}

#[tokio::test]
async fn no_answer_is_ever_taken_for_a_decline() {
    for status in (100..600).filter(|status| *status != 200 && *status != 201) {
        let error = call(&adyen(&Script::raw(status, "{}")), "refunds", &change()).await.unwrap_err();
        assert!(!matches!(error, CallError::Declined { .. }), "{status}: {error:?}");
        let certain = matches!(error, CallError::NotSent { .. } | CallError::Rejected { .. });
        let may_be_certain = (400..500).contains(&status) && ![408, 409, 425].contains(&status);
        assert_eq!(certain, may_be_certain, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn a_hostile_reference_does_not_leave_its_place_in_the_path() {
    let request = ModifyPayment { payment: ProviderReference::parse("../../sessions?a=b#").unwrap(), ..change() };
    let script = Script::of([(201, received())]);
    drop(call(&adyen(&script), "refunds", &request).await);
    let expected = "https://checkout-test.adyen.com/v71/payments/..%2F..%2Fsessions%3Fa=b%23/refunds";
    assert_eq!(script.sent().remove(0).url, expected);
    let dots = ModifyPayment { payment: ProviderReference::parse("..").unwrap(), ..change() };
    let script = Script::of([]);
    assert_eq!(call(&adyen(&script), "refunds", &dots).await, Err(BAD_REQUEST));
}
