//! What is charged, by whom, under which Kassenzeichen and until when.

use super::{
    format::{self, Moment},
    frame::Subject,
    standing::Standing,
};
use crate::{
    desk::view::line_name,
    domain::{
        kassenzeichen::{Kassenzeichen, PrintMask},
        line::FeeLine,
    },
};

/// What is charged, and by whom.
pub(super) struct Bill {
    pub(super) lines: Vec<BillLine>,
    pub(super) total: String,
    pub(super) authority: String,
    pub(super) service: Option<String>,
    pub(super) kassenzeichen: String,
    /// Until when it can be paid, while it can be.
    pub(super) pay_until: Option<Moment>,
    pub(super) telephone: Option<Telephone>,
    pub(super) hours: Option<String>,
}

/// One line of the bill.
pub(super) struct BillLine {
    pub(super) name: String,
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
        let language = subject.tongue.language();
        let texts = subject.opened.side.descriptions.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        Self {
            lines: terms.lines.iter().zip(texts).map(|(line, own)| bill_line(subject, line, own)).collect(),
            total: format::money(subject.tongue, terms.total),
            authority: subject.authority().to_owned(),
            service: subject.service().map(|service| service.name.text(&language).to_owned()),
            kassenzeichen: printed(subject),
            pay_until: standing.can_be_paid().then(|| format::moment(subject.tongue, terms.expires_at)),
            telephone: authority.telephone.as_deref().map(Telephone::new),
            hours: authority.hours.as_ref().map(|hours| hours.text(&language).to_owned()),
        }
    }
}

fn bill_line(subject: &Subject<'_>, line: &FeeLine, own: Option<&String>) -> BillLine {
    let texts = &subject.texts().bill;
    let amount = |money| format::money(subject.tongue, money);
    let name = line_name(subject.desk, line, own, &subject.tongue.language());
    BillLine {
        name: name.unwrap_or_else(|| texts.unnamed_line.to_owned()),
        quantity: line.quantity,
        unit: (line.quantity > 1).then(|| (texts.unit_amount)(&amount(line.unit_amount))),
        tax: (!line.tax.is_zero()).then(|| {
            let rate = format::rate(subject.tongue, &line.tax_rate.to_string());
            (texts.tax_included)(&rate, &amount(line.tax))
        }),
        amount: amount(line.gross),
    }
}

/// The Kassenzeichen as the range prints it; one that a portal gave stays as it was given.
fn printed(subject: &Subject<'_>) -> String {
    let text = &subject.opened.payment.terms.kassenzeichen;
    let range = subject.service().and_then(|service| subject.desk.tenant.range_of(service));
    let mask = range.map_or(&PrintMask::Plain, |range| range.scheme().mask());
    Kassenzeichen::parse(text.as_str()).map_or_else(|_| text.clone(), |kassenzeichen| kassenzeichen.printed(mask))
}

impl Telephone {
    fn new(text: &str) -> Self {
        let dialled = text.chars().filter(|digit| digit.is_ascii_digit() || *digit == '+').collect();
        Self { text: text.to_owned(), dialled }
    }
}
