//! Where events are sent is in the log: who changes it behind the log's back is found out.

use std::sync::Arc;

use zahlstelle::store::{
    Store,
    commit::{Commit, Outcome, Row},
    sqlite::direct::DirectStore,
    webhook::{WebhookRow, WebhookSettings},
};

use super::sending::{endpoint, shown};
use crate::stage::{Stage, TENANT};

#[tokio::test]
async fn an_endpoint_that_was_changed_behind_the_log_is_found() {
    let store: Arc<dyn Store> = Arc::new(DirectStore::in_memory().unwrap());
    let stage = Stage::on(81, |tenant| tenant, Arc::clone(&store));
    let id = endpoint(&stage, "http://127.0.0.1:9/hook?key=1").await;
    assert!(stage.check().await.findings.is_empty());
    let settings = shown(&stage, id).await.settings;
    let write = async |row| {
        let mut commit = Commit::new(uuid::Uuid::from_u128(1), TENANT, settings.created_at);
        commit.rows.push(Row::Webhook(row));
        assert_eq!(store.commit(commit).await.unwrap(), Outcome::Committed);
    };
    let findings = async || {
        let report = zahlstelle::desk::verify::verify(store.as_ref(), TENANT, settings.created_at).await.unwrap();
        report.findings
    };
    let other = |url: &str| WebhookSettings { url: url.to_owned(), ..settings.clone() };
    write(WebhookRow::Settings(other("http://127.0.0.1:9/hook?key=2"))).await;
    assert_eq!(findings().await, [format!("webhook endpoint {id} is listed otherwise than its records say")]);
    let filtered = WebhookSettings { events: Some(vec!["payment.paid".to_owned()]), ..settings.clone() };
    write(WebhookRow::Settings(filtered)).await;
    assert_eq!(findings().await.len(), 1);
    write(WebhookRow::Settings(settings.clone())).await;
    assert!(findings().await.is_empty());
    write(WebhookRow::Gone { endpoint: id }).await;
    assert_eq!(findings().await, [format!("webhook endpoint {id} is not listed")]);
    let body = store.stream(TENANT, id).await.unwrap().remove(0).body;
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("http://127.0.0.1:9") && !body.contains("key=1"), "{body}");
}
