//! Cards at Adyen by Pay by Link (Checkout API v71), with its notifications and settlement reports.
//!
//! Adyen takes captures, cancellations and refunds with a mere `received`, and offers no way to ask about a payment:
//! the truth about them comes by signed notification, by repeating the call under its key, or by the settlement report.
//! Read [`settings`] for what an account needs, then the modules in the order of a payment: `pages`, `modifications`,
//! `notifications`, `settlement`.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

mod client;
mod errors;
mod facts;
mod modifications;
mod notifications;
mod pages;
mod settings;
mod settlement;
mod wire;

use std::{sync::Arc, time::Duration};

use zahlstelle_contract::{
    method::Method,
    notification::HmacKeys,
    provider::{
        Cancel, Capture, Environment, HostedPage, Notifications, Operation, Provider, Query, Refund, SettlementReports,
        TruthSource, WalletToken,
    },
    reference::AccountName,
    transport::Transport,
};

use crate::client::Client;
pub use crate::{
    notifications::{DELIVERY_BYTES_MAX, ITEMS_MAX},
    settings::{AdyenSettings, FieldError, SettingsError},
    settlement::REPORT_LINES_MAX,
};

/// How long Adyen remembers an idempotency key: "at least 7 days" (documentation, API idempotency).
const KEY_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// How long a card authorisation holds before Adyen expires it: 28 days unless the account says otherwise.
const AUTHORISATION_LIFETIME: Duration = Duration::from_hours(28 * 24);

/// How long a 3-D Secure step begun on a page may still end in an authorisation after the page was closed.
///
/// Issuers end a challenge after at most ten minutes (EMV 3-D Secure); the rest is for Adyen's own way to the scheme.
const IN_FLIGHT: Duration = Duration::from_mins(15);

/// The methods that a page of Adyen can be limited to here. `PayPal` is a provider of its own.
const METHODS: [Method; 3] = [Method::Card, Method::GooglePay, Method::ApplePay];

/// One merchant account at Adyen.
pub struct Adyen {
    account: AccountName,
    environment: Environment,
    merchant_account: String,
    hmac_keys: HmacKeys,
    client: Client,
}

impl Adyen {
    /// Checks the settings, all of them before the first error is told, and makes the account ready to be called.
    pub fn new(settings: AdyenSettings, transport: Arc<dyn Transport>) -> Result<Self, SettingsError> {
        settings.check()?;
        let AdyenSettings { account, environment, merchant_account, base_url, api_key, hmac_keys } = settings;
        let client = Client::new(base_url, api_key, transport);
        Ok(Self { account, environment, merchant_account, hmac_keys, client })
    }
}

impl Provider for Adyen {
    fn account(&self) -> &AccountName {
        &self.account
    }

    fn provider(&self) -> &'static str {
        "adyen"
    }

    fn environment(&self) -> Environment {
        self.environment
    }

    fn methods(&self) -> &[Method] {
        &METHODS
    }

    fn key_lifetime(&self, _operation: Operation) -> Duration {
        KEY_LIFETIME
    }

    fn truth(&self, operation: Operation) -> &'static [TruthSource] {
        match operation {
            // A page whose creation was not answered has no name to ask for: only its key finds it.
            Operation::OpenPage => &[TruthSource::ReplaySameKey, TruthSource::Query],
            Operation::ClosePage => &[TruthSource::Query],
            // Tokens are not charged here, so there is nothing to find out.
            Operation::ChargeToken => &[],
            // A line of the report about a captured payment also tells that its cancellation did not happen.
            Operation::Capture | Operation::Cancel | Operation::Refund => {
                &[TruthSource::SignedNotification, TruthSource::ReplaySameKey, TruthSource::SettlementLine]
            }
        }
    }

    fn authorisation_lifetime(&self) -> Duration {
        AUTHORISATION_LIFETIME
    }

    fn in_flight(&self) -> Duration {
        IN_FLIGHT
    }

    fn hosted_page(&self) -> Option<&dyn HostedPage> {
        Some(self)
    }

    fn wallet_token(&self) -> Option<&dyn WalletToken> {
        None
    }

    fn capture(&self) -> Option<&dyn Capture> {
        Some(self)
    }

    fn cancel(&self) -> Option<&dyn Cancel> {
        Some(self)
    }

    fn refund(&self) -> Option<&dyn Refund> {
        Some(self)
    }

    fn query(&self) -> Option<&dyn Query> {
        None
    }

    fn notifications(&self) -> Option<&dyn Notifications> {
        Some(self)
    }

    fn settlement_reports(&self) -> Option<&dyn SettlementReports> {
        Some(self)
    }
}
