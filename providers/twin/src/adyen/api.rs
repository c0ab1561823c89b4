//! The front of the Checkout API: which operation is meant, who asks, what goes wrong, what was answered before.

use http::{HeaderName, Method};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::{
    adyen::{
        error::ServiceError,
        idempotency::KEY_LENGTH_MAX,
        links,
        modifications::{self, Modification},
    },
    exchange::{Delivery, Request, Response},
    faults::{Fault, Operation},
    ledger::payment::ChangeKind,
    world::World,
};

pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
pub(crate) const API_KEY: &str = "x-api-key";

/// A request to the Checkout API, before its body was looked at.
#[derive(Clone, Copy)]
enum Call<'a> {
    CreateLink,
    GetLink(&'a str),
    UpdateLink(&'a str),
    Modify(Modification<'a>),
}

impl<'a> Call<'a> {
    fn recognise(method: &Method, segments: &[&'a str]) -> Option<Self> {
        let modify = |kind, payment| Some(Self::Modify(Modification { kind, payment }));
        match (method, segments) {
            (&Method::POST, ["paymentLinks"]) => Some(Self::CreateLink),
            (&Method::GET, ["paymentLinks", id]) => Some(Self::GetLink(id)),
            (&Method::PATCH, ["paymentLinks", id]) => Some(Self::UpdateLink(id)),
            (&Method::POST, ["payments", payment, "captures"]) => modify(ChangeKind::Capture, payment),
            (&Method::POST, ["payments", payment, "refunds"]) => modify(ChangeKind::Refund, payment),
            (&Method::POST, ["payments", payment, "cancels"]) => modify(ChangeKind::Cancel, payment),
            _ => None,
        }
    }

    fn operation(self) -> Operation {
        match self {
            Self::CreateLink => Operation::OpenPage,
            Self::GetLink(_) => Operation::Query,
            Self::UpdateLink(_) => Operation::ClosePage,
            Self::Modify(modification) => modification.operation(),
        }
    }

    /// Whether the operation remembers idempotency keys.
    fn is_keyed(self) -> bool {
        match self {
            Self::CreateLink | Self::Modify(_) => true,
            Self::GetLink(_) | Self::UpdateLink(_) => false,
        }
    }
}

/// Answers a request below `/v71`.
pub(crate) fn answer(world: &mut World, now: Timestamp, request: &Request, segments: &[&str]) -> Response {
    let Some(call) = Call::recognise(&request.method, segments) else {
        return ServiceError::NotFound.response(None);
    };
    let operation = call.operation();
    let faults = &mut world.state.faults;
    if faults.strikes(Fault::RefuseConnection, operation).is_some() {
        return Response::lost(Delivery::RefuseConnection);
    }
    if faults.strikes(Fault::DropBefore, operation).is_some() {
        return Response::lost(Delivery::DropConnection);
    }
    count(world, call, request);
    if request.header_text(API_KEY) != Some(world.settings.api_key.expose_secret()) {
        return ServiceError::Unauthorised.response(None);
    }
    let faults = &mut world.state.faults;
    if faults.strikes(Fault::RateLimited, operation).is_some() {
        return ServiceError::RateLimited.response(None);
    }
    if faults.strikes(Fault::Error500, operation).is_some() {
        return ServiceError::Internal.response(None);
    }
    let answer = keyed(world, now, request, call);
    spoil(world, operation, answer)
}

/// Executes a call unless its key has been answered before, and keeps the answer under the key.
fn keyed(world: &mut World, now: Timestamp, request: &Request, call: Call<'_>) -> Response {
    let Some(key) = request.header_text(IDEMPOTENCY_KEY).filter(|_| call.is_keyed()) else {
        return execute(world, now, request, call);
    };
    if key.is_empty() || key.chars().count() > KEY_LENGTH_MAX {
        return ServiceError::invalid("702", "Idempotency-Key must have 1 to 64 characters").response(None);
    }
    let answer = match world.state.keys.replay(key, request, now) {
        Ok(Some(replayed)) => replayed,
        Err(error) => error.response(None),
        Ok(None) if !world.state.keys.has_room(now) => ServiceError::Internal.response(None),
        Ok(None) => {
            let answer = if world.state.faults.strikes(Fault::Error500Stored, call.operation()).is_some() {
                ServiceError::Internal.response(None)
            } else {
                execute(world, now, request, call)
            };
            world.state.keys.keep(key, request, &answer, now);
            answer
        }
    };
    answer.header(HeaderName::from_static(IDEMPOTENCY_KEY), key)
}

fn execute(world: &mut World, now: Timestamp, request: &Request, call: Call<'_>) -> Response {
    let answer = match call {
        Call::CreateLink => links::create(world, now, request),
        Call::GetLink(id) => links::get(world, now, id),
        Call::UpdateLink(id) => links::update(world, now, id, request),
        Call::Modify(modification) => modifications::receive(world, now, modification, request),
    };
    answer.unwrap_or_else(|error| {
        let reference = world.draw_reference();
        error.response(Some(&reference))
    })
}

/// Faults that leave the state as it has become and touch the answer alone.
fn spoil(world: &mut World, operation: Operation, mut answer: Response) -> Response {
    let faults = &mut world.state.faults;
    if answer.status.is_success() {
        if faults.strikes(Fault::WrongAmount, operation).is_some() {
            alter(&mut answer, |body| {
                if let Some(value) = body.pointer_mut("/amount/value") {
                    *value = value.as_i64().map(|minor| minor.saturating_add(1)).into();
                }
            });
        }
        if faults.strikes(Fault::WrongAccount, operation).is_some() {
            alter(&mut answer, |body| {
                if let Some(account) = body.get_mut("merchantAccount") {
                    *account = OTHER_ACCOUNT.into();
                }
            });
        }
        if faults.strikes(Fault::Error500AfterCommit, operation).is_some() {
            return ServiceError::Internal.response(None);
        }
    }
    if faults.strikes(Fault::LoseAnswer, operation).is_some() {
        return answer.delivered(Delivery::DropConnection);
    }
    match faults.strikes(Fault::Delay, operation) {
        Some(strike) => answer.delivered(Delivery::Delay { millis: strike.millis() }),
        None => answer,
    }
}

/// The account that is named when a fault says so.
pub(crate) const OTHER_ACCOUNT: &str = "AnotherMerchantAccount";

fn alter(answer: &mut Response, change: impl FnOnce(&mut serde_json::Value)) {
    if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&answer.body) {
        change(&mut body);
        answer.body = body.to_string().into_bytes();
    }
}

/// Counts a request that has reached the provider, whatever becomes of it.
fn count(world: &mut World, call: Call<'_>, request: &Request) {
    let ledger = &mut world.state.ledger;
    let (page, counter): (_, fn(&mut crate::ledger::Calls) -> &mut u64) = match call {
        Call::CreateLink => {
            if let Some(reference) = links::reference_of(request)
                && world.state.create_calls.len() < links::PAGES_MAX
            {
                let calls = world.state.create_calls.entry(reference).or_default();
                *calls = calls.saturating_add(1);
            }
            return;
        }
        Call::GetLink(id) => (ledger.page_mut(id), |calls| &mut calls.query),
        Call::UpdateLink(id) => (ledger.page_mut(id), |calls| &mut calls.close),
        Call::Modify(modification) => (ledger.page_of_payment(modification.payment), modification.counter()),
    };
    if let Some(page) = page {
        let counter = counter(&mut page.calls);
        *counter = counter.saturating_add(1);
    }
}

/// Reads a body: what is no JSON is unreadable, what does not fit is invalid.
pub(crate) fn read<T: DeserializeOwned>(request: &Request) -> Result<T, ServiceError> {
    serde_json::from_slice(&request.body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => ServiceError::invalid("702", error.to_string()),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
            ServiceError::Unreadable { detail: error.to_string() }
        }
    })
}
