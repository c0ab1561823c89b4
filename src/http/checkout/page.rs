//! The page of a payment, in every state, and the question before it is cancelled.

use askama::Template;
use zahlstelle_contract::{method::Method, money::Money};

use super::{
    bill::Bill,
    form::Nonce,
    format,
    frame::{Frame, Link, Subject, WayBack, web_address},
    standing::{self, Standing},
    texts::{MethodTexts, Outcome, PayTexts, Texts},
};

/// Something that went wrong just now and is told at the top of the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Alert {
    UnknownMethod,
    BrokenForm,
    ProviderUnavailable,
    Busy,
    TooManyTries,
}

impl Alert {
    fn words(self, texts: &PayTexts) -> &'static str {
        match self {
            Self::UnknownMethod => texts.unknown_method,
            Self::BrokenForm => texts.broken_form,
            Self::ProviderUnavailable => texts.provider_unavailable,
            Self::Busy => texts.busy,
            Self::TooManyTries => texts.too_many_tries,
        }
    }
}

/// The page of a payment.
#[derive(Template)]
#[template(path = "payment.html", config = "src/http/checkout/askama.toml")]
pub(super) struct PaymentPage {
    pub(super) frame: Frame,
    t: &'static Texts,
    /// Names the look of the status box; the words say the same.
    tone: &'static str,
    heading: String,
    alert: Option<&'static str>,
    /// What is said about a refusal, where there was one.
    declined: Option<String>,
    lead: Option<&'static str>,
    notes: Vec<String>,
    bill: Bill,
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
    heading: &'static str,
    hint: &'static str,
    methods: Vec<MethodButton>,
}

struct MethodButton {
    value: &'static str,
    label: &'static str,
}

impl PaymentPage {
    pub(super) fn new(subject: &Subject<'_>, alert: Option<Alert>) -> Self {
        let payment = &subject.opened.payment;
        let (t, standing) = (subject.texts(), Standing::of(payment, subject.now));
        let declined = standing.can_be_paid() && standing::was_declined(payment);
        let alert = alert.map(|alert| alert.words(&t.pay));
        let head = head(subject, &standing, declined, alert.is_some());
        let is_over = !standing.can_be_paid();
        Self {
            frame: subject.frame(&head.title),
            t,
            tone: head.tone,
            heading: head.heading.to_owned(),
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
        }
    }
}

struct Head {
    title: String,
    heading: &'static str,
    lead: Option<&'static str>,
    tone: &'static str,
}

fn head(subject: &Subject<'_>, standing: &Standing, declined: bool, alerted: bool) -> Head {
    let t = subject.texts();
    let texts = &t.standing;
    let (tone, outcome) = match standing {
        Standing::Payable | Standing::PageOpen { .. } => {
            let begun = matches!(standing, Standing::PageOpen { .. });
            let title = match (alerted, declined, begun) {
                (true, _, _) => t.pay.problem.to_owned(),
                (false, true, _) => t.pay.declined_title.to_owned(),
                (false, false, true) => t.pay.continue_title.to_owned(),
                (false, false, false) => {
                    (t.pay.title)(&format::money(subject.tongue, subject.opened.payment.terms.total))
                }
            };
            let heading = if begun { t.pay.continue_heading } else { t.pay.heading };
            // A refused try is told in its own words, which already say that nothing was charged.
            let lead = (begun && !declined).then_some(t.pay.continue_lead);
            return Head { title, heading, lead, tone: "plain" };
        }
        Standing::Closing => ("wait", &texts.closing),
        Standing::Pending => ("wait", &texts.pending),
        Standing::Held => ("good", &texts.held),
        Standing::Checking { .. } => ("wait", &texts.checking),
        Standing::Paid => ("good", &texts.paid),
        Standing::Reversed => ("bad", &texts.reversed),
        Standing::Cancelled => ("ended", &texts.cancelled),
        Standing::Expired => ("ended", &texts.expired),
        Standing::Failed => ("ended", &texts.failed),
    };
    let Outcome { title, heading, lead } = *outcome;
    // A citizen whose bank took the money back has something to do, which a note says.
    let is_disputed = *standing == Standing::Paid && standing::charged_back_minor(&subject.opened.payment) > 0;
    let lead = if is_disputed { texts.paid_lead_disputed } else { lead };
    Head { title: title.to_owned(), heading, lead: Some(lead), tone }
}

