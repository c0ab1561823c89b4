//! Read models: replaced whole, found by what they are asked for.

use std::sync::Arc;

use uuid::Uuid;
use zahlstelle::store::{
    Store,
    commit::{Commit, Row},
    read::{Client, InboxItem, InboxState, ListFilter, ListedPayment, Side},
};

use crate::support::{TENANT, at, commit, committed, id};

/// Every payment of a Mandant.
const ALL: ListFilter = ListFilter {
    reference: None,
    kassenzeichen: None,
    state: None,
    created_after: None,
    created_before: None,
    before: None,
    limit: 100,
};

async fn write(store: &Arc<dyn Store>, rows: Vec<Row>) {
    committed(store, Commit { rows, ..commit(1) }).await;
}

pub(crate) async fn notifications_are_kept_and_closed(store: Arc<dyn Store>) {
    let states = [InboxState::Waiting, InboxState::Applied, InboxState::Unmatched, InboxState::Uninterpreted];
    for (number, state) in (1..).zip(states) {
        let waiting = InboxItem {
            id: id(number),
            received_at: at(1),
            state: InboxState::Waiting,
            body: b"{\"fact\":\"other\"}".to_vec(),
        };
        write(&store, vec![Row::Inbox(waiting.clone())]).await;
        let closed = InboxItem { state, ..waiting };
        write(&store, vec![Row::Inbox(closed.clone())]).await;
        assert_eq!(store.inbox_item(TENANT, id(number)).await.unwrap(), Some(closed));
    }
    assert_eq!(store.inbox_item("kreis", id(1)).await.unwrap(), None);
}

pub(crate) async fn clients_are_found_by_their_key(store: Arc<dyn Store>) {
    let client = |number: u128, tenant: &str| Client {
        tenant: tenant.to_owned(),
        id: id(number),
        name: format!("Portal {number}"),
        key_hash: [u8::try_from(number).unwrap(); 32],
        scopes: vec!["payments:read".to_owned(), "payments:create".to_owned()],
        created_at: at(0),
        revoked_at: None,
    };
    let (first, second, other) = (client(1, TENANT), client(2, TENANT), client(3, "kreis"));
    write(&store, vec![Row::Client(second.clone()), Row::Client(first.clone()), Row::Client(other.clone())]).await;
    assert_eq!(store.client_by_key([1; 32]).await.unwrap(), Some(first.clone()));
    assert_eq!(store.client_by_key([3; 32]).await.unwrap(), Some(other));
    assert_eq!(store.client_by_key([9; 32]).await.unwrap(), None);
    assert_eq!(store.clients(TENANT).await.unwrap(), [first.clone(), second.clone()]);
    let revoked = Client { revoked_at: Some(at(5)), ..first };
    write(&store, vec![Row::Client(revoked.clone())]).await;
    assert_eq!(store.client_by_key([1; 32]).await.unwrap(), Some(revoked.clone()), "a revoked key is still known");
    assert_eq!(store.clients(TENANT).await.unwrap(), [revoked, second]);
}

fn listed(number: u128) -> ListedPayment {
    ListedPayment {
        id: id(number),
        version: 1,
        state: if number.is_multiple_of(2) { "paid" } else { "open" }.to_owned(),
        kassenzeichen: format!("K{}", number / 2),
        created_at: at(i64::try_from(number).unwrap()),
        intent_since: number.is_multiple_of(3).then(|| at(i64::try_from(number).unwrap())),
    }
}

fn side(number: u128, reference: Option<&str>) -> Side {
    Side { id: id(number), reference: reference.map(str::to_owned), key: [2; 32], body: b"{\"x\":\"y\"}".to_vec() }
}

async fn found(store: &Arc<dyn Store>, filter: ListFilter) -> Vec<Uuid> {
    store.payments(TENANT, &filter).await.unwrap().into_iter().map(|payment| payment.id).collect()
}

pub(crate) async fn payments_are_listed_newest_first_in_pages(store: Arc<dyn Store>) {
    write(&store, (1..=7).map(|number| Row::Payment(listed(number))).collect()).await;
    let changed = ListedPayment { version: 4, state: "paid".to_owned(), ..listed(5) };
    write(&store, vec![Row::Payment(changed.clone())]).await;
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = store.payments(TENANT, &ListFilter { before, limit: 3, ..ALL }).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        pages.push(page.iter().map(|payment| payment.id).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec![id(7), id(6), id(5)], vec![id(4), id(3), id(2)], vec![id(1)]]);
    assert_eq!(store.payments(TENANT, &ListFilter { before: Some(id(6)), limit: 1, ..ALL }).await.unwrap(), [changed]);
    assert_eq!(store.payments("kreis", &ALL).await.unwrap(), []);
}

pub(crate) async fn filters_narrow_the_list(store: Arc<dyn Store>) {
    let rows = (1..=6).flat_map(|number| {
        let reference = if number < 4 { Some("antrag-1") } else { Some("antrag-2") };
        [Row::Payment(listed(number)), Row::Side(side(number, reference))]
    });
    write(&store, rows.collect()).await;
    // The side of a refund has no payment of its id.
    write(&store, vec![Row::Side(side(99, Some("antrag-1")))]).await;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(&store, ListFilter { state: text("paid"), ..ALL }).await, [id(6), id(4), id(2)]);
    assert_eq!(found(&store, ListFilter { kassenzeichen: text("K1"), ..ALL }).await, [id(3), id(2)]);
    assert_eq!(found(&store, ListFilter { reference: text("antrag-1"), ..ALL }).await, [id(3), id(2), id(1)]);
    assert!(found(&store, ListFilter { reference: text("antrag-3"), ..ALL }).await.is_empty());
    assert_eq!(found(&store, ListFilter { created_after: Some(at(5)), ..ALL }).await, [id(6), id(5)]);
    assert_eq!(found(&store, ListFilter { created_before: Some(at(2)), ..ALL }).await, [id(1)]);
    let all_at_once = ListFilter {
        reference: text("antrag-1"),
        kassenzeichen: text("K1"),
        state: text("paid"),
        created_after: Some(at(1)),
        created_before: Some(at(3)),
        before: Some(id(3)),
        limit: 5,
    };
    assert_eq!(found(&store, all_at_once).await, [id(2)]);
    // Values are values, never text of the query.
    assert!(found(&store, ListFilter { reference: text("' OR 1=1 --"), ..ALL }).await.is_empty());
}

pub(crate) async fn erasable_data_is_replaced_whole(store: Arc<dyn Store>) {
    write(&store, vec![Row::Payment(listed(1)), Row::Side(side(1, Some("antrag-1")))]).await;
    assert_eq!(store.side(TENANT, id(1)).await.unwrap(), Some(side(1, Some("antrag-1"))));
    let erased = Side { key: [0; 32], body: Vec::new(), ..side(1, None) };
    write(&store, vec![Row::Side(erased.clone())]).await;
    assert_eq!(store.side(TENANT, id(1)).await.unwrap(), Some(erased));
    let by_reference = ListFilter { reference: Some("antrag-1".to_owned()), ..ALL };
    assert!(found(&store, by_reference).await.is_empty());
    assert_eq!(store.side("kreis", id(1)).await.unwrap(), None);
}
