//! The traits a provider implements, one per capability. None has a default: what a provider cannot do, it does not
//! offer, and start-up refuses a setting that would need it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    fact::ProviderFact,
    method::{CaptureMode, Method},
    money::Money,
    notification::{Notification, NotificationError, RawDelivery, Verified},
    outcome::CallError,
    reference::{AccountName, MerchantReference, PageReference, ProviderKey, ProviderReference},
    settlement::{ReportError, SettlementLine},
};

/// One account at one provider, as the service sees it.
pub trait Provider: Send + Sync {
    /// The name of the account in our settings.
    fn account(&self) -> &AccountName;
    /// The provider's name, e.g. `adyen`; the path of its notifications contains it.
    fn provider(&self) -> &'static str;
    /// Whether the account moves real money.
    fn environment(&self) -> Environment;
    /// The methods this account can start.
    fn methods(&self) -> &[Method];
    /// How long the provider remembers the key of an operation; a call is repeated only within that time.
    fn key_lifetime(&self, operation: Operation) -> Duration;
    /// The ways to learn the truth about an operation, best first.
    fn truth(&self, operation: Operation) -> &'static [TruthSource];
    /// How long an authorisation holds before it lapses.
    fn authorisation_lifetime(&self) -> Duration;
    /// How long a payer's own step, e.g. 3-D Secure, may still complete after a page was closed.
    fn in_flight(&self) -> Duration;

    /// Pages of the provider to which the payer is sent.
    fn hosted_page(&self) -> Option<&dyn HostedPage>;
    /// Charging a wallet's sealed token.
    fn wallet_token(&self) -> Option<&dyn WalletToken>;
    /// Capturing what was authorised.
    fn capture(&self) -> Option<&dyn Capture>;
    /// Cancelling what was authorised.
    fn cancel(&self) -> Option<&dyn Cancel>;
    /// Giving money back.
    fn refund(&self) -> Option<&dyn Refund>;
    /// Asking about a payment by its reference.
    fn query(&self) -> Option<&dyn Query>;
    /// Signed messages about what happened.
    fn notifications(&self) -> Option<&dyn Notifications>;
    /// Reports about payouts.
    fn settlement_reports(&self) -> Option<&dyn SettlementReports>;
}

/// Whether an account moves real money. A Mandant and all its accounts are of one kind.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// No real money.
    Test,
    /// Real money.
    Live,
}

/// What is asked of a provider.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Make a hosted page.
    OpenPage,
    /// Make a hosted page unpayable.
    ClosePage,
    /// Charge a wallet token.
    ChargeToken,
    /// Take authorised money.
    Capture,
    /// Give up an authorisation.
    Cancel,
    /// Give money back.
    Refund,
}

/// A way to learn what became of an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TruthSource {
    /// Asking changes nothing.
    Query,
    /// Repeating the call under its key returns what it did the first time.
    ReplaySameKey,
    /// A signed notification will tell.
    SignedNotification,
    /// The settlement report will tell.
    SettlementLine,
}

/// Pages of the provider on which the payer pays.
#[async_trait]
pub trait HostedPage: Send + Sync {
    /// Makes a page for one amount and one method. Repeating it under the same key returns the same page.
    async fn open_page(&self, request: &OpenPage) -> Result<OpenedPage, CallError>;
    /// Makes the page unpayable, as far as the provider can; a later [`HostedPage::ask_page`] tells the truth.
    async fn close_page(&self, page: &PageReference, key: &ProviderKey) -> Result<PageAnswer, CallError>;
    /// Asks what became of the page.
    async fn ask_page(&self, page: &PageReference) -> Result<PageAnswer, CallError>;
}

/// Charging a wallet's token that stays sealed to us.
#[async_trait]
pub trait WalletToken: Send + Sync {
    /// Charges the token.
    async fn charge_token(&self, request: &ChargeToken) -> Result<ChargedToken, CallError>;
}

/// Capturing an authorisation.
#[async_trait]
pub trait Capture: Send + Sync {
    /// Takes `request.amount` of the authorised amount.
    async fn capture(&self, request: &ModifyPayment) -> Result<Acceptance, CallError>;
}

/// Cancelling an authorisation.
#[async_trait]
pub trait Cancel: Send + Sync {
    /// Gives up the authorisation.
    async fn cancel(&self, request: &ModifyPayment) -> Result<Acceptance, CallError>;
}

/// Refunding a capture.
#[async_trait]
pub trait Refund: Send + Sync {
    /// Gives `request.amount` back.
    async fn refund(&self, request: &ModifyPayment) -> Result<Acceptance, CallError>;
}

/// Asking about a payment.
#[async_trait]
pub trait Query: Send + Sync {
    /// All facts the provider holds about a payment, in the order in which they happened.
    async fn facts(&self, payment: &ProviderReference) -> Result<Vec<ProviderFact>, CallError>;
}

