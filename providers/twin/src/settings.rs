//! What a world is made of.

use hmac::{Hmac, KeyInit};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::Url;

/// The settings of a world.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// What all references and all luck derive from.
    pub seed: u64,
    /// The one Adyen account.
    pub adyen: AdyenAccount,
    /// Where payers and the service reach the twin, e.g. `http://127.0.0.1:8181`.
    pub base_url: String,
}

/// A merchant account at the simulated Adyen.
#[derive(Clone, Debug)]
pub struct AdyenAccount {
    /// The name of the merchant account.
    pub merchant_account: String,
    /// What the service must send as `X-API-Key`.
    pub api_key: SecretString,
    /// The key of notification signatures, in hexadecimal.
    pub hmac_key_hex: SecretString,
    /// Where notifications go; plain HTTP, as it is on the same machine.
    pub notification_url: String,
}

/// Why settings make no world.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The key of the signatures.
    #[error("hmac_key_hex is not a hexadecimal key")]
    HmacKey,
    /// An empty name or key would let everybody in.
    #[error("merchant_account and api_key must not be empty")]
    EmptyAccount,
    /// The address of the notifications.
    #[error("notification_url is not an http address")]
    NotificationUrl,
    /// The address of the twin.
    #[error("base_url is not an http address")]
    BaseUrl,
}

/// Settings that have been looked at.
#[derive(Clone)]
pub(crate) struct Checked {
    pub(crate) merchant_account: String,
    pub(crate) api_key: SecretString,
    pub(crate) signer: Hmac<Sha256>,
    pub(crate) notification_url: String,
    pub(crate) base_url: String,
}

impl Checked {
    pub(crate) fn check(settings: WorldSettings) -> Result<(u64, Self), SettingsError> {
        let account = settings.adyen;
        if account.merchant_account.is_empty() || account.api_key.expose_secret().is_empty() {
            return Err(SettingsError::EmptyAccount);
        }
        let key = hex::decode(account.hmac_key_hex.expose_secret()).map_err(|_| SettingsError::HmacKey)?;
        if key.is_empty() {
            return Err(SettingsError::HmacKey);
        }
        let signer = Hmac::new_from_slice(&key).map_err(|_| SettingsError::HmacKey)?;
        if !is_http(&account.notification_url, &["http"]) {
            return Err(SettingsError::NotificationUrl);
        }
        if !is_http(&settings.base_url, &["http", "https"]) {
            return Err(SettingsError::BaseUrl);
        }
        let checked = Self {
            merchant_account: account.merchant_account,
            api_key: account.api_key,
            signer,
            notification_url: account.notification_url,
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
        };
        Ok((settings.seed, checked))
    }
}

/// Whether `text` is an absolute address of one of the schemes with a host.
pub(crate) fn is_http(text: &str, schemes: &[&str]) -> bool {
    Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme()) && url.host().is_some())
}
