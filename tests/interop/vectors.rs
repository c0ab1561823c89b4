//! The vectors that the authors of the specification have published.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;
use zahlstelle::webhook::{
    MessageId,
    secret::{HmacSecret, PublicKey, SigningPair},
    sign::{KeyPair, Signer},
    verify::{DeliveryHeaders, Verifier, VerifyError},
};

use crate::skip;

/// The published vectors; [`None`] after saying that they are not there.
fn published() -> Option<Value> {
    let folder = std::env::var_os("ZAHLSTELLE_VECTORS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors")), PathBuf::from);
    let Ok(vectors) = std::fs::read(folder.join("webhooks/standard_webhooks.json")) else {
        skip("no vectors of Standard Webhooks found; set ZAHLSTELLE_VECTORS");
        return None;
    };
    Some(serde_json::from_slice(&vectors).unwrap())
}

/// What a vector says; its keys are whichever it names, the others are any.
struct Vector<'a> {
    pair: KeyPair,
    verifier: Verifier,
    id: &'a str,
    timestamp: i64,
    body: &'a str,
    signature: &'a str,
}

fn vector(vector: &Value) -> Vector<'_> {
    let text = |name: &str| vector[name].as_str();
    let mut pair =
        KeyPair { hmac: HmacSecret::from_bytes(&[1; 32]).unwrap(), ed25519: SigningPair::from_seed([1; 32]) };
    let verifier = if let Some(secret) = text("secret") {
        pair.hmac = HmacSecret::parse(secret).unwrap();
        Verifier::new(vec![pair.hmac.clone()], Vec::new())
    } else {
        let key = text("secret_key").unwrap().strip_prefix("whsk_").unwrap();
        let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, key).unwrap();
        // The seed, then the public key again.
        pair.ed25519 = SigningPair::from_seed(key[..32].try_into().unwrap());
        assert_eq!(pair.ed25519.public_text(), text("public_key").unwrap());
        Verifier::new(Vec::new(), vec![PublicKey::parse(text("public_key").unwrap()).unwrap()])
    };
    Vector {
        pair,
        verifier: verifier.unwrap(),
        id: text("msg_id").unwrap(),
        timestamp: vector["timestamp"].as_i64().unwrap(),
        body: text("body").unwrap(),
        signature: text("signature").unwrap(),
    }
}

impl Vector<'_> {
    fn verify(&self, signature: &str, received: i64) -> Result<(), VerifyError> {
        let timestamp = self.timestamp.to_string();
        let headers = DeliveryHeaders { id: self.id, timestamp: &timestamp, signature };
        self.verifier.verify(&headers, self.body.as_bytes(), at(received)).map(drop)
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn c14_published_webhook_vectors_are_signed_and_verified() {
    let Some(vectors) = published() else { return };
    let vectors: Vec<Vector<'_>> = vectors["vectors"].as_array().unwrap().iter().map(vector).collect();
    assert!(vectors.len() >= 3, "vectors are missing");
    for vector in &vectors {
        let id = MessageId::parse(vector.id).unwrap();
        let signed =
            Signer::new(vec![vector.pair.clone()]).unwrap().sign(&id, at(vector.timestamp), vector.body.as_bytes());
        assert!(signed.signature.split(' ').any(|own| own == vector.signature), "{}", vector.signature);
        assert_eq!(vector.verify(vector.signature, vector.timestamp), Ok(()), "{}", vector.signature);
    }
}

#[test]
fn c14_what_the_published_tests_reject_and_accept_we_do_as_well() {
    let Some(all) = published() else { return };
    let vector = vector(&all["vectors"][0]);
    let (right, now) = (vector.signature, vector.timestamp);
    let wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    let rejected = [
        ("v1, (empty)", "v1,".to_owned(), now, VerifyError::Mismatch),
        ("wrong version v2,...", right.replace("v1,", "v2,"), now, VerifyError::NoUsableSignature),
        ("timestamp now-301", right.to_owned(), now + 301, VerifyError::TooOld { seconds: 301 }),
        ("timestamp now+301", right.to_owned(), now - 301, VerifyError::TooNew { seconds: 301 }),
        ("three wrong v1 signatures", [wrong; 3].join(" "), now, VerifyError::Mismatch),
    ];
    let named: Vec<&str> =
        all["headers_reject"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(rejected.each_ref().map(|(name, ..)| *name).as_slice(), named, "a rejection is not tried");
    for (name, signature, received, expected) in rejected {
        assert_eq!(vector.verify(&signature, received), Err(expected), "{name}");
    }
    assert_eq!(all["headers_accept"], serde_json::json!(["two wrong v1 then the right v1"]));
    assert_eq!(vector.verify(&[wrong, wrong, right].join(" "), now), Ok(()));
    for secret in all["bad_secrets"].as_array().unwrap() {
        let secret = secret.as_str().unwrap().split(' ').next().unwrap();
        assert!(HmacSecret::parse(secret).is_err(), "{secret}");
    }
}
