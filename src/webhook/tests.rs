use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    MessageId,
    secret::{HMAC_SECRET_BYTES_MAX, HMAC_SECRET_BYTES_MIN, HmacSecret, KeyError, PublicKey, SigningPair},
    seen::{NotAdmitted, SeenIds},
    sign::{KEY_PAIRS_MAX, KeyPair, Signed, Signer, WrongNumberOfPairs},
    verify::{DeliveryHeaders, KEYS_MAX, SIGNATURES_MAX, TOLERANCE_SECONDS, Verifier, VerifyError, WrongNumberOfKeys},
};

const BODY: &[u8] = br#"{"id":"0199","type":"payment.paid"}"#;
const NOON: i64 = 1_790_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn pair(number: u8) -> KeyPair {
    KeyPair { hmac: HmacSecret::from_bytes(&[number; 32]).unwrap(), ed25519: SigningPair::from_seed([number; 32]) }
}

fn signer(numbers: &[u8]) -> Signer {
    Signer::new(numbers.iter().copied().map(pair).collect()).unwrap()
}

fn by_secret(number: u8) -> Verifier {
    Verifier::new(vec![pair(number).hmac], Vec::new()).unwrap()
}

fn by_public_key(number: u8) -> Verifier {
    Verifier::new(Vec::new(), vec![pair(number).ed25519.public_key()]).unwrap()
}

fn signed() -> Signed {
    signer(&[1]).sign(&MessageId::parse("msg_1").unwrap(), at(NOON), BODY)
}

/// Verifies with either kind of key, which must agree.
fn verify(id: &str, timestamp: &str, signature: &str, body: &[u8], received: i64) -> Result<(), VerifyError> {
    let headers = DeliveryHeaders { id, timestamp, signature };
    let judge = |verifier: Verifier| verifier.verify(&headers, body, at(received)).map(|_| ());
    let (shared, public) = (judge(by_secret(1)), judge(by_public_key(1)));
    assert_eq!(shared, public, "the two kinds of signature disagree");
    shared
}

#[test]
fn a_delivery_verifies_and_says_what_was_signed() {
    let signed = signed();
    let timestamp = signed.timestamp.to_string();
    let headers = DeliveryHeaders { id: &signed.id, timestamp: &timestamp, signature: &signed.signature };
    for verifier in [by_secret(1), by_public_key(1)] {
        let verified = verifier.verify(&headers, BODY, at(NOON)).unwrap();
        assert_eq!((verified.id(), verified.signed_at(), verified.body()), ("msg_1", at(NOON), BODY));
    }
    for verifier in [by_secret(2), by_public_key(2)] {
        assert_eq!(verifier.verify(&headers, BODY, at(NOON)).unwrap_err(), VerifyError::Mismatch);
    }
}

/// A vector of our own, with keys of our own; another implementation (Node's `crypto`) computed it.
#[test]
fn c14_an_own_vector_keeps_its_signatures() {
    let signed = signed();
    assert_eq!(
        signed.signature,
        "v1,1mDoCOKSJitolHrWy5qr1CTYBNRtCigEkorcfjq9x8s= \
         v1a,g91aAxkdQCf8+q4j1OZdaHMAUnd0w5npswjX7d1BsINEQpwoo9HoROB3pdjCSVjA+wARgbBdDm5gyF8qh7daCA=="
    );
    assert_eq!(pair(1).ed25519.public_text(), "whpk_iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=");
    let headers = signed.headers();
    assert_eq!(headers.each_ref().map(|(name, _)| *name), ["webhook-id", "webhook-timestamp", "webhook-signature"]);
    assert_eq!((headers[0].1.as_str(), headers[1].1.as_str()), ("msg_1", "1790000000"));
}

#[test]
fn c10_a_delivery_without_a_time_or_with_an_old_one_is_refused() {
    let signed = signed();
    let last = NOON + TOLERANCE_SECONDS;
    assert_eq!(verify(&signed.id, "1790000000", &signed.signature, BODY, last), Ok(()));
    let late = verify(&signed.id, "1790000000", &signed.signature, BODY, last + 1);
    assert_eq!(late, Err(VerifyError::TooOld { seconds: TOLERANCE_SECONDS + 1 }));
    for without in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        for missing in [None, Some("")] {
            let found = DeliveryHeaders::find(|name| if name == without { missing } else { Some("1") });
            assert_eq!(found.unwrap_err(), VerifyError::Missing { header: without });
        }
    }
}

