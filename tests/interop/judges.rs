//! The reference implementations in Python and JavaScript, each in a process of its own. `tests/run` installs them; a
//! test that does not find them says so and checks nothing.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use zahlstelle::{
    clock::{Clock, SystemClock},
    webhook::{
        MessageId,
        secret::{HmacSecret, SigningPair},
        sign::{KeyPair, Signed, Signer},
        verify::{DeliveryHeaders, Verifier},
    },
};

use crate::skip;

const BODY: &str =
    r#"{"id":"0199","type":"payment.paid","data":{"description":"Gebühr „Führungszeugnis“ \\u20ac 13,00"}}"#;

/// What a delivery is, and so what must become of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Genuine,
    /// Genuine, but received at another time than it was signed for.
    Untimely,
    Forged,
    /// Without a signature by a shared secret, and otherwise genuine.
    PublicOnly,
}

struct Delivery {
    name: &'static str,
    kind: Kind,
    signed: Signed,
    body: String,
}

fn pair(number: u8) -> KeyPair {
    KeyPair { hmac: HmacSecret::from_bytes(&[number; 32]).unwrap(), ed25519: SigningPair::from_seed([number; 32]) }
}

fn sign(pairs: &[u8], at: Timestamp, body: &str) -> Signed {
    let signer = Signer::new(pairs.iter().copied().map(pair).collect()).unwrap();
    signer.sign(&MessageId::parse("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W").unwrap(), at, body.as_bytes())
}

/// Deliveries to a receiver who knows the keys of pair 1.
fn deliveries(now: Timestamp) -> Vec<Delivery> {
    let genuine = |name, pairs: &[u8], body: String| Delivery {
        name,
        kind: Kind::Genuine,
        signed: sign(pairs, now, &body),
        body,
    };
    let untimely = |name, minutes| {
        let at = now + SignedDuration::from_mins(minutes);
        Delivery { name, kind: Kind::Untimely, signed: sign(&[1], at, BODY), body: BODY.to_owned() }
    };
    let forged = |name, forge: fn(&mut Delivery)| {
        let mut delivery = genuine(name, &[1], BODY.to_owned());
        delivery.kind = Kind::Forged;
        forge(&mut delivery);
        delivery
    };
    let mut public_only = genuine("only the signature by ed25519", &[1], BODY.to_owned());
    public_only.kind = Kind::PublicOnly;
    public_only.signed.signature.drain(..public_only.signed.signature.find("v1a,").unwrap());
    vec![
        genuine("one pair of keys", &[1], BODY.to_owned()),
        genuine("rotated, the receiver has the new pair", &[1, 2], BODY.to_owned()),
        genuine("rotated, the receiver has the old pair", &[2, 1], BODY.to_owned()),
        genuine("a large body", &[1], format!("{{\"a\":\"{}\"}}", "ä".repeat(100_000))),
        public_only,
        untimely("ten minutes old", -10),
        untimely("ten minutes ahead", 10),
        forged("a changed byte", |delivery| delivery.body = BODY.replace("0199", "0198")),
        forged("another id", |delivery| "msg_1".clone_into(&mut delivery.signed.id)),
        forged("another time", |delivery| delivery.signed.timestamp -= 1),
        forged("another sender", |delivery| delivery.signed = sign(&[2], SystemClock.now(), BODY)),
        forged("no known version", |delivery| "v2,AAAA".clone_into(&mut delivery.signed.signature)),
    ]
}

/// Has all deliveries judged by a program that is running for this alone.
fn judge(mut program: Command, deliveries: &[Delivery]) -> Vec<Value> {
    let pair = pair(1);
    let cases: Vec<Value> = deliveries
        .iter()
        .map(|Delivery { signed, body, .. }| {
            let headers: serde_json::Map<String, Value> =
                signed.headers().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            json!({
                "secret": pair.hmac.expose().expose_secret(),
                "public_key": pair.ed25519.public_text(),
                "headers": headers,
                "body": body,
            })
        })
        .collect();
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(Value::from(cases).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the judge failed: {program:?}");
    let verdicts: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdicts.len(), deliveries.len());
    verdicts
}

/// Whether the receiver's own keys verify the delivery here, by secret and by public key.
fn ours(delivery: &Delivery, now: Timestamp) -> (bool, bool) {
    let Delivery { signed, body, .. } = delivery;
    let timestamp = signed.timestamp.to_string();
    let headers = DeliveryHeaders { id: &signed.id, timestamp: &timestamp, signature: &signed.signature };
    let verifies = |verifier: Verifier| verifier.verify(&headers, body.as_bytes(), now).is_ok();
    let pair = pair(1);
    (
        verifies(Verifier::new(vec![pair.hmac], Vec::new()).unwrap()),
        verifies(Verifier::new(Vec::new(), vec![pair.ed25519.public_key()]).unwrap()),
    )
}

/// A judge of the signature by secret agrees with us, with what must be, and on the very signature.
fn agrees(delivery: &Delivery, verdict: &Value, now: Timestamp) {
    let Delivery { name, kind, signed, .. } = delivery;
    let (by_secret, by_public_key) = ours(delivery, now);
    assert_eq!(verdict["verified"], *kind == Kind::Genuine, "{name}: theirs");
    assert_eq!(by_secret, *kind == Kind::Genuine, "{name}: ours, by secret");
    assert_eq!(by_public_key, matches!(kind, Kind::Genuine | Kind::PublicOnly), "{name}: ours, by public key");
    let signature = verdict["signature"].as_str().unwrap();
    let same = signed.signature.split(' ').any(|own| own == signature);
    assert_eq!(same, matches!(kind, Kind::Genuine | Kind::Untimely), "{name}: {signature}");
}

#[test]
fn c14_the_python_implementation_and_ours_agree() {
    let Some(python) = installed("interop/bin/python", Path::new(env!("CARGO_TARGET_TMPDIR")).parent()) else { return };
    let now = SystemClock.now();
    let deliveries = deliveries(now);
    let mut program = Command::new(python);
    program.arg(here("python/judge.py"));
    for (delivery, verdict) in deliveries.iter().zip(judge(program, &deliveries)) {
        agrees(delivery, &verdict, now);
    }
}

#[test]
fn c14_the_javascript_implementation_nodes_ed25519_and_ours_agree() {
    let folder = here("node");
    let Some(_) = installed("node_modules/standardwebhooks", Some(&folder)) else { return };
    let now = SystemClock.now();
    let deliveries = deliveries(now);
    let mut program = Command::new("node");
    program.arg(folder.join("judge.js"));
    for (delivery, verdict) in deliveries.iter().zip(judge(program, &deliveries)) {
        agrees(delivery, &verdict, now);
        assert_eq!(verdict["public_fits"], delivery.kind != Kind::Forged, "{}: by Node's cryptography", delivery.name);
    }
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

fn installed(name: &str, below: Option<&Path>) -> Option<PathBuf> {
    let path = below.unwrap().join(name);
    if path.exists() {
        return Some(path);
    }
    skip("the reference implementations of Standard Webhooks are not installed; tests/run installs them");
    None
}
