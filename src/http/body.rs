//! Reading a body: capped, and within a deadline.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use tokio::time::timeout;

use super::{AppState, Code, Counted, ProblemDetails, limits::Class};

/// The whole body, if it has at most as many bytes as its class may have, and arrives in time.
pub(super) async fn read(body: Body, class: Class, state: &AppState) -> Result<Bytes, ProblemDetails> {
    let bytes_max = state.limits.body_bytes_max(class);
    let too_large = || {
        state.counts.note(Counted::BodyTooLarge);
        ProblemDetails::new(Code::BodyTooLarge).with_detail(format!("The body has more than {bytes_max} bytes."))
    };
    // Whoever announces more than we take is told so before a byte of it is waited for.
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > bytes_max {
        return Err(too_large());
    }
    let collecting = Limited::new(body, bytes_max).collect();
    match timeout(state.limits.body_timeout(class), collecting).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if is_too_large(error.as_ref()) => Err(too_large()),
        Ok(Err(_)) => Err(ProblemDetails::new(Code::BodyIncomplete)),
        Err(_) => {
            state.counts.note(Counted::BodyTimeout);
            Err(ProblemDetails::new(Code::BodyTooSlow))
        }
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<LengthLimitError>)
}
