//! Notifications: verified item by item, and what each event means.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use zahlstelle_adyen::{Adyen, AdyenSettings, DELIVERY_BYTES_MAX, ITEMS_MAX};
use zahlstelle_contract::{
    fact::ProviderFact,
    money::{Currency, Money},
    notification::{HmacKeys, Notification, NotificationError},
    provider::{Notifications, SettlementReports},
    reference::{MerchantReference, ProviderCode, ProviderReference},
};

use crate::{
    specification::Specification,
    support::{
        HMAC_KEY_HEX, MERCHANT_ACCOUNT, Script, adyen, envelope, folder, raw, settings, sign, signature, signed_text,
    },
};

const PAYMENT: &str = "9913140798220028";
const OWN: &str = "QFQTPCQ8HXSKGK82";

fn item(code: &str, success: &str) -> Value {
    json!({
        "pspReference": OWN,
        "originalReference": PAYMENT,
        "merchantAccountCode": MERCHANT_ACCOUNT,
        "merchantReference": "2026000017-1",
        "amount": { "currency": "EUR", "value": 1_000 },
        "eventCode": code,
        "success": success,
        "eventDate": "2026-11-24T09:00:00+01:00",
        "reason": "Refused : 05 : Do not honor",
        "paymentMethod": "visa",
    })
}

fn changed(mut item: Value, member: &str, value: Value) -> Value {
    item[member] = value;
    item
}

fn without(mut item: Value, member: &str) -> Value {
    item.as_object_mut().unwrap().remove(member);
    item
}

fn verify(adyen: &Adyen, body: &Value) -> Result<Vec<Result<Notification, NotificationError>>, NotificationError> {
    let items = adyen.verify(raw(body.to_string().as_bytes()))?;
    Ok(items.into_iter().map(|item| item.map(zahlstelle_contract::notification::Verified::into_inner)).collect())
}

fn verify_one(item: &Value) -> Result<Notification, NotificationError> {
    let mut items = verify(&adyen(&Script::of([])), &envelope(std::slice::from_ref(item)))?;
    assert_eq!(items.len(), 1);
    items.remove(0)
}

fn reference(text: &str) -> ProviderReference {
    ProviderReference::parse(text).unwrap()
}

fn code(text: &str) -> ProviderCode {
    ProviderCode::parse(text).unwrap()
}

#[test]
fn c14_published_vectors_verify() {
    let Some(folder) = folder("ZAHLSTELLE_VECTORS", "vectors") else { return };
    let file = std::fs::read(folder.join("webhooks/adyen_hmac.json")).unwrap();
    let vectors: Value = serde_json::from_slice(&file).unwrap();
    let vectors = vectors["payments_standard_webhook"].as_array().unwrap();
    assert!(vectors.len() >= 5, "vectors are missing");
    for vector in vectors {
        let mut item = vector["notification_request_item"].clone();
        let key = vector["hmac_key_hex"].as_str().unwrap();
        item["additionalData"]["hmacSignature"] = vector["expected_hmac_b64"].clone();
        assert_eq!(signed_text(&item), vector["data_to_sign"].as_str().unwrap());
        let adyen = of_account(item["merchantAccountCode"].as_str().unwrap(), &[key]);
        let notification = verify(&adyen, &envelope(&[item.clone()])).unwrap().remove(0).unwrap();
        assert!(matches!(notification.fact, ProviderFact::Authorised { .. }), "{}", vector["name"]);
        let plain = MerchantReference::parse(item["merchantReference"].as_str().unwrap()).ok();
        assert_eq!(notification.merchant_reference, plain, "{}", vector["name"]);
        let other_key = of_account(item["merchantAccountCode"].as_str().unwrap(), &[HMAC_KEY_HEX]);
        let refused = verify(&other_key, &envelope(&[item])).unwrap().remove(0).unwrap_err();
        assert_eq!(refused, NotificationError::BadSignature);
    }
}

