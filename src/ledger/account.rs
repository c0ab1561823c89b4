//! The accounts of the books, as `design` and treasury know them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One account. Its text form, e.g. `psp/adyen-test`, is what the journal stores.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Account {
    /// Claims against citizens, by service.
    Forderung(String),
    /// Income, by booking.
    Ertrag(String),
    /// Money of third parties that is only passed on, by booking.
    Durchlaufend(String),
    /// Value added tax, by rate.
    Umsatzsteuer(String),
    /// Money a provider holds for us, by provider account.
    Psp(String),
    /// Owed back by refunds.
    Erstattung,
    /// Paid too much.
    Ueberzahlung,
    /// Charged back.
    Rueckbelastung,
    /// Moved, not explained.
    Klaerung,
}

/// A text that names no account.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("names no account")]
pub struct UnknownAccount;

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forderung(service) => write!(formatter, "forderung/{service}"),
            Self::Ertrag(booking) => write!(formatter, "ertrag/{booking}"),
            Self::Durchlaufend(booking) => write!(formatter, "durchlaufend/{booking}"),
            Self::Umsatzsteuer(rate) => write!(formatter, "umsatzsteuer/{rate}"),
            Self::Psp(account) => write!(formatter, "psp/{account}"),
            Self::Erstattung => formatter.write_str("erstattung"),
            Self::Ueberzahlung => formatter.write_str("ueberzahlung"),
            Self::Rueckbelastung => formatter.write_str("rueckbelastung"),
            Self::Klaerung => formatter.write_str("klaerung"),
        }
    }
}

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((_, "")) => Err(UnknownAccount),
            Some(("forderung", service)) => Ok(Self::Forderung(service.to_owned())),
            Some(("ertrag", booking)) => Ok(Self::Ertrag(booking.to_owned())),
            Some(("durchlaufend", booking)) => Ok(Self::Durchlaufend(booking.to_owned())),
            Some(("umsatzsteuer", rate)) => Ok(Self::Umsatzsteuer(rate.to_owned())),
            Some(("psp", account)) => Ok(Self::Psp(account.to_owned())),
            None if text == "erstattung" => Ok(Self::Erstattung),
            None if text == "ueberzahlung" => Ok(Self::Ueberzahlung),
            None if text == "rueckbelastung" => Ok(Self::Rueckbelastung),
            None if text == "klaerung" => Ok(Self::Klaerung),
            Some(_) | None => Err(UnknownAccount),
        }
    }
}

impl TryFrom<String> for Account {
    type Error = UnknownAccount;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}
