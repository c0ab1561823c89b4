//! The hosted page on which a payer decides.

use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::{
    adyen::{
        error::ServiceError,
        html::{self, Notice},
        processing,
    },
    exchange::{Delivery, Request, Response},
    faults::{Fault, Operation},
    world::World,
};

/// What a payer can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Decision {
    Approve,
    Decline,
    Cancel,
    Abandon,
}

impl Decision {
    fn read(request: &Request) -> Option<Self> {
        let (_, decision) = url::form_urlencoded::parse(&request.body).find(|(name, _)| name == "decision")?;
        match &*decision {
            "approve" => Some(Self::Approve),
            "decline" => Some(Self::Decline),
            "cancel" => Some(Self::Cancel),
            "abandon" => Some(Self::Abandon),
            _ => None,
        }
    }
}

/// Answers a request for the page `id`.
pub(crate) fn answer(world: &mut World, now: Timestamp, request: &Request, id: &str) -> Response {
    html::protect(show_or_take(world, now, request, id))
}

fn show_or_take(world: &mut World, now: Timestamp, request: &Request, id: &str) -> Response {
    let Some(page) = world.state.ledger.page(id) else {
        return Response::html(StatusCode::NOT_FOUND, html::unknown());
    };
    if request.method == Method::GET {
        return if page.is_payable(now) {
            Response::html(StatusCode::OK, html::form(page, &world.settings.merchant_account, None))
        } else {
            Response::html(StatusCode::GONE, html::closed(page))
        };
    }
    if request.method != Method::POST {
        return Response::empty(StatusCode::METHOD_NOT_ALLOWED).header(http::header::ALLOW, "GET, POST");
    }
    match Decision::read(request) {
        Some(Decision::Approve) => pay(world, now, id),
        Some(Decision::Decline) if page.is_payable(now) => decline(world, now, id),
        Some(Decision::Decline) => Response::html(StatusCode::GONE, html::closed(page)),
        Some(Decision::Cancel) => leave(world, id),
        Some(Decision::Abandon) => Response::html(StatusCode::OK, html::abandoned(page)),
        None => {
            let page = html::form(page, &world.settings.merchant_account, Some(Notice::NoDecision));
            Response::html(StatusCode::BAD_REQUEST, page)
        }
    }
}

fn pay(world: &mut World, now: Timestamp, id: &str) -> Response {
    let faults = &mut world.state.faults;
    if faults.strikes(Fault::RefuseConnection, Operation::Pay).is_some() {
        return Response::lost(Delivery::RefuseConnection);
    }
    if faults.strikes(Fault::DropBefore, Operation::Pay).is_some() {
        return Response::lost(Delivery::DropConnection);
    }
    if faults.strikes(Fault::Error500, Operation::Pay).is_some() {
        return ServiceError::Internal.response(None);
    }
    let answer = decide(world, now, id);
    let faults = &mut world.state.faults;
    if faults.strikes(Fault::LoseAnswer, Operation::Pay).is_some() {
        return answer.delivered(Delivery::DropConnection);
    }
    match faults.strikes(Fault::Delay, Operation::Pay) {
        Some(strike) => answer.delivered(Delivery::Delay { millis: strike.millis() }),
        None => answer,
    }
}

fn decide(world: &mut World, now: Timestamp, id: &str) -> Response {
    if let Some(page) = world.state.ledger.page(id)
        && !page.is_payable(now)
    {
        return Response::html(StatusCode::GONE, html::closed(page));
    }
    let faults = &mut world.state.faults;
    if faults.strikes(Fault::Decline, Operation::Pay).is_some() {
        return decline(world, now, id);
    }
    if faults.strikes(Fault::Pending, Operation::Pay).is_some() {
        processing::leave_pending(world, now, id);
        return leave(world, id);
    }
    let twice = faults.strikes(Fault::DoubleApprove, Operation::Pay).is_some();
    processing::approve(world, now, id);
    if twice {
        processing::approve(world, now, id);
    }
    leave(world, id)
}

fn decline(world: &mut World, now: Timestamp, id: &str) -> Response {
    processing::refuse(world, now, id);
    match world.state.ledger.page(id) {
        Some(page) => {
            let page = html::form(page, &world.settings.merchant_account, Some(Notice::Refused));
            Response::html(StatusCode::OK, page)
        }
        None => Response::html(StatusCode::NOT_FOUND, html::unknown()),
    }
}

/// Sends the payer back, or says that there is nowhere to go.
fn leave(world: &World, id: &str) -> Response {
    let Some(page) = world.state.ledger.page(id) else {
        return Response::html(StatusCode::NOT_FOUND, html::unknown());
    };
    match &page.return_url {
        Some(address) => Response::see_other(address),
        None => Response::html(StatusCode::OK, html::done(page)),
    }
}
