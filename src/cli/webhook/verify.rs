//! `zahlstelle webhook verify`: whether a delivery that was saved is genuine.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;
use jiff::Timestamp;

use super::{DELIVERY_BYTES_MAX, KeyArguments, event};
use crate::{
    cli::{Ended, Failure, say, say_error},
    clock::{Clock, SystemClock},
    webhook::verify::{DeliveryHeaders, Verified, Verifier, VerifyError},
};

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    keys: KeyArguments,
    /// The header `webhook-id`.
    #[arg(long, value_name = "ID")]
    id: String,
    /// The header `webhook-timestamp`.
    #[arg(long, value_name = "SECONDS")]
    timestamp: String,
    /// The header `webhook-signature`.
    #[arg(long, value_name = "SIGNATURES")]
    signature: String,
    /// When it was received, e.g. 2026-03-01T12:00:00Z or in seconds since 1970; without it, now.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
    /// The body, byte for byte as it came; `-` reads the standard input.
    file: PathBuf,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Ended {
    let verifier = arguments.keys.verifier()?;
    let body = read(&arguments.file).map_err(|error| {
        say_error(&format!("{}: {error}", arguments.file.display()));
        Failure::Usage
    })?;
    if body.len() > DELIVERY_BYTES_MAX {
        say_error(&format!("{}: has more than {DELIVERY_BYTES_MAX} bytes", arguments.file.display()));
        return Err(Failure::Usage);
    }
    let received_at = arguments.at.unwrap_or_else(|| SystemClock.now());
    match arguments.verify(&verifier, &body, received_at) {
        Ok(message) => {
            say(&format!("verified: {}, id {}, signed at {}", event(&body), message.id(), message.signed_at()));
            Ok(())
        }
        Err(error) => {
            say(&format!("refused: {error}{}", arguments.hint(error, &verifier, &body, received_at)));
            Err(Failure::Found)
        }
    }
}

impl Arguments {
    fn verify<'a>(
        &'a self,
        verifier: &Verifier,
        body: &'a [u8],
        received_at: Timestamp,
    ) -> Result<Verified<'a>, VerifyError> {
        let headers = DeliveryHeaders { id: &self.id, timestamp: &self.timestamp, signature: &self.signature };
        verifier.verify(&headers, body, received_at)
    }

    /// What usually lies behind a refusal on a developer's machine.
    fn hint(&self, error: VerifyError, verifier: &Verifier, body: &[u8], received_at: Timestamp) -> &'static str {
        match error {
            VerifyError::Mismatch if self.fits_without_line_break(verifier, body, received_at) => {
                "; without the line break at its end the file fits, so save the body exactly as it came"
            }
            VerifyError::TooOld { .. } | VerifyError::TooNew { .. } if self.at.is_none() => {
                "; the signature fits, so say with --at when it was received"
            }
            _ => "",
        }
    }

    fn fits_without_line_break(&self, verifier: &Verifier, body: &[u8], received_at: Timestamp) -> bool {
        let Some(shorter) = body.strip_suffix(b"\n") else { return false };
        let shorter = shorter.strip_suffix(b"\r").unwrap_or(shorter);
        !matches!(self.verify(verifier, shorter, received_at), Err(VerifyError::Mismatch))
    }
}

/// Reads no further than it takes to see that there is too much.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let bytes_max = u64::try_from(DELIVERY_BYTES_MAX.saturating_add(1)).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    if file == Path::new("-") {
        io::stdin().take(bytes_max).read_to_end(&mut body)?;
    } else {
        File::open(file)?.take(bytes_max).read_to_end(&mut body)?;
    }
    Ok(body)
}

fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    let time = text.parse().map_or_else(|_| text.parse(), Timestamp::from_second);
    time.map_err(|_| "must be a time such as 2026-03-01T12:00:00Z, or whole seconds since 1970")
}
