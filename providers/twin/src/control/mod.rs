//! The control surface: what a developer or a test tells the world, and asks it. JSON, loopback only.

pub mod event;
mod transactions;

use http::{Method, StatusCode};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    adyen::{
        processing,
        settlement::{self, SettlementError},
    },
    exchange::{Chore, Origin, Request, Response},
    faults::{FaultOrder, Profile},
    ledger::payment::Outcome,
    world::World,
};

/// How far the clock is advanced at once, in seconds: ten years.
const ADVANCE_SECONDS_MAX: i64 = 10 * 366 * 24 * 3_600;

/// What is wrong with a request to the control surface.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ControlError {
    #[error("{detail}")]
    Member { member: String, detail: String },
    #[error("there is no such transaction")]
    NoTransaction { member: &'static str },
    #[error("{0}")]
    NotNow(&'static str),
    #[error("the report cannot be written")]
    Report,
}

impl ControlError {
    pub(crate) fn member(member: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Member { member: member.into(), detail: detail.into() }
    }

    fn response(&self) -> Response {
        let (status, member) = match self {
            Self::Member { member, .. } => (StatusCode::BAD_REQUEST, Some(member.as_str())),
            Self::NoTransaction { member } => (StatusCode::NOT_FOUND, Some(*member)),
            Self::NotNow(_) => (StatusCode::CONFLICT, None),
            Self::Report => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Response::json(status, &json!({"status": status.as_u16(), "member": member, "detail": self.to_string()}))
    }
}

/// Answers a request below `/control`.
pub(crate) fn answer(world: &mut World, now: Timestamp, request: &Request, segments: &[&str]) -> Response {
    match request.origin {
        Origin::Loopback => {}
        Origin::Elsewhere => {
            let detail = "the control surface answers this machine only";
            return Response::json(StatusCode::FORBIDDEN, &json!({"status": 403, "detail": detail}));
        }
    }
    let method = &request.method;
    let answer = match segments {
        ["transactions"] if method == Method::GET => {
            Ok(Response::json(StatusCode::OK, &transactions::list(world, now)))
        }
        ["faults"] if method == Method::GET => Ok(fault_counts(world)),
        ["faults"] if method == Method::POST => arm(world, request),
        ["faults"] if method == Method::DELETE => {
            world.state.faults.disarm();
            Ok(fault_counts(world))
        }
        ["events"] if method == Method::POST => event::happen(world, now, request),
        ["complete"] if method == Method::POST => complete(world, now, request),
        ["settle"] if method == Method::POST => settle(world, request),
        ["clock"] if method == Method::POST => advance(now, request),
        ["transactions" | "faults" | "events" | "complete" | "settle" | "clock"] => {
            Ok(Response::json(StatusCode::METHOD_NOT_ALLOWED, &json!({"status": 405, "detail": "another method"})))
        }
        _ => Ok(Response::json(StatusCode::NOT_FOUND, &json!({"status": 404, "detail": "no such address"}))),
    };
    answer.unwrap_or_else(|error| error.response())
}

/// Reads a body; the error names the member that does not fit.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| ControlError::member(error.path().to_string(), error.inner().to_string()))
}

fn fault_counts(world: &World) -> Response {
    Response::json(StatusCode::OK, &world.state.faults.counts())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileOrder {
    profile: Profile,
}

fn arm(world: &mut World, request: &Request) -> Result<Response, ControlError> {
    let body: Value = read(&request.body)?;
    if body.get("profile").is_some() {
        let order: ProfileOrder = read(&request.body)?;
        world.state.faults.set_profile(order.profile);
        return Ok(fault_counts(world));
    }
    let orders: Vec<FaultOrder> = if body.is_array() { read(&request.body)? } else { vec![read(&request.body)?] };
    for (index, order) in orders.iter().enumerate() {
        if !order.fault.strikes_at(order.operation) {
            return Err(ControlError::member(format!("[{index}].operation"), "the fault means nothing there"));
        }
    }
    for order in orders {
        world.state.faults.arm(order);
    }
    Ok(fault_counts(world))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Completion {
    merchant_reference: String,
    decision: CompletionDecision,
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum CompletionDecision {
    Approve,
    Decline,
}

fn complete(world: &mut World, now: Timestamp, request: &Request) -> Result<Response, ControlError> {
    let wanted: Completion = read(&request.body)?;
    let ledger = &world.state.ledger;
    let pending = ledger
        .pages()
        .rev()
        .filter(|page| page.merchant_reference == wanted.merchant_reference)
        .flat_map(|page| ledger.payments_of(page))
        .find(|payment| payment.outcome == Outcome::Pending)
        .map(|payment| payment.psp.clone())
        .ok_or(ControlError::NoTransaction { member: "merchant_reference" })?;
    processing::decide_pending(world, now, &pending, wanted.decision == CompletionDecision::Approve)
        .ok_or(ControlError::NotNow("the payment is not pending"))?;
    Ok(Response::json(StatusCode::OK, &json!({"provider_reference": pending})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settlement {
    day: Date,
    folder: String,
}

fn settle(world: &mut World, request: &Request) -> Result<Response, ControlError> {
    let wanted: Settlement = read(&request.body)?;
    if wanted.folder.is_empty() {
        return Err(ControlError::member("folder", "must not be empty"));
    }
    let batches = settlement::close(world, wanted.day).map_err(|error| match error {
        SettlementError::Day => ControlError::member("day", error.to_string()),
        SettlementError::Amount(_) | SettlementError::Csv(_) | SettlementError::Flush => ControlError::Report,
    })?;
    let folder = wanted.folder.trim_end_matches('/');
    let mut reports = Vec::with_capacity(batches.len());
    let mut chores = Vec::with_capacity(batches.len());
    for batch in batches {
        let path = format!("{folder}/{}", batch.file_name);
        reports.push(json!({
            "provider": "adyen",
            "path": path,
            "batch": batch.number.to_string(),
            "payout": batch.payout.decimal(),
            "currency": batch.payout.currency().code(),
        }));
        chores.push(Chore::WriteFile { path, content: batch.content });
    }
    let mut response = Response::json(StatusCode::OK, &json!({"reports": reports, "statements": []}));
    response.chores = chores;
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

fn advance(now: Timestamp, request: &Request) -> Result<Response, ControlError> {
    let wanted: Advance = read(&request.body)?;
    if !(0..=ADVANCE_SECONDS_MAX).contains(&wanted.advance_seconds) {
        return Err(ControlError::member("advance_seconds", "must be between 0 and ten years"));
    }
    let then = crate::clock::after(now, wanted.advance_seconds);
    let mut response = Response::json(StatusCode::OK, &json!({"now": then.to_string()}));
    response.chores.push(Chore::AdvanceClock { seconds: wanted.advance_seconds });
    Ok(response)
}
