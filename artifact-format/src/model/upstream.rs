//! Where requests go.

use serde::{Deserialize, Serialize};

/// The UPSTREAMS section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstreams {
    /// The upstreams; an upstream's id is its position.
    pub upstreams: Vec<Upstream>,
}

/// A group of servers that answer alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Unique in the artifact.
    pub name: String,
    /// At least one.
    pub targets: Vec<Target>,
    /// How a target is chosen.
    pub balance: Balance,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Active health checks.
    pub health: Option<HealthCheck>,
    /// When to try again.
    pub retries: Option<Retries>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// In the clear or over TLS.
    pub scheme: Scheme,
    /// A DNS name or an IP address; IPv6 without brackets.
    pub host: String,
    /// The port, with the scheme's default filled in.
    pub port: u16,
    /// What is put before every path: empty, or begins with `/` and does not end with one.
    pub base_path: String,
    /// Its share of the requests, relative to the other targets; at least 1.
    pub weight: u32,
}

/// How an upstream is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// How a target is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Balance {
    /// One after another, by weight.
    RoundRobin,
    /// The one with the fewest requests under way, by weight.
    LeastRequest,
}

/// How long to wait for an upstream, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timeouts {
    /// To connect, name look-up included.
    pub connect_ms: u64,
    /// From the request's last header to the response's.
    pub request_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 5_000, request_ms: 60_000 }
    }
}

/// An active health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Asked with GET; any 2xx is healthy.
    pub path: String,
    /// How often, in milliseconds.
    pub interval_ms: u64,
}

/// When to try another target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// How many tries beyond the first.
    pub attempts: u32,
    /// On what.
    pub on: Vec<RetryCondition>,
}

/// What a retry may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RetryCondition {
    /// No connection was made.
    ConnectFailure,
    /// The upstream answered with this status.
    Status(u16),
}
