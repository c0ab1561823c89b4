//! The confirmation of payment: what, to whom, when, with what, and what of it went back.

use askama::Template;
use zahlstelle_contract::money::Money;

use super::{
    bill::Bill,
    format::{self, Moment},
    frame::{Frame, Subject},
    page::label,
    standing::{self, Standing},
    texts::{Message, Tongue},
};
use crate::domain::{payment::State, refund::RefundState};

/// The confirmation of payment.
#[derive(Template)]
#[template(path = "receipt.html", config = "src/http/checkout/askama.toml")]
pub(super) struct ReceiptPage {
    pub(super) frame: Frame,
    t: Tongue,
    has_received: String,
    bill: Bill,
    paid_at: Moment,
    paid_with: Option<String>,
    amount: String,
    /// What went back, each with its words.
    returned: Vec<(String, String)>,
    /// What is left of the amount, if anything went back.
    remaining: Option<String>,
    number: String,
    payment: String,
}

impl ReceiptPage {
    /// The receipt of a payment that is paid; there is none of any other.
    pub(super) fn new(subject: &Subject<'_>) -> Option<Self> {
        let payment = &subject.opened.payment;
        let State::Paid { .. } = payment.state else { return None };
        let (capture, at) = (payment.paying_capture()?, payment.paid?.at);
        let currency = capture.amount.currency();
        let words = |minor| format::money(subject.tongue, Money::from_minor(minor, currency));
        let refunds = payment
            .refunds
            .iter()
            .filter(|refund| refund.capture == capture.id && matches!(refund.state, RefundState::Succeeded { .. }));
        let mut returned: Vec<(String, String)> = refunds
            .map(|refund| {
                let day = format::day(subject.tongue, refund.created_at);
                (subject.say(Message::ReceiptRefund { day }), words(refund.amount.minor()))
            })
            .collect();
        let charged_back = standing::charged_back_minor(payment);
        if charged_back > 0 {
            returned.push((subject.say(Message::ReceiptChargedBack), words(charged_back)));
        }
        let gone = payment.amount_refunded().minor().saturating_add(charged_back);
        let amount = words(capture.amount.minor());
        Some(Self {
            frame: subject.frame(&subject.say(Message::Receipt)),
            t: subject.tongue,
            has_received: subject.say(Message::ReceiptHasReceived { amount: amount.clone() }),
            bill: Bill::of(subject, &Standing::Paid),
            paid_at: format::moment(subject.tongue, at),
            paid_with: payment.attempt(capture.attempt).map(|attempt| label(subject.tongue, attempt.method)),
            remaining: (!returned.is_empty()).then(|| words(capture.amount.minor().saturating_sub(gone))),
            amount,
            returned,
            number: payment.id.to_string(),
            payment: subject.path(""),
        })
    }
}
