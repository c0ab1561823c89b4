//! Reading a body: capped, and within a deadline.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::{Code, Limits, ProblemDetails};

/// The whole body, if it has at most so many bytes and arrives in time.
pub(super) async fn read(body: Body, bytes_max: usize, limits: &Limits) -> Result<Bytes, ProblemDetails> {
    let collecting = Limited::new(body, bytes_max).collect();
    match timeout(limits.body_timeout, collecting).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if is_too_large(error.as_ref()) => {
            Err(ProblemDetails::new(Code::BodyTooLarge)
                .with_detail(format!("The body has more than {bytes_max} bytes.")))
        }
        Ok(Err(_)) => Err(ProblemDetails::new(Code::BodyIncomplete)),
        Err(_) => Err(ProblemDetails::new(Code::BodyTooSlow)),
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<LengthLimitError>)
}
