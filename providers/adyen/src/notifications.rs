//! Adyen's notifications (Webhooks v1): each item is verified on its own, under the account's HMAC keys.
//!
//! Signed are eight fields joined by colons: `pspReference`, `originalReference`, `merchantAccountCode`,
//! `merchantReference`, `amount.value`, `amount.currency`, `eventCode`, `success`; a missing one counts as empty, nothing
//! is escaped. Not signed are `live`, `reason`, `eventDate`, `paymentMethod` and all of `additionalData`: nothing of these
//! decides about money here, with the one exception told in `facts`. There is no time stamp in the signature, so
//! freshness is no criterion: a second delivery is recognised by its id alone.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;
use zahlstelle_contract::{
    money::Money,
    notification::{Notification, NotificationError, RawDelivery, Verified},
    provider::{Environment, Notifications},
    reference::{MerchantReference, NotificationId, ProviderCode, ProviderReference},
};

use crate::{
    Adyen,
    facts::{self, fact},
    wire::Amount,
};

/// The most bytes a delivery may have; one item has about a thousand.
pub const DELIVERY_BYTES_MAX: usize = 256 * 1024;

/// The most items a delivery may have; Adyen sends one in JSON, and a few where it batches.
pub const ITEMS_MAX: usize = 100;

impl Notifications for Adyen {
    fn verify(
        &self,
        delivery: RawDelivery<'_>,
    ) -> Result<Vec<Result<Verified<Notification>, NotificationError>>, NotificationError> {
        if delivery.body.len() > DELIVERY_BYTES_MAX {
            return Err(NotificationError::NotADelivery);
        }
        let envelope: Envelope<'_> =
            serde_json::from_slice(delivery.body).map_err(|_| NotificationError::NotADelivery)?;
        if envelope.notification_items.is_empty() || envelope.notification_items.len() > ITEMS_MAX {
            return Err(NotificationError::NotADelivery);
        }
        let from_live = match envelope.live {
            Flag::True => Environment::Live,
            Flag::False => Environment::Test,
        };
        if from_live != self.environment {
            return Err(NotificationError::WrongAccount);
        }
        Ok(envelope.notification_items.into_iter().map(|raw| self.verify_item(raw)).collect())
    }

    fn acknowledgement(&self) -> &'static str {
        "[accepted]"
    }
}

impl Adyen {
    fn verify_item(&self, raw: &RawValue) -> Result<Verified<Notification>, NotificationError> {
        let wrapper: Wrapper = serde_json::from_str(raw.get()).map_err(|_| NotificationError::Malformed)?;
        let item = wrapper.item;
        let additional = item.additional_data.as_ref();
        let signature =
            additional.and_then(|data| data.hmac_signature.as_deref()).ok_or(NotificationError::BadSignature)?;
        let tag = STANDARD.decode(signature).map_err(|_| NotificationError::BadSignature)?;
        let proof = self.hmac_keys.verify(item.signed_text()?.as_bytes(), &tag)?;
        if item.merchant_account_code.as_deref() != Some(self.merchant_account.as_str()) {
            return Err(NotificationError::WrongAccount);
        }
        let event = Event::of(&item)?;
        let notification = Notification {
            id: event.id()?,
            account: self.account.clone(),
            fact: fact(&event)?,
            merchant_reference: event.merchant_reference,
            occurred_at: item.event_date.and_then(|text| text.parse().ok()),
        };
        Ok(Verified::new(notification, proof))
    }
}

/// A delivery. Its items stay raw, so that one that cannot be read does not take the others with it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    live: Flag,
    #[serde(borrow)]
    notification_items: Vec<&'a RawValue>,
}

/// Adyen's truth values are the strings `true` and `false`, never JSON's own (specification of Webhooks v1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Flag {
    True,
    False,
}

impl Flag {
    const fn as_str(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
        }
    }
}

#[derive(Deserialize)]
struct Wrapper {
    #[serde(rename = "NotificationRequestItem")]
    item: Item,
}

