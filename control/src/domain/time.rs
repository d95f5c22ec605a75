//! What time it is.

use jiff::{Timestamp, Unit};

/// Now, to the microsecond: what is answered is what is kept.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    // Only a unit greater than an hour can fail.
    now.round(Unit::Microsecond).unwrap_or(now)
}
