//! `[[fee]]`: a fee with its versions and their shares.

use std::collections::{BTreeMap, BTreeSet};

use zahlstelle_contract::{
    money::{Currency, Money},
    provider::Environment,
};

use super::booking;
use crate::{
    config::{
        error::Problem,
        reader::{Keys, Section, Value},
    },
    domain::{
        fee_schedule::{Fee, FeeVersionRule, FeeVersions, SHARES_MAX, VERSIONS_MAX, VersionError, VersionsError},
        line::{ShareKind, ShareRule, TaxRate},
        names::FeeKey,
        tenant::TenantProblem,
    },
};

pub(super) const KEYS: Keys = Keys { schema: "fee", names: &["key", "name", "legal_basis", "example", "version"] };
const VERSION: Keys =
    Keys { schema: "fee_version", names: &["valid_from", "valid_to", "amount", "tax_rate", "shares"] };
const SHARE: Keys = Keys { schema: "share", names: &["kind", "part", "booking"] };

#[cfg(test)]
pub(super) const TABLES: [Keys; 3] = [KEYS, VERSION, SHARE];

const LEGAL_BASIS_LENGTH_MAX: usize = 200;

const KINDS: [(&str, ShareKind); 2] = [("ertrag", ShareKind::Ertrag), ("durchlaufend", ShareKind::Durchlaufend)];

/// The fees of a file.
#[derive(Default)]
pub(super) struct Fees {
    /// Those that can be used.
    pub(super) by_key: BTreeMap<FeeKey, Fee>,
    /// The keys of all, usable or not.
    pub(super) declared: BTreeSet<FeeKey>,
}

pub(super) fn read_all(sections: &[Section<'_>], environment: Environment) -> Fees {
    let mut fees = Fees::default();
    for section in sections {
        let key = section.require("key").and_then(|value| {
            let key = value.parsed(FeeKey::parse)?;
            let is_new = fees.declared.insert(key.clone());
            value.checked(if is_new { Ok(key) } else { Err(Problem::Duplicate { of: "an earlier fee" }) })
        });
        let names = section.require("name").and_then(|value| value.localized());
        let legal_basis = section.get("legal_basis").and_then(|value| value.printable(LEGAL_BASIS_LENGTH_MAX));
        let example = section.flag("example");
        if let (true, Environment::Live, Some(fee)) = (example, environment, &key) {
            section.report("example", TenantProblem::ExampleFee { fee: fee.clone() }.into());
        }
        let versions = section.require("version").and_then(|value| versions(&value));
        if let (Some(key), Some(names), Some(versions)) = (key, names, versions) {
            fees.by_key.insert(key.clone(), Fee { key, names, legal_basis, example, versions });
        }
    }
    fees
}

fn versions(value: &Value<'_>) -> Option<FeeVersions> {
    let items = value.items(1..=VERSIONS_MAX);
    let versions: Vec<FeeVersionRule> = items.iter().filter_map(version).collect();
    if versions.is_empty() || versions.len() != items.len() {
        return None;
    }
    match FeeVersions::new(versions) {
        Ok(versions) => Some(versions),
        Err(error @ VersionsError::Overlap { later, .. }) => {
            items.get(later).unwrap_or(value).report(error);
            None
        }
        Err(error @ VersionsError::Count) => {
            value.report(error);
            None
        }
    }
}

fn version(value: &Value<'_>) -> Option<FeeVersionRule> {
    let section = value.section(&VERSION)?;
    let [valid_from, valid_to] = ["valid_from", "valid_to"].map(|key| match section.get(key) {
        Some(value) => value.date().map(Some),
        None => Some(None),
    });
    let amount = section.require("amount").and_then(|value| value.parsed(|text| Money::parse(text, Currency::EUR)));
    let tax_rate = section.get("tax_rate").map_or(Some(TaxRate::NONE), |value| value.parsed(str::parse));
    let shares = section.require("shares").and_then(|value| shares(&value));
    match FeeVersionRule::new(valid_from?, valid_to?, amount?, tax_rate?, shares?) {
        Ok(version) => Some(version),
        Err(error) => {
            let key = match error {
                VersionError::Period => "valid_to",
                VersionError::Amount => "amount",
                VersionError::ShareCount | VersionError::ShareSum => "shares",
            };
            section.report(key, error.into());
            None
        }
    }
}

/// `None` where a share was wrong, which is told; the sum of the others would say nothing then.
fn shares(value: &Value<'_>) -> Option<Vec<ShareRule>> {
    let items = value.items(1..=SHARES_MAX);
    let shares: Vec<ShareRule> = items.iter().filter_map(share).collect();
    (!shares.is_empty() && shares.len() == items.len()).then_some(shares)
}

fn share(value: &Value<'_>) -> Option<ShareRule> {
    let section = value.section(&SHARE)?;
    let kind = section.get("kind").map_or(Some(ShareKind::Ertrag), |value| value.word(&KINDS));
    let part = section.get("part").map_or(Some((1, 1)), |value| value.parsed(fraction));
    let booking = section.require("booking").and_then(|value| booking::read(&value));
    let (numerator, denominator) = part?;
    Some(ShareRule { kind: kind?, booking: booking?, numerator, denominator })
}

/// Reads `2/5`, both at least 1.
fn fraction(text: &str) -> Result<(u32, u32), Problem> {
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse::<u32>().ok().filter(|_| plain)
    };
    let parts = text.split_once('/').map(|(numerator, denominator)| (number(numerator), number(denominator)));
    match parts {
        Some((Some(numerator), Some(denominator))) => Ok((numerator, denominator)),
        Some(_) | None => Err(Problem::Fraction),
    }
}
