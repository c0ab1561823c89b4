//! The page of a payment, in every state, and the question before it is cancelled.

use askama::Template;
use zahlstelle_contract::{method::Method, money::Money};

use super::{
    bill::Bill,
    form::Nonce,
    format,
    frame::{Frame, Link, Subject, WayBack, web_address},
    standing::{self, Standing},
    texts::{Message, Tongue},
    time::Time,
};

/// Something that went wrong just now and is told at the top of the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Alert {
    UnknownMethod,
    BrokenForm,
    ProviderUnavailable,
    Busy,
    TooManyTries,
    NoMoreTime,
}

impl Alert {
    fn words(self) -> Message {
        match self {
            Self::UnknownMethod => Message::ProblemUnknownMethod,
            Self::BrokenForm => Message::ProblemBrokenForm,
            Self::ProviderUnavailable => Message::ProblemProviderUnavailable,
            Self::Busy => Message::ProblemBusy,
            Self::TooManyTries => Message::ProblemTooManyTries,
            Self::NoMoreTime => Message::ProblemNoMoreTime,
        }
    }
}

/// The page of a payment.
#[derive(Template)]
#[template(path = "payment.html", config = "src/http/checkout/askama.toml")]
pub(super) struct PaymentPage {
    pub(super) frame: Frame,
    t: Tongue,
    /// Names the look of the status box; the words say the same.
    tone: &'static str,
    heading: String,
    alert: Option<String>,
    /// What is said about a refusal, where there was one.
    declined: Option<String>,
    lead: Option<String>,
    notes: Vec<String>,
    bill: Bill,
    time: Option<Time>,
    onward: Option<Link>,
    choice: Option<Choice>,
    cancel: Option<String>,
    look_again: Option<String>,
    receipt: Option<String>,
    back: Option<WayBack>,
}

/// The form with the methods.
struct Choice {
    action: String,
    nonce: Nonce,
    heading: String,
    hint: String,
    methods: Vec<MethodButton>,
}

struct MethodButton {
    value: &'static str,
    label: String,
}

impl PaymentPage {
    pub(super) fn new(subject: &Subject<'_>, alert: Option<Alert>) -> Self {
        let payment = &subject.opened.payment;
        let standing = Standing::of(payment, subject.now);
        let declined = standing.can_be_paid() && standing::was_declined(payment);
        let alert = alert.map(|alert| subject.say(alert.words()));
        let head = head(subject, &standing, declined, alert.is_some());
        let is_over = !standing.can_be_paid();
        Self {
            frame: subject.frame(&head.title),
            t: subject.tongue,
            tone: head.tone,
            heading: head.heading,
            alert,
            declined: declined.then(|| declined_words(subject)),
            lead: head.lead,
            notes: notes(subject, &standing),
            onward: onward(subject, &standing),
            choice: choice(subject, &standing),
            cancel: standing.can_be_paid().then(|| subject.path("/cancel")),
            look_again: may_change_soon(&standing).then(|| subject.path("")),
            receipt: (standing == Standing::Paid).then(|| subject.path("/receipt")),
            back: if is_over { subject.way_back() } else { None },
            bill: Bill::of(subject, &standing),
            time: Time::of(subject, &standing),
        }
    }
}

struct Head {
    title: String,
    heading: String,
    lead: Option<String>,
    tone: &'static str,
}

fn head(subject: &Subject<'_>, standing: &Standing, declined: bool, alerted: bool) -> Head {
    let (tone, [title, heading, lead]) = match standing {
        Standing::Payable => return payable_head(subject, false, declined, alerted),
        Standing::PageOpen { .. } => return payable_head(subject, true, declined, alerted),
        Standing::Closing => ("wait", [Message::ClosingTitle, Message::Closing, Message::ClosingLead]),
        Standing::Pending => ("wait", [Message::PendingTitle, Message::Pending, Message::PendingLead]),
        Standing::Held => ("good", [Message::HeldTitle, Message::Held, Message::HeldLead]),
        Standing::Checking { .. } => ("wait", [Message::CheckingTitle, Message::Checking, Message::CheckingLead]),
        Standing::Paid => ("good", [Message::PaidTitle, Message::Paid, paid_lead(subject)]),
        Standing::Reversed => ("bad", [Message::ReversedTitle, Message::Reversed, Message::ReversedLead]),
        Standing::Cancelled => ("ended", [Message::CancelledTitle, Message::Cancelled, Message::CancelledLead]),
        Standing::Expired => ("ended", [Message::ExpiredTitle, Message::Expired, Message::ExpiredLead]),
        Standing::Failed => ("ended", [Message::FailedTitle, Message::Failed, Message::FailedLead]),
    };
    let lead = subject.say(lead);
    let lead =
        if took_nothing(subject, standing) { format!("{} {lead}", subject.say(Message::NothingCharged)) } else { lead };
    Head { title: subject.say(title), heading: subject.say(heading), lead: Some(lead), tone }
}

fn payable_head(subject: &Subject<'_>, begun: bool, declined: bool, alerted: bool) -> Head {
    let title = match (alerted, declined, begun) {
        (true, _, _) => Message::Problem,
        (false, true, _) => Message::DeclinedTitle,
        (false, false, true) => Message::BegunTitle,
        (false, false, false) => {
            Message::PayTitle { amount: format::money(subject.tongue, subject.opened.payment.terms.total) }
        }
    };
    let heading = if begun { Message::Begun } else { Message::Pay };
    // A refused try is told in its own words, which already say that nothing was charged.
    let lead = (begun && !declined).then(|| subject.say(Message::BegunLead));
    Head { title: subject.say(title), heading: subject.say(heading), lead, tone: "plain" }
}