#[test]
fn c11_a_time_far_ahead_is_refused_and_a_clock_that_jumps_is_told() {
    let signed = signed();
    let verify = |received| verify(&signed.id, "1790000000", &signed.signature, BODY, received);
    assert_eq!(verify(NOON - TOLERANCE_SECONDS), Ok(()));
    assert_eq!(verify(NOON - TOLERANCE_SECONDS - 1), Err(VerifyError::TooNew { seconds: TOLERANCE_SECONDS + 1 }));
    // A receiver whose clock steps back by an hour and is set right again.
    assert_eq!(verify(NOON - 3_600), Err(VerifyError::TooNew { seconds: 3_600 }));
    assert_eq!(verify(NOON), Ok(()));
}

#[test]
fn c12_what_waited_in_a_queue_is_judged_by_when_it_came() {
    let signed = signed();
    let (received, processed) = (NOON + 2, NOON + 86_400);
    assert!(matches!(
        verify(&signed.id, "1790000000", &signed.signature, BODY, processed),
        Err(VerifyError::TooOld { .. })
    ));
    assert_eq!(verify(&signed.id, "1790000000", &signed.signature, BODY, received), Ok(()));
}

#[test]
fn c13_the_time_and_the_id_are_inside_the_signed_bytes() {
    let signed = signed();
    let verify = |id, timestamp, body| verify(id, timestamp, &signed.signature, body, NOON);
    assert_eq!(verify("msg_1", "1790000000", BODY), Ok(()));
    assert_eq!(verify("msg_1", "1790000001", BODY), Err(VerifyError::Mismatch));
    assert_eq!(verify("msg_2", "1790000000", BODY), Err(VerifyError::Mismatch));
    assert_eq!(verify("msg_1", "1790000000", b"{}"), Err(VerifyError::Mismatch));
}

/// `a.1` at 2 and `a` at `1.2` would be the same signed bytes.
#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let long = "a".repeat(65);
    for id in ["a.1", "", "a b", "ä", "a\n", long.as_str()] {
        assert!(MessageId::parse(id).is_err(), "{id}");
        assert_eq!(verify(id, "1790000000", "v1,AA==", BODY, NOON), Err(VerifyError::Id), "{id}");
    }
    for timestamp in ["1.5", "+1", "-1", "01", " 1", "1790000000.", "9999999999999", "now", "１"] {
        assert_eq!(verify("a", timestamp, "v1,AA==", BODY, NOON), Err(VerifyError::Timestamp), "{timestamp}");
    }
}

#[test]
fn signatures_of_other_versions_are_passed_over() {
    let signed = signed();
    let wrong = format!("v1,{} v1a,{}", "A".repeat(43) + "=", "A".repeat(86) + "==");
    let verify = |signature: &str| verify("msg_1", "1790000000", signature, BODY, NOON);
    assert_eq!(verify(&format!("v9,abc v2,{wrong} {wrong} {}", signed.signature)), Ok(()));
    assert_eq!(verify(&wrong), Err(VerifyError::Mismatch));
    for truncated in ["v1,1mDoCOKSJitolHrWy5qr1CTYBNRtCigEkorcfjq9x8s v1a,g91aAxkdQCf8", "v1, v1a,", "v1,% v1a,%"] {
        assert_eq!(verify(truncated), Err(VerifyError::Mismatch), "{truncated}");
    }
    for unusable in ["v2,AA==", "v1", ",", " ", "V1,AA=="] {
        assert_eq!(verify(unusable), Err(VerifyError::NoUsableSignature), "{unusable}");
    }
    let many = ["v1,AA== v1a,AA=="; SIGNATURES_MAX / 2].join(" ");
    assert_eq!(verify(&many), Err(VerifyError::Mismatch));
    assert_eq!(verify(&format!("{many} v1,AA==")), Err(VerifyError::TooManySignatures));
}

