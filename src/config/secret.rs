//! Secrets: where they come from. Their text never reaches a message.

use std::{fs, io::Read, path::Path};

use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};
use zahlstelle_contract::provider::Environment;

use super::{
    Environ,
    error::{FileProblem, Kind, Problem},
    reader::{Keys, Value},
};

pub(super) const KEYS: Keys = Keys { schema: "secret_source", names: &["env", "file"] };

/// The most characters of a secret.
const SECRET_LENGTH_MAX: usize = 4_096;

/// The fewest digits of a key in hexadecimal: 16 bytes.
const KEY_DIGITS_MIN: usize = 32;

/// Stands in the place of a secret that is not fetched; it is long enough for a key in hexadecimal.
const SUBSTITUTE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Whether secrets that stand outside the settings are needed.
#[derive(Clone, Copy)]
pub(super) enum SecretSource<'a> {
    /// They are fetched from files and from these variables of the environment.
    Fetched(&'a Environ<'a>),
    /// They are not looked for.
    Substituted,
}

/// Where secrets may come from.
#[derive(Clone, Copy)]
pub(super) struct Secrets<'a> {
    /// Paths are relative to it.
    pub(super) folder: &'a Path,
    /// Where those that stand elsewhere are found.
    pub(super) source: SecretSource<'a>,
    /// Whether secrets may stand in the settings themselves.
    pub(super) environment: Environment,
}

impl Secrets<'_> {
    /// A secret of visible ASCII characters.
    pub(super) fn read(&self, value: &Value<'_>) -> Option<SecretString> {
        let secret = match value.kind() {
            Kind::String if self.environment == Environment::Test => SecretString::from(value.text()?),
            Kind::String => {
                value.report(Problem::InlineSecret);
                return None;
            }
            Kind::Table => self.fetch(value)?,
            Kind::Integer
            | Kind::Float
            | Kind::Boolean
            | Kind::Date
            | Kind::Datetime
            | Kind::Array
            | Kind::Secret
            | Kind::ArrayOrAll => {
                value.report_type(Kind::Secret);
                return None;
            }
        };
        let text = secret.expose_secret();
        let fits = (1..=SECRET_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        value.checked(if fits { Ok(secret) } else { Err(Problem::SecretText { length_max: SECRET_LENGTH_MAX }) })
    }

    /// A secret key in hexadecimal.
    pub(super) fn read_key(&self, value: &Value<'_>) -> Option<SecretSlice<u8>> {
        let secret = self.read(value)?;
        let digits = secret.expose_secret();
        let bytes = hex::decode(digits).ok().filter(|_| digits.len() >= KEY_DIGITS_MIN);
        let key = bytes.map(|bytes| SecretBox::new(bytes.into_boxed_slice()));
        value.checked(key.ok_or(Problem::NotHexadecimal { digits_min: KEY_DIGITS_MIN }))
    }

    fn fetch(&self, value: &Value<'_>) -> Option<SecretString> {
        let section = value.section(&KEYS)?;
        let (named, is_variable) = match (section.get("env"), section.get("file")) {
            (Some(env), None) => (env, true),
            (None, Some(file)) => (file, false),
            (Some(_), Some(_)) | (None, None) => {
                value.report(Problem::SecretSource);
                return None;
            }
        };
        let name = named.text()?;
        match self.source {
            SecretSource::Substituted => Some(SecretString::from(SUBSTITUTE)),
            SecretSource::Fetched(environ) if is_variable => {
                let missing = || Problem::VariableMissing { name: name.to_owned() };
                named.checked(environ(name).map(SecretString::from).ok_or_else(missing))
            }
            SecretSource::Fetched(_) => named.checked(read_file(&self.folder.join(name)).map_err(Problem::SecretFile)),
        }
    }
}

/// The content without the line break that editors add.
fn read_file(path: &Path) -> Result<SecretString, FileProblem> {
    let unreadable = |error: std::io::Error| FileProblem::Unreadable { kind: error.kind() };
    let limit = u64::try_from(SECRET_LENGTH_MAX).unwrap_or(u64::MAX);
    let mut text = String::new();
    // Two bytes more than allowed, so that a line break is no excuse for a file that is too long.
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(limit.saturating_add(3)).read_to_string(&mut text).map_err(unreadable)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.len() > SECRET_LENGTH_MAX {
        return Err(FileProblem::TooLarge { bytes_max: limit });
    }
    Ok(SecretString::from(line))
}
