//! What can be seen of the conversation from outside.

use std::num::NonZeroU64;

use fleet::message::{Alarm, Phase};
use serde::Serialize;

/// How it stands with the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Where it is.
    pub url: String,
    /// Whether it knows this data plane now.
    pub connected: bool,
    /// What this data plane is doing about what it is to serve.
    pub phase: Phase,
    /// The artifact that it is to serve.
    pub desired: Option<String>,
    /// The newest pointer that it ever took.
    pub pointer_serial: Option<NonZeroU64>,
    /// When that one expires, in seconds since 1970-01-01T00:00:00Z.
    pub pointer_expires_at: Option<u64>,
    /// The trust root that it believes.
    pub root_version: Option<NonZeroU64>,
    /// What somebody should look at.
    pub alarms: Vec<Alarm>,
}
