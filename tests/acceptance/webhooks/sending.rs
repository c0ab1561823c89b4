//! Senders and endpoints in few words.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zahlstelle::{
    clock::Clock,
    desk::{
        Desk,
        webhooks::{Delivery, DeliveryFilter, EndpointKeys, WebhookEndpoint, manage::NewEndpoint},
    },
    jobs::webhooks::{self, Hooks},
    outbound::hook::{AddressPolicy, HookClient, HookLimits},
    webhook::secret::{HmacSecret, SigningPair},
};

use super::receiver::{Answer, Receiver};
use crate::stage::{Stage, TENANT};

/// How often senders look by themselves; the clock of the stage stands still between.
const TICK: Duration = Duration::from_millis(2);
/// How many tries to one endpoint are under way at a time.
pub(crate) const PER_ENDPOINT: usize = 8;
/// How long a try may take here, in place of a quarter of a minute.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);

/// An instance that looks after endpoints.
pub(crate) struct Sender {
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Sender {
    pub(crate) fn start(desk: &Arc<Desk>) -> Self {
        Self::start_with(desk, loopback(), TRY_TIMEOUT)
    }

    pub(crate) fn start_with(desk: &Arc<Desk>, policy: AddressPolicy, try_timeout: Duration) -> Self {
        let limits = HookLimits { delivery_timeout: try_timeout, ..HookLimits::default() };
        let hooks = Hooks::new(HookClient::new(policy, limits).unwrap(), 64, PER_ENDPOINT.try_into().unwrap());
        let stop = CancellationToken::new();
        let running = JoinSet::from_iter([webhooks::run(Arc::clone(desk), hooks, TICK, stop.clone())]);
        Self { stop, running }
    }

    /// Lets what is under way finish.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.join_all().await;
    }

    /// Ends it where it stands, as a kill does.
    pub(crate) async fn kill(mut self) {
        self.running.shutdown().await;
    }
}

/// Endpoints may be on this machine.
pub(crate) fn loopback() -> AddressPolicy {
    AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()])
}

/// A new endpoint for all events.
pub(crate) async fn endpoint(stage: &Stage, url: &str) -> Uuid {
    endpoint_for(stage, url, None).await
}

pub(crate) async fn endpoint_for(stage: &Stage, url: &str, events: Option<&[&str]>) -> Uuid {
    let events = events.map(|events| events.iter().map(|event| (*event).to_owned()).collect());
    let wanted = NewEndpoint { url: url.parse().unwrap(), description: None, events };
    stage.desk.create_endpoint(TENANT, stage.client, &wanted, &stage.once()).await.unwrap().holder
}

/// The endpoint as it is now.
pub(crate) async fn shown(stage: &Stage, id: Uuid) -> WebhookEndpoint {
    stage.desk.show_endpoint(TENANT, id).await.unwrap().endpoint
}

/// Its keys, newest first, as a receiver writes them down: the shared secret and the public key.
pub(crate) async fn keys(stage: &Stage, id: Uuid) -> Vec<(String, String)> {
    let shown = stage.desk.show_endpoint(TENANT, id).await.unwrap();
    shown.keys.iter().map(|(_, keys)| written(keys.as_ref().unwrap())).collect()
}

fn written(keys: &EndpointKeys) -> (String, String) {
    let secret = HmacSecret::from_bytes(keys.hmac.expose_secret()).unwrap();
    let public = SigningPair::from_seed(*keys.seed.expose_secret()).public_text();
    (secret.expose().expose_secret().to_owned(), public)
}

/// Everything that was sent to it, oldest first.
pub(crate) async fn deliveries(stage: &Stage, id: Uuid) -> Vec<Delivery> {
    let all = DeliveryFilter { state: None, before: None, limit: 1_000 };
    let mut deliveries = stage.desk.deliveries(TENANT, id, &all).await.unwrap().deliveries;
    deliveries.reverse();
    deliveries
}

/// Resolves once the deliveries are as awaited.
pub(crate) async fn until_deliveries(stage: &Stage, id: Uuid, awaited: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
    loop {
        let deliveries = deliveries(stage, id).await;
        if awaited(&deliveries) {
            return deliveries;
        }
        tokio::task::yield_now().await;
    }
}

/// Resolves once the endpoint is as awaited.
pub(crate) async fn until_endpoint(
    stage: &Stage,
    id: Uuid,
    awaited: impl Fn(&WebhookEndpoint) -> bool,
) -> WebhookEndpoint {
    loop {
        let endpoint = shown(stage, id).await;
        if awaited(&endpoint) {
            return endpoint;
        }
        tokio::task::yield_now().await;
    }
}

/// Resolves once the deliveries are as awaited; as long as they are not, time goes on to each next try.
pub(crate) async fn in_time(stage: &Stage, id: Uuid, awaited: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
    loop {
        let deliveries = deliveries(stage, id).await;
        if awaited(&deliveries) {
            return deliveries;
        }
        let shown = stage.desk.show_endpoint(TENANT, id).await.unwrap();
        // A try may be under way, whose end says when the next one is.
        let due = shown.backlog.next_try_at.max(shown.endpoint.progress.resume_at);
        let now = stage.clock.now();
        if let Some(due) = due.filter(|due| *due > now) {
            stage.clock.advance(due.duration_since(now));
        }
        tokio::task::yield_now().await;
    }
}

/// Payments whose first events are under way to an endpoint, as many at a time as it may have, while others wait; and
/// what lets the endpoint take them.
pub(crate) async fn under_way(stage: &Stage, receiver: &Receiver) -> (Sender, CancellationToken) {
    let release = CancellationToken::new();
    let held = release.clone();
    receiver.answer(move |_| Answer::Held(held.clone()));
    for _ in 0..PER_ENDPOINT * 3 {
        stage.create("13.00").await;
    }
    // All are there before the first is sent, so that one round has them.
    let sender = Sender::start_with(&stage.desk, loopback(), Duration::from_hours(1));
    receiver.until(|hits| hits.len() == PER_ENDPOINT).await;
    (sender, release)
}

/// Moves the clock to the moment of the next try.
pub(crate) async fn go_to_next_try(stage: &Stage, id: Uuid) {
    let now = stage.clock.now();
    let backlog = stage.desk.show_endpoint(TENANT, id).await.unwrap();
    let due = backlog.backlog.next_try_at.max(backlog.endpoint.progress.resume_at).unwrap();
    if due > now {
        stage.clock.advance(due.duration_since(now));
    }
}
