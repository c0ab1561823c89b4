//! `zahlstelle webhook listen`: an endpoint on the developer's own machine.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Body, extract::State};
use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{DELIVERY_BYTES_MAX, KeyArguments, event};
use crate::{
    cli::{Ended, Failure, failed, runtime, say, say_error, service},
    clock::{Clock, SystemClock},
    http::{Drain, Limits, Server},
    webhook::{
        ID_HEADER, MessageId,
        seen::{NotAdmitted, SeenIds},
        verify::{DeliveryHeaders, Verifier, VerifyError},
    },
};

/// Where it listens when nothing else is said.
const PORT: u16 = 8182;
/// How many messages are remembered, as long as each could be replayed.
const SEEN_IDS_MAX: usize = 10_000;
/// How many connections there may be at a time.
const CONNECTIONS_MAX: usize = 64;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    keys: KeyArguments,
    /// The address to listen on; loopback only.
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))]
    listen: SocketAddr,
    /// End after so many deliveries, refused and repeated ones included; without it, when it is stopped.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
}

/// Exit code 1 when a delivery was refused.
pub(in crate::cli) fn run(arguments: &Arguments) -> Ended {
    let verifier = arguments.keys.verifier()?;
    if !arguments.listen.ip().is_loopback() {
        say_error(&format!("--listen {}: must be an address of this machine only", arguments.listen));
        return Err(Failure::Usage);
    }
    runtime()?.block_on(async {
        let limits = Limits { connections_max: CONNECTIONS_MAX, ..Limits::default() };
        let server = Server::bind(arguments.listen, limits).await.map_err(|error| failed("--listen", &error))?;
        let address = server.address().map_err(|error| failed("--listen", &error))?;
        let inbox = Arc::new(Inbox {
            verifier,
            limits,
            done: CancellationToken::new(),
            state: Mutex::new(InboxState { seen: SeenIds::new(SEEN_IDS_MAX), left: arguments.count, refused: false }),
        });
        say(&format!("listening at http://{address}/, every path takes deliveries; stop with Ctrl-C"));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&inbox));
        let stop = async {
            tokio::select! {
                () = inbox.done.cancelled() => {}
                () = service::stop_signal() => {}
            }
        };
        let ended = server.serve(router, &Drain::default(), stop).await;
        ended.map_err(|error| failed("a delivery was cut off", &error))?;
        if inbox.state().refused { Err(Failure::Found) } else { Ok(()) }
    })
}

/// What is received, and what has been.
struct Inbox {
    verifier: Verifier,
    limits: Limits,
    done: CancellationToken,
    state: Mutex<InboxState>,
}

struct InboxState {
    seen: SeenIds,
    /// How many deliveries are still waited for; [`None`] for any number.
    left: Option<u32>,
    refused: bool,
}

/// What became of a delivery.
enum Verdict {
    Verified(String),
    NotAdmitted(NotAdmitted),
    Refused(VerifyError),
    Unread(&'static str),
}

/// Takes a delivery. A repetition is answered like the first: its sender only missed the answer.
async fn receive(State(inbox): State<Arc<Inbox>>, request: Request<Body>) -> StatusCode {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    // The time of receipt, before anything else takes its time.
    let received_at = SystemClock.now();
    let (head, body) = request.into_parts();
    let collecting = Limited::new(body, DELIVERY_BYTES_MAX).collect();
    let verdict = match timeout(inbox.limits.body_timeout, collecting).await {
        Ok(Ok(collected)) => inbox.judge(&head.headers, &collected.to_bytes(), received_at),
        Ok(Err(_)) => Verdict::Unread("the body is too large or incomplete"),
        Err(_) => Verdict::Unread("the body did not come in time"),
    };
    inbox.note(&head.headers, &verdict);
    match verdict {
        Verdict::Verified(_) | Verdict::NotAdmitted(NotAdmitted::Replayed) => StatusCode::NO_CONTENT,
        Verdict::NotAdmitted(NotAdmitted::Full) => StatusCode::SERVICE_UNAVAILABLE,
        Verdict::Refused(_) | Verdict::Unread(_) => StatusCode::BAD_REQUEST,
    }
}

impl Inbox {
    fn judge(&self, headers: &HeaderMap, body: &Bytes, received_at: Timestamp) -> Verdict {
        let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let verified =
            DeliveryHeaders::find(value).and_then(|headers| self.verifier.verify(&headers, body, received_at));
        match verified {
            Ok(message) => match self.state().seen.admit(&message, received_at) {
                Ok(()) => Verdict::Verified(event(body)),
                Err(error) => Verdict::NotAdmitted(error),
            },
            Err(error) => Verdict::Refused(error),
        }
    }

    /// One line, and one delivery less to wait for. An id that is none is not shown: anybody may have written it.
    fn note(&self, headers: &HeaderMap, verdict: &Verdict) {
        let id = headers.get(ID_HEADER).and_then(|value| value.to_str().ok()).and_then(|id| MessageId::parse(id).ok());
        let id = id.map_or_else(String::new, |id| format!(", id {}", id.as_str()));
        let mut state = self.state();
        match verdict {
            Verdict::Verified(event) => say(&format!("verified: {event}{id}")),
            Verdict::NotAdmitted(NotAdmitted::Replayed) => say(&format!("repeated: taken before, nothing to do{id}")),
            Verdict::NotAdmitted(error @ NotAdmitted::Full) => say(&format!("postponed: {error}{id}")),
            Verdict::Refused(error) => say(&format!("refused: {error}{id}")),
            Verdict::Unread(why) => say(&format!("refused: {why}{id}")),
        }
        state.refused |= matches!(verdict, Verdict::Refused(_) | Verdict::Unread(_));
        state.left = state.left.map(|left| left.saturating_sub(1));
        if state.left == Some(0) {
            self.done.cancel();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
