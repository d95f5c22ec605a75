//! The model: everything a user wrote, lowered into the one shape that every back end serves from.
//!
//! The parts refer to each other by index ([`ids`]); [`Artifact::check_references`] proves that every
//! index points at something, so that readers may follow them without a second thought.

mod body;
mod feature;
mod ids;
mod operation;
mod parameter;
mod policy;
mod references;
mod schema;
mod security;
mod source;
mod template;
mod upstream;

pub use body::{Header, MediaType, PropertyEncoding, RequestBody, Response, StatusPattern};
pub use feature::Feature;
pub use ids::{ApiId, ListenerId, OperationId, PolicyId, SchemaId, SchemeId, UpstreamId};
pub use operation::{Api, Listener, Method, Operation, Route, Routes, UpstreamBinding, UpstreamPath};
pub use parameter::{Location, Parameter, ParameterEncoding, Style};
pub use policy::{
    Cors, DefaultValues, FormatAssertion, InvalidStatus, Limits, Mock, Policies, PolicySet, RateLimit, RateLimitKey,
    ReadOnlyProperties, ResponseValidation, UnknownQuery, Validation,
};
pub use references::DanglingReference;
pub use schema::{Patterns, Schema, Schemas};
pub use security::{ApiKeyLocation, JwtVerification, Requirement, Scheme, SchemeKind, Security, Verification};
pub use source::{Provenance, Spec, SpecFormat, SpecRole, Specs};
pub use template::{Part, PathTemplate, Segment, TemplateError};
pub use upstream::{
    Balance, HealthCheck, Retries, RetryCondition, Scheme as UpstreamScheme, Target, Timeouts, Upstream, Upstreams,
};

/// A whole gateway configuration: what one artifact file carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The project the artifact was built for: a name, or a UUID in connected mode.
    pub project: String,
    /// The compiler that made it, as `name/version`.
    pub compiler: String,
    /// Where it came from.
    pub provenance: Provenance,
    /// Listeners, APIs and operations.
    pub routes: Routes,
    /// Every JSON Schema, as 2020-12, each stored once.
    pub schemas: Schemas,
    /// Security schemes and policy sets.
    pub policies: Policies,
    /// Where requests go.
    pub upstreams: Upstreams,
    /// The documents this was compiled from, as they were read; a data plane leaves them in the file.
    pub specs: Specs,
}
