//! What a merchant account at Adyen needs, checked in one go so that an operator sees every mistake at once.

use std::{fmt, net::IpAddr};

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};
use zahlstelle_contract::{notification::HmacKeys, provider::Environment, reference::AccountName};

/// The most characters a merchant account's name may have.
const MERCHANT_ACCOUNT_LENGTH_MAX: usize = 80;

/// The domain of Adyen's hosts for real money; each company has its own prefix there.
const LIVE_DOMAIN: &str = ".adyenpayments.com";

/// What a merchant account at Adyen needs.
#[derive(Debug)]
pub struct AdyenSettings {
    /// Our name of the account.
    pub account: AccountName,
    /// Whether it moves real money.
    pub environment: Environment,
    /// Adyen's name of the merchant account.
    pub merchant_account: String,
    /// Where the Checkout API is, with its version: `https://checkout-test.adyen.com/v71`.
    pub base_url: Url,
    /// The API key.
    pub api_key: SecretString,
    /// The keys of the notifications, newest first.
    pub hmac_keys: HmacKeys,
}

impl AdyenSettings {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let mut fields = Vec::new();
        if !is_merchant_account(&self.merchant_account) {
            fields.push(FieldError::MerchantAccount);
        }
        fields.extend(check_base_url(&self.base_url, self.environment));
        let key = self.api_key.expose_secret();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            fields.push(FieldError::ApiKey);
        }
        if !self.hmac_keys.is_usable() {
            fields.push(FieldError::HmacKeys);
        }
        if fields.is_empty() { Ok(()) } else { Err(SettingsError { fields }) }
    }
}

/// A colon is refused because the name stands between colons in the bytes that notifications sign.
fn is_merchant_account(name: &str) -> bool {
    (1..=MERCHANT_ACCOUNT_LENGTH_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

fn check_base_url(url: &Url, environment: Environment) -> Option<FieldError> {
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let (true, Some(host)) = (bare && !url.cannot_be_a_base(), url.host()) else {
        return Some(FieldError::BaseUrlForm);
    };
    let https = url.scheme() == "https";
    let live = matches!(&host, Host::Domain(name) if name.ends_with(LIVE_DOMAIN));
    match environment {
        Environment::Live if !https => Some(FieldError::BaseUrlNotEncrypted),
        Environment::Live if !live => Some(FieldError::BaseUrlNotLive),
        Environment::Live => None,
        Environment::Test if live => Some(FieldError::BaseUrlLive),
        Environment::Test if https || (url.scheme() == "http" && is_loopback(&host)) => None,
        Environment::Test => Some(FieldError::BaseUrlNotEncrypted),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

/// Every setting of one account that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SettingsError {
    /// The mistakes, in the order of the settings; never empty.
    pub fields: Vec<FieldError>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{field}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

/// One setting that cannot be used; its text begins with the setting's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FieldError {
    /// Adyen's name of the merchant account.
    #[error("merchant_account must be 1 to {MERCHANT_ACCOUNT_LENGTH_MAX} visible ASCII characters without a colon")]
    MerchantAccount,
    /// The base address is no plain address.
    #[error("base_url must be an address with a host and without user, query and fragment")]
    BaseUrlForm,
    /// The base address would send the key in the clear.
    #[error("base_url must begin with https://, only a test account on this machine may use http://")]
    BaseUrlNotEncrypted,
    /// A live account would talk to a host that is not one of Adyen's for real money.
    #[error("base_url of a live account must be a host under adyenpayments.com")]
    BaseUrlNotLive,
    /// A test account would talk to a host for real money.
    #[error("base_url of a test account must not be a host under adyenpayments.com")]
    BaseUrlLive,
    /// The API key cannot be a header value.
    #[error("api_key must be visible ASCII characters, at least one")]
    ApiKey,
    /// Notifications could not be verified.
    #[error("hmac_keys must hold at least one key, and none of them empty")]
    HmacKeys,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(environment: Environment, base_url: &str) -> AdyenSettings {
        AdyenSettings {
            account: AccountName::parse("adyen-main").unwrap(),
            environment,
            merchant_account: "Musterstadt".to_owned(),
            base_url: Url::parse(base_url).unwrap(),
            api_key: SecretString::from("key"),
            hmac_keys: HmacKeys::new(vec![vec![1, 2, 3].into()]),
        }
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let wrong = AdyenSettings {
            merchant_account: "Muster:stadt".to_owned(),
            api_key: SecretString::from("with blank"),
            hmac_keys: HmacKeys::new(vec![Vec::new().into()]),
            ..settings(Environment::Live, "http://checkout-test.adyen.com/v71")
        };
        let error = wrong.check().unwrap_err();
        let named =
            [FieldError::MerchantAccount, FieldError::BaseUrlNotEncrypted, FieldError::ApiKey, FieldError::HmacKeys];
        assert_eq!(error.fields, named);
        for name in ["merchant_account", "base_url", "api_key", "hmac_keys"] {
            assert!(error.to_string().contains(name), "{name} is not named in {error}");
        }
    }

    #[test]
    fn test_and_live_bases_do_not_mix() {
        let live = "https://1797a841fbb37ca7-MusterCompany-checkout-live.adyenpayments.com/checkout/v71";
        let cases = [
            (Environment::Test, "https://checkout-test.adyen.com/v71", None),
            (Environment::Test, "http://127.0.0.1:4010/v71", None),
            (Environment::Test, "http://[::1]:4010/v71", None),
            (Environment::Test, "http://localhost:4010/v71", None),
            (Environment::Test, "http://127.0.0.1.example.org/v71", Some(FieldError::BaseUrlNotEncrypted)),
            (Environment::Test, "http://checkout-test.adyen.com/v71", Some(FieldError::BaseUrlNotEncrypted)),
            (Environment::Test, live, Some(FieldError::BaseUrlLive)),
            (Environment::Live, live, None),
            (Environment::Live, "http://127.0.0.1:4010/v71", Some(FieldError::BaseUrlNotEncrypted)),
            (Environment::Live, "https://127.0.0.1:4010/v71", Some(FieldError::BaseUrlNotLive)),
            (Environment::Live, "https://checkout-test.adyen.com/v71", Some(FieldError::BaseUrlNotLive)),
            (Environment::Live, "https://x.adyenpayments.com.example.org/v71", Some(FieldError::BaseUrlNotLive)),
            (Environment::Test, "https://user@checkout-test.adyen.com/v71", Some(FieldError::BaseUrlForm)),
            (Environment::Test, "https://checkout-test.adyen.com/v71?x=1", Some(FieldError::BaseUrlForm)),
            (Environment::Test, "mailto:someone", Some(FieldError::BaseUrlForm)),
        ];
        for (environment, base, expected) in cases {
            let found = settings(environment, base).check().err().map(|error| error.fields);
            assert_eq!(found, expected.map(|field| vec![field]), "{environment:?} {base}");
        }
    }

    #[test]
    fn keys_do_not_print() {
        let printed = format!("{:?}", settings(Environment::Test, "https://checkout-test.adyen.com/v71"));
        assert!(!printed.contains("\"key\"") && !printed.contains("[1, 2, 3]"), "{printed}");
    }
}
