//! What a client orders of an endpoint: a test, one delivery again, a part of the log again.

use uuid::Uuid;

use super::{
    Delivery, DeliveryState, REPLAY_POSITIONS_MAX, Replay, TEST_EVENT,
    manage::{Written, look_at},
    sender::PENDING_MAX,
};
use crate::{
    desk::{
        Desk, DeskError, Problem,
        idempotency::{Answered, Idempotency},
        log::WebhookRecord,
    },
    domain::ids::ClientId,
    store::webhook::{WebhookEndpoint, WebhookRow},
};

/// The HTTP status of what is yet to be sent.
const ACCEPTED: u16 = 202;

impl Desk {
    /// Sends an event that only says that the way works. The answer is about its delivery.
    pub async fn test_endpoint(
        &self,
        tenant: &str,
        id: Uuid,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let (now, event) = (self.now(), self.id());
        let full = self.store.backlog(tenant, id).await?.pending >= PENDING_MAX;
        self.write_endpoint_once(tenant, id, now, idempotency, ACCEPTED, |endpoint| {
            expect_enabled(endpoint)?;
            if full {
                return Err(DeskError::WebhookLimit { of: "delivery of this endpoint that waits for a try" });
            }
            let delivery = Delivery {
                id: event,
                position: 0,
                stream: id,
                event_type: TEST_EVENT.to_owned(),
                state: DeliveryState::Pending,
                tries: 0,
                status: None,
                error: None,
                created_at: now,
                last_try_at: None,
                next_try_at: Some(now),
            };
            let rows = vec![WebhookRow::Delivery { endpoint: id, delivery }];
            Ok(Written { rows, about: Some(event), ..Written::default() })
        })
        .await
    }

    /// Sends one delivery again, whatever became of it; its tries begin anew.
    pub async fn replay_delivery(
        &self,
        tenant: &str,
        id: Uuid,
        delivery: Uuid,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let now = self.now();
        let found = self.delivery(tenant, id, delivery).await?;
        self.write_endpoint_once(tenant, id, now, idempotency, ACCEPTED, |endpoint| {
            expect_enabled(endpoint)?;
            let waits = found.state == DeliveryState::Pending;
            let again = Delivery { state: DeliveryState::Pending, tries: 0, next_try_at: Some(now), ..found.clone() };
            Ok(Written {
                rows: vec![WebhookRow::Delivery { endpoint: id, delivery: again }],
                // Its sender may be trying it at this moment, and must not write over the order.
                jobs: if waits { vec![look_at(id, now)] } else { Vec::new() },
                about: Some(delivery),
                ..Written::default()
            })
        })
        .await
    }

    /// Sends the events behind `after` up to `until` once more, whether they arrived or not.
    pub async fn replay_range(
        &self,
        tenant: &str,
        client: ClientId,
        id: Uuid,
        range: Replay,
        idempotency: &Idempotency,
    ) -> Result<Answered, DeskError> {
        let now = self.now();
        let last = self.store.last_position(tenant).await?;
        let Replay { after, until } = range;
        if until <= after {
            return Err(DeskError::Invalid(vec![Problem::at("/until", "must be greater than after")]));
        }
        if until > last {
            let problem = Problem::at("/until", format!("must be at most {last}, the last position of the log"));
            return Err(DeskError::Invalid(vec![problem]));
        }
        if until.saturating_sub(after) > REPLAY_POSITIONS_MAX {
            let problem = Problem::at("/until", format!("must be at most {REPLAY_POSITIONS_MAX} greater than after"));
            return Err(DeskError::Invalid(vec![problem]));
        }
        self.write_endpoint_once(tenant, id, now, idempotency, ACCEPTED, |endpoint| {
            expect_enabled(endpoint)?;
            if endpoint.replay.is_some() {
                return Err(DeskError::ReplayUnderWay);
            }
            let settings = endpoint.settings.clone();
            let version = settings.version.saturating_add(1);
            Ok(Written {
                record: Some(WebhookRecord::ReplayOrdered { client: client.0, after, until }),
                rows: vec![
                    WebhookRow::Settings(crate::store::webhook::WebhookSettings { version, ..settings }),
                    WebhookRow::Replay { endpoint: id, replay: Some(range) },
                ],
                ..Written::default()
            })
        })
        .await
    }
}

fn expect_enabled(endpoint: &WebhookEndpoint) -> Result<(), DeskError> {
    if endpoint.settings.disabled.is_none() { Ok(()) } else { Err(DeskError::EndpointDisabled) }
}
