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

/// Where secrets may come from.
#[derive(Clone, Copy)]
pub(super) struct Secrets<'a> {
    /// Paths are relative to it.
    pub(super) folder: &'a Path,
    /// The variables of the environment.
    pub(super) environ: &'a Environ<'a>,
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
        match (section.get("env"), section.get("file")) {
            (Some(env), None) => {
                let name = env.text()?;
                let missing = || Problem::VariableMissing { name: name.to_owned() };
                env.checked((self.environ)(name).map(SecretString::from).ok_or_else(missing))
            }
            (None, Some(file)) => {
                let path = self.folder.join(file.text()?);
                file.checked(read_file(&path).map_err(Problem::SecretFile))
            }
            (Some(_), Some(_)) | (None, None) => {
                value.report(Problem::SecretSource);
                None
            }
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
