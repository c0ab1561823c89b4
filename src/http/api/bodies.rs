//! The bodies of commands as types.

use std::collections::BTreeMap;

use uuid::Uuid;
use zahlstelle_contract::{
    method::{CaptureMode, Method},
    money::{Currency, Money},
};

use super::uuid;
use crate::{
    desk::{
        RefundOrder,
        create::{NewLine, NewPayment},
    },
    domain::{
        decide::RefundExtent,
        ids::CaptureId,
        language::Language,
        line::{BookingData, QUANTITY_MAX, TaxRate},
        return_url::RETURN_URL_LENGTH_MAX,
    },
    http::json::{
        Problems,
        members::{self, Members, amount, count, day, line, list, positive_amount, text},
        tree::Node,
    },
};

/// The most characters of a name of ours that a client repeats: a service, a fee, a Kassenzeichen.
const NAME_LENGTH_MAX: usize = 64;
/// The most characters of a portal's reference.
const REFERENCE_LENGTH_MAX: usize = 64;
/// The most characters of the description of a line.
const DESCRIPTION_LENGTH_MAX: usize = 250;
/// The most characters of the reason of a refund.
const REASON_LENGTH_MAX: usize = 250;
/// The most lines of a payment.
const LINES_MAX: usize = 100;
/// The most members of metadata.
const METADATA_MAX: usize = 20;
/// The most characters of a name in metadata.
const METADATA_NAME_LENGTH_MAX: usize = 40;
/// The most characters of a value in metadata.
const METADATA_VALUE_LENGTH_MAX: usize = 500;

/// The body of `createPayment`.
pub(super) fn new_payment(node: &Node, problems: &mut Problems) -> Option<NewPayment> {
    let mut body = Members::of(node, "", problems)?;
    let service = body.required("service", problems, text(line(NAME_LENGTH_MAX)));
    let reference = body.required("reference", problems, text(line(REFERENCE_LENGTH_MAX)));
    let lines = body.required("lines", problems, list(1..=LINES_MAX, new_line));
    let amount = body.optional("amount", problems, amount);
    body.optional("currency", problems, text(currency));
    let kassenzeichen = body.optional("kassenzeichen", problems, text(line(NAME_LENGTH_MAX)));
    let return_url = body.required("return_url", problems, text(line(RETURN_URL_LENGTH_MAX)));
    let language = body.optional("language", problems, text(Language::of_tag));
    let methods = body.optional("methods", problems, methods);
    let expires_in_seconds = body.optional("expires_in_seconds", problems, count(1..=u32::MAX));
    let capture = body.optional("capture", problems, text(capture_mode));
    let metadata = body.optional("metadata", problems, metadata);
    body.finish(problems);
    Some(NewPayment {
        service: service?,
        reference: reference?,
        lines: lines?,
        amount,
        kassenzeichen,
        return_url: return_url?,
        language,
        methods,
        expires_in_seconds,
        capture,
        metadata: metadata.unwrap_or_default(),
    })
}

/// A fee of the schedule, or an amount of the portal's own.
fn new_line(node: &Node, pointer: &str, problems: &mut Problems) -> Option<NewLine> {
    let mut line = Members::of(node, pointer, problems)?;
    let read = if line.has("fee") { fee_line(&mut line, problems) } else { explicit_line(&mut line, problems) };
    line.finish(problems);
    read
}

fn fee_line(members: &mut Members<'_>, problems: &mut Problems) -> Option<NewLine> {
    let fee = members.required("fee", problems, text(line(NAME_LENGTH_MAX)));
    let quantity = members.required("quantity", problems, count(1..=QUANTITY_MAX));
    let fee_date = members.optional("fee_date", problems, text(day));
    Some(NewLine::Fee { fee: fee?, quantity: quantity?, fee_date })
}

fn explicit_line(members: &mut Members<'_>, problems: &mut Problems) -> Option<NewLine> {
    let description = members.required("description", problems, text(line(DESCRIPTION_LENGTH_MAX)));
    let quantity = members.required("quantity", problems, count(1..=QUANTITY_MAX));
    let unit_amount = members.required("unit_amount", problems, positive_amount);
    let tax_rate = members.required("tax_rate", problems, text(|text: &str| text.parse::<TaxRate>()));
    let booking = members.optional("booking", problems, booking);
    Some(NewLine::Explicit {
        description: description?,
        quantity: quantity?,
        unit_amount: unit_amount?,
        tax_rate: tax_rate?,
        booking,
    })
}

fn booking(node: &Node, pointer: &str, problems: &mut Problems) -> Option<BookingData> {
    let parts = members::strings(node, pointer, problems)?;
    BookingData::parse(parts).map_err(|error| problems.value(pointer, error)).ok()
}

