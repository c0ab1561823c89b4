//! `[[provider_account]]`: an account at a payment provider.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use url::Url;
use zahlstelle_contract::{notification::HmacKeys, provider::Environment, reference::AccountName};

use super::ENVIRONMENTS;
use crate::{
    config::{
        error::Problem,
        reader::{Keys, Section, Value},
        secret::Secrets,
        server::is_loopback,
    },
    domain::names::ServiceId,
};

pub(super) const KEYS: Keys = Keys {
    schema: "provider_account",
    names: &[
        "name",
        "provider",
        "environment",
        "merchant_account",
        "base_url",
        "api_key",
        "hmac_keys",
        "concurrency_max",
    ],
};

const CONCURRENCY_MAX_DEFAULT: u16 = 32;
const HMAC_KEYS_MAX: usize = 4;
const MERCHANT_ACCOUNT_LENGTH_MAX: usize = 80;

/// Where test accounts of Adyen are, with the version of the API that the adapter speaks.
const ADYEN_TEST_URL: &str = "https://checkout-test.adyen.com/v71";

/// An account at a payment provider.
#[derive(Debug)]
pub struct ProviderAccount {
    /// Our name of it.
    pub name: AccountName,
    /// Whether it moves real money; always that of its Mandant.
    pub environment: Environment,
    /// The most calls to it at a time, so that one slow provider starves nobody.
    pub concurrency_max: u16,
    /// What the provider needs besides.
    pub settings: ProviderSettings,
}

/// What each provider needs.
#[derive(Debug)]
pub enum ProviderSettings {
    /// Adyen; the adapter checks the rules of its own, such as which hosts are live.
    Adyen(AdyenAccount),
}

/// What an account at Adyen needs.
#[derive(Debug)]
pub struct AdyenAccount {
    /// Adyen's name of it.
    pub merchant_account: String,
    /// Where the Checkout API is, with its version.
    pub base_url: Url,
    /// The API key.
    pub api_key: SecretString,
    /// The keys of the notifications, newest first.
    pub hmac_keys: HmacKeys,
}

/// The accounts of a file.
#[derive(Default)]
pub(super) struct Accounts {
    /// Those that can be used.
    pub(super) by_name: BTreeMap<AccountName, ProviderAccount>,
    /// The names of all, usable or not.
    pub(super) declared: BTreeSet<AccountName>,
}

#[derive(Clone, Copy)]
enum Provider {
    Adyen,
}

/// `tenant` is the environment of the Mandant, if that could be read; `taken` are the names of all files so far, because
/// the address of a provider's notifications names the account and not the Mandant.
pub(super) fn read_all(
    sections: &[Section<'_>],
    secrets: &Secrets<'_>,
    tenant: Option<Environment>,
    taken: &mut BTreeSet<AccountName>,
) -> Accounts {
    let mut accounts = Accounts::default();
    for section in sections {
        let name = section.require("name").and_then(|value| {
            let name = value.parsed(account_name)?;
            accounts.declared.insert(name.clone());
            let is_new = taken.insert(name.clone());
            value.checked(if is_new { Ok(name) } else { Err(Problem::Duplicate { of: "an earlier account" }) })
        });
        let environment = section.require("environment").and_then(|value| {
            let environment = value.word(&ENVIRONMENTS)?;
            let mixed = tenant.is_some_and(|tenant| tenant != environment);
            value.checked(if mixed { Err(Problem::EnvironmentMix) } else { Ok(environment) })
        });
        let concurrency_max = section.integer_or("concurrency_max", 1..=1_000, CONCURRENCY_MAX_DEFAULT);
        let provider = section.require("provider").and_then(|value| value.word(&[("adyen", Provider::Adyen)]));
        let settings = match provider {
            Some(Provider::Adyen) | None => adyen(section, environment, secrets),
        };
        if let (Some(name), Some(environment), Some(settings), Some(_)) = (name, environment, settings, provider) {
            let settings = ProviderSettings::Adyen(settings);
            let account = ProviderAccount { name: name.clone(), environment, concurrency_max, settings };
            accounts.by_name.insert(name, account);
        }
    }
    accounts
}

fn adyen(section: &Section<'_>, environment: Option<Environment>, secrets: &Secrets<'_>) -> Option<AdyenAccount> {
    let merchant_account = section.require("merchant_account").and_then(|value| value.parsed(merchant_account));
    let base_url = match (section.get("base_url"), environment) {
        (Some(value), _) => value.parsed(|text| base_url(text, environment)),
        (None, Some(Environment::Test) | None) => Url::parse(ADYEN_TEST_URL).ok(),
        (None, Some(Environment::Live)) => {
            section.report("base_url", Problem::Missing);
            None
        }
    };
    let api_key = section.require("api_key").and_then(|value| secrets.read(&value));
    let hmac_keys = section.require("hmac_keys").and_then(|value| hmac_keys(&value, secrets));
    Some(AdyenAccount {
        merchant_account: merchant_account?,
        base_url: base_url?,
        api_key: api_key?,
        hmac_keys: hmac_keys?,
    })
}

fn hmac_keys(value: &Value<'_>, secrets: &Secrets<'_>) -> Option<HmacKeys> {
    let items = value.items(1..=HMAC_KEYS_MAX);
    let keys: Vec<_> = items.iter().filter_map(|item| secrets.read_key(item)).collect();
    (!keys.is_empty() && keys.len() == items.len()).then(|| HmacKeys::new(keys))
}

/// The name stands in the address of notifications and in the books, so it is as plain as the id of a service.
pub(super) fn account_name(text: &str) -> Result<AccountName, Problem> {
    ServiceId::parse(text).map_err(|_| Problem::AccountName)?;
    AccountName::parse(text).map_err(Problem::Reference)
}

fn merchant_account(text: &str) -> Result<String, Problem> {
    let fits = (1..=MERCHANT_ACCOUNT_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    if fits { Ok(text.to_owned()) } else { Err(Problem::MerchantAccount { length_max: MERCHANT_ACCOUNT_LENGTH_MAX }) }
}

fn base_url(text: &str, environment: Option<Environment>) -> Result<Url, Problem> {
    let url = Url::parse(text).map_err(|_| Problem::Address)?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    match (url.scheme(), environment) {
        ("https" | "http", _) if !plain => Err(Problem::Address),
        ("https", _) => Ok(url),
        ("http", Some(Environment::Test) | None) if is_loopback(&url) => Ok(url),
        ("http", _) => Err(Problem::NotEncrypted { test_only: true }),
        _ => Err(Problem::Address),
    }
}
