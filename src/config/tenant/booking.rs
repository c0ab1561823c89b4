//! Booking data: a table of parts, e.g. `{ produktkonto = "1220.4311" }`.

use std::collections::BTreeMap;

use crate::{
    config::reader::Value,
    domain::line::{BookingData, LineError},
};

/// Booking data that says something.
pub(super) fn read(value: &Value<'_>) -> Option<BookingData> {
    let members = value.members()?;
    let count = members.len();
    let texts = members.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part.text()?.to_owned())));
    let parts: BTreeMap<String, String> = texts.collect();
    if parts.len() != count {
        return None;
    }
    value.checked(if parts.is_empty() { Err(LineError::NoShare) } else { BookingData::parse(parts) })
}
