//! Webhook endpoints and what was sent to them.

mod bodies;
mod views;

use axum::response::Response;
use uuid::Uuid;

use self::views::{DeletedView, DeliveryView, EndpointView};
use super::{PAGE_DEFAULT, PAGE_MAX, Page, body, id, id_of, idempotency, json, json_once, locate, optional_body};
use crate::{
    desk::{
        DeskError,
        clients::Caller,
        idempotency::Answered,
        webhooks::{DeliveryFilter, DeliveryState},
    },
    http::{
        ProblemDetails, auth,
        json::Problems,
        problem::Act,
        query::{self, Query},
        routes::Call,
    },
};

/// Whoever says where events go reads them there, so it takes the right to read them as well.
const READS: &str = "payments:read";

pub(in crate::http) async fn create(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    auth::require(&by, READS)?;
    let key = idempotency(&call, &by)?;
    let mut problems = Problems::default();
    let read = bodies::new_endpoint(&body(&call, &mut problems)?, &call.state.hook_addresses, &mut problems);
    let wanted = problems.finish(read)?;
    let answered = call.state.desk.create_endpoint(&by.tenant, by.client, &wanted, &key).await.map_err(of)?;
    let mut response = reveal(&call, &by, answered).await?;
    locate(&mut response, "webhook-endpoints", answered.holder);
    Ok(response)
}

pub(in crate::http) async fn list(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    Query::of(call.parts.uri.query()).finish()?;
    let shown = call.state.desk.show_endpoints(&by.tenant).await.map_err(of)?;
    // There are few enough of them for one page.
    json(200, &Page { data: shown.iter().map(EndpointView::of).collect(), next_cursor: None })
}

pub(in crate::http) async fn get(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = id(&call)?;
    Query::of(call.parts.uri.query()).finish()?;
    show(&call, &by, id).await
}

pub(in crate::http) async fn change(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    auth::require(&by, READS)?;
    let id = id(&call)?;
    let mut problems = Problems::default();
    let read = bodies::endpoint_change(&body(&call, &mut problems)?, &call.state.hook_addresses, &mut problems);
    let change = problems.finish(read)?;
    call.state.desk.change_endpoint(&by.tenant, by.client, id, &change).await.map_err(of)?;
    show(&call, &by, id).await
}

pub(in crate::http) async fn delete(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = id(&call)?;
    call.state.desk.delete_endpoint(&by.tenant, by.client, id).await.map_err(of)?;
    json(200, &DeletedView::of(id))
}

pub(in crate::http) async fn rotate(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = id(&call)?;
    let key = idempotency(&call, &by)?;
    let mut problems = Problems::default();
    let read = bodies::rotation(&optional_body(&call, &mut problems)?, &mut problems);
    let overlap = problems.finish(read)?;
    let answered = call.state.desk.rotate_secret(&by.tenant, by.client, id, overlap, &key).await.map_err(of)?;
    reveal(&call, &by, answered).await
}

pub(in crate::http) async fn test(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = id(&call)?;
    let key = idempotency(&call, &by)?;
    without_body(&call)?;
    let answered = call.state.desk.test_endpoint(&by.tenant, id, &key).await.map_err(of)?;
    show_delivery(&call, &by, id, answered).await
}

pub(in crate::http) async fn replay_delivery(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let (id, delivery) = (id(&call)?, id_of(&call, "delivery")?);
    let key = idempotency(&call, &by)?;
    without_body(&call)?;
    let answered = call.state.desk.replay_delivery(&by.tenant, id, delivery, &key).await.map_err(of)?;
    show_delivery(&call, &by, id, answered).await
}

pub(in crate::http) async fn replay_range(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = id(&call)?;
    let key = idempotency(&call, &by)?;
    let mut problems = Problems::default();
    let read = bodies::range(&body(&call, &mut problems)?, &mut problems);
    let range = problems.finish(read)?;
    let answered = call.state.desk.replay_range(&by.tenant, by.client, id, range, &key).await.map_err(of)?;
    let shown = call.state.desk.show_endpoint(&by.tenant, id).await.map_err(of)?;
    json_once(answered, &EndpointView::of(&shown))
}

pub(in crate::http) async fn deliveries(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = id(&call)?;
    let mut query = Query::of(call.parts.uri.query());
    let filter = DeliveryFilter {
        state: query.optional("state", state),
        before: query.optional("cursor", query::cursor),
        limit: query.optional("limit", query::count(1..=PAGE_MAX)).unwrap_or(PAGE_DEFAULT),
    };
    query.finish()?;
    let page = call.state.desk.deliveries(&by.tenant, id, &filter).await.map_err(of)?;
    let data = page.deliveries.iter().map(DeliveryView::of).collect();
    json(200, &Page::<DeliveryView<'_>> { data, next_cursor: page.last.map(query::cursor_of) })
}

fn state(text: &str) -> Result<DeliveryState, String> {
    let known = DeliveryState::ALL.map(DeliveryState::as_str);
    DeliveryState::from_name(text).ok_or_else(|| format!("must be one of {}", known.join(", ")))
}

fn without_body(call: &Call) -> Result<(), ProblemDetails> {
    let mut problems = Problems::default();
    let read = super::bodies::nothing(&optional_body(call, &mut problems)?, &mut problems);
    problems.finish(read)
}

/// The endpoint as it is now.
async fn show(call: &Call, by: &Caller, id: Uuid) -> Result<Response, ProblemDetails> {
    let shown = call.state.desk.show_endpoint(&by.tenant, id).await.map_err(of)?;
    json(200, &EndpointView::of(&shown))
}

/// The endpoint with the secret that the request has made.
async fn reveal(call: &Call, by: &Caller, answered: Answered) -> Result<Response, ProblemDetails> {
    let shown = call.state.desk.show_secret(&by.tenant, answered).await.map_err(of)?;
    json_once(answered, &EndpointView::of(&shown))
}

/// A delivery as it is now; it has no versions.
async fn show_delivery(call: &Call, by: &Caller, id: Uuid, answered: Answered) -> Result<Response, ProblemDetails> {
    let delivery = call.state.desk.delivery(&by.tenant, id, answered.holder).await.map_err(of)?;
    json_once(answered, &DeliveryView::of(&delivery))
}

fn of(error: DeskError) -> ProblemDetails {
    ProblemDetails::of(error, Act::Read)
}
