//! Webhook endpoints and deliveries: what people set and what the sender notes do not overwrite each other.

use std::sync::Arc;

use uuid::Uuid;
use zahlstelle::store::{
    Store,
    commit::{Commit, JobChange, JobKind, Outcome, Row},
    webhook::{
        Backlog, Delivery, DeliveryFilter, DeliveryState, DisabledReason, Replay, SecretGeneration, WebhookEndpoint,
        WebhookProgress, WebhookRow, WebhookSettings,
    },
};

use crate::support::{TENANT, appending, at, commit, committed, id};

const KIND: JobKind = JobKind::Endpoint;

pub(crate) fn endpoint(number: u128) -> WebhookEndpoint {
    WebhookEndpoint {
        settings: WebhookSettings {
            id: id(number),
            version: 1,
            slot: u32::try_from(number).unwrap(),
            url: format!("https://portal.example/{number}?a=b"),
            description: Some("Bürgerportal".to_owned()),
            events: Some(vec!["payment.paid".to_owned(), "refund.succeeded".to_owned()]),
            disabled: None,
            secrets: vec![secret(2, None), secret(1, Some(50))],
            created_at: at(1),
        },
        progress: WebhookProgress { position: 7, failures: 0, failing_since: None, resume_at: None },
        replay: None,
    }
}

fn secret(generation: u32, valid_until: Option<i64>) -> SecretGeneration {
    let master = "0123456789abcdef".to_owned();
    SecretGeneration { generation, master, created_at: at(0), valid_until: valid_until.map(at) }
}

/// The id of the event of this second, which begins with its moment.
fn event(number: u128) -> Uuid {
    let milliseconds = at(i64::try_from(number).unwrap()).as_millisecond();
    let mut random = [0; 10];
    random[9] = u8::try_from(number).unwrap();
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(milliseconds).unwrap(), &random).into_uuid()
}

pub(crate) fn delivery(number: u128, state: DeliveryState) -> Delivery {
    let seconds = i64::try_from(number).unwrap();
    Delivery {
        id: event(number),
        position: u64::try_from(number).unwrap(),
        stream: id(900),
        event_type: "payment.paid".to_owned(),
        state,
        tries: 1,
        status: Some(200),
        error: None,
        created_at: at(seconds),
        last_try_at: Some(at(seconds)),
        next_try_at: (state == DeliveryState::Pending).then(|| at(100 - seconds)),
    }
}

pub(crate) async fn write(store: &Arc<dyn Store>, rows: Vec<WebhookRow>) {
    committed(store, Commit { rows: rows.into_iter().map(Row::Webhook).collect(), ..commit(1) }).await;
}

async fn read(store: &Arc<dyn Store>, number: u128) -> WebhookEndpoint {
    store.webhook_endpoint(TENANT, id(number)).await.unwrap().unwrap()
}

pub(crate) async fn what_people_set_and_what_the_sender_notes_are_apart(store: Arc<dyn Store>) {
    let (first, second) = (endpoint(1), endpoint(2));
    write(&store, vec![WebhookRow::New(second.clone()), WebhookRow::New(first.clone())]).await;
    assert_eq!(store.webhook_endpoints(TENANT).await.unwrap(), [first.clone(), second]);
    assert_eq!(store.webhook_endpoints("kreis").await.unwrap(), []);
    assert_eq!(store.webhook_endpoint("kreis", id(1)).await.unwrap(), None);

    let progress = WebhookProgress { position: 40, failures: 3, failing_since: Some(at(9)), resume_at: Some(at(20)) };
    let replay = Some(Replay { after: 3, until: 9 });
    write(
        &store,
        vec![WebhookRow::Progress { endpoint: id(1), progress }, WebhookRow::Replay { endpoint: id(1), replay }],
    )
    .await;
    let settings = WebhookSettings {
        version: 2,
        url: "https://other.example/".to_owned(),
        description: None,
        events: None,
        disabled: Some(DisabledReason::Gone),
        secrets: vec![secret(3, None)],
        ..first.settings
    };
    write(&store, vec![WebhookRow::Settings(settings.clone())]).await;
    assert_eq!(read(&store, 1).await, WebhookEndpoint { settings: settings.clone(), progress, replay });

    write(&store, vec![WebhookRow::Resumed { endpoint: id(1) }, WebhookRow::Replay { endpoint: id(1), replay: None }])
        .await;
    let resumed = WebhookProgress { position: 40, failures: 0, failing_since: None, resume_at: None };
    assert_eq!(read(&store, 1).await, WebhookEndpoint { settings, progress: resumed, replay: None });
}

pub(crate) async fn an_endpoint_that_is_not_there_is_not_written(store: Arc<dyn Store>) {
    let nowhere = [
        WebhookRow::Settings(endpoint(1).settings),
        WebhookRow::Progress { endpoint: id(1), progress: endpoint(1).progress },
        WebhookRow::Resumed { endpoint: id(1) },
        WebhookRow::Replay { endpoint: id(1), replay: None },
        WebhookRow::Gone { endpoint: id(1) },
    ];
    for row in nowhere {
        let told = format!("{row:?}");
        assert!(store.commit(Commit { rows: vec![Row::Webhook(row)], ..commit(1) }).await.is_err(), "{told}");
    }
    write(&store, vec![WebhookRow::New(endpoint(1))]).await;
    write(&store, vec![WebhookRow::Gone { endpoint: id(1) }]).await;
    assert_eq!(store.webhook_endpoint(TENANT, id(1)).await.unwrap(), None);
}

async fn listed(store: &Arc<dyn Store>, filter: DeliveryFilter) -> Vec<Uuid> {
    store.deliveries(TENANT, id(1), &filter).await.unwrap().into_iter().map(|delivery| delivery.id).collect()
}

