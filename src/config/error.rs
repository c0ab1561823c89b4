//! What is wrong with settings, where, and what would be right. No message repeats a value that may be a secret.

use std::{fmt, io, path::Path};

use zahlstelle_contract::{
    money::MoneyError,
    reference::{AccountName, ReferenceError},
};

use crate::domain::{
    fee_schedule::{VersionError, VersionsError},
    kassenzeichen::{MaskError, RangeError, SchemeError},
    language::LanguageError,
    line::LineError,
    names::NameError,
    return_url::ReturnUrlError,
    tenant::{ExpiryError, TenantProblem},
    webhook::ScheduleError,
};

/// Every mistake of a configuration; never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(super) fn new(errors: Vec<ConfigError>) -> Self {
        Self(errors)
    }

    pub(super) fn of_file(path: &Path, problem: FileProblem) -> Self {
        Self(vec![ConfigError::of_file(path, problem)])
    }

    /// The mistakes, file by file from top to bottom.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

/// One line for each mistake.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            error.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// One mistake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The file as it was named.
    pub file: String,
    /// The line, counted from 1; `None` where the file as a whole is wrong.
    pub line: Option<usize>,
    /// The key, e.g. `service[0].methods.card`; empty where no key is at fault.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: Problem,
}

impl ConfigError {
    pub(super) fn of_file(path: &Path, problem: FileProblem) -> Self {
        Self { file: path.display().to_string(), line: None, key: String::new(), problem: Problem::File(problem) }
    }
}

/// `file:line: key: what is wrong and what would be right`.
impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(formatter, ": {}", self.key)?;
        }
        write!(formatter, ": {}", self.problem)
    }
}

/// Why a file cannot be used at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FileProblem {
    /// The operating system says no.
    #[error("cannot be read: {}", in_words(*kind))]
    Unreadable {
        /// What it says.
        kind: io::ErrorKind,
    },
    /// It is too large.
    #[error("must be at most {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// It is no text.
    #[error("must be text in UTF-8")]
    NotUtf8,
}

/// What the operating system says, as people say it.
fn in_words(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        other => other.to_string(),
    }
}