/// What is said about a refusal: another way to pay is only spoken of where there is one.
fn declined_words(subject: &Subject<'_>) -> String {
    let texts = &subject.texts().pay;
    match offered(subject).count() {
        0 => texts.declined.to_owned(),
        1 => format!("{} {}", texts.declined, texts.declined_again),
        _ => format!("{} {}", texts.declined, texts.declined_other),
    }
}

/// The methods of the payment for which the service has an account now.
fn offered(subject: &Subject<'_>) -> impl Iterator<Item = Method> {
    let methods = subject.opened.payment.terms.methods.iter().copied();
    methods.filter(|method| subject.service().is_some_and(|service| service.account_for(*method).is_some()))
}

/// What else must be said: until when an outcome is awaited, and where money went other than to the authority.
fn notes(subject: &Subject<'_>, standing: &Standing) -> Vec<String> {
    let payment = &subject.opened.payment;
    let texts = &subject.texts().standing;
    let mut notes = Vec::new();
    if let Standing::Checking { due_at } = standing {
        notes.push((texts.checking_until)(&format::moment(subject.tongue, *due_at).text));
    }
    let words = |minor| format::money(subject.tongue, Money::from_minor(minor, payment.terms.total.currency()));
    let refunded = payment.amount_refunded().minor();
    let paid = payment.paying_capture().map_or(0, |capture| capture.amount.minor());
    if refunded > 0 && refunded == paid {
        notes.push((texts.refunded_whole)(&words(paid)));
    } else if refunded > 0 {
        notes.push((texts.refunded)(&words(refunded), &words(paid)));
    }
    let mut tell = |minor: i64, text: fn(&str) -> String| {
        if minor > 0 {
            notes.push(text(&words(minor)));
        }
    };
    tell(standing::charged_back_minor(payment), texts.charged_back);
    tell(standing::surplus_minor(payment), texts.surplus);
    notes
}

fn onward(subject: &Subject<'_>, standing: &Standing) -> Option<Link> {
    let Standing::PageOpen { url } = standing else { return None };
    let method = subject.opened.payment.live().map(|live| live.method)?;
    let t = subject.texts();
    Some(Link::new(&(t.pay.continue_link)(label(&t.method, method)), web_address(url)?.as_str()))
}

fn choice(subject: &Subject<'_>, standing: &Standing) -> Option<Choice> {
    if !standing.can_be_paid() {
        return None;
    }
    let payment = &subject.opened.payment;
    let t = subject.texts();
    let begun = matches!(standing, Standing::PageOpen { .. });
    let live = payment.live().filter(|_| begun).map(|live| live.method);
    let methods: Vec<MethodButton> = offered(subject)
        .filter(|method| Some(*method) != live)
        .map(|method| MethodButton { value: method.as_str(), label: label(&t.method, method) })
        .collect();
    if begun && methods.is_empty() {
        return None;
    }
    let (heading, hint) = match (begun, methods.is_empty()) {
        (true, _) => (t.pay.other_methods, t.pay.other_methods_hint),
        (false, false) => (t.pay.methods, t.pay.methods_hint),
        (false, true) => (t.pay.methods, t.pay.no_method),
    };
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
pub(super) fn label(texts: &'static MethodTexts, method: Method) -> &'static str {
    match method {
        Method::Card => texts.card,
        Method::PayPal => texts.paypal,
        Method::GooglePay => texts.google_pay,
        Method::ApplePay => texts.apple_pay,
    }
}

/// The question before a payment is cancelled.
#[derive(Template)]
#[template(path = "cancel.html", config = "src/http/checkout/askama.toml")]
pub(super) struct CancelPage {
    pub(super) frame: Frame,
    t: &'static Texts,
    alert: Option<&'static str>,
    action: String,
    payment: String,
    bill: Bill,
}

impl CancelPage {
    pub(super) fn new(subject: &Subject<'_>, alert: Option<Alert>) -> Self {
        let t = subject.texts();
        let standing = Standing::of(&subject.opened.payment, subject.now);
        Self {
            frame: subject.frame(t.cancel.title),
            t,
            alert: alert.map(|alert| alert.words(&t.pay)),
            action: subject.path("/cancel"),
            payment: subject.path(""),
            bill: Bill::of(subject, &standing),
        }
    }
}
