//! Payments.

use axum::response::Response;
use jiff::Timestamp;

use super::{PAGE_DEFAULT, PAGE_MAX, Page, bodies, body, id, idempotency, json, json_once, locate, optional_body};
use crate::{
    desk::{DeskError, clients::Caller, idempotency::Answered, listing::PaymentQuery},
    domain::{ids::PaymentId, kassenzeichen::Kassenzeichen, payment::State},
    http::{
        ProblemDetails,
        json::{Problems, members},
        problem::{Act, conflict},
        query::{self, Query},
        routes::Call,
    },
};

/// The HTTP status of a stored answer that was a problem.
const CONFLICT: u16 = 409;
/// The most characters of what is searched for.
const SEARCHED_LENGTH_MAX: usize = 64;

pub(in crate::http) async fn create(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let key = idempotency(&call, &by)?;
    let mut problems = Problems::default();
    let read = bodies::new_payment(&body(&call, &mut problems)?, &mut problems);
    let request = problems.finish(read)?;
    let created = call.state.desk.create_payment(&by.tenant, by.client, &request, &key).await;
    let created = match created {
        Ok(created) => created,
        Err(DeskError::ClaimHasOpenPayment { payment }) => return Err(open_payment(&call, &by, payment).await),
        Err(error) => return Err(ProblemDetails::of(error, Act::Create)),
    };
    let answered = created.answered;
    let mut response = match created.fresh {
        Some(fresh) => {
            let desk = &call.state.desk;
            let tenant = desk.tenant(&by.tenant).map_err(|error| ProblemDetails::of(error, Act::Create))?;
            let view = desk.view_with(tenant, &fresh.payment, Some(fresh.side)).await;
            json_once(answered, &view.map_err(|error| ProblemDetails::of(error, Act::Create))?)?
        }
        None => show(&call, &by, answered, Act::Create).await?,
    };
    locate(&mut response, "payments", answered.holder);
    Ok(response)
}

/// A claim that is being paid: the portal learns where, so that it can send the citizen there.
async fn open_payment(call: &Call, by: &Caller, payment: uuid::Uuid) -> ProblemDetails {
    let problem = ProblemDetails::of(DeskError::ClaimHasOpenPayment { payment }, Act::Create);
    match payment_view(call, by, PaymentId(payment), u64::MAX).await {
        Ok(view) => problem.with("checkout_url", view.checkout_url()),
        Err(_) => problem,
    }
}

pub(in crate::http) async fn get(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = PaymentId(id(&call)?);
    Query::of(call.parts.uri.query()).finish()?;
    let view = payment_view(&call, &by, id, u64::MAX).await.map_err(|error| ProblemDetails::of(error, Act::Read))?;
    json(200, &view)
}

pub(in crate::http) async fn list(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let mut query = Query::of(call.parts.uri.query());
    let wanted = PaymentQuery {
        reference: query.optional("reference", members::line(SEARCHED_LENGTH_MAX)),
        kassenzeichen: query.optional("kassenzeichen", |text| {
            Kassenzeichen::parse(text).map(|kassenzeichen| kassenzeichen.as_str().to_owned())
        }),
        state: query.optional("state", state),
        created_after: query.optional("created_after", instant),
        created_before: query.optional("created_before", instant),
        before: query.optional("cursor", query::cursor),
        limit: query.optional("limit", query::count(1..=PAGE_MAX)).unwrap_or(PAGE_DEFAULT),
    };
    query.finish()?;
    let page = call.state.desk.list(&by.tenant, wanted).await;
    let page = page.map_err(|error| ProblemDetails::of(error, Act::Read))?;
    json(200, &Page { data: page.payments, next_cursor: page.last.map(query::cursor_of) })
}

fn state(text: &str) -> Result<String, String> {
    let known = State::NAMES.contains(&text);
    if known { Ok(text.to_owned()) } else { Err(format!("must be one of {}", State::NAMES.join(", "))) }
}

fn instant(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "must be an instant such as 2026-11-24T08:00:00Z")
}

pub(in crate::http) async fn cancel(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = PaymentId(id(&call)?);
    let key = idempotency(&call, &by)?;
    let mut problems = Problems::default();
    let read = bodies::nothing(&optional_body(&call, &mut problems)?, &mut problems);
    problems.finish(read)?;
    let answered = call.state.desk.cancel(&by.tenant, id, &key).await;
    show(&call, &by, answered.map_err(|error| ProblemDetails::of(error, Act::Cancel))?, Act::Cancel).await
}

pub(in crate::http) async fn capture(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = PaymentId(id(&call)?);
    let key = idempotency(&call, &by)?;
    let mut problems = Problems::default();
    let read = bodies::capture(&optional_body(&call, &mut problems)?, &mut problems);
    let order = problems.finish(read)?;
    let answered = call.state.desk.capture(&by.tenant, id, order.amount, &key).await;
    show(&call, &by, answered.map_err(|error| ProblemDetails::of(error, Act::Capture))?, Act::Capture).await
}

pub(in crate::http) async fn start(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let id = PaymentId(id(&call)?);
    let key = idempotency(&call, &by)?;
    let mut problems = Problems::default();
    let read = bodies::attempt(&body(&call, &mut problems)?, &mut problems);
    let method = problems.finish(read)?;
    let answered = call.state.desk.start_attempt_once(&by.tenant, id, method, &key).await;
    show(&call, &by, answered.map_err(|error| ProblemDetails::of(error, Act::Start))?, Act::Start).await
}

/// The payment as it was when the answer was given, or the problem that it was then.
async fn show(call: &Call, by: &Caller, answered: Answered, act: Act) -> Result<Response, ProblemDetails> {
    let read = |error| ProblemDetails::of(error, act);
    let id = PaymentId(answered.holder);
    if answered.status == CONFLICT {
        let payment = call.state.desk.payment_at(&by.tenant, id, answered.version).await.map_err(read)?;
        return Err(conflict(act, payment.state.as_str()).replayed(answered.replayed));
    }
    json_once(answered, &payment_view(call, by, id, answered.version).await.map_err(read)?)
}

async fn payment_view(
    call: &Call,
    by: &Caller,
    id: PaymentId,
    version: u64,
) -> Result<crate::desk::view::PaymentView, DeskError> {
    call.state.desk.view_at(&by.tenant, id, version).await
}