/// What is wrong and what would be right.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// The line is no TOML.
    #[error("is not TOML: {message}")]
    Syntax {
        /// What the parser of TOML says.
        message: String,
    },
    /// No setting has this name.
    #[error("is not a setting of {table}; {}", suggestion(*nearest, known))]
    UnknownKey {
        /// The kind of table, by its name in the schema.
        table: &'static str,
        /// The most similar name.
        nearest: Option<&'static str>,
        /// All names.
        known: &'static [&'static str],
    },
    /// A setting without default is not there.
    #[error("is missing")]
    Missing,
    /// The value is of another type.
    #[error("must be {expected}, is {found}{}", if *found == Kind::Float { "; amounts are written as strings such as \"13.00\"" } else { "" })]
    Type {
        /// What would be right.
        expected: Kind,
        /// What it is.
        found: Kind,
    },
    /// The text is none of the known words.
    #[error("must be one of them: {}; is {found:?}", allowed.join(", "))]
    Word {
        /// What would be right.
        allowed: Vec<&'static str>,
        /// What it is.
        found: String,
    },
    /// The number is too small or too large.
    #[error("must be from {min} to {max}")]
    OutOfRange {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// The list is too short or too long.
    #[error("must have from {min} to {max} entries")]
    Count {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// The text is too short, too long or not printable.
    #[error("must be 1 to {length_max} printable characters")]
    Text {
        /// The most characters.
        length_max: usize,
    },
    /// The text is no address to listen on.
    #[error("must be an IP address with a port, such as \"127.0.0.1:8080\"")]
    SocketAddress,
    /// Other machines could reach what is meant for operators.
    #[error(
        "can be reached from other machines, and nobody signs in there: listen at 127.0.0.1, or set beyond_loopback = true \
         where a network of operators or a firewall keeps others away"
    )]
    BeyondLoopback,
    /// Anybody could reach the listener, and read along.
    #[error(
        "can be reached from other machines, and nothing would be encrypted: give [tls] a certificate, name the proxies \
         that end TLS in trusted_proxies, or listen at 127.0.0.1"
    )]
    NeitherTlsNorProxy,
    /// The text is no address and no network.
    #[error("must be an IP address or a network such as \"10.0.0.0/8\"")]
    Network,
    /// The text is no host.
    #[error("must be a host, with its port if it is no usual one, such as \"zahlung.example.org:8443\"")]
    Host,
    /// The text is no address of a page.
    #[error("must be an absolute address such as https://www.example.org/")]
    Address,
    /// The text is no e-mail address.
    #[error("must be an e-mail address such as zahlung@example.org")]
    Email,
    /// The address of the service is more than scheme, host and port.
    #[error("must be scheme, host and port only, such as https://zahlung.example.org")]
    Origin,
    /// The connection would not be encrypted.
    #[error("must begin with https://, http:// is only for this machine{}", if *test_only { " and test accounts" } else { "" })]
    NotEncrypted {
        /// Whether even this machine is refused outside tests.
        test_only: bool,
    },
    /// This program was built without what the setting asks for.
    #[error("asks for what this build does not have: build it with `--features {feature}`, or write \"off\"")]
    NotInThisBuild {
        /// The feature of the build.
        feature: &'static str,
    },
    /// SQLite would read the path as something else.
    #[error("must be the path of a file, or \":memory:\"")]
    DatabasePath,
    /// SQLite makes a file, and no folder for it.
    #[error("is in the folder {folder}, which does not exist")]
    DatabaseFolder {
        /// The folder.
        folder: String,
    },
    /// Delays make no schedule for deliveries.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Delays get shorter.
    #[error("must not be shorter than the delay before it")]
    NotAscending,
    /// A share is no fraction.
    #[error("must be a fraction such as \"2/5\"")]
    Fraction,
    /// A name is used twice.
    #[error("is already the name of {of}")]
    Duplicate {
        /// What has it.
        of: &'static str,
    },
    /// A name leads nowhere.
    #[error("is not the name of {of}; {}", suggestion(nearest.as_deref(), known))]
    Dangling {
        /// What was looked for.
        of: &'static str,
        /// The most similar name.
        nearest: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A setting has no meaning beside another one.
    #[error("has no meaning where {other} is {value:?}")]
    Meaningless {
        /// The other setting.
        other: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// Booking data lacks what the service needs.
    #[error("must contain {key:?}, which booking_keys_required names")]
    BookingKeyMissing {
        /// The key.
        key: String,
    },
    /// A limit where none is applied.
    #[error("is only for steps with scope \"refunds:order\"")]
    LimitWithoutOrder,
    /// Test and live are mixed.
    #[error("must be the environment of the Mandant, test and live never mix")]
    EnvironmentMix,
    /// A live secret in a settings file.
    #[error(
        "must be {{ env = \"...\" }} or {{ file = \"...\" }}, only an account of a test Mandant may have it written here"
    )]
    InlineSecret,
    /// A secret names no source, or two.
    #[error("must have either env or file")]
    SecretSource,
    /// The environment has no such variable.
    #[error("names the environment variable {name:?}, which is not set")]
    VariableMissing {
        /// Its name.
        name: String,
    },
    /// The file with a secret cannot be read.
    #[error("names a file that cannot be used: it {0}")]
    SecretFile(FileProblem),
    /// The secret cannot be one.
    #[error("must be 1 to {length_max} visible ASCII characters")]
    SecretText {
        /// The most characters.
        length_max: usize,
    },
    /// The secret is no hexadecimal key.
    #[error("must be a key in hexadecimal, an even number of digits 0-9 and a-f, at least {digits_min}")]
    NotHexadecimal {
        /// The fewest digits.
        digits_min: usize,
    },
    /// The provider's name of the account cannot be one.
    #[error("must be 1 to {length_max} visible ASCII characters without a colon")]
    MerchantAccount {
        /// The most characters.
        length_max: usize,
    },
    /// No account name of ours.
    #[error(
        "must be 1 to {} lower-case letters, digits or '-', beginning with a letter or digit",
        AccountName::LENGTH_MAX
    )]
    AccountName,
    /// No reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// No name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No text in languages.
    #[error(transparent)]
    Language(#[from] LanguageError),
    /// No amount.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// No tax rate or booking data.
    #[error(transparent)]
    Line(#[from] LineError),
    /// No version of a fee.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// Versions that do not go together.
    #[error(transparent)]
    Versions(#[from] VersionsError),
    /// No scheme of Kassenzeichen.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// No range of Kassenzeichen.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// No print mask.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// No return address.
    #[error(transparent)]
    ReturnUrl(#[from] ReturnUrlError),
    /// No limits of a payment's time.
    #[error("must have 0 < min <= default <= max")]
    Expiry(ExpiryError),
    /// Parts of a Mandant that do not go together.
    #[error(transparent)]
    Tenant(#[from] TenantProblem),
}

impl From<ExpiryError> for Problem {
    fn from(error: ExpiryError) -> Self {
        Self::Expiry(error)
    }
}

/// What was probably meant, or what there is.
fn suggestion(nearest: Option<&str>, known: &[impl AsRef<str>]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => {
            let names: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
            format!("known are {}", names.join(", "))
        }
    }
}

/// The types of TOML, in words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A string.
    String,
    /// An integer.
    Integer,
    /// A number with a point or an exponent.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A day without a time.
    Date,
    /// A day with a time, or a time.
    Datetime,
    /// A list.
    Array,
    /// A table.
    Table,
    /// A secret: a string or a table that tells where it is.
    Secret,
    /// A list, or the word `all`.
    ArrayOrAll,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::String => "a string",
            Self::Integer => "a whole number",
            Self::Float => "a float",
            Self::Boolean => "true or false",
            Self::Date => "a day such as 2026-02-07, without quotes",
            Self::Datetime => "a date with a time",
            Self::Array => "a list",
            Self::Table => "a table",
            Self::Secret => "{ env = \"...\" }, { file = \"...\" } or a string",
            Self::ArrayOrAll => "a list or \"all\"",
        })
    }
}