fn metadata(node: &Node, pointer: &str, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    let metadata = members::strings(node, pointer, problems)?;
    if metadata.len() > METADATA_MAX {
        problems.value(pointer, format!("must have at most {METADATA_MAX} members"));
    }
    for (name, value) in &metadata {
        let place = crate::http::json::tree::child(pointer, name);
        if let Err(detail) = line(METADATA_NAME_LENGTH_MAX)(name) {
            problems.value(&place, format!("its name {detail}"));
        }
        if value.chars().count() > METADATA_VALUE_LENGTH_MAX {
            problems.value(&place, format!("must have at most {METADATA_VALUE_LENGTH_MAX} characters"));
        }
    }
    Some(metadata)
}

fn methods(node: &Node, pointer: &str, problems: &mut Problems) -> Option<Vec<Method>> {
    let methods = list(1..=Method::ALL.len(), method_item)(node, pointer, problems)?;
    for (index, method) in methods.iter().enumerate() {
        if methods.iter().take(index).any(|earlier| earlier == method) {
            problems.value(&format!("{pointer}/{index}"), "is given more than once");
        }
    }
    Some(methods)
}

fn method_item(node: &Node, pointer: &str, problems: &mut Problems) -> Option<Method> {
    text(method)(node, pointer, problems)
}

fn method(name: &str) -> Result<Method, String> {
    let known: Vec<&str> = Method::ALL.into_iter().map(Method::as_str).collect();
    Method::from_name(name).ok_or_else(|| format!("must be one of {}", known.join(", ")))
}

fn capture_mode(name: &str) -> Result<CaptureMode, &'static str> {
    match name {
        "automatic" => Ok(CaptureMode::Automatic),
        "manual" => Ok(CaptureMode::Manual),
        _ => Err("must be automatic or manual"),
    }
}

fn currency(code: &str) -> Result<(), &'static str> {
    if code == Currency::EUR.code() { Ok(()) } else { Err("must be EUR") }
}

/// The body of `cancelPayment`, `approveRefund` and `rejectRefund`: none, or an object without members.
pub(super) fn nothing(node: &Node, problems: &mut Problems) -> Option<()> {
    Members::of(node, "", problems)?.finish(problems);
    Some(())
}

/// How much of the authorised money is to be taken.
pub(super) struct CaptureOrder {
    /// All of it where nothing is said.
    pub(super) amount: Option<Money>,
}

/// The body of `capturePayment`.
pub(super) fn capture(node: &Node, problems: &mut Problems) -> Option<CaptureOrder> {
    let mut body = Members::of(node, "", problems)?;
    let amount = body.optional("amount", problems, positive_amount);
    body.finish(problems);
    Some(CaptureOrder { amount })
}

/// The body of `startAttempt`.
pub(super) fn attempt(node: &Node, problems: &mut Problems) -> Option<Method> {
    let mut body = Members::of(node, "", problems)?;
    let method = body.required("method", problems, text(method));
    body.finish(problems);
    method
}

/// The body of `requestRefund`.
pub(super) fn refund_order(node: &Node, problems: &mut Problems) -> Option<RefundOrder> {
    let mut body = Members::of(node, "", problems)?;
    let both = body.has("amount") && body.has("lines");
    if both || !(body.has("amount") || body.has("lines")) {
        problems.value("", "must have either amount or lines");
    }
    let amount = body.optional("amount", problems, positive_amount).map(RefundExtent::Amount);
    let lines = body.optional("lines", problems, list(1..=LINES_MAX, refund_line)).map(RefundExtent::Lines);
    let reason = body.required("reason", problems, text(line(REASON_LENGTH_MAX)));
    let capture = body.optional("capture", problems, text(capture_id));
    let expected_refundable = body.optional("expected_refundable", problems, members::amount);
    body.finish(problems);
    Some(RefundOrder {
        extent: amount.or(lines)?,
        reason: reason?,
        capture: capture.map(CaptureId),
        expected_refundable,
    })
}

/// So much of a line, which is named by its place in the payment, counted from 0.
fn refund_line(node: &Node, pointer: &str, problems: &mut Problems) -> Option<(usize, Money)> {
    let mut members = Members::of(node, pointer, problems)?;
    let last = u32::try_from(LINES_MAX).unwrap_or(u32::MAX).saturating_sub(1);
    let line = members.required("line", problems, count(0..=last));
    let amount = members.required("amount", problems, positive_amount);
    members.finish(problems);
    Some((usize::try_from(line?).ok()?, amount?))
}

fn capture_id(text: &str) -> Result<Uuid, &'static str> {
    uuid(text).ok_or("must be the id of a capture")
}
