//! The bodies of operations on webhook endpoints as types.

use url::Url;

use crate::{
    desk::{
        feed::EVENT_TYPES,
        webhooks::{
            DESCRIPTION_LENGTH_MAX, OVERLAP_SECONDS_DEFAULT, OVERLAP_SECONDS_MAX, Replay,
            manage::{EndpointChange, NewEndpoint},
        },
    },
    http::json::{
        Problems,
        members::{Members, count, flag, line, list, position, text},
        tree::Node,
    },
    outbound::hook::{AddressError, AddressPolicy},
};

/// The body of `createWebhookEndpoint`.
pub(super) fn new_endpoint(node: &Node, policy: &AddressPolicy, problems: &mut Problems) -> Option<NewEndpoint> {
    let mut body = Members::of(node, "", problems)?;
    let url = body.required("url", problems, text(|url: &str| address(url, policy)));
    let description = body.optional("description", problems, text(line(DESCRIPTION_LENGTH_MAX)));
    let events = body.optional("events", problems, events);
    body.finish(problems);
    Some(NewEndpoint { url: url?, description, events })
}

/// The body of `changeWebhookEndpoint`. What is left out stays; null takes a description away, and opens the filter.
pub(super) fn endpoint_change(node: &Node, policy: &AddressPolicy, problems: &mut Problems) -> Option<EndpointChange> {
    let mut body = Members::of(node, "", problems)?;
    for name in ["url", "enabled", "expected_version"] {
        if body.is_null(name) {
            problems.value(&format!("/{name}"), "must not be null; leave it out where it stays as it is");
        }
    }
    let url = body.optional("url", problems, text(|url: &str| address(url, policy)));
    let undescribed = body.is_null("description").then_some(None);
    let description = body.optional("description", problems, text(line(DESCRIPTION_LENGTH_MAX))).map(Some);
    let unfiltered = body.is_null("events").then_some(None);
    let events = body.optional("events", problems, events).map(Some);
    let enabled = body.optional("enabled", problems, flag);
    let expected_version = body.optional("expected_version", problems, position);
    body.finish(problems);
    Some(EndpointChange {
        url,
        description: description.or(undescribed),
        events: events.or(unfiltered),
        enabled,
        expected_version,
    })
}

/// The body of `rotateWebhookSecret`: for how many seconds the former secrets go on.
pub(super) fn rotation(node: &Node, problems: &mut Problems) -> Option<u32> {
    let mut body = Members::of(node, "", problems)?;
    let overlap = body.optional("expire_old_after_seconds", problems, count(0..=OVERLAP_SECONDS_MAX));
    body.finish(problems);
    Some(overlap.unwrap_or(OVERLAP_SECONDS_DEFAULT))
}

/// The body of `replayEvents`.
pub(super) fn range(node: &Node, problems: &mut Problems) -> Option<Replay> {
    let mut body = Members::of(node, "", problems)?;
    let after = body.required("after", problems, position);
    let until = body.required("until", problems, position);
    body.finish(problems);
    Some(Replay { after: after?, until: until? })
}

/// What can be told of an address now. What its name resolves to is checked with every delivery.
fn address(text: &str, policy: &AddressPolicy) -> Result<Url, AddressError> {
    let url = Url::parse(text).map_err(|_| AddressError::Form)?;
    policy.check_url(&url)?;
    Ok(url)
}

fn events(node: &Node, pointer: &str, problems: &mut Problems) -> Option<Vec<String>> {
    let events = list(1..=EVENT_TYPES.len(), |node, pointer, problems| text(event)(node, pointer, problems))(
        node, pointer, problems,
    )?;
    for (index, event) in events.iter().enumerate() {
        if events.iter().take(index).any(|earlier| earlier == event) {
            problems.value(&format!("{pointer}/{index}"), "is given more than once");
        }
    }
    Some(events)
}

fn event(name: &str) -> Result<String, String> {
    let known = EVENT_TYPES.contains(&name);
    if known { Ok(name.to_owned()) } else { Err(format!("must be one of {}", EVENT_TYPES.join(", "))) }
}
