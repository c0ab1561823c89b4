//! One try with one method at one provider.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::{
    method::Method,
    money::Money,
    provider::Mismatch,
    reference::{AccountName, PageReference, ProviderCode, ProviderReference},
};

use super::{
    ids::{AttemptId, CallId, CaptureId},
    language::Language,
};

/// How many refused tries of one page are kept; more are counted by nobody and change nothing.
pub const TRIES_MAX: usize = 50;

/// One try with one method. On a hosted page a refused card is only noted: the page stays payable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Counts the attempts of one Kassenzeichen from 1, so that `<Kassenzeichen>-<number>` is unique at the provider.
    pub number: u32,
    /// The method.
    pub method: Method,
    /// The provider account.
    pub account: AccountName,
    /// The call that makes its page; it is remembered so that a page which turns up late finds its attempt.
    pub opening: CallId,
    /// When it was started.
    pub created_at: Timestamp,
    /// What the citizen was reading when it was started; nothing where a portal started it.
    pub language: Option<Language>,
    /// Where it stands.
    pub state: AttemptState,
    /// The provider's page, once it is known.
    pub page: Option<Page>,
    /// The provider's reference of the payment, once it is known; captures and refunds need it.
    pub reference: Option<ProviderReference>,
    /// Refused tries, oldest first.
    pub tries: Vec<RefusedTry>,
    /// When the hold lapses, once the money is held; kept through a time of doubt about its capture.
    pub capture_before: Option<Timestamp>,
    /// When it ended without money; for a while after that its page is asked about once more.
    pub ended_at: Option<Timestamp>,
}

impl Attempt {
    /// An attempt whose page is only intended.
    pub fn started(
        id: AttemptId,
        number: u32,
        method: Method,
        account: AccountName,
        opening: CallId,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            number,
            method,
            account,
            opening,
            created_at,
            language: None,
            state: AttemptState::Started,
            page: None,
            reference: None,
            tries: Vec::new(),
            capture_before: None,
            ended_at: None,
        }
    }

    /// Whether its page takes no payment any more by what the provider said when it was made.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.page.as_ref().and_then(|page| page.expires_at).is_some_and(|lapses_at| lapses_at <= now)
    }

    /// Keeps a refused try, up to [`TRIES_MAX`].
    pub fn note_try(&mut self, refused: RefusedTry) {
        if self.tries.len() < TRIES_MAX {
            self.tries.push(refused);
        }
    }
}

/// A page of the provider.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Page {
    /// The provider's name of it.
    pub reference: PageReference,
    /// Where the payer goes.
    pub url: String,
    /// When the provider stops taking payments on it, if it says so.
    pub expires_at: Option<Timestamp>,
}

/// A refused try on a page.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RefusedTry {
    /// The provider's reason.
    pub code: ProviderCode,
    /// The provider's reference of the try.
    pub reference: Option<ProviderReference>,
    /// When we learned it.
    pub at: Timestamp,
}

/// Where an attempt stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AttemptState {
    /// The page is being made; its address was given to nobody.
    Started,
    /// The payer can pay on the page.
    Waiting,
    /// The provider waits for something of its own.
    Pending,
    /// The money is held for us.
    Authorised {
        /// When the hold lapses.
        capture_before: Timestamp,
    },
    /// The money was taken.
    Captured {
        /// The capture.
        capture: CaptureId,
    },
    /// The page was closed after only refused tries.
    Declined {
        /// The last reason.
        code: ProviderCode,
    },
    /// The page was closed by us, unpaid.
    Cancelled,
    /// The page lapsed unpaid, or never came to be.
    Abandoned,
    /// The authorisation was given up.
    Voided,
    /// It may or may not have taken money; nobody may assume either.
    Unknown {
        /// Why.
        cause: UnknownReason,
        /// Until when the resolver must know, else a person decides.
        due_at: Timestamp,
    },
    /// The money was taken and went back without a refund of ours.
    Reversed,
}

impl AttemptState {
    /// Whether the attempt can still take money by itself.
    pub fn is_live(&self) -> bool {
        match self {
            Self::Started | Self::Waiting | Self::Pending | Self::Authorised { .. } | Self::Unknown { .. } => true,
            Self::Captured { .. }
            | Self::Declined { .. }
            | Self::Cancelled
            | Self::Abandoned
            | Self::Voided
            | Self::Reversed => false,
        }
    }

    /// The name in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Authorised { .. } => "authorised",
            Self::Captured { .. } => "captured",
            Self::Declined { .. } => "declined",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
            Self::Voided => "voided",
            Self::Unknown { .. } => "unknown",
            Self::Reversed => "reversed",
        }
    }
}

/// Why the outcome of an attempt or refund is not known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum UnknownReason {
    /// The provider gave no usable answer when the page was closed or asked about.
    PageUnanswered,
    /// The provider gave no usable answer to a capture.
    CaptureUnanswered,
    /// The provider gave no usable answer to a refund.
    RefundUnanswered,
    /// Something else came back than was asked.
    Mismatch {
        /// What differs.
        what: Mismatch,
    },
}

/// How an attempt ended without money.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum AttemptEnd {
    /// Only refused tries.
    Declined {
        /// The last reason.
        code: ProviderCode,
    },
    /// Closed by us.
    Cancelled,
    /// Lapsed, or never came to be.
    Abandoned,
    /// The authorisation was given up.
    Voided,
}

/// Money taken once at a provider, keyed by (account, reference).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Capture {
    /// Its id.
    pub id: CaptureId,
    /// The attempt that took it.
    pub attempt: AttemptId,
    /// The provider account that holds it.
    pub account: AccountName,
    /// What was taken.
    pub amount: Money,
    /// The provider's reference; a page may tell *that* it was paid before a notification tells under which reference.
    pub reference: Option<ProviderReference>,
    /// The provider's reference of the payment it was taken from; a refund must name it.
    pub payment: Option<ProviderReference>,
    /// Whether it pays the claim.
    pub role: CaptureRole,
    /// What went back without a refund of ours, if anything.
    pub reversed: Option<Money>,
    /// When we learned it.
    pub at: Timestamp,
}

/// Whether a capture pays the claim.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureRole {
    /// It pays the claim; a payment has at most one.
    Paying,
    /// It was taken on top and is owed back.
    Surplus,
}