/// A citizen whose bank took the money back has something to do, which a note says.
fn paid_lead(subject: &Subject<'_>) -> Message {
    let is_disputed = standing::charged_back_minor(&subject.opened.payment) > 0;
    if is_disputed { Message::PaidLeadDisputed } else { Message::PaidLead }
}

/// Whether a payment ended without any money: what came too late is never denied.
fn took_nothing(subject: &Subject<'_>, standing: &Standing) -> bool {
    matches!(standing, Standing::Cancelled | Standing::Expired) && subject.opened.payment.captures.is_empty()
}

/// What is said about a refusal: another way to pay is only spoken of where there is one.
fn declined_words(subject: &Subject<'_>) -> String {
    let next = match offered(subject).count() {
        0 => return subject.say(Message::Declined),
        1 => Message::DeclinedAgain,
        _ => Message::DeclinedOther,
    };
    format!("{} {}", subject.say(Message::Declined), subject.say(next))
}

/// The methods of the payment for which the service has an account now.
fn offered(subject: &Subject<'_>) -> impl Iterator<Item = Method> {
    let methods = subject.opened.payment.terms.methods.iter().copied();
    methods.filter(|method| subject.service().is_some_and(|service| service.account_for(*method).is_some()))
}

/// What else must be said: until when an outcome is awaited, and where money went other than to the authority.
fn notes(subject: &Subject<'_>, standing: &Standing) -> Vec<String> {
    let payment = &subject.opened.payment;
    let mut notes = Vec::new();
    if let Standing::Checking { due_at } = standing {
        notes.push(Message::CheckingUntil { moment: format::moment(subject.tongue, *due_at).text });
    }
    let words = |minor| format::money(subject.tongue, Money::from_minor(minor, payment.terms.total.currency()));
    let refunded = payment.amount_refunded().minor();
    let paid = payment.paying_capture().map_or(0, |capture| capture.amount.minor());
    if refunded > 0 && refunded == paid {
        notes.push(Message::RefundedWhole { paid: words(paid) });
    } else if refunded > 0 {
        notes.push(Message::Refunded { paid: words(paid), amount: words(refunded) });
    }
    let (charged_back, surplus) = (standing::charged_back_minor(payment), standing::surplus_minor(payment));
    if charged_back > 0 {
        notes.push(Message::ChargedBack { amount: words(charged_back) });
    }
    if surplus > 0 {
        notes.push(Message::Surplus { amount: words(surplus) });
    }
    notes.into_iter().map(|note| subject.say(note)).collect()
}

fn onward(subject: &Subject<'_>, standing: &Standing) -> Option<Link> {
    let Standing::PageOpen { url } = standing else { return None };
    let method = subject.opened.payment.live().map(|live| live.method)?;
    let label = subject.say(Message::BegunOnward { method: label(subject.tongue, method) });
    Some(Link { label, url: web_address(url)?.into() })
}

fn choice(subject: &Subject<'_>, standing: &Standing) -> Option<Choice> {
    if !standing.can_be_paid() {
        return None;
    }
    let payment = &subject.opened.payment;
    let begun = matches!(standing, Standing::PageOpen { .. });
    let live = payment.live().filter(|_| begun).map(|live| live.method);
    let methods: Vec<MethodButton> = offered(subject)
        .filter(|method| Some(*method) != live)
        .map(|method| MethodButton { value: method.as_str(), label: label(subject.tongue, method) })
        .collect();
    if begun && methods.is_empty() {
        return None;
    }
    let (heading, hint) = match (begun, methods.is_empty()) {
        (true, _) => (Message::OtherMethods, Message::OtherMethodsHint),
        (false, false) => (Message::Methods, Message::MethodsHint),
        (false, true) => (Message::Methods, Message::MethodsNone),
    };
    let (heading, hint) = (subject.say(heading), subject.say(hint));
    Some(Choice { action: subject.path(""), nonce: Nonce::of(payment), heading, hint, methods })
}

fn may_change_soon(standing: &Standing) -> bool {
    match standing {
        Standing::Closing | Standing::Pending | Standing::Checking { .. } => true,
        Standing::Payable
        | Standing::PageOpen { .. }
        | Standing::Held
        | Standing::Paid
        | Standing::Reversed
        | Standing::Cancelled
        | Standing::Expired
        | Standing::Failed => false,
    }
}

/// What a method is called.
pub(super) fn label(tongue: Tongue, method: Method) -> String {
    tongue.say(match method {
        Method::Card => Message::MethodCard,
        Method::PayPal => Message::MethodPaypal,
        Method::GooglePay => Message::MethodGooglePay,
        Method::ApplePay => Message::MethodApplePay,
    })
}

/// The question before a payment is cancelled.
#[derive(Template)]
#[template(path = "cancel.html", config = "src/http/checkout/askama.toml")]
pub(super) struct CancelPage {
    pub(super) frame: Frame,
    t: Tongue,
    alert: Option<String>,
    action: String,
    payment: String,
    bill: Bill,
}

impl CancelPage {
    pub(super) fn new(subject: &Subject<'_>, alert: Option<Alert>) -> Self {
        let standing = Standing::of(&subject.opened.payment, subject.now);
        Self {
            frame: subject.frame(&subject.say(Message::CancelTitle)),
            t: subject.tongue,
            alert: alert.map(|alert| subject.say(alert.words())),
            action: subject.path("/cancel"),
            payment: subject.path(""),
            bill: Bill::of(subject, &standing),
        }
    }
}