fn of_account(merchant_account: &str, keys_hex: &[&str]) -> Adyen {
    let keys = keys_hex.iter().map(|key| hex::decode(key).unwrap().into()).collect();
    let base = settings("https://checkout-test.adyen.com/v71");
    let settings =
        AdyenSettings { merchant_account: merchant_account.to_owned(), hmac_keys: HmacKeys::new(keys), ..base };
    Adyen::new(settings, Script::of([])).unwrap()
}

/// Computed once with another program (OpenSSL's `dgst -mac hmac`), so that no code here judges itself.
#[test]
fn c14_a_vector_of_our_own_verifies() {
    let mut item = json!({
        "pspReference": "8815658961765250",
        "merchantAccountCode": MERCHANT_ACCOUNT,
        "merchantReference": "2026000017-1",
        "amount": { "currency": "EUR", "value": 3_700 },
        "eventCode": "AUTHORISATION",
        "success": "true",
        "eventDate": "2026-11-24T09:00:00+01:00",
    });
    assert_eq!(signed_text(&item), "8815658961765250::MusterstadtTest:2026000017-1:3700:EUR:AUTHORISATION:true");
    item["additionalData"] = json!({ "hmacSignature": "5e2b958ilGI8B1XKfL2UIWfZCDw7BdebblcIQlhjJOs=" });
    let notification = verify_one(&item).unwrap();
    assert_eq!(notification.id.as_str(), "8815658961765250:AUTHORISATION:true");
    assert_eq!(notification.account.as_str(), "adyen-test");
    assert_eq!(notification.occurred_at, Some("2026-11-24T08:00:00Z".parse::<Timestamp>().unwrap()));
    let amount = Money::from_minor(3_700, Currency::EUR);
    assert_eq!(notification.fact, ProviderFact::Authorised { payment: reference("8815658961765250"), amount });
}

#[test]
fn a_key_being_replaced_is_still_taken() {
    let item = sign(item("AUTHORISATION", "true"));
    let other = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";
    let rotating = of_account(MERCHANT_ACCOUNT, &[other, HMAC_KEY_HEX]);
    assert!(verify(&rotating, &envelope(std::slice::from_ref(&item))).unwrap()[0].is_ok());
    let rotated = of_account(MERCHANT_ACCOUNT, &[other]);
    let refused = verify(&rotated, &envelope(&[item])).unwrap().remove(0).unwrap_err();
    assert_eq!(refused, NotificationError::BadSignature);
}

