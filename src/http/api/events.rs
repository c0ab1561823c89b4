//! The event feed, with long poll.

use std::time::Duration;

use axum::response::Response;
use tokio::time::{Instant, sleep_until};

use super::{PAGE_MAX, json};
use crate::{
    desk::clients::Caller,
    http::{
        ProblemDetails,
        limits::FEED_WAIT_SECONDS_MAX,
        problem::Act,
        query::{self, Query},
        routes::Call,
    },
};

/// How often a waiting request looks by itself, because another instance may have written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(in crate::http) async fn list(call: Call, by: Caller) -> Result<Response, ProblemDetails> {
    let mut query = Query::of(call.parts.uri.query());
    let after = query.optional("after", position).unwrap_or(0);
    let limit = query.optional("limit", query::count(1..=PAGE_MAX)).unwrap_or(PAGE_MAX);
    let wait = query.optional("wait_seconds", query::count(0..=FEED_WAIT_SECONDS_MAX)).unwrap_or(0);
    query.finish()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let now = Instant::now();
    let until = now.checked_add(Duration::from_secs(u64::from(wait))).unwrap_or(now);
    // Whoever listens before looking misses nothing that is written in between.
    let mut changes = call.state.desk.changes();
    loop {
        changes.mark_unchanged();
        let page = call.state.desk.feed(&by.tenant, after, limit).await;
        let page = page.map_err(|error| ProblemDetails::of(error, Act::Read))?;
        let now = Instant::now();
        if !page.is_empty() || now >= until || call.state.drain.has_begun() {
            return json(200, &page);
        }
        let look_again = now.checked_add(LOOK_EVERY).map_or(until, |again| again.min(until));
        tokio::select! {
            biased;
            () = call.state.drain.begun() => {}
            _ = changes.changed() => {}
            () = sleep_until(look_again) => {}
        }
    }
}

fn position(text: &str) -> Result<u64, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or("must be a position of the feed, counted from 0")
}
