//! Refunds.

use axum::response::Response;

use super::{bodies, body, id, idempotency, json, json_once, locate, optional_body};
use crate::{
    desk::{DeskError, clients::Caller, idempotency::Answered, view::RefundView},
    domain::ids::{PaymentId, RefundId},
    http::{ProblemDetails, json::Problems, problem::Act, query::Query, routes::Call},
};

pub(in crate::http) async fn request(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = PaymentId(id(&call)?);
    let key = idempotency(&call, &by)?;
    let mut problems = Problems::default();
    let read = bodies::refund_order(&body(&call, &mut problems)?, &mut problems);
    let order = problems.finish(read)?;
    let answered = call.state.desk.request_refund(&by.tenant, id, by.client, &order, &key).await;
    let answered = answered.map_err(|error| ProblemDetails::of(error, Act::Refund))?;
    let mut response = show(&call, &by, Ok(answered), Act::Refund).await?;
    locate(&mut response, "refunds", answered.holder);
    Ok(response)
}

pub(in crate::http) async fn get(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = RefundId(id(&call)?);
    Query::of(call.parts.uri.query()).finish()?;
    let view = refund_view(&call, &by, id, u64::MAX).await.map_err(|error| ProblemDetails::of(error, Act::Read))?;
    json(200, &view)
}

pub(in crate::http) async fn approve(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = RefundId(id(&call)?);
    let key = idempotency(&call, &by)?;
    without_body(&call)?;
    let answered = call.state.desk.approve_refund(&by.tenant, id, &key).await;
    show(&call, &by, answered, Act::Approve).await
}

pub(in crate::http) async fn reject(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = RefundId(id(&call)?);
    let key = idempotency(&call, &by)?;
    without_body(&call)?;
    let answered = call.state.desk.reject_refund(&by.tenant, id, &key).await;
    show(&call, &by, answered, Act::Approve).await
}

fn without_body(call: &Call) -> Result<(), ProblemDetails> {
    let mut problems = Problems::default();
    let read = bodies::nothing(&optional_body(call, &mut problems)?, &mut problems);
    problems.finish(read)
}

/// The refund as it was when the answer was given.
async fn show(
    call: &Call,
    by: &Caller,
    answered: Result<Answered, DeskError>,
    act: Act,
) -> Result<Response, ProblemDetails> {
    let answered = answered.map_err(|error| ProblemDetails::of(error, act))?;
    let view = refund_view(call, by, RefundId(answered.holder), answered.version).await;
    json_once(answered, &view.map_err(|error| ProblemDetails::of(error, act))?)
}

async fn refund_view(call: &Call, by: &Caller, id: RefundId, version: u64) -> Result<RefundView, DeskError> {
    let desk = &call.state.desk;
    let payment = desk.payment_of_refund(&by.tenant, id).await?;
    let payment =
        if version < payment.version { desk.payment_at(&by.tenant, payment.id, version).await? } else { payment };
    let refund = payment.refund(id).ok_or(DeskError::NotFound)?;
    desk.view_refund(desk.tenant(&by.tenant)?, &payment, refund).await
}
