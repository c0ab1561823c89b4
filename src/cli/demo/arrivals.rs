//! What a portal does with deliveries: it verifies the bytes as they came, takes each id once, and only then reads them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    clock::Clock,
    webhook::{
        secret::HmacSecret,
        seen::{NotAdmitted, SeenIds},
        verify::{DeliveryHeaders, Verifier, VerifyError},
    },
};

/// How many ids are remembered; more than any demonstration sends in the ten minutes in which one could come again.
const IDS_MAX: usize = 10_000;
/// How many of the latest deliveries are shown or counted.
const LATEST_MAX: usize = 500;

/// What has arrived at the portal.
pub(super) struct Arrivals {
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

struct Inner {
    seen: SeenIds,
    latest: VecDeque<Arrival>,
    refused: u64,
}

/// A delivery that was verified.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) payment: String,
    pub(super) at: Timestamp,
}

impl Arrivals {
    /// Takes what is signed with this secret; nothing where there is none.
    pub(super) fn new(secret: &str, clock: Arc<dyn Clock>) -> Option<Self> {
        let verifier = Verifier::new(vec![HmacSecret::parse(secret).ok()?], Vec::new()).ok()?;
        let inner = Inner { seen: SeenIds::new(IDS_MAX), latest: VecDeque::new(), refused: 0 };
        Some(Self { verifier, clock, inner: Mutex::new(inner) })
    }

    /// The deliveries about a payment, in the order of their arrival.
    pub(super) fn of_payment(&self, payment: &str) -> Vec<Arrival> {
        self.inner().latest.iter().filter(|arrival| arrival.payment == payment).cloned().collect()
    }

    /// How many of these events have arrived and were verified.
    pub(super) fn count(&self, ids: &[String]) -> usize {
        let inner = self.inner();
        ids.iter().filter(|id| inner.latest.iter().any(|arrival| arrival.id == **id)).count()
    }

    /// How many deliveries did not verify.
    pub(super) fn refused(&self) -> u64 {
        self.inner().refused
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, headers: &HeaderMap, body: &[u8]) -> Result<StatusCode, VerifyError> {
        let now = self.clock.now();
        let found = DeliveryHeaders::find(|name| headers.get(name).and_then(|value| value.to_str().ok()))?;
        let verified = self.verifier.verify(&found, body, now)?;
        let mut inner = self.inner();
        match inner.seen.admit(&verified, now) {
            Ok(()) => {}
            // It was taken before, and the sender did not hear of it.
            Err(NotAdmitted::Replayed) => return Ok(StatusCode::NO_CONTENT),
            Err(NotAdmitted::Full) => return Ok(StatusCode::SERVICE_UNAVAILABLE),
        }
        let event: Value = serde_json::from_slice(verified.body()).unwrap_or_default();
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let payment = text("/data/payment").or_else(|| text("/data/id")).unwrap_or_default();
        let kind = text("/type").unwrap_or_default();
        if inner.latest.len() >= LATEST_MAX {
            inner.latest.pop_front();
        }
        inner.latest.push_back(Arrival { id: verified.id().to_owned(), kind, payment, at: now });
        Ok(StatusCode::NO_CONTENT)
    }
}

/// The portal's endpoint for deliveries.
pub(super) async fn receive(
    State(arrivals): State<Option<Arc<Arrivals>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(arrivals) = arrivals else { return StatusCode::NOT_FOUND.into_response() };
    match arrivals.take(&headers, &body) {
        Ok(status) => status.into_response(),
        Err(error) => {
            let mut inner = arrivals.inner();
            inner.refused = inner.refused.saturating_add(1);
            tracing::warn!(%error, "the portal refused a delivery");
            StatusCode::UNAUTHORIZED.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::ManualClock,
        webhook::{
            MessageId,
            secret::SigningPair,
            sign::{KeyPair, Signer},
        },
    };

    #[test]
    fn only_what_is_signed_counts_and_only_once() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let secret = HmacSecret::from_bytes(&[7; 32]).unwrap();
        let text = secrecy::ExposeSecret::expose_secret(&secret.expose()).to_owned();
        let arrivals = Arrivals::new(&text, Arc::new(ManualClock::at(now))).unwrap();
        let signer = Signer::new(vec![KeyPair { hmac: secret, ed25519: SigningPair::from_seed([1; 32]) }]).unwrap();
        let body = br#"{"type":"payment.paid","data":{"id":"p"}}"#;
        let delivery = signer.sign(&MessageId::parse("m").unwrap(), now, body);
        let mut headers = HeaderMap::new();
        for (name, value) in delivery.headers() {
            headers.insert(name, value.parse().unwrap());
        }
        for _ in 0..2 {
            assert_eq!(arrivals.take(&headers, body), Ok(StatusCode::NO_CONTENT));
        }
        assert_eq!(arrivals.take(&headers, b"{}"), Err(VerifyError::Mismatch));
        assert_eq!(arrivals.count(&["m".to_owned(), "n".to_owned()]), 1);
        let of_payment = arrivals.of_payment("p");
        assert_eq!((of_payment.len(), of_payment[0].kind.as_str()), (1, "payment.paid"));
    }
}
