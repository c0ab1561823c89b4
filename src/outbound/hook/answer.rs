//! What is read of an answer: its status, how long to wait, and so much of its body that the connection can go on.

use std::time::Duration;

use http::{
    HeaderMap,
    header::{DATE, HeaderName, RETRY_AFTER},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use tokio::time::{Instant, timeout_at};

/// How long the end of a body is waited for. The status is known by then, so it is only for the connection's sake.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// The wait that `Retry-After` asks for, in seconds or as a date (RFC 9110, 10.2.3).
///
/// A date is held against the answer's own `Date`, so that it does not matter whose clock is wrong; without one, which
/// only a server without a clock may leave out, a date says nothing.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let (then, now) = (date(text)?, date(self::text(headers, &DATE)?)?);
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Reads a body to its end, but not far: whoever sends more loses the connection.
pub(super) async fn discard(mut body: Incoming, bytes_max: usize, deadline: Instant) {
    let soon = Instant::now().checked_add(BODY_TIMEOUT).unwrap_or(deadline);
    let rest = async {
        let mut left = bytes_max;
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, bytes::Bytes::len);
            let Some(rest) = left.checked_sub(size) else { return };
            left = rest;
        }
    };
    // Either way the body goes with its connection, unless it has come to its end.
    let _ = timeout_at(deadline.min(soon), rest).await;
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        super::retry_after(&headers)
    }

    #[test]
    fn g7_retry_after_is_read_in_seconds_and_as_a_date() {
        let noon = Some("Sun, 06 Nov 2022 12:00:00 GMT");
        assert_eq!(asked("120", None), Some(Duration::from_mins(2)));
        assert_eq!(asked("0", None), Some(Duration::ZERO));
        assert_eq!(asked("99999999999999999999999", None), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(asked("Sun, 06 Nov 2022 12:30:00 GMT", noon), Some(Duration::from_mins(30)));
        assert_eq!(asked("Sun, 06 Nov 2022 11:30:00 GMT", noon), Some(Duration::ZERO));
        assert_eq!(asked("Sun, 06 Nov 2022 12:30:00 GMT", None), None);
        for text in ["", "-1", "1.5", "soon", "12 34"] {
            assert_eq!(asked(text, noon), None, "{text}");
        }
        assert_eq!(super::retry_after(&HeaderMap::new()), None);
    }
}