pub(crate) async fn deliveries_are_listed_tried_again_and_cleared_away(store: Arc<dyn Store>) {
    const ALL: DeliveryFilter = DeliveryFilter { state: None, before: None, limit: 100 };
    use DeliveryState::{Delivered, Failed, Pending};
    let states = [Delivered, Pending, Failed, Pending, Delivered];
    let rows = (1..).zip(states).map(|(number, state)| delivery(number, state));
    let row = |delivery| WebhookRow::Delivery { endpoint: id(1), delivery };
    write(&store, rows.map(row).collect()).await;
    write(&store, vec![WebhookRow::Delivery { endpoint: id(2), delivery: delivery(2, Pending) }]).await;

    assert_eq!(listed(&store, ALL).await, [event(5), event(4), event(3), event(2), event(1)]);
    assert_eq!(listed(&store, DeliveryFilter { before: Some(event(4)), limit: 2, ..ALL }).await, [event(3), event(2)]);
    assert_eq!(listed(&store, DeliveryFilter { state: Some(Pending), ..ALL }).await, [event(4), event(2)]);
    assert_eq!(
        listed(&store, DeliveryFilter { state: Some(Delivered), before: Some(event(5)), ..ALL }).await,
        [event(1)]
    );
    assert_eq!(store.delivery(TENANT, id(1), event(3)).await.unwrap(), Some(delivery(3, Failed)));
    assert_eq!(store.delivery("kreis", id(1), event(3)).await.unwrap(), None);

    let due = async |seconds| {
        let due = store.due_deliveries(TENANT, id(1), at(seconds), 10).await.unwrap();
        due.into_iter().map(|delivery| delivery.id).collect::<Vec<_>>()
    };
    assert_eq!(due(95).await, Vec::<Uuid>::new());
    assert_eq!(due(96).await, [event(4)]);
    assert_eq!(due(98).await, [event(4), event(2)]);
    let backlog = async || store.backlog(TENANT, id(1)).await.unwrap();
    assert_eq!(backlog().await, Backlog { pending: 2, next_try_at: Some(at(96)) });
    write(&store, vec![WebhookRow::Hurried { endpoint: id(1), due_at: at(30) }]).await;
    assert_eq!(due(30).await, [event(2), event(4)]);

    let arrived = Delivery { state: Delivered, tries: 2, next_try_at: None, ..delivery(2, Pending) };
    write(&store, vec![row(arrived.clone())]).await;
    assert_eq!(store.delivery(TENANT, id(1), event(2)).await.unwrap(), Some(arrived));
    // Number 4 is old enough, but it is still to be tried.
    let clear = |created_before, limit| WebhookRow::Cleared { endpoint: id(1), created_before, limit };
    write(&store, vec![clear(Some(at(5)), 2)]).await;
    assert_eq!(listed(&store, ALL).await, [event(5), event(4), event(3)]);
    write(&store, vec![clear(Some(at(5)), 2)]).await;
    assert_eq!(listed(&store, ALL).await, [event(5), event(4)]);
    write(&store, vec![clear(None, 1)]).await;
    assert_eq!(listed(&store, ALL).await, [event(5)]);
    write(&store, vec![clear(None, 10)]).await;
    assert_eq!(backlog().await, Backlog { pending: 0, next_try_at: None });
    assert_eq!(store.backlog(TENANT, id(2)).await.unwrap().pending, 1, "another endpoint's are left alone");
}

pub(crate) async fn an_endpoint_is_kept_by_whoever_took_it(store: Arc<dyn Store>) {
    let set = JobChange::Set { kind: KIND, subject: id(1), due_at: at(0) };
    committed(&store, Commit { jobs: vec![set.clone()], ..commit(1) }).await;
    assert!(store.claim_jobs(at(9), at(99), 10).await.unwrap().is_empty(), "it has no end, so it is no such job");
    assert_eq!(store.next_due().await.unwrap(), None);
    let taken = store.claim_endpoints(at(0), at(30), 10).await.unwrap().remove(0);
    assert_eq!((taken.key.kind, taken.key.subject), (KIND, id(1)));
    assert!(store.claim_endpoints(at(29), at(60), 10).await.unwrap().is_empty());

    let renew = |fence, due_at| JobChange::Renew { kind: KIND, subject: id(1), fence, due_at };
    committed(&store, Commit { jobs: vec![renew(taken.fence, at(60))], ..commit(2) }).await;
    assert!(store.claim_endpoints(at(59), at(90), 10).await.unwrap().is_empty());
    let next = store.claim_endpoints(at(60), at(90), 10).await.unwrap().remove(0);
    // Who has lost it writes nothing, not even where a row would be missing.
    let late = Commit {
        jobs: vec![renew(taken.fence, at(120))],
        rows: vec![Row::Webhook(WebhookRow::Resumed { endpoint: id(1) })],
        ..appending(3, 10, 0, &["late"])
    };
    assert_eq!(store.commit(late).await.unwrap(), Outcome::FenceLost);
    assert!(store.stream(TENANT, id(10)).await.unwrap().is_empty());
    // Whoever changes the endpoint takes it from its keeper.
    committed(&store, Commit { jobs: vec![set], ..commit(4) }).await;
    let lost = Commit { jobs: vec![renew(next.fence, at(120))], ..commit(5) };
    assert_eq!(store.commit(lost).await.unwrap(), Outcome::FenceLost);
}

pub(crate) async fn the_last_position_is_that_of_the_log(store: Arc<dyn Store>) {
    assert_eq!(store.last_position(TENANT).await.unwrap(), 0);
    committed(&store, appending(1, 10, 0, &["a", "b"])).await;
    assert_eq!(store.last_position(TENANT).await.unwrap(), 2);
    assert_eq!(store.last_position("kreis").await.unwrap(), 0);
}
