//! The commands for developers of portals, as they are used at a terminal.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use secrecy::ExposeSecret;
use zahlstelle::{
    clock::{Clock, SystemClock},
    webhook::{
        MessageId,
        secret::{HmacSecret, SigningPair},
        sign::{KeyPair, Signed, Signer},
    },
};

use crate::support::{binary, curl};

const BODY: &str = r#"{"id":"0199","type":"payment.paid","position":7,"data":{}}"#;
const VARIABLE: &str = "ZAHLSTELLE_WEBHOOK_SECRET";

fn pair(number: u8) -> KeyPair {
    KeyPair { hmac: HmacSecret::from_bytes(&[number; 32]).unwrap(), ed25519: SigningPair::from_seed([number; 32]) }
}

fn secret(number: u8) -> String {
    pair(number).hmac.expose().expose_secret().to_owned()
}

fn signed(id: &str) -> Signed {
    Signer::new(vec![pair(1)]).unwrap().sign(&MessageId::parse(id).unwrap(), SystemClock.now(), BODY.as_bytes())
}

/// `webhook verify` with the headers of a delivery.
fn verify(signed: &Signed) -> Command {
    let mut command = binary();
    command.args(["webhook", "verify", "--id", &signed.id, "--timestamp", &signed.timestamp.to_string()]);
    command.args(["--signature", &signed.signature]).env_remove(VARIABLE);
    command
}

fn verdict(command: &mut Command, file: &Path) -> (Option<i32>, String) {
    told(&command.arg(file).output().unwrap())
}

fn told(output: &Output) -> (Option<i32>, String) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_saved_delivery_is_verified_or_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (body, changed, longer) =
        (file("body", BODY), file("changed", &BODY.replace('7', "8")), file("longer", &format!("{BODY}\r\n")));
    let signed = signed("msg_1");
    let by = |key: &str| {
        let mut command = verify(&signed);
        command.args(["--secret", key]);
        command
    };
    for key in [secret(1), pair(1).ed25519.public_text()] {
        let (code, said) = verdict(&mut by(&key), &body);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("verified: payment.paid, position 7, id msg_1, signed at 2"), "{said}");
        let (code, said) = verdict(&mut by(&key), &changed);
        assert_eq!(
            (code, said.as_str()),
            (Some(1), "refused: no signature fits: another key, or the id, the time or the body was changed\n")
        );
        let (code, said) = verdict(&mut by(&key), &longer);
        assert!(code == Some(1) && said.contains("without the line break at its end the file fits"), "{said}");
    }
    let (code, said) = verdict(&mut by(&secret(2)), &body);
    assert!(code == Some(1) && said.starts_with("refused: no signature fits"), "{said}");
    let (code, said) = verdict(by(&secret(2)).args(["--secret", &secret(1)]), &body);
    assert_eq!(code, Some(0), "one key of several is enough: {said}");
    let late = (signed.timestamp + 301).to_string();
    let (code, said) = verdict(by(&secret(1)).args(["--at", &late]), &body);
    assert_eq!((code, said.as_str()), (Some(1), "refused: signed 301 seconds before it was received, more than 300\n"));
}

#[test]
fn an_old_delivery_verifies_at_the_time_of_its_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    std::fs::write(&file, BODY).unwrap();
    let noon = "2026-03-01T12:00:00Z";
    let signed = Signer::new(vec![pair(1)]).unwrap().sign(
        &MessageId::parse("msg_1").unwrap(),
        noon.parse().unwrap(),
        BODY.as_bytes(),
    );
    let (code, said) = verdict(verify(&signed).args(["--secret", &secret(1)]), &file);
    assert!(code == Some(1) && said.ends_with("so say with --at when it was received\n"), "{said}");
    let (code, said) = verdict(verify(&signed).args(["--secret", &secret(1), "--at", noon]), &file);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_secret_may_come_from_the_environment_and_a_body_from_the_standard_input() {
    let mut command = verify(&signed("msg_1"));
    command.arg("-").env(VARIABLE, format!("{},{}", secret(2), secret(1)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(BODY.as_bytes()).unwrap();
    let (code, said) = told(&child.wait_with_output().unwrap());
    assert!(code == Some(0) && said.starts_with("verified: "), "{said}");
    let help = told(&binary().args(["webhook", "verify", "--help"]).env(VARIABLE, secret(1)).output().unwrap());
    assert!(help.1.contains(VARIABLE) && !help.1.contains(&secret(1)), "{}", help.1);
}

#[test]
fn a_wrong_way_of_asking_is_told_and_no_secret_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    std::fs::write(&file, BODY).unwrap();
    let signed = signed("msg_1");
    let short = "whsec_c2hvcnQ=";
    for (key, expected) in [
        ("hwsec_AAAA", "--secret: must begin with whsec_ or whpk_"),
        (short, "--secret: must hold 24 to 64 bytes"),
        ("whsec_%", "--secret: must be base64"),
        ("whpk_AAAA", "--secret: must be a public key of ed25519"),
    ] {
        let (code, said) = verdict(verify(&signed).args(["--secret", key]), &file);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected) && !said.contains(key), "{said}");
    }
    let (code, said) = verdict(verify(&signed).args(["--secret", &secret(1)]), Path::new("/does/not/exist"));
    assert!(code == Some(2) && said.contains("/does/not/exist"), "{said}");
    let (code, said) = verdict(&mut verify(&signed), &file);
    assert!(code == Some(2) && said.contains("--secret"), "{said}");
    let (code, said) = verdict(verify(&signed).args(["--secret", &secret(1), "--at", "noon"]), &file);
    assert!(code == Some(2) && said.contains("2026-03-01T12:00:00Z"), "{said}");
}

