//! What has happened to a payment. Events are the truth: they are sealed into the log and never changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::Money,
    reference::{AccountName, ProviderCode, ProviderReference},
};

use super::{
    attempt::{AttemptEnd, CaptureRole, Page, UnknownReason},
    call::CloseReason,
    ids::{AttemptId, CallId, CaptureId, ClientId, ExceptionId, RefundId},
    language::Language,
    line::FeeLine,
    refund::{RefundOrigin, RefundPart},
};

/// What a payment was created with. It holds no free text; that lives in the side table.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Terms {
    /// The service of the Mandant.
    pub service: String,
    /// The key of the claim.
    pub kassenzeichen: String,
    /// What is charged.
    pub lines: Vec<FeeLine>,
    /// The sum of the lines.
    pub total: Money,
    /// When money is taken.
    pub capture: CaptureMode,
    /// The methods the portal allows.
    pub methods: Vec<Method>,
    /// The language of the citizen, e.g. `de`, where the portal knows it; else each browser says what it likes best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When and by whom the claim is posted.
    pub claim: ClaimPosting,
    /// How many attempts earlier payments of the same claim have made; numbers go on behind them.
    pub attempts_before: u32,
    /// Until when it can be paid, unless the citizen takes more time; see [`TimeLimit`](super::time_limit::TimeLimit).
    pub expires_at: Timestamp,
    /// The client that created it.
    pub client: ClientId,
    /// HMAC of the erasable data under the key of its side row, in hexadecimal.
    pub side_mac: String,
}

/// When the claim enters our books.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimPosting {
    /// With the payment.
    AtCreation,
    /// With the money.
    AtPayment,
    /// Never: the finance system posted it, or an earlier payment of the claim whose money went back.
    Elsewhere,
}

/// One thing that has happened to a payment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The payment exists.
    Created(Box<Terms>),
    /// An attempt exists, and the call that will make its page is intended.
    AttemptStarted {
        attempt: AttemptId,
        number: u32,
        method: Method,
        account: AccountName,
        call: CallId,
        /// What the citizen was reading; nothing where a portal started it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
    },
    /// The citizen took more time to pay.
    TimeExtended { expires_at: Timestamp },
    /// A call is about to leave; from now on it may have taken effect.
    CallSent { call: CallId },
    /// The call did not leave after all, so what was noted with its sending is taken back.
    CallNotSent { call: CallId },
    /// The page exists and its address may be handed over.
    PageOpened { attempt: AttemptId, call: CallId, page: Page },
    /// A card was refused on the page, which stays payable.
    TryRefused { attempt: AttemptId, code: ProviderCode, reference: Option<ProviderReference> },
    /// The provider waits for something of its own.
    AttemptPending { attempt: AttemptId },
    /// The page turned out to be still payable.
    AttemptWaiting { attempt: AttemptId },
    /// The provider's reference of the payment became known.
    ReferenceLearned { attempt: AttemptId, reference: ProviderReference },
    /// The money is held for us.
    Authorised { attempt: AttemptId, capture_before: Timestamp },
    /// The attempt's page is to be made unpayable.
    CloseIntended { attempt: AttemptId, call: CallId, why: CloseReason },
    /// The attempt's authorisation is to be given up.
    VoidIntended { attempt: AttemptId, call: CallId, why: CloseReason },
    /// The authorised money is to be taken.
    CaptureIntended { attempt: AttemptId, call: CallId },
    /// The provider took a capture or a void and will tell its end.
    CallAccepted { call: CallId, reference: ProviderReference },
    /// A call came to its end without another event saying so, e.g. it was refused.
    CallSettled { call: CallId, code: Option<ProviderCode> },
    /// The attempt ended without money.
    AttemptEnded { attempt: AttemptId, how: AttemptEnd },
    /// The attempt may or may not have taken money.
    AttemptUnknown { attempt: AttemptId, cause: UnknownReason, due_at: Timestamp },
    /// Money was taken.
    Captured {
        capture: CaptureId,
        attempt: AttemptId,
        amount: Money,
        reference: Option<ProviderReference>,
        payment: Option<ProviderReference>,
        role: CaptureRole,
    },
    /// The reference of a capture that was known without one.
    CaptureAdopted { capture: CaptureId, reference: ProviderReference, payment: ProviderReference },
    /// A capture that the provider had accepted failed; the money is still only held.
    CaptureFailed { attempt: AttemptId, code: ProviderCode },
    /// Captured money went back without a refund of ours.
    CaptureReversed { capture: CaptureId, amount: Money, reference: ProviderReference },
    /// The portal or the citizen gave up.
    Cancelled,
    /// The time to pay is over.
    Expired,
    /// Two persons decided that an unknown outcome took no money.
    Failed,
    /// A refund is asked for or proposed.
    RefundRequested {
        refund: RefundId,
        number: u32,
        capture: CaptureId,
        amount: Money,
        parts: Vec<RefundPart>,
        origin: RefundOrigin,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        side_mac: Option<String>,
    },
    /// The approval chain is complete, and the call that will pay it back is intended.
    RefundApproved { refund: RefundId, call: CallId },
    /// A step of the chain said no.
    RefundRejected { refund: RefundId },
    /// The refund is being sent.
    RefundSubmitted { refund: RefundId },
    /// The provider took the refund and will tell its end.
    RefundAccepted { refund: RefundId, reference: ProviderReference },
    /// The refund may or may not have taken effect.
    RefundUnknown { refund: RefundId, cause: UnknownReason, due_at: Timestamp },
    /// The money went back.
    RefundSucceeded { refund: RefundId, reference: ProviderReference },
    /// The money did not go back.
    RefundFailed { refund: RefundId, code: ProviderCode },
    /// The money went back and came back to us.
    RefundReturned { refund: RefundId, reference: ProviderReference },
    /// The payer's bank asks.
    DisputeOpened { capture: CaptureId, reference: ProviderReference, amount: Money },
    /// The payer's bank took the money.
    DisputeDebited { capture: CaptureId, reference: ProviderReference, amount: Money },
    /// The disputed money came back.
    DisputeWon { capture: CaptureId, reference: ProviderReference, amount: Money },
    /// Money moved at the provider that nothing of ours explains; negative when it left.
    Unexplained { account: AccountName, kind: MoneyKind, reference: ProviderReference, amount: Money },
    /// A person must look at something.
    ExceptionOpened { exception: ExceptionId, cause: ExceptionCause },
}

