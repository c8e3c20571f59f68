//! Bounds of questions as people write them.

use letopis_core::time::{Day, Moment, Timestamp, Zone};

use crate::console::UsageError;

/// A bound: RFC 3339, or a date that means the end of that local day. Exclusive.
///
/// # Errors
/// When the text is neither.
pub fn bound(text: &str, zone: &Zone) -> Result<Timestamp, UsageError> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(zone.end(day));
    }
    text.parse::<Moment>().map(|moment| moment.at).map_err(|error| UsageError(error.to_string()))
}

/// A beginning: RFC 3339, or a date that means the start of that local day. Inclusive.
///
/// # Errors
/// When the text is neither.
pub fn start(text: &str, zone: &Zone) -> Result<Timestamp, UsageError> {
    match text.parse::<Day>() {
        Ok(day) => Ok(zone.start(day)),
        Err(_) => bound(text, zone),
    }
}