#[test]
fn g3_while_keys_are_rotated_old_and_new_ones_verify() {
    let id = MessageId::parse("msg_1").unwrap();
    let rotated = signer(&[2, 1]).sign(&id, at(NOON), BODY);
    let versions: Vec<&str> = rotated.signature.split(' ').map(|entry| entry.split_once(',').unwrap().0).collect();
    assert_eq!(versions, ["v1", "v1", "v1a", "v1a"]);
    let newest = signer(&[2]).sign(&id, at(NOON), BODY).signature;
    assert!(rotated.signature.starts_with(newest.split(' ').next().unwrap()), "the newest key signs first");
    let headers = DeliveryHeaders { id: "msg_1", timestamp: "1790000000", signature: &rotated.signature };
    for number in [1, 2] {
        assert!(by_secret(number).verify(&headers, BODY, at(NOON)).is_ok());
        assert!(by_public_key(number).verify(&headers, BODY, at(NOON)).is_ok());
    }
    // A receiver that takes the new key first knows both for a while.
    let both = Verifier::new(vec![pair(1).hmac, pair(3).hmac], Vec::new()).unwrap();
    assert!(both.verify(&headers, BODY, at(NOON)).is_ok());
}

#[test]
fn g3_a_repetition_is_signed_anew_under_the_same_id() {
    let first = signed();
    let later = signer(&[1]).sign(&MessageId::parse("msg_1").unwrap(), at(NOON + 7_200), BODY);
    assert_eq!(first.id, later.id);
    assert_ne!(first.signature, later.signature);
    assert_eq!(verify(&later.id, &later.timestamp.to_string(), &later.signature, BODY, NOON + 7_200), Ok(()));
}

#[test]
fn c10_a_replay_within_the_window_is_refused() {
    let verifier = by_secret(1);
    let mut seen = SeenIds::new(2);
    let mut deliver = |id: &str, signed_at: i64, received: i64| {
        let signed = signer(&[1]).sign(&MessageId::parse(id).unwrap(), at(signed_at), BODY);
        let timestamp = signed.timestamp.to_string();
        let headers = DeliveryHeaders { id: &signed.id, timestamp: &timestamp, signature: &signed.signature };
        seen.admit(&verifier.verify(&headers, BODY, at(received)).unwrap(), at(received))
    };
    assert_eq!(deliver("a", NOON, NOON), Ok(()));
    // The very same bytes pass the verifier, to the last second of the window.
    assert_eq!(deliver("a", NOON, NOON + TOLERANCE_SECONDS), Err(NotAdmitted::Replayed));
    assert_eq!(deliver("b", NOON + 1, NOON + 1), Ok(()));
    assert_eq!(deliver("c", NOON + 1, NOON + 1), Err(NotAdmitted::Full), "no id is forgotten to make room");
    // A genuine repetition keeps its id for as long as its new signature passes.
    assert_eq!(deliver("b", NOON + 200, NOON + 200), Err(NotAdmitted::Replayed));
    assert_eq!(deliver("c", NOON + 301, NOON + 301), Ok(()), "the first id can no longer be replayed");
    assert_eq!(deliver("b", NOON + 200, NOON + 500), Err(NotAdmitted::Replayed));
}

#[test]
fn what_failed_may_come_again() {
    let signed = signed();
    let timestamp = signed.timestamp.to_string();
    let headers = DeliveryHeaders { id: &signed.id, timestamp: &timestamp, signature: &signed.signature };
    let verifier = by_secret(1);
    let message = verifier.verify(&headers, BODY, at(NOON)).unwrap();
    let mut seen = SeenIds::new(1);
    assert_eq!(seen.admit(&message, at(NOON)), Ok(()));
    seen.forget(&message);
    assert_eq!(seen.admit(&message, at(NOON)), Ok(()));
    assert_eq!(seen.admit(&message, at(NOON)), Err(NotAdmitted::Replayed));
}

