//! What time it is.

use jiff::Timestamp;

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