/// Reading signed messages.
pub trait Notifications: Send + Sync {
    /// Verifies every item of a delivery on its own: one bad item does not lose the others.
    ///
    /// The outer error means that the delivery as a whole is not one of this provider.
    fn verify(
        &self,
        delivery: RawDelivery<'_>,
    ) -> Result<Vec<Result<Verified<Notification>, NotificationError>>, NotificationError>;
    /// The body that acknowledges a delivery.
    fn acknowledgement(&self) -> &'static str;
}

/// Reading reports about payouts.
pub trait SettlementReports: Send + Sync {
    /// Every line of a report, in its order; an unreadable line is an error that names it.
    fn read(&self, report: &[u8]) -> Result<Vec<SettlementLine>, ReportError>;
}

/// What a provider is told to open a page. It never learns fee names, lines, the portal's reference or metadata.
#[derive(Clone, Debug)]
pub struct OpenPage {
    /// The idempotency key.
    pub key: ProviderKey,
    /// Our name of the attempt.
    pub reference: MerchantReference,
    /// What is to be paid.
    pub amount: Money,
    /// The one method the page may offer.
    pub method: Method,
    /// When the money is to be taken.
    pub capture: CaptureMode,
    /// The neutral text `<authority> <Kassenzeichen>`.
    pub text: String,
    /// The language of the page, a BCP 47 tag such as `de-DE`.
    pub language: String,
    /// Where the payer comes back to.
    pub return_url: String,
    /// When the page must stop being payable.
    pub expires_at: Timestamp,
}

/// A page that can be paid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenedPage {
    /// The provider's name of the page.
    pub page: PageReference,
    /// Where the payer goes.
    pub url: String,
    /// When the provider will stop taking payments on it, if it says so.
    pub expires_at: Option<Timestamp>,
    /// What the provider repeats of the request.
    pub echo: Echo,
}

/// What a provider says about a page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageAnswer {
    /// What can happen, or has happened, on it.
    pub status: PageStatus,
    /// The provider's reference of the payment, when the page names it.
    pub payment: Option<ProviderReference>,
    /// What the provider repeats of the request.
    pub echo: Echo,
}

/// What can happen, or has happened, on a page.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageStatus {
    /// It can still be paid.
    Payable,
    /// A payment is under way and undecided.
    Pending,
    /// It was paid: authorised under manual capture, captured under automatic capture.
    Paid,
    /// It can no longer be paid and was not.
    Closed,
}

/// A token to be charged; the token itself is never logged or stored.
#[derive(Debug)]
pub struct ChargeToken {
    /// What a page would be told, too.
    pub page: OpenPage,
    /// The sealed token as the wallet gave it.
    pub token: secrecy::SecretString,
}

/// What became of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChargedToken {
    /// It is decided.
    Decided(ProviderFact),
    /// The payer must go to this address first.
    PayerAction {
        /// Where the payer goes.
        url: String,
    },
}

/// A change of an authorised or captured payment.
#[derive(Clone, Debug)]
pub struct ModifyPayment {
    /// The idempotency key.
    pub key: ProviderKey,
    /// The provider's reference of the payment.
    pub payment: ProviderReference,
    /// The provider's reference of the capture, where it names captures on their own.
    pub capture: Option<ProviderReference>,
    /// The amount of the change.
    pub amount: Money,
    /// Our name of the operation.
    pub reference: MerchantReference,
}

/// How a provider took a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Acceptance {
    /// The provider's reference of the change itself.
    pub reference: ProviderReference,
    /// Whether the change has taken effect or only been received.
    pub effect: Effect,
    /// What the provider repeats of the request.
    pub echo: Echo,
}

/// Whether an accepted change has taken effect.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is done.
    Done,
    /// It was only received; a notification or a report tells the end.
    Received,
}

/// What a provider repeats of a request, to be compared with what was asked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Echo {
    /// The amount it understood.
    pub amount: Option<Money>,
    /// Our reference as it understood it.
    pub reference: Option<MerchantReference>,
    /// Whether it named the merchant account that our settings name; `None` when it named none.
    pub account_matches: Option<bool>,
    /// Whether it named the payment that a change was asked for; `None` when it named none.
    pub payment_matches: Option<bool>,
}

impl Echo {
    /// Compares what came back with what was asked; what was not repeated cannot differ.
    pub fn compare(&self, amount: Money, reference: &MerchantReference) -> Result<(), Mismatch> {
        if self.amount.is_some_and(|echoed| echoed != amount) {
            return Err(Mismatch::Amount);
        }
        if self.reference.as_ref().is_some_and(|echoed| echoed != reference) {
            return Err(Mismatch::Reference);
        }
        if self.account_matches == Some(false) {
            return Err(Mismatch::Account);
        }
        if self.payment_matches == Some(false) {
            return Err(Mismatch::Payment);
        }
        Ok(())
    }
}

/// What differs between an answer and its request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Mismatch {
    /// Amount or currency.
    #[error("another amount came back")]
    Amount,
    /// Our reference.
    #[error("another reference came back")]
    Reference,
    /// The merchant account.
    #[error("another account came back")]
    Account,
    /// The payment that was to be changed.
    #[error("another payment came back")]
    Payment,
}
