//! Every operation in one table: it feeds the router, the log and the test against the OpenAPI document.

use std::future::ready;

use axum::{
    Router,
    extract::{FromRequestParts, RawPathParams, Request},
    http::request::Parts,
    response::Response,
    routing::{MethodFilter, on},
};
use bytes::Bytes;
use futures::future::BoxFuture;

use super::{
    AppState, Code, ProblemDetails, admission,
    api::{catalogue, events, payments, refunds, webhook_endpoints as endpoints},
    auth, body,
    exchange::{self, Handled, Reader},
    hooks,
    limits::Class,
    ops,
    rate::Seat,
    trace,
};
use crate::desk::clients::Caller;

/// Everything that can be asked.
pub static OPERATIONS: [Operation; 27] = [
    client("createPayment", Verb::Post, "/v1/payments", "payments:write", |call, by| {
        Box::pin(payments::create(call, by))
    }),
    client("listPayments", Verb::Get, "/v1/payments", "payments:read", |call, by| Box::pin(payments::list(call, by))),
    client("getPayment", Verb::Get, "/v1/payments/{id}", "payments:read", |call, by| Box::pin(payments::get(call, by))),
    client("cancelPayment", Verb::Post, "/v1/payments/{id}/cancel", "payments:write", |call, by| {
        Box::pin(payments::cancel(call, by))
    }),
    client("capturePayment", Verb::Post, "/v1/payments/{id}/capture", "payments:write", |call, by| {
        Box::pin(payments::capture(call, by))
    }),
    client("startAttempt", Verb::Post, "/v1/payments/{id}/attempts", "payments:write", |call, by| {
        Box::pin(payments::start(call, by))
    }),
    client("requestRefund", Verb::Post, "/v1/payments/{id}/refunds", "refunds:request", |call, by| {
        Box::pin(refunds::request(call, by))
    }),
    client("getRefund", Verb::Get, "/v1/refunds/{id}", "payments:read", |call, by| Box::pin(refunds::get(call, by))),
    client("approveRefund", Verb::Post, "/v1/refunds/{id}/approve", "refunds:request", |call, by| {
        Box::pin(refunds::approve(call, by))
    }),
    client("rejectRefund", Verb::Post, "/v1/refunds/{id}/reject", "refunds:request", |call, by| {
        Box::pin(refunds::reject(call, by))
    }),
    client("listFees", Verb::Get, "/v1/fees", "payments:read", |call, by| Box::pin(ready(catalogue::fees(&call, &by)))),
    client("listPaymentMethods", Verb::Get, "/v1/payment-methods", "payments:read", |call, by| {
        Box::pin(ready(catalogue::payment_methods(&call, &by)))
    }),
    Operation {
        class: Class::LongPoll,
        ..client("listEvents", Verb::Get, "/v1/events", "payments:read", |call, by| Box::pin(events::list(call, by)))
    },
    client("createWebhookEndpoint", Verb::Post, "/v1/webhook-endpoints", "webhooks:manage", |call, by| {
        Box::pin(endpoints::create(call, by))
    }),
    client("listWebhookEndpoints", Verb::Get, "/v1/webhook-endpoints", "webhooks:manage", |call, by| {
        Box::pin(endpoints::list(call, by))
    }),
    client("getWebhookEndpoint", Verb::Get, "/v1/webhook-endpoints/{id}", "webhooks:manage", |call, by| {
        Box::pin(endpoints::get(call, by))
    }),
    client("changeWebhookEndpoint", Verb::Patch, "/v1/webhook-endpoints/{id}", "webhooks:manage", |call, by| {
        Box::pin(endpoints::change(call, by))
    }),
    client("deleteWebhookEndpoint", Verb::Delete, "/v1/webhook-endpoints/{id}", "webhooks:manage", |call, by| {
        Box::pin(endpoints::delete(call, by))
    }),
    client(
        "rotateWebhookSecret",
        Verb::Post,
        "/v1/webhook-endpoints/{id}/rotate-secret",
        "webhooks:manage",
        |call, by| Box::pin(endpoints::rotate(call, by)),
    ),
    client("testWebhookEndpoint", Verb::Post, "/v1/webhook-endpoints/{id}/test", "webhooks:manage", |call, by| {
        Box::pin(endpoints::test(call, by))
    }),
    client("replayEvents", Verb::Post, "/v1/webhook-endpoints/{id}/replay", "webhooks:manage", |call, by| {
        Box::pin(endpoints::replay_range(call, by))
    }),
    client("listDeliveries", Verb::Get, "/v1/webhook-endpoints/{id}/deliveries", "webhooks:manage", |call, by| {
        Box::pin(endpoints::deliveries(call, by))
    }),
    client(
        "replayDelivery",
        Verb::Post,
        "/v1/webhook-endpoints/{id}/deliveries/{delivery}/replay",
        "webhooks:manage",
        |call, by| Box::pin(endpoints::replay_delivery(call, by)),
    ),
    open("takeDelivery", Verb::Post, "/hooks/{provider}/{account}", Class::Hook, |call| Box::pin(hooks::receive(call))),
    open("checkLiveness", Verb::Get, "/health/live", Class::Health, |_| Box::pin(ready(Ok(ops::live())))),
    open("checkReadiness", Verb::Get, "/health/ready", Class::Health, |call| Box::pin(ops::ready(call))),
    open("getOpenApi", Verb::Get, "/openapi.yaml", Class::Open, |_| Box::pin(ready(Ok(ops::openapi())))),
];

/// One operation.
#[derive(Clone, Copy)]
pub struct Operation {
    /// Its name in the OpenAPI document, in the log and in metrics.
    pub id: &'static str,
    /// Its method.
    pub verb: Verb,
    /// Its path, with parameters in braces.
    pub path: &'static str,
    /// What bounds it.
    pub class: Class,
    entry: Entry,
}

