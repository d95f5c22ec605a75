//! What time it is.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// A text that is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a time: RFC 3339, such as 2026-11-25T22:00:00Z")]
pub struct TimeError;

/// Reads a time that need not be there, for serde.
pub fn optional<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(reader)?;
    text.map(|text| parse(&text).map_err(serde::de::Error::custom)).transpose()
}

fn parse(text: &str) -> Result<Timestamp, TimeError> {
    text.parse().map_err(|_| TimeError)
}

/// Now, to the microsecond: what is answered is what is kept.
pub fn now() -> Timestamp {
    kept(Timestamp::now())
}

/// A time as it is kept: to the microsecond.
pub fn kept(at: Timestamp) -> Timestamp {
    // Of a timestamp, it is never out of range.
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_has_no_nanoseconds() {
        let at: Timestamp = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
        assert_eq!(kept(at).to_string(), "2026-01-02T03:04:05.123456Z");
    }
}