#[test]
fn every_event_has_its_fact() {
    let amount = Money::from_minor(1_000, Currency::EUR);
    let (payment, own) = (reference(PAYMENT), reference(OWN));
    let merchant_reference = MerchantReference::parse("2026000017-1").ok();
    let why = code("Refused_:_05_:_Do_not_honor");
    let other = |name: &str| ProviderFact::Other { code: code(name) };
    let capture_failed =
        ProviderFact::CaptureFailed { payment: payment.clone(), capture: own.clone(), amount, code: why.clone() };
    let refund_failed = ProviderFact::RefundFailed {
        payment: payment.clone(),
        refund: own.clone(),
        merchant_reference: merchant_reference.clone(),
        amount,
        code: why.clone(),
    };
    let voided = ProviderFact::Voided { payment: payment.clone() };
    let void_failed = ProviderFact::VoidFailed { payment: payment.clone(), code: why.clone() };
    let debited = ProviderFact::DisputeDebited { payment: payment.clone(), dispute: own.clone(), amount };
    let refunded = ProviderFact::Refunded { payment: payment.clone(), refund: own.clone(), merchant_reference, amount };
    let cases = [
        ("AUTHORISATION", "true", ProviderFact::Authorised { payment: own.clone(), amount }),
        ("AUTHORISATION", "false", ProviderFact::Refused { payment: Some(own.clone()), code: why }),
        ("CAPTURE", "true", ProviderFact::Captured { payment: payment.clone(), capture: own.clone(), amount }),
        ("CAPTURE", "false", capture_failed.clone()),
        ("CAPTURE_FAILED", "true", capture_failed),
        ("CAPTURE_FAILED", "false", other("CAPTURE_FAILED")),
        ("CANCELLATION", "true", voided.clone()),
        ("CANCELLATION", "false", void_failed.clone()),
        ("TECHNICAL_CANCEL", "true", voided),
        ("TECHNICAL_CANCEL", "false", void_failed),
        ("CANCEL_OR_REFUND", "true", other("CANCEL_OR_REFUND")),
        ("REFUND", "true", refunded),
        ("REFUND", "false", refund_failed.clone()),
        ("REFUND_FAILED", "true", refund_failed),
        ("REFUND_FAILED", "false", other("REFUND_FAILED")),
        (
            "REFUNDED_REVERSED",
            "true",
            ProviderFact::RefundReturned { payment: payment.clone(), refund: own.clone(), amount },
        ),
        ("REFUNDED_REVERSED", "false", other("REFUNDED_REVERSED")),
        (
            "NOTIFICATION_OF_CHARGEBACK",
            "true",
            ProviderFact::DisputeOpened { payment: payment.clone(), dispute: own.clone(), amount },
        ),
        ("CHARGEBACK", "true", debited.clone()),
        ("CHARGEBACK", "false", other("CHARGEBACK")),
        ("SECOND_CHARGEBACK", "true", debited),
        ("CHARGEBACK_REVERSED", "true", ProviderFact::DisputeWon { payment, dispute: own, amount }),
        ("REPORT_AVAILABLE", "true", other("REPORT_AVAILABLE")),
        ("AUTHORISATION_ADJUSTMENT", "true", other("AUTHORISATION_ADJUSTMENT")),
        ("authorisation", "true", other("authorisation")),
        ("SOMETHING_NEW", "false", other("SOMETHING_NEW")),
    ];
    for (name, success, fact) in cases {
        let notification = verify_one(&sign(item(name, success))).unwrap();
        assert_eq!(notification.fact, fact, "{name} {success}");
        assert_eq!(notification.id.as_str(), format!("{OWN}:{name}:{success}"));
    }
}

#[test]
fn cancel_or_refund_says_which_it_was() {
    let of = |action: &str, success: &str| {
        let item =
            changed(item("CANCEL_OR_REFUND", success), "additionalData", json!({ "modification.action": action }));
        verify_one(&sign(item)).unwrap().fact
    };
    let (payment, amount) = (reference(PAYMENT), Money::from_minor(1_000, Currency::EUR));
    assert_eq!(of("cancel", "true"), ProviderFact::Voided { payment: payment.clone() });
    assert_eq!(of("refund", "true"), ProviderFact::Reversed { payment, reversal: reference(OWN), amount });
    assert!(matches!(of("cancel", "false"), ProviderFact::VoidFailed { .. }));
    assert!(matches!(of("refund", "false"), ProviderFact::Other { .. }));
    assert!(matches!(of("", "true"), ProviderFact::Other { .. }));
}

#[test]
fn a_dispute_without_original_reference_is_about_its_own() {
    let item = without(item("CHARGEBACK_REVERSED", "true"), "originalReference");
    let fact = verify_one(&sign(item)).unwrap().fact;
    assert_eq!(fact.payment(), Some(&reference(OWN)));
}

#[test]
fn c15_an_event_that_cannot_be_told_from_another_is_refused() {
    for member in ["pspReference", "eventCode", "success"] {
        let missing = sign(without(item("REFUND", "true"), member));
        let null = sign(changed(item("REFUND", "true"), member, Value::Null));
        let empty = sign(changed(item("REFUND", "true"), member, json!("")));
        for item in [missing, null, empty] {
            assert_eq!(verify_one(&item), Err(NotificationError::Malformed), "{item}");
        }
    }
    for member in ["pspReference", "eventCode"] {
        let endless = sign(changed(item("REFUND", "true"), member, json!("A".repeat(1_000))));
        assert_eq!(verify_one(&endless), Err(NotificationError::Malformed));
    }
}

