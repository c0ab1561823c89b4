//! Erasable data: free text of portals and citizens. The log holds only its HMAC.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use super::DeskError;
use crate::store::read::Side;

/// What a payment has beside its records.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PaymentSide {
    /// The portal's own reference.
    pub reference: String,
    /// Where the citizen is sent back to.
    pub return_url: String,
    /// The secret part of the checkout's address.
    pub token: String,
    /// The portal's texts of explicit lines, by line.
    pub descriptions: Vec<Option<String>>,
    /// The portal's own data.
    pub metadata: BTreeMap<String, String>,
}

/// What a refund has beside its records.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RefundSide {
    /// Why, in the words of the client.
    pub reason: String,
}

/// The row of erasable data and its HMAC for the log.
pub fn seal(
    id: Uuid,
    reference: Option<String>,
    data: &impl Serialize,
    key: [u8; 32],
) -> Result<(Side, String), DeskError> {
    let body = serde_json::to_vec(data)?;
    let mac = mac(&key, &body);
    Ok((Side { id, reference, key, body }, mac))
}

/// The HMAC of a row, to be compared with the one in the log.
pub fn mac(key: &[u8; 32], body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// The data of a row.
pub fn open<'a, T: Deserialize<'a>>(side: &'a Side) -> Result<T, DeskError> {
    Ok(serde_json::from_slice(&side.body)?)
}
