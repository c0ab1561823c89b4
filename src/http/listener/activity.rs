//! What the requests of one connection are doing, and which of their answers have not been taken.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

/// How many requests of a connection may be given up before they are answered. Browsers give up some when somebody goes
/// to another page; beyond this number it is judged how many of all they are.
const ABANDONED_MAX: usize = 100;

/// What the requests of one connection are doing. Clones share everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity {
    requests: Arc<watch::Sender<Requests>>,
    unsent: Arc<Mutex<Unsent>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Requests {
    /// How many there were.
    all: usize,
    /// How many are being handled.
    running: usize,
    /// How many were given up by the client before they were answered.
    abandoned: usize,
}

/// Since when parts of answers wait to be taken. The oldest is the first.
#[derive(Debug, Default)]
struct Unsent {
    next: u64,
    since: BTreeMap<u64, Instant>,
}

impl Activity {
    /// Notes a request, until what is returned is dropped, also because its client has reset the stream.
    pub(super) fn begin(&self) -> Running {
        self.requests.send_modify(|requests| {
            requests.all = requests.all.saturating_add(1);
            requests.running = requests.running.saturating_add(1);
        });
        Running { activity: self.clone(), is_answered: false }
    }

    /// Resolves with the first request.
    pub(super) async fn first(&self) {
        // The sender is in our own hands, so the wait ends with the condition and not with an error.
        let _ = self.requests.subscribe().wait_for(|requests| requests.all > 0).await;
    }

    /// Resolves once no request has been handled for so long.
    pub(super) async fn idle_for(&self, time: Duration) {
        let mut changes = self.requests.subscribe();
        loop {
            let _ = changes.wait_for(|requests| requests.running == 0).await;
            if timeout(time, changes.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Resolves once the client has given up most of its many requests: it lets us work and hears none of it.
    pub(super) async fn abandoned(&self) {
        let too_many = |requests: &Requests| {
            requests.abandoned > ABANDONED_MAX && requests.abandoned.saturating_mul(2) > requests.all
        };
        let _ = self.requests.subscribe().wait_for(too_many).await;
    }

    /// Resolves once a part of an answer has not been taken for so long.
    pub(super) async fn unsent_for(&self, time: Duration) {
        let mut rest = time;
        loop {
            sleep(rest).await;
            let oldest = self.unsent().since.first_key_value().map(|(_, since)| since.elapsed());
            rest = match oldest {
                None => time,
                Some(age) => match time.checked_sub(age) {
                    Some(rest) if !rest.is_zero() => rest,
                    Some(_) | None => return,
                },
            };
        }
    }

    /// An answer whose parts are noted until they have been taken.
    pub(super) fn answer(&self, body: Body) -> Answer {
        Answer { body, activity: self.clone() }
    }

    fn unsent(&self) -> std::sync::MutexGuard<'_, Unsent> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same bytes, noted until the last reference to them is gone. Over HTTP/2 a part of an answer waits in the
    /// library for room in the window of the stream, which no write and no poll of the body ever shows.
    fn noted(&self, bytes: Bytes) -> Bytes {
        if bytes.is_empty() {
            return bytes;
        }
        let mut unsent = self.unsent();
        let number = unsent.next;
        unsent.next = number.wrapping_add(1);
        unsent.since.insert(number, Instant::now());
        drop(unsent);
        Bytes::from_owner(Part { bytes, number, activity: self.clone() })
    }
}

/// A request that is being handled.
#[derive(Debug)]
pub(super) struct Running {
    activity: Activity,
    is_answered: bool,
}

impl Running {
    /// It was answered, as opposed to given up.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let given_up = usize::from(!self.is_answered);
        self.activity.requests.send_modify(|requests| {
            requests.running = requests.running.saturating_sub(1);
            requests.abandoned = requests.abandoned.saturating_add(given_up);
        });
    }
}

/// A part of an answer that has not been taken.
struct Part {
    bytes: Bytes,
    number: u64,
    activity: Activity,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.activity.unsent().since.remove(&self.number);
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    activity: Activity,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map_ok(|frame| frame.map_data(|bytes| self.activity.noted(bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
