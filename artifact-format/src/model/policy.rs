//! What is demanded of, and done to, a request beyond its routing.

use serde::{Deserialize, Serialize};

use super::Scheme;

/// The POLICIES section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    /// The security schemes in use.
    pub schemes: Vec<Scheme>,
    /// Every distinct set of policies once.
    pub sets: Vec<PolicySet>,
}

/// The policies on an operation, inheritance already resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PolicySet {
    /// Bounds on one request.
    pub limits: Limits,
    /// How strictly the contract is read.
    pub validation: Validation,
    /// Bounds on many requests.
    pub rate_limit: Option<RateLimit>,
    /// Cross-origin requests (the Fetch standard's CORS protocol).
    pub cors: Option<Cors>,
    /// An answer without an upstream.
    pub mock: Option<Mock>,
}

/// Bounds on one request. What is absent is left to the data plane's own limit; the lower one holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body_max_bytes: Option<u64>,
}

/// How strictly the contract is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Validation {
    /// Query parameters that the operation does not declare.
    pub unknown_query: UnknownQuery,
    /// `readOnly` properties in a request.
    pub read_only: ReadOnlyProperties,
    /// The status of a body that breaks its schema.
    pub invalid_status: InvalidStatus,
    /// `format`.
    pub formats: FormatAssertion,
    /// `default`.
    pub defaults: DefaultValues,
    /// What is done about an upstream that breaks its own contract.
    pub responses: ResponseValidation,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            unknown_query: UnknownQuery::Pass,
            read_only: ReadOnlyProperties::Ignore,
            invalid_status: InvalidStatus::UnprocessableContent,
            formats: FormatAssertion::Assert,
            defaults: DefaultValues::Leave,
            responses: ResponseValidation::Off,
        }
    }
}

/// Query parameters that the operation does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UnknownQuery {
    /// Forwarded.
    Pass,
    /// 400.
    Refuse,
}

/// `readOnly` properties in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReadOnlyProperties {
    /// Forwarded.
    Ignore,
    /// Invalid.
    Refuse,
}

/// The status of a body that breaks its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InvalidStatus {
    /// 400.
    BadRequest,
    /// 422.
    UnprocessableContent,
}

/// What `format` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FormatAssertion {
    /// A known format must hold.
    Assert,
    /// Every format is an annotation.
    Annotate,
}

/// What is done with `default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DefaultValues {
    /// Nothing.
    Leave,
    /// Put in where a value is absent.
    Inject,
}

/// What is done about an upstream that breaks its own contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResponseValidation {
    /// Nothing.
    Off,
    /// A metric and a log line for a share of the responses, in parts per million.
    Report {
        /// How many of a million responses are looked at.
        sample_ppm: u32,
    },
    /// 502.
    Enforce,
}

/// So many requests in so long.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RateLimit {
    /// How many.
    pub requests: u64,
    /// In how long, in milliseconds.
    pub per_ms: u64,
    /// Counted by what.
    pub by: RateLimitKey,
}

/// What a rate limit counts by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RateLimitKey {
    /// The client's address.
    ClientIp,
    /// The verified caller.
    Subject,
    /// The value of a header field.
    Header(String),
    /// All together.
    Everyone,
}

/// Cross-origin requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cors {
    /// Origins that may read responses; `*` for any.
    pub origins: Vec<String>,
}

/// An answer without an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mock {
    /// The status.
    pub status: u16,
    /// The `Content-Type`, where there is a body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}