#[test]
fn what_a_fact_is_made_of_must_be_there() {
    for name in ["CAPTURE", "REFUND", "CANCELLATION", "REFUNDED_REVERSED", "CAPTURE_FAILED"] {
        for item in [
            without(item(name, "true"), "originalReference"),
            changed(item(name, "true"), "originalReference", json!("")),
            changed(item(name, "true"), "originalReference", json!("with blank")),
        ] {
            assert_eq!(verify_one(&sign(item)), Err(NotificationError::Malformed), "{name}");
        }
    }
    let bent = ["1000.0", "1e3", "\"1000\"", "9223372036854775808", "null"];
    for value in bent {
        let amount: Value = serde_json::from_str(&format!(r#"{{"currency":"EUR","value":{value}}}"#)).unwrap();
        assert_eq!(
            verify_one(&sign(changed(item("AUTHORISATION", "true"), "amount", amount))),
            Err(NotificationError::Malformed)
        );
    }
    for amount in [json!({ "currency": "EUR", "value": -1_000 }), json!({ "currency": "XYZ", "value": 1_000 })] {
        assert_eq!(
            verify_one(&sign(changed(item("AUTHORISATION", "true"), "amount", amount))),
            Err(NotificationError::Malformed)
        );
    }
    let none = sign(without(item("AUTHORISATION", "true"), "amount"));
    assert_eq!(verify_one(&none), Err(NotificationError::Malformed));
}

/// Without this rule the first of these items, once signed by Adyen, could be replayed as the second.
#[test]
fn colons_cannot_move_a_value_into_another_field() {
    let genuine = json!({
        "pspReference": "A", "originalReference": "B:C", "merchantAccountCode": "D", "merchantReference": "E",
        "amount": { "currency": "EUR", "value": 1 }, "eventCode": "REFUND", "success": "true",
    });
    let forged = json!({
        "pspReference": "A:B", "originalReference": "C", "merchantAccountCode": "D", "merchantReference": "E",
        "amount": { "currency": "EUR", "value": 1 }, "eventCode": "REFUND", "success": "true",
    });
    assert_eq!(signature(&genuine, HMAC_KEY_HEX), signature(&forged, HMAC_KEY_HEX), "the ambiguity is real");
    for member in ["pspReference", "originalReference", "merchantAccountCode", "eventCode"] {
        let item = sign(changed(item("REFUND", "true"), member, json!("A:B")));
        assert_eq!(verify_one(&item), Err(NotificationError::Malformed), "{member}");
    }
    let currency = sign(changed(item("REFUND", "true"), "amount", json!({ "currency": "E:R", "value": 1 })));
    assert_eq!(verify_one(&currency), Err(NotificationError::Malformed));
    let ours = verify_one(&sign(changed(item("REFUND", "true"), "merchantReference", json!("a:b")))).unwrap();
    assert_eq!(ours.merchant_reference.unwrap().as_str(), "a:b");
}

#[test]
fn a_reference_that_we_never_gave_is_none_and_the_event_is_kept() {
    for text in ["", "with blank", "Zoë", &"a".repeat(81)] {
        let notification =
            verify_one(&sign(changed(item("REFUND", "true"), "merchantReference", json!(text)))).unwrap();
        assert_eq!(notification.merchant_reference, None, "{text:?}");
        assert!(matches!(notification.fact, ProviderFact::Refunded { merchant_reference: None, .. }));
    }
}

#[test]
fn truth_values_are_strings() {
    for success in [json!(true), json!(1), json!("TRUE"), json!("yes")] {
        assert_eq!(
            verify_one(&sign(changed(item("REFUND", "true"), "success", success))),
            Err(NotificationError::Malformed)
        );
    }
    for (live, expected) in [
        (json!("true"), NotificationError::WrongAccount),
        (json!(false), NotificationError::NotADelivery),
        (Value::Null, NotificationError::NotADelivery),
    ] {
        let mut body = envelope(&[sign(item("REFUND", "true"))]);
        body["live"] = live;
        assert_eq!(verify(&adyen(&Script::of([])), &body), Err(expected));
    }
}

#[test]
fn c17_each_item_stands_for_itself() {
    let good = sign(item("REFUND", "true"));
    let mut unsigned = item("CAPTURE", "true");
    unsigned["additionalData"] = json!({ "authCode": "x" });
    let mut forged = sign(item("CAPTURE", "true"));
    forged["amount"]["value"] = json!(999_999);
    let other_account = sign(changed(item("CAPTURE", "true"), "merchantAccountCode", json!("AnotherCity")));
    let not_base64 = changed(item("CAPTURE", "true"), "additionalData", json!({ "hmacSignature": "***" }));
    let truncated = changed(item("CAPTURE", "true"), "additionalData", json!({ "hmacSignature": "AAAA" }));
    let items = [good.clone(), unsigned, forged, json!("no item"), other_account, not_base64, truncated, good];
    let found = verify(&adyen(&Script::of([])), &envelope(&items)).unwrap();
    let errors: Vec<_> = found.iter().map(|item| item.as_ref().err().copied()).collect();
    let bad = Some(NotificationError::BadSignature);
    let expected =
        [None, bad, bad, Some(NotificationError::Malformed), Some(NotificationError::WrongAccount), bad, bad, None];
    assert_eq!(errors, expected);
    assert_eq!(found[0], found[7]);
}

#[test]
fn deliveries_are_bounded() {
    let adyen = adyen(&Script::of([]));
    let good = sign(item("REFUND", "true"));
    assert_eq!(verify(&adyen, &envelope(&vec![good.clone(); ITEMS_MAX])).unwrap().len(), ITEMS_MAX);
    let too_many = envelope(&vec![good.clone(); ITEMS_MAX + 1]);
    assert_eq!(verify(&adyen, &too_many), Err(NotificationError::NotADelivery));
    assert_eq!(verify(&adyen, &envelope(&[])), Err(NotificationError::NotADelivery));
    let padded = format!("{}{}", envelope(&[good]), " ".repeat(DELIVERY_BYTES_MAX));
    assert_eq!(adyen.verify(raw(padded.as_bytes())).unwrap_err(), NotificationError::NotADelivery);
    let deep = format!(r#"{{"live":"false","notificationItems":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    assert!(adyen.verify(raw(deep.as_bytes())).is_ok_and(|items| items.iter().all(Result::is_err)));
}

#[test]
fn a_member_given_twice_is_malformed() {
    let body = envelope(&[sign(item("REFUND", "true"))]).to_string();
    let twice = body.replacen(r#""eventCode""#, r#""eventCode":"CAPTURE","eventCode""#, 1);
    assert_ne!(body, twice);
    let items = adyen(&Script::of([])).verify(raw(twice.as_bytes())).unwrap();
    assert!(matches!(items[0], Err(NotificationError::Malformed)));
}

#[test]
fn a_successful_event_keeps_no_words_about_the_card() {
    let item = changed(item("AUTHORISATION", "true"), "reason", json!("874574:1935:11/2012"));
    let notification = verify_one(&sign(item)).unwrap();
    assert!(!format!("{notification:?}").contains("1935"), "{notification:?}");
}

#[test]
fn words_of_a_refusal_become_a_code() {
    let long = "x".repeat(300);
    let cases = [
        (json!("Not enough balance"), "Not_enough_balance".to_owned()),
        (json!("  Kartë \u{7} \n abgelaufen "), "Kart_abgelaufen".to_owned()),
        (json!(long), "x".repeat(100)),
        (json!(""), "AUTHORISATION".to_owned()),
        (Value::Null, "AUTHORISATION".to_owned()),
    ];
    for (reason, expected) in cases {
        let notification = verify_one(&sign(changed(item("AUTHORISATION", "false"), "reason", reason))).unwrap();
        assert_eq!(notification.fact, ProviderFact::Refused { payment: Some(reference(OWN)), code: code(&expected) });
    }
}

/// Every example of the specification, signed by us for our account, becomes a fact.
#[test]
fn every_published_example_is_understood() {
    let Some(webhooks) = Specification::webhooks() else { return };
    let examples = webhooks.examples();
    assert!(examples.len() >= 15, "examples are missing");
    let adyen = of_account("YOUR_MERCHANT_ACCOUNT", &[HMAC_KEY_HEX]);
    for (name, mut body) in examples {
        let item = body["notificationItems"][0]["NotificationRequestItem"].clone();
        body["notificationItems"][0]["NotificationRequestItem"] = sign(item);
        let notification = verify(&adyen, &body).unwrap().remove(0).unwrap();
        let handled = !matches!(notification.fact, ProviderFact::Other { .. });
        let without_rule = [
            "AUTHORISATION_ADJUSTMENT",
            "CANCEL_AUTORESCUE",
            "POSTPONED_REFUND",
            "REFUND_WITH_DATA",
            "REPORT_AVAILABLE",
            "VOID_PENDING_REFUND",
        ];
        assert_eq!(handled, !without_rule.contains(&name.as_str()), "{name}: {:?}", notification.fact);
    }
}

#[test]
fn the_acknowledgement_is_what_adyen_documents() {
    assert_eq!(adyen(&Script::of([])).acknowledgement(), "[accepted]");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let adyen = adyen(&Script::of([]));
        let verified = adyen.verify(raw(&body)).is_ok_and(|items| items.iter().any(Result::is_ok));
        prop_assert!(!verified);
        drop(SettlementReports::read(&adyen, &body));
    }

    #[test]
    fn a_mutilated_delivery_never_panics_and_never_changes_what_was_signed(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let adyen = adyen(&Script::of([]));
        let good = verify_one(&sign(item("REFUND", "true"))).unwrap();
        let mut body = envelope(&[sign(item("REFUND", "true"))]).to_string().into_bytes();
        let index = at.index(body.len());
        body[index] = byte;
        for taken in adyen.verify(raw(&body)).into_iter().flatten().flatten() {
            let taken = taken.into_inner();
            // The date and the words are not signed; everything else is as Adyen signed it.
            prop_assert_eq!(Notification { occurred_at: good.occurred_at, ..taken }, good.clone());
        }
    }

    #[test]
    fn arbitrary_fields_are_verified_or_malformed_and_never_confused(
        psp in "[A-Z0-9:]{0,6}", original in "[A-Z0-9:]{0,6}", merchant in "[a-z0-9: é]{0,6}", value in 0_i64..100_000,
    ) {
        let item = json!({
            "pspReference": psp, "originalReference": original, "merchantAccountCode": MERCHANT_ACCOUNT,
            "merchantReference": merchant, "amount": { "currency": "EUR", "value": value },
            "eventCode": "REFUND", "success": "true",
        });
        match verify_one(&sign(item)) {
            Ok(notification) => {
                let ProviderFact::Refunded { payment, refund, amount, .. } = notification.fact else {
                    return Err(TestCaseError::fail("another fact"));
                };
                prop_assert_eq!(payment.as_str(), original.as_str());
                prop_assert_eq!(refund.as_str(), psp.as_str());
                prop_assert_eq!(amount.minor(), value);
            }
            Err(error) => {
                let impossible = psp.is_empty() || original.is_empty() || psp.contains(':') || original.contains(':');
                prop_assert!(impossible && error == NotificationError::Malformed, "{:?}", error);
            }
        }
    }
}
