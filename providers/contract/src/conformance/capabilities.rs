//! What a provider says it can do, held against what it does.

use std::time::Duration;

use super::{
    Peer,
    scene::{assert_not_sent, page_request},
};
use crate::{
    method::Method,
    provider::{Operation, Provider, TruthSource},
};

/// Every offered operation has a key lifetime and a way to the truth that the provider really has; a method that is
/// not offered is refused before anything is sent.
pub async fn capabilities_match_methods(provider: &dyn Provider, peer: &dyn Peer) {
    let scenario = "capabilities_match_methods";
    let starts = provider.hosted_page().is_some() || provider.wallet_token().is_some();
    assert!(!provider.methods().is_empty() && starts, "{scenario}: no payment can be started");
    assert!(!provider.provider().is_empty(), "{scenario}: the provider has no name");
    assert!(!provider.authorisation_lifetime().is_zero(), "{scenario}: an authorisation lapses at once");

    let offered = [
        (Operation::OpenPage, provider.hosted_page().is_some()),
        (Operation::ClosePage, provider.hosted_page().is_some()),
        (Operation::ChargeToken, provider.wallet_token().is_some()),
        (Operation::Capture, provider.capture().is_some()),
        (Operation::Cancel, provider.cancel().is_some()),
        (Operation::Refund, provider.refund().is_some()),
    ];
    for (operation, _) in offered.into_iter().filter(|(_, is_offered)| *is_offered) {
        let sources = provider.truth(operation);
        assert!(!sources.is_empty(), "{scenario}: nothing tells the truth about {operation:?}");
        for source in sources {
            assert!(has(provider, operation, *source), "{scenario}: {source:?} of {operation:?} is not offered");
        }
    }

    let Some(pages) = provider.hosted_page() else { return };
    for method in Method::ALL.into_iter().filter(|method| !provider.methods().contains(method)) {
        let request = crate::provider::OpenPage { method, ..page_request(provider, peer, scenario, 1) };
        let before = peer.executed(Operation::OpenPage).await;
        assert_not_sent(&pages.open_page(&request).await, scenario);
        assert_eq!(peer.executed(Operation::OpenPage).await, before, "{scenario}: {method} opened a page");
    }
}

fn has(provider: &dyn Provider, operation: Operation, source: TruthSource) -> bool {
    match source {
        TruthSource::Query => match operation {
            Operation::OpenPage | Operation::ClosePage => provider.hosted_page().is_some(),
            Operation::ChargeToken | Operation::Capture | Operation::Cancel | Operation::Refund => {
                provider.query().is_some()
            }
        },
        TruthSource::ReplaySameKey => provider.key_lifetime(operation) > Duration::ZERO,
        TruthSource::SignedNotification => provider.notifications().is_some(),
        TruthSource::SettlementLine => provider.settlement_reports().is_some(),
    }
}