#[test]
fn keys_are_read_strictly_and_never_shown() {
    let text = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let secret = HmacSecret::parse(text).unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&secret.expose()), text);
    assert_eq!(secret, pair(1).hmac);
    let shown = format!("{:?} {:?}", pair(1), signer(&[1]));
    assert!(!shown.contains("AQEB") && !shown.contains("1, 1"), "{shown}");
    let public = pair(1).ed25519.public_text();
    assert_eq!(PublicKey::parse(&public), Ok(pair(1).ed25519.public_key()));
    for (length, taken) in [
        (HMAC_SECRET_BYTES_MIN - 1, false),
        (HMAC_SECRET_BYTES_MIN, true),
        (HMAC_SECRET_BYTES_MAX, true),
        (HMAC_SECRET_BYTES_MAX + 1, false),
    ] {
        assert_eq!(HmacSecret::from_bytes(&vec![7; length]).is_ok(), taken, "{length} bytes");
    }
    assert_eq!(HmacSecret::parse(&public), Err(KeyError::Prefix { expected: "whsec_" }));
    assert_eq!(HmacSecret::parse("whsec_%"), Err(KeyError::Base64));
    assert_eq!(PublicKey::parse(text), Err(KeyError::Prefix { expected: "whpk_" }));
    assert_eq!(PublicKey::parse("whpk_AQEB"), Err(KeyError::PublicKey));
    // The neutral point of the curve: with it as key, one signature would fit every message.
    assert_eq!(PublicKey::parse("whpk_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), Err(KeyError::PublicKey));
}

#[test]
fn the_number_of_keys_is_bounded() {
    let pairs = |count: usize| vec![pair(1); count];
    assert!(matches!(Signer::new(pairs(0)), Err(WrongNumberOfPairs)));
    assert!(Signer::new(pairs(KEY_PAIRS_MAX)).is_ok());
    assert!(matches!(Signer::new(pairs(KEY_PAIRS_MAX + 1)), Err(WrongNumberOfPairs)));
    let verifier = |count: usize| Verifier::new(vec![pair(1).hmac; count], vec![pair(1).ed25519.public_key(); count]);
    assert!(matches!(verifier(0), Err(WrongNumberOfKeys)));
    assert!(verifier(KEYS_MAX / 2).is_ok());
    assert!(matches!(verifier(KEYS_MAX / 2 + 1), Err(WrongNumberOfKeys)));
}

proptest! {
    // Each case checks six signatures of ed25519, which take their time without optimisation.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_was_signed_verifies_and_no_other_bytes_do(
        id in "[A-Za-z0-9_-]{1,64}",
        seconds in 0_i64..9_999_999_999,
        body in proptest::collection::vec(any::<u8>(), 1..300),
        place in any::<proptest::sample::Index>(),
        flip in 1_u8..,
    ) {
        let signed = signer(&[1, 2]).sign(&MessageId::parse(&id).unwrap(), at(seconds), &body);
        let timestamp = signed.timestamp.to_string();
        let verify = |body: &[u8]| verify(&id, &timestamp, &signed.signature, body, seconds);
        prop_assert_eq!(verify(&body), Ok(()));
        let mut changed = body.clone();
        changed[place.index(body.len())] ^= flip;
        prop_assert_eq!(verify(&changed), Err(VerifyError::Mismatch));
        prop_assert_eq!(verify(&body[..body.len() - 1]), Err(VerifyError::Mismatch));
    }

    /// No delivery is read as another one: the parts are told apart wherever they are cut.
    #[test]
    fn another_cut_of_the_same_bytes_is_refused(seconds in 0_i64..9_999_999_999, body in "[0-9.]{0,12}") {
        let signed = signer(&[1]).sign(&MessageId::parse("1").unwrap(), at(seconds), body.as_bytes());
        let whole = format!("1.{seconds}.{body}");
        let dots: Vec<usize> = whole.match_indices('.').map(|(index, _)| index).collect();
        for (number, first) in dots.iter().enumerate() {
            for second in &dots[number + 1..] {
                let (id, timestamp, rest) = (&whole[..*first], &whole[first + 1..*second], &whole[second + 1..]);
                let verified = verify(id, timestamp, &signed.signature, rest.as_bytes(), seconds).is_ok();
                prop_assert_eq!(verified, (id, timestamp) == ("1", seconds.to_string().as_str()));
            }
        }
    }

    #[test]
    fn hostile_headers_are_refused_without_harm(id in ".{0,80}", timestamp in ".{0,20}", signature in ".{0,200}") {
        prop_assert!(verify(&id, &timestamp, &signature, BODY, NOON).is_err());
    }
}