/// One item as it came. Every member may be missing, because a missing one still has its place in the signed bytes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    psp_reference: Option<String>,
    original_reference: Option<String>,
    merchant_account_code: Option<String>,
    merchant_reference: Option<String>,
    amount: Option<Amount>,
    event_code: Option<String>,
    success: Option<Flag>,
    reason: Option<String>,
    event_date: Option<String>,
    additional_data: Option<AdditionalData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdditionalData {
    hmac_signature: Option<String>,
    #[serde(rename = "modification.action")]
    modification_action: Option<String>,
}

impl Item {
    /// The bytes that Adyen signs.
    ///
    /// Since nothing is escaped, two different items could have the same bytes if colons could stand in more than one
    /// field: `A:B` and empty, or `A` and `B`. Only our own reference may contain one; with all other fields free of
    /// them, the bytes can be split in one way only.
    fn signed_text(&self) -> Result<String, NotificationError> {
        let field = |text: &Option<String>| text.clone().unwrap_or_default();
        let (value, currency) = match &self.amount {
            Some(amount) => (amount.value.to_string(), amount.currency.clone()),
            None => (String::new(), String::new()),
        };
        let before = [field(&self.psp_reference), field(&self.original_reference), field(&self.merchant_account_code)];
        let success = self.success.map_or("", Flag::as_str).to_owned();
        let after = [value, currency, field(&self.event_code), success];
        if before.iter().chain(&after).any(|field| field.contains(':')) {
            return Err(NotificationError::Malformed);
        }
        Ok(format!("{}:{}:{}", before.join(":"), field(&self.merchant_reference), after.join(":")))
    }
}

/// What an item says, with all members that its meaning needs in their own types.
pub(crate) struct Event<'a> {
    /// Adyen's reference of the event's own request: a payment, a modification or a dispute.
    pub(crate) psp_reference: ProviderReference,
    /// Adyen's reference of the payment, in events about something later than its authorisation.
    pub(crate) original_reference: Option<ProviderReference>,
    /// Our reference as Adyen repeats it, `None` when it is none that we could have given.
    pub(crate) merchant_reference: Option<MerchantReference>,
    pub(crate) amount: Option<Money>,
    pub(crate) code: ProviderCode,
    pub(crate) success: bool,
    /// Adyen's words for a failure; not signed. In successes it may hold digits of the card and is left alone.
    pub(crate) reason: Option<&'a str>,
    /// What a `CANCEL_OR_REFUND` became; not signed.
    pub(crate) modification_action: Option<&'a str>,
}

impl<'a> Event<'a> {
    fn of(item: &'a Item) -> Result<Self, NotificationError> {
        const MALFORMED: NotificationError = NotificationError::Malformed;
        let psp_reference = item.psp_reference.as_deref().ok_or(MALFORMED)?;
        let code = item.event_code.as_deref().ok_or(MALFORMED)?;
        let original_reference = item.original_reference.as_deref().filter(|text| !text.is_empty());
        let merchant_reference = item.merchant_reference.as_deref();
        let additional = item.additional_data.as_ref();
        Ok(Self {
            psp_reference: ProviderReference::parse(psp_reference).map_err(|_| MALFORMED)?,
            original_reference: original_reference
                .map(|text| ProviderReference::parse(text).map_err(|_| MALFORMED))
                .transpose()?,
            merchant_reference: merchant_reference.and_then(|text| MerchantReference::parse(text).ok()),
            amount: item.amount.as_ref().and_then(Amount::to_money),
            code: ProviderCode::parse(code).map_err(|_| MALFORMED)?,
            success: item.success.ok_or(MALFORMED)? == Flag::True,
            reason: item.reason.as_deref(),
            modification_action: additional.and_then(|data| data.modification_action.as_deref()),
        })
    }

    /// Adyen's own rule for recognising a duplicate: the same reference, event and success. None of the three can be
    /// empty here, so two different events never share an id.
    ///
    /// Where an unsigned action decides what the event means, it belongs to the id: a copy whose action was changed on
    /// its way must not stand in for the genuine delivery.
    fn id(&self) -> Result<NotificationId, NotificationError> {
        let mut id = format!("{}:{}:{}", self.psp_reference, self.code, self.success);
        if let Some(action) = facts::deciding_action(self) {
            id = format!("{id}:{action}");
        }
        NotificationId::parse(id).map_err(|_| NotificationError::Malformed)
    }
}
