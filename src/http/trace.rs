//! Following a request through several systems: the trace context of W3C, as far as it belongs into our log.
//!
//! Only what a portal sends after it has signed in is taken up. Whoever is not known could otherwise mark requests as
//! part of somebody else's trace. Nothing of it goes on to a provider.

use axum::http::{HeaderMap, HeaderName};
use tracing::Span;

use crate::traces;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Writes the trace that a request belongs to into its span, and so into every line about it.
pub(super) fn follow(headers: &HeaderMap) {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return };
    let Ok(value) = value.to_str() else { return };
    if let Some((trace, parent)) = parse(value) {
        let span = Span::current();
        span.record("trace_id", trace).record("parent_id", parent);
        traces::adopt(&span, trace, parent, is_kept(value));
    }
}

/// Whether the caller keeps this trace: the flag `sampled` of a `traceparent` that has been parsed.
fn is_kept(text: &str) -> bool {
    let flags = text.split('-').nth(3).and_then(|flags| u8::from_str_radix(flags, 16).ok());
    flags.is_some_and(|flags| flags & 1 == 1)
}

/// Trace and parent of a `traceparent` (W3C Trace Context, section 3.2); [`None`] for what is none.
fn parse(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_something = |part: &str| part.bytes().any(|byte| byte != b'0');
    let known = is_hex(version, 2) && version != "ff" && is_hex(flags, 2);
    // Only a later version may say more.
    let complete = version != "00" || parts.next().is_none();
    let named = is_hex(trace, 32) && is_something(trace) && is_hex(parent, 16) && is_something(parent);
    (known && complete && named).then_some((trace, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_trace_context_is_taken_up() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let good = format!("00-{trace}-{parent}-01");
        assert_eq!(parse(&good), Some((trace, parent)));
        assert!(is_kept(&good) && is_kept(&good.replace("-01", "-ff")) && !is_kept(&good.replace("-01", "-02")));
        assert_eq!(parse(&format!("01-{trace}-{parent}-01-more")), Some((trace, parent)), "a later version");
        for bad in [
            String::new(),
            "00".to_owned(),
            format!("00-{trace}-{parent}"),
            format!("00-{trace}-{parent}-1"),
            format!("00-{trace}-{parent}-01-more"),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            good.to_uppercase(),
            good.replace('4', "\"").replace('7', "\n"),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
    }
}