/// The methods that operations use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verb {
    /// Reads; nothing changes.
    Get,
    /// Writes.
    Post,
    /// Changes some members of what is there.
    Patch,
    /// Takes something away.
    Delete,
}

/// Who may ask, and what is done then.
#[derive(Clone, Copy)]
enum Entry {
    Open(fn(Call) -> Answering),
    Client { scope: &'static str, run: fn(Call, Caller) -> Answering },
}

pub(super) type Answering = BoxFuture<'static, Result<Response, ProblemDetails>>;

/// A request whose body has been read and whose sender is known, where it must be.
pub(super) struct Call {
    pub(super) state: AppState,
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    params: Vec<(String, String)>,
}

impl Operation {
    /// The scope that a key must have; [`None`] where no key is needed.
    pub fn scope(&self) -> Option<&'static str> {
        match self.entry {
            Entry::Open(_) => None,
            Entry::Client { scope, .. } => Some(scope),
        }
    }
}

impl Verb {
    /// The method's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

impl Call {
    /// A parameter of the path, decoded.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

const fn client(
    id: &'static str,
    verb: Verb,
    path: &'static str,
    scope: &'static str,
    run: fn(Call, Caller) -> Answering,
) -> Operation {
    let class = match verb {
        Verb::Get => Class::Read,
        Verb::Post | Verb::Patch | Verb::Delete => Class::Write,
    };
    Operation { id, verb, path, class, entry: Entry::Client { scope, run } }
}

const fn open(id: &'static str, verb: Verb, path: &'static str, class: Class, run: fn(Call) -> Answering) -> Operation {
    Operation { id, verb, path, class, entry: Entry::Open(run) }
}

/// The table as a router; everything else is a problem, too.
pub(super) fn router(state: &AppState) -> Router {
    let mut router = Router::new();
    for operation in &OPERATIONS {
        state.desk.metrics().requests.expect(operation.id);
        let state = state.clone();
        let handler = move |request: Request| carry(state.clone(), operation, request);
        router = router.route(operation.path, on(operation.verb.filter(), handler));
    }
    let (unknown, other) = (state.clone(), state.clone());
    router
        .method_not_allowed_fallback(move |request: Request| {
            refuse(other.clone(), "unknownMethod", Code::MethodNotAllowed, request)
        })
        .fallback(move |request: Request| refuse(unknown.clone(), "unknownPath", Code::NotFound, request))
}

async fn carry(state: AppState, operation: &'static Operation, request: Request) -> Response {
    let work = perform(state.clone(), operation, request);
    let time = state.limits.request_timeout(operation.class);
    exchange::carry(&state, operation.id, time, Reader::Program, work).await
}

async fn refuse(state: AppState, operation: &'static str, code: Code, request: Request) -> Response {
    let answer = admission::admit(&state, Class::Open, &request).and_then(|_| Err(ProblemDetails::new(code)));
    let work = ready(Handled { caller: None, answer });
    exchange::carry(&state, operation, state.limits.request_timeout(Class::Open), Reader::Program, work).await
}

/// Who asks, and how often, is judged before a byte of the body is read.
async fn perform(state: AppState, operation: &'static Operation, request: Request) -> Handled {
    let _place = match admission::admit(&state, operation.class, &request) {
        Ok(place) => place,
        Err(problem) => return Handled { caller: None, answer: Err(problem) },
    };
    let source = admission::peer(&request).source;
    match operation.entry {
        Entry::Open(run) => Handled { caller: None, answer: answer(state, operation, request, run).await },
        Entry::Client { scope, run } => match auth::authenticate(&state, source, request.headers()).await {
            Err(problem) => Handled { caller: None, answer: Err(problem) },
            Ok(caller) => {
                trace::follow(request.headers());
                let by = caller.clone();
                let answer = match let_in(&state, operation, &caller, scope) {
                    Ok(seat) => {
                        let answer = answer(state, operation, request, |call| run(call, by)).await;
                        drop(seat);
                        answer
                    }
                    Err(problem) => Err(problem),
                };
                Handled { caller: Some(caller), answer }
            }
        },
    }
}

/// Whether a client may do this, and may do it now. It waits, where the operation does, until what is returned is gone.
fn let_in(
    state: &AppState,
    operation: &Operation,
    caller: &Caller,
    scope: &'static str,
) -> Result<Option<Seat>, ProblemDetails> {
    auth::require(caller, scope)?;
    let Some(gates) = &state.gates else { return Ok(None) };
    gates.client(operation.class, caller.client.0, &state.counts)
}

async fn answer(
    state: AppState,
    operation: &Operation,
    request: Request,
    run: impl FnOnce(Call) -> Answering,
) -> Result<Response, ProblemDetails> {
    let (mut parts, body) = request.into_parts();
    let params = path_params(&mut parts).await?;
    let body = match operation.verb {
        Verb::Get | Verb::Delete => Bytes::new(),
        Verb::Post | Verb::Patch => body::read(body, operation.class, &state).await?,
    };
    run(Call { state, parts, body, params }).await
}

/// The parameters of the path. What is no text names nothing.
async fn path_params(parts: &mut Parts) -> Result<Vec<(String, String)>, ProblemDetails> {
    use axum::extract::rejection::RawPathParamsRejection as Rejection;
    match RawPathParams::from_request_parts(parts, &()).await {
        Ok(params) => Ok(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
        Err(Rejection::MissingPathParams(_)) => Ok(Vec::new()),
        Err(_) => Err(ProblemDetails::new(Code::NotFound)),
    }
}
