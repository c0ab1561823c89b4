//! `zahlstelle webhook`: what developers of portals need to get deliveries right before anything is deployed.

mod listen;
mod verify;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Ended, Failure, say_error};
use crate::webhook::{
    secret::{HmacSecret, KeyError, PublicKey},
    verify::Verifier,
};

/// The largest body of a delivery that is read. Bytes; far above what this service sends.
const DELIVERY_BYTES_MAX: usize = 1 << 20;
/// The most characters of an event's type that are shown.
const TYPE_LENGTH_MAX: usize = 64;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check a delivery that was saved: exit code 0 when it verifies, 1 when it must be refused.
    Verify(verify::Arguments),
    /// Receive deliveries on this machine, verify each, and show one line for it.
    Listen(listen::Arguments),
}

pub(super) fn run(command: &Command) -> Ended {
    match command {
        Command::Verify(arguments) => verify::run(arguments),
        Command::Listen(arguments) => listen::run(arguments),
    }
}

#[derive(Args, Debug)]
struct KeyArguments {
    /// What to verify with: a secret `whsec_…` or a public key `whpk_…`; may be given several times. From the variable,
    /// which other users of the machine cannot see, several are separated by commas.
    #[arg(
        long = "secret",
        env = "ZAHLSTELLE_WEBHOOK_SECRET",
        hide_env_values = true,
        value_name = "SECRET",
        value_delimiter = ',',
        required = true
    )]
    secrets: Vec<SecretString>,
}

impl KeyArguments {
    fn verifier(&self) -> Result<Verifier, Failure> {
        let mut secrets = Vec::new();
        let mut public_keys = Vec::new();
        for text in &self.secrets {
            let text = text.expose_secret().trim();
            let taken = if text.starts_with("whpk_") {
                PublicKey::parse(text).map(|key| public_keys.push(key))
            } else {
                HmacSecret::parse(text).map(|secret| secrets.push(secret))
            };
            taken.map_err(|error| {
                match error {
                    KeyError::Prefix { .. } => say_error("--secret: must begin with whsec_ or whpk_"),
                    error => say_error(&format!("--secret: {error}")),
                }
                Failure::Usage
            })?;
        }
        Verifier::new(secrets, public_keys).map_err(|error| {
            say_error(&format!("--secret: {error}"));
            Failure::Usage
        })
    }
}

/// What a verified body says it is: type and position, as far as it is an event.
fn event(body: &[u8]) -> String {
    let event: Value = serde_json::from_slice(body).unwrap_or_default();
    let plain = |kind: &&str| {
        kind.len() <= TYPE_LENGTH_MAX
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    let Some(kind) = event.get("type").and_then(Value::as_str).filter(plain) else {
        return "a body without a type".to_owned();
    };
    match event.get("position").and_then(Value::as_u64) {
        Some(position) => format!("{kind}, position {position}"),
        None => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::event;

    #[test]
    fn an_event_is_named_and_nothing_else_reaches_the_terminal() {
        assert_eq!(event(br#"{"type":"payment.paid","position":7}"#), "payment.paid, position 7");
        assert_eq!(event(br#"{"type":"webhook_endpoint.test"}"#), "webhook_endpoint.test");
        let hostile = format!(r#"{{"type":"{}"}}"#, "a".repeat(65));
        for body in [r#"{"type":"\u001b[2Jx"}"#, "no JSON", "[]", r#"{"type":7}"#, hostile.as_str()] {
            assert_eq!(event(body.as_bytes()), "a body without a type", "{body}");
        }
    }
}
