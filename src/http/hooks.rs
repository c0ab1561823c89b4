//! Notifications from providers: verified and kept, and only then acknowledged.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use zahlstelle_contract::{
    notification::{NotificationError, RawDelivery},
    reference::AccountName,
};

use super::{Code, ProblemDetails, problem::Act, routes::Call};
use crate::desk::{Delivered, Hook};

pub(super) async fn receive(call: Call) -> Result<Response, ProblemDetails> {
    let account = AccountName::parse(call.param("account")).map_err(|_| ProblemDetails::new(Code::NotFound))?;
    let headers: Vec<(String, String)> = call
        .parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let delivery = RawDelivery { headers: &headers, body: &call.body, received_at: call.state.desk.now() };
    let hook = Hook { provider: call.param("provider"), account: &account, delivery };
    let delivered = call.state.desk.take_delivery(&hook).await;
    acknowledge(&delivered.map_err(|error| ProblemDetails::of(error, Act::Deliver))?)
}

/// A delivery of which nothing was kept is not acknowledged: the provider shows it to its operators and comes again.
fn acknowledge(delivered: &Delivered) -> Result<Response, ProblemDetails> {
    let took_some = delivered.kept > 0 || delivered.repeated > 0;
    if !took_some && !delivered.refused.is_empty() {
        let unsigned = delivered.refused.iter().any(|error| match error {
            NotificationError::BadSignature | NotificationError::WrongAccount => true,
            NotificationError::Malformed | NotificationError::NotADelivery => false,
        });
        return Err(ProblemDetails::new(if unsigned { Code::SignatureInvalid } else { Code::NotADelivery }));
    }
    let mut response = Response::new(Body::from(delivered.acknowledgement));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}
