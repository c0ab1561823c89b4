//! What can be charged, and how it can be paid.

use axum::response::Response;

use super::{Page, json};
use crate::{
    desk::{DeskError, clients::Caller},
    domain::language::Language,
    http::{
        Code, ProblemDetails,
        json::members::{day, line},
        problem::Act,
        query::Query,
        routes::Call,
    },
};

/// The most characters of the name of a service.
const SERVICE_LENGTH_MAX: usize = 64;

pub(in crate::http) fn fees(call: &Call, by: &Caller) -> Result<Response, ProblemDetails> {
    let mut query = Query::of(call.parts.uri.query());
    let service = query.optional("service", line(SERVICE_LENGTH_MAX));
    let on = query.optional("on", day);
    let language = query.optional("language", Language::of_tag).unwrap_or_else(Language::german);
    query.finish()?;
    let fees = call.state.desk.fees(&by.tenant, service.as_deref(), on, &language);
    json(200, &Page { data: fees.map_err(in_query)?, next_cursor: None })
}

pub(in crate::http) fn payment_methods(call: &Call, by: &Caller) -> Result<Response, ProblemDetails> {
    let mut query = Query::of(call.parts.uri.query());
    let service = query.required("service", line(SERVICE_LENGTH_MAX));
    query.finish()?;
    let methods = call.state.desk.payment_methods(&by.tenant, service.as_deref().unwrap_or_default());
    json(200, &Page { data: methods.map_err(in_query)?, next_cursor: None })
}

/// What the desk finds wrong here stands in the query.
fn in_query(error: DeskError) -> ProblemDetails {
    match error {
        DeskError::Invalid(problems) => ProblemDetails::new(Code::ValidationFailed)
            .at_parameters(problems.into_iter().map(|problem| (problem.pointer, problem.detail))),
        other => ProblemDetails::of(other, Act::Read),
    }
}