/// A running `webhook listen`. It is killed when the test ends, however it ends.
struct Listener {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Listener {
    fn start(arguments: &[&str]) -> Self {
        let mut command = binary();
        command.args(["webhook", "listen", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.env(VARIABLE, secret(1)).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let url = first.strip_prefix("listening at ").and_then(|rest| rest.split_once(',')).unwrap().0.to_owned();
        Self { child, lines, url }
    }

    /// Sends a delivery; the status it is answered with.
    fn deliver(&self, headers: &[(&str, String)], body: &str) -> String {
        let mut arguments = vec!["-o".to_owned(), "/dev/null".to_owned(), "-w".to_owned(), "%{http_code}".to_owned()];
        for (name, value) in headers {
            arguments.extend(["-H".to_owned(), format!("{name}: {value}")]);
        }
        arguments.extend(["--data-binary".to_owned(), body.to_owned(), self.url.clone()]);
        curl(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn ended(mut self) -> Option<i32> {
        assert!(self.lines.next().is_none(), "nothing is said after the last delivery");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn c10_a_listener_verifies_what_comes_and_takes_nothing_twice() {
    let mut listener = Listener::start(&["--count", "5"]);
    let signed = signed("msg_1");
    assert_eq!(listener.deliver(&signed.headers(), BODY), "204");
    assert_eq!(listener.line(), "verified: payment.paid, position 7, id msg_1");
    assert_eq!(listener.deliver(&signed.headers(), BODY), "204");
    assert_eq!(listener.line(), "repeated: taken before, nothing to do, id msg_1");
    assert_eq!(listener.deliver(&signed.headers(), &BODY.replace('7', "8")), "400");
    assert!(listener.line().starts_with("refused: no signature fits"));
    let mut headers = signed.headers();
    headers[0].1 = "msg_1.1 verified: payment.paid".to_owned();
    assert_eq!(listener.deliver(&headers, BODY), "400");
    assert_eq!(listener.line(), "refused: webhook-id is no id of a message");
    assert_eq!(listener.deliver(&signed.headers()[..1], BODY), "400");
    assert_eq!(listener.line(), "refused: the header webhook-timestamp is missing, id msg_1");
    assert_eq!(listener.ended(), Some(1), "something was refused");
}

#[test]
fn a_listener_ends_well_when_all_verified_and_reads_no_endless_body() {
    let mut listener = Listener::start(&["--count", "1"]);
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}", &listener.url]), "405", "only deliveries count");
    assert_eq!(listener.deliver(&signed("msg_1").headers(), BODY), "204");
    assert_eq!(listener.line(), "verified: payment.paid, position 7, id msg_1");
    assert_eq!(listener.ended(), Some(0));
    let mut listener = Listener::start(&["--count", "1"]);
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    std::fs::write(&large, vec![b'x'; 2 << 20]).unwrap();
    let status = listener.deliver(&signed("msg_1").headers(), &format!("@{}", large.display()));
    assert_eq!(
        (status.as_str(), listener.line().as_str()),
        ("400", "refused: the body is too large or incomplete, id msg_1")
    );
    assert_eq!(listener.ended(), Some(1));
}

#[test]
fn a_listener_is_for_this_machine_only() {
    let output =
        binary().args(["webhook", "listen", "--listen", "0.0.0.0:0", "--secret", &secret(1)]).output().unwrap();
    let (code, said) = told(&output);
    assert!(code == Some(2) && said.contains("must be an address of this machine only"), "{said}");
}