/// What kind of money fact an unexplained movement is, for its key (account, kind, reference).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyKind {
    /// Money taken.
    Capture,
    /// Money given back.
    Refund,
    /// Money gone back without a refund of ours.
    Reversal,
    /// A refund that came back.
    Return,
    /// Money taken by the payer's bank.
    Dispute,
    /// Disputed money that came back.
    DisputeWon,
}

impl MoneyKind {
    /// The name in keys and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Reversal => "reversal",
            Self::Return => "return",
            Self::Dispute => "dispute",
            Self::DisputeWon => "dispute_won",
        }
    }
}

/// Why a person must look at a payment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum ExceptionCause {
    /// More was taken than was owed.
    Overpayment { capture: CaptureId },
    /// Something else came back than was asked.
    Mismatch { attempt: AttemptId, told: Option<Money> },
    /// A provider says something that fits no state of ours.
    Impossible { fact: String, reference: Option<ProviderReference> },
    /// A refund that we know nothing of.
    ForeignRefund { reference: ProviderReference, amount: Money },
    /// The deadline for an unknown outcome has passed.
    OutcomeOverdue { attempt: Option<AttemptId>, refund: Option<RefundId> },
    /// The provider found a request of ours wrong.
    CallRejected { call: CallId, code: Option<ProviderCode> },
    /// An authorisation that has not been captured has no provider reference and lapses soon.
    ReferenceMissing { attempt: AttemptId, capture_before: Timestamp },
    /// An authorisation that has not been captured lapses soon.
    CaptureDue { attempt: AttemptId, capture_before: Timestamp },
    /// A refund that had been settled otherwise turned out differently.
    RefundContradicted { refund: RefundId },
    /// A provider refused to give up an authorisation.
    VoidFailed { attempt: AttemptId, code: ProviderCode },
}

impl ExceptionCause {
    /// The names of all causes.
    pub const NAMES: [&'static str; 10] = [
        "overpayment",
        "mismatch",
        "impossible",
        "foreign_refund",
        "outcome_overdue",
        "call_rejected",
        "reference_missing",
        "capture_due",
        "refund_contradicted",
        "void_failed",
    ];

    /// The name in views and metrics, as it is stored.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Overpayment { .. } => "overpayment",
            Self::Mismatch { .. } => "mismatch",
            Self::Impossible { .. } => "impossible",
            Self::ForeignRefund { .. } => "foreign_refund",
            Self::OutcomeOverdue { .. } => "outcome_overdue",
            Self::CallRejected { .. } => "call_rejected",
            Self::ReferenceMissing { .. } => "reference_missing",
            Self::CaptureDue { .. } => "capture_due",
            Self::RefundContradicted { .. } => "refund_contradicted",
            Self::VoidFailed { .. } => "void_failed",
        }
    }
}

/// An event with the moment of its command.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Recorded {
    /// When, by our clock, in whole microseconds.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}
