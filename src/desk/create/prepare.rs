//! What can be said about a request for a payment without the store: prices, methods, times, addresses.

use jiff::{Timestamp, civil::Date};
use zahlstelle_contract::{
    method::Method,
    money::{Currency, Money},
};

use super::{NewLine, NewPayment};
use crate::{
    desk::{DeskError, Problem, TenantDesk, later},
    domain::{
        event::{ClaimPosting, Terms},
        ids::ClientId,
        line::{BookingData, FeeLine, ShareKind, ShareRule, TaxRate},
        tenant::{self, Service},
    },
    ledger::chain,
};

/// A request that can be met.
pub(super) struct Prepared<'a> {
    pub(super) service: &'a Service,
    pub(super) terms: Terms,
    pub(super) descriptions: Vec<Option<String>>,
    pub(super) return_url: String,
}

/// Everything that can be said about a request without the store; all problems at once.
pub(super) fn prepare<'a>(
    desk: &'a TenantDesk,
    request: &NewPayment,
    client: ClientId,
    now: Timestamp,
) -> Result<Prepared<'a>, DeskError> {
    let Some(service) = desk.tenant.services.get(request.service.as_str()) else {
        return Err(DeskError::Invalid(vec![Problem::at("/service", "is no service of this Mandant")]));
    };
    let mut problems = Vec::new();
    let (lines, descriptions) = price_lines(desk, service, request, now, &mut problems);
    let total = total_of(&lines, request, &mut problems);
    let methods = methods_of(service, request, &mut problems);
    let return_url = service.return_address(&request.return_url);
    if return_url.is_none() {
        problems.push(Problem::at("/return_url", "is not covered by the return addresses of the service"));
    }
    let seconds = service.expiry.choose(request.expires_in_seconds).unwrap_or_else(|error| {
        problems.push(Problem::at("/expires_in_seconds", error));
        0
    });
    let (Some(return_url), true) = (return_url, problems.is_empty()) else { return Err(DeskError::Invalid(problems)) };
    let terms = Terms {
        service: service.id.as_str().to_owned(),
        kassenzeichen: String::new(),
        lines,
        total,
        capture: request.capture.unwrap_or(service.capture),
        methods,
        language: request.language.as_ref().map(|language| language.as_str().to_owned()),
        claim: match service.posts_claim() {
            Some(tenant::ClaimPosting::AtCreation) => ClaimPosting::AtCreation,
            Some(tenant::ClaimPosting::AtPayment) => ClaimPosting::AtPayment,
            None => ClaimPosting::Elsewhere,
        },
        attempts_before: 0,
        expires_at: later(now, std::time::Duration::from_secs(u64::from(seconds))),
        client,
        side_mac: String::new(),
    };
    Ok(Prepared { service, terms, descriptions, return_url: return_url.into() })
}

fn price_lines(
    desk: &TenantDesk,
    service: &Service,
    request: &NewPayment,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) -> (Vec<FeeLine>, Vec<Option<String>>) {
    let mut lines = Vec::with_capacity(request.lines.len());
    let mut descriptions = Vec::with_capacity(request.lines.len());
    for (index, line) in request.lines.iter().enumerate() {
        let priced = match line {
            NewLine::Fee { fee, quantity, fee_date } => {
                descriptions.push(None);
                price_fee(desk, service, fee, *quantity, *fee_date, now)
            }
            NewLine::Explicit { description, quantity, unit_amount, tax_rate, booking } => {
                descriptions.push(Some(description.clone()));
                price_explicit(service, *quantity, *unit_amount, *tax_rate, booking.clone())
            }
        };
        match priced {
            Ok(line) => lines.push(line),
            Err((member, detail)) => problems.push(Problem::at(format!("/lines/{index}{member}"), detail)),
        }
    }
    (lines, descriptions)
}

/// The member of a line that is wrong, and how.
type LineProblem = (&'static str, String);

fn price_fee(
    desk: &TenantDesk,
    service: &Service,
    fee: &str,
    quantity: u32,
    fee_date: Option<Date>,
    now: Timestamp,
) -> Result<FeeLine, LineProblem> {
    if !service.lines.fees.contain(fee) {
        return Err(("/fee", "is no fee of this service".to_owned()));
    }
    let today = chain::berlin_day(now);
    desk.tenant.fees.price(fee, quantity, fee_date, today).map_err(|error| ("", error.to_string()))
}

fn price_explicit(
    service: &Service,
    quantity: u32,
    unit_amount: Money,
    tax_rate: TaxRate,
    booking: Option<BookingData>,
) -> Result<FeeLine, LineProblem> {
    if !service.lines.explicit {
        return Err(("", "this service charges fees of the schedule only".to_owned()));
    }
    if !unit_amount.is_positive() {
        return Err(("/unit_amount", "must be greater than zero".to_owned()));
    }
    let booking = service.booking_for(booking).map_err(|error| ("/booking", error.to_string()))?;
    let rule = ShareRule { kind: ShareKind::Ertrag, booking, numerator: 1, denominator: 1 };
    FeeLine::from_gross(None, quantity, unit_amount, tax_rate, &[rule]).map_err(|error| ("", error.to_string()))
}

fn total_of(lines: &[FeeLine], request: &NewPayment, problems: &mut Vec<Problem>) -> Money {
    let total = Money::total(lines.iter().map(|line| line.gross), Currency::EUR).unwrap_or_else(|error| {
        problems.push(Problem::at("/lines", format!("the sum {error}")));
        Money::zero(Currency::EUR)
    });
    if problems.is_empty() && !total.is_positive() {
        problems.push(Problem::at("/lines", "the sum must be greater than zero"));
    }
    if problems.is_empty() && request.amount.is_some_and(|amount| amount != total) {
        problems.push(Problem::at("/amount", format!("differs from the sum of the lines, which is {total}")));
    }
    total
}

fn methods_of(service: &Service, request: &NewPayment, problems: &mut Vec<Problem>) -> Vec<Method> {
    let offered: Vec<Method> = service.methods.iter().map(|route| route.method).collect();
    let Some(wanted) = &request.methods else { return offered };
    if wanted.is_empty() {
        problems.push(Problem::at("/methods", "must name at least one method"));
    }
    for (index, method) in wanted.iter().enumerate() {
        if !offered.contains(method) {
            problems.push(Problem::at(format!("/methods/{index}"), "is not offered by this service"));
        }
    }
    offered.into_iter().filter(|method| wanted.contains(method)).collect()
}
