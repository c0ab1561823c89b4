//! Every text of the pages: its name in the files of the languages, and what fills its gaps.

use fluent_bundle::{FluentArgs, FluentValue};

/// One line a text. It makes the enum, so that a text without its variables does not compile and one that no page uses
/// is dead code, and the list that every file of a language is held against.
macro_rules! messages {
    ($($name:ident $({ $($variable:ident: $kind:ty),+ })? = $id:literal,)+) => {
        /// A text of the pages with what fills its gaps.
        #[derive(Clone, Debug)]
        pub(in crate::http::checkout) enum Message {
            $($name $({ $($variable: $kind),+ })?,)+
        }

        impl Message {
            /// The name of every text and its variables.
            pub(super) const ALL: &[(&str, &[&str])] = &[$(($id, &[$($(stringify!($variable)),+)?])),+];

            /// The name: that of a message, or of one of its attributes behind a dot.
            pub(super) fn id(&self) -> &'static str {
                match self { $(Self::$name { .. } => $id,)+ }
            }

            pub(super) fn arguments(self) -> FluentArgs<'static> {
                let pairs: Vec<(&'static str, FluentValue<'static>)> = match self {
                    $(Self::$name $({ $($variable),+ })? => {
                        vec![$($((stringify!($variable), FluentValue::from($variable))),+)?]
                    })+
                };
                pairs.into_iter().collect()
            }
        }
    };
}

messages! {
    NumberPoint = "number-point",
    NumberGroup = "number-group",
    AmountEuro { sign: String, number: String } = "amount-euro",
    AmountOther { sign: String, number: String, currency: String } = "amount-other",
    Month { number: u8 } = "month",
    Day { day: String, month: String, year: String } = "day",
    Moment { day: String, clock: String, season: String } = "moment",
    Minutes { number: u32 } = "minutes",
    Hours { number: u32 } = "hours",

    SkipToContent = "skip-to-content",
    Checkout = "checkout",
    TestBanner = "test-banner",
    Languages = "languages",
    Footer = "footer",
    Imprint = "imprint",
    Privacy = "privacy",
    Accessibility = "accessibility",

    Bill = "bill",
    BillLines = "bill-lines",
    BillLine = "bill-line",
    BillQuantity = "bill-quantity",
    BillAmount = "bill-amount",
    BillTotal = "bill-total",
    BillUnitAmount { amount: String } = "bill-unit-amount",
    BillTaxIncluded { rate: String, amount: String } = "bill-tax-included",
    BillUnnamedLine = "bill-unnamed-line",
    BillAuthority = "bill-authority",
    BillService = "bill-service",
    BillKassenzeichen = "bill-kassenzeichen",
    BillPayUntil = "bill-pay-until",
    Contact = "contact",
    ContactLead = "contact-lead",
    ContactTelephone = "contact-telephone",
    ContactEmail = "contact-email",
    ContactHours = "contact-hours",

    MethodCard = "method-card",
    MethodPaypal = "method-paypal",
    MethodGooglePay = "method-google-pay",
    MethodApplePay = "method-apple-pay",

    Pay = "pay",
    PayTitle { amount: String } = "pay.title",
    Methods = "methods",
    MethodsHint = "methods.hint",
    MethodsNone = "methods.none",
    OtherMethods = "other-methods",
    OtherMethodsHint = "other-methods.hint",
    Declined = "declined",
    DeclinedTitle = "declined.title",
    DeclinedAgain = "declined.again",
    DeclinedOther = "declined.other",
    Begun = "begun",
    BegunTitle = "begun.title",
    BegunLead = "begun.lead",
    BegunOnward { method: String } = "begun.onward",
    Problem = "problem",
    ProblemUnknownMethod = "problem.unknown-method",
    ProblemBrokenForm = "problem.broken-form",
    ProblemProviderUnavailable = "problem.provider-unavailable",
    ProblemBusy = "problem.busy",
    ProblemTooManyTries = "problem.too-many-tries",
    ProblemNoMoreTime = "problem.no-more-time",

    Time = "time",
    TimeLead { moment: String, left: u32 } = "time.lead",
    TimeExtend { duration: String } = "time.extend",
    TimeSoonTitle = "time.soon-title",
    TimeSoon { minutes: u32 } = "time.soon",
    TimeSoonExtend = "time.soon-extend",
    TimeOverTitle = "time.over-title",
    TimeOver = "time.over",
    TimeLook = "time.look",

    Cancel = "cancel",
    CancelTitle = "cancel.title",
    CancelQuestion = "cancel.question",
    CancelLead = "cancel.lead",
    CancelConfirm = "cancel.confirm",
    CancelGoBack = "cancel.go-back",

    Closing = "closing",
    ClosingTitle = "closing.title",
    ClosingLead = "closing.lead",
    Pending = "pending",
    PendingTitle = "pending.title",
    PendingLead = "pending.lead",
    Held = "held",
    HeldTitle = "held.title",
    HeldLead = "held.lead",
    Checking = "checking",
    CheckingTitle = "checking.title",
    CheckingLead = "checking.lead",
    CheckingUntil { moment: String } = "checking.until",
    Paid = "paid",
    PaidTitle = "paid.title",
    PaidLead = "paid.lead",
    PaidLeadDisputed = "paid.lead-disputed",
    Reversed = "reversed",
    ReversedTitle = "reversed.title",
    ReversedLead = "reversed.lead",
    Cancelled = "cancelled",
    CancelledTitle = "cancelled.title",
    CancelledLead = "cancelled.lead",
    Expired = "expired",
    ExpiredTitle = "expired.title",
    ExpiredLead = "expired.lead",
    Failed = "failed",
    FailedTitle = "failed.title",
    FailedLead = "failed.lead",
    NothingCharged = "nothing-charged",
    Refunded { paid: String, amount: String } = "refunded",
    RefundedWhole { paid: String } = "refunded-whole",
    ChargedBack { amount: String } = "charged-back",
    Surplus { amount: String } = "surplus",
    LookAgain = "look-again",
    BackTo = "back-to",

    Receipt = "receipt",
    ReceiptShow = "receipt.show",
    ReceiptHasReceived { amount: String } = "receipt.has-received",
    ReceiptPaidAt = "receipt.paid-at",
    ReceiptPaidWith = "receipt.paid-with",
    ReceiptAmount = "receipt.amount",
    ReceiptRefund { day: String } = "receipt.refund",
    ReceiptChargedBack = "receipt.charged-back",
    ReceiptRemaining = "receipt.remaining",
    ReceiptNumber = "receipt.number",
    ReceiptHint = "receipt.hint",
    ReceiptBack = "receipt.back",

    NotFound = "not-found",
    NotFoundTitle = "not-found.title",
    NotFoundLead = "not-found.lead",
    NotFoundCauses = "not-found.causes",
    NotFoundCauseIncomplete = "not-found.cause-incomplete",
    NotFoundCauseOld = "not-found.cause-old",
    NotFoundSteps = "not-found.steps",
    NotFoundStepAgain = "not-found.step-again",
    NotFoundStepBack = "not-found.step-back",
    WrongWay = "wrong-way",
    WrongWayTitle = "wrong-way.title",
    WrongWayLead = "wrong-way.lead",
    Foreign = "foreign",
    ForeignTitle = "foreign.title",
    ForeignLead = "foreign.lead",
    TooLarge = "too-large",
    TooLargeTitle = "too-large.title",
    TooLargeLead = "too-large.lead",
    Internal = "internal",
    InternalTitle = "internal.title",
    InternalLead = "internal.lead",
}
