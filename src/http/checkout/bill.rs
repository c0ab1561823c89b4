//! What is charged, by whom, under which Kassenzeichen and until when.

use super::{
    format::{self, Moment},
    frame::Subject,
    name::Name,
    standing::Standing,
    texts::Message,
};
use crate::domain::{
    kassenzeichen::{Kassenzeichen, PrintMask},
    line::FeeLine,
};

/// What is charged, and by whom.
pub(super) struct Bill {
    pub(super) lines: Vec<BillLine>,
    pub(super) total: String,
    pub(super) authority: Name,
    pub(super) service: Option<Name>,
    pub(super) kassenzeichen: String,
    /// Until when it can be paid, while it can be.
    pub(super) pay_until: Option<Moment>,
    pub(super) telephone: Option<Telephone>,
    pub(super) email: Option<String>,
    pub(super) hours: Option<Name>,
}

/// One line of the bill.
pub(super) struct BillLine {
    pub(super) name: Name,
    pub(super) quantity: u32,
    pub(super) unit: Option<String>,
    pub(super) tax: Option<String>,
    pub(super) amount: String,
}

/// A number to call, as people read it and as a telephone dials it.
pub(super) struct Telephone {
    pub(super) text: String,
    pub(super) dialled: String,
}

impl Bill {
    pub(super) fn of(subject: &Subject<'_>, standing: &Standing) -> Self {
        let terms = &subject.opened.payment.terms;
        let authority = &subject.desk.tenant.authority;
        let texts = subject.opened.side.descriptions.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        Self {
            lines: terms.lines.iter().zip(texts).map(|(line, own)| bill_line(subject, line, own)).collect(),
            total: format::money(subject.tongue, terms.total),
            authority: subject.authority(),
            service: subject.service().map(|service| Name::of(&service.name, subject.tongue)),
            kassenzeichen: printed(subject),
            pay_until: standing
                .can_be_paid()
                .then(|| format::moment(subject.tongue, subject.opened.payment.time_limit.expires_at)),
            email: authority.email.clone(),
            telephone: authority.telephone.as_deref().map(Telephone::new),
            hours: authority.hours.as_ref().map(|hours| Name::of(hours, subject.tongue)),
        }
    }
}

fn bill_line(subject: &Subject<'_>, line: &FeeLine, own: Option<&String>) -> BillLine {
    let amount = |money| format::money(subject.tongue, money);
    BillLine {
        name: line_name(subject, line, own).unwrap_or_else(|| Name::plain(&subject.say(Message::BillUnnamedLine))),
        quantity: line.quantity,
        unit: (line.quantity > 1).then(|| subject.say(Message::BillUnitAmount { amount: amount(line.unit_amount) })),
        tax: (!line.tax.is_zero()).then(|| {
            let rate = format::rate(subject.tongue, &line.tax_rate.to_string());
            subject.say(Message::BillTaxIncluded { rate, amount: amount(line.tax) })
        }),
        amount: amount(line.gross),
    }
}

/// What a line is called: by the portal, which knows the language of the citizen, else by the fee schedule.
fn line_name(subject: &Subject<'_>, line: &FeeLine, own: Option<&String>) -> Option<Name> {
    let fee = line.fee.as_ref().and_then(|fee| subject.desk.tenant.fees.fee(&fee.key));
    own.map(|own| Name::plain(own)).or_else(|| fee.map(|fee| Name::of(&fee.names, subject.tongue)))
}

/// The Kassenzeichen as the range prints it, in groups of four where there is no range. One that a portal gave stays as it
/// was given where it is none of ours.
fn printed(subject: &Subject<'_>) -> String {
    let text = &subject.opened.payment.terms.kassenzeichen;
    let range = subject.service().and_then(|service| subject.desk.tenant.range_of(service));
    let groups = PrintMask::default();
    let mask = range.map_or(&groups, |range| range.scheme().mask());
    Kassenzeichen::parse(text.as_str()).map_or_else(|_| text.clone(), |kassenzeichen| kassenzeichen.printed(mask))
}

impl Telephone {
    fn new(text: &str) -> Self {
        let dialled = text.chars().filter(|digit| digit.is_ascii_digit() || *digit == '+').collect();
        Self { text: text.to_owned(), dialled }
    }
}
