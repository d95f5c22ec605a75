//! What can be asked of the gateway: listeners, APIs and their operations.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ApiId, ListenerId, Parameter, PathTemplate, PolicyId, RequestBody, Response, Security, UpstreamId};

/// The ROUTES section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// Named entrances. The data plane's command line says on which address each one is.
    pub listeners: Vec<Listener>,
    /// One per compiled document.
    pub apis: Vec<Api>,
    /// Every operation of every API, in document order.
    pub operations: Vec<Operation>,
}

/// A named entrance. Its address belongs to the deployment, not to the artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Unique in the artifact; `default` where a document names none.
    pub name: String,
}

impl Listener {
    /// The listener of every operation that names none.
    pub const DEFAULT: &'static str = "default";
}

/// One compiled document: `info` and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Api {
    /// `info.title`.
    pub title: String,
    /// `info.version`.
    pub version: String,
    /// The `openapi` field, such as `3.1.0`.
    pub openapi: String,
    /// The path of its entry document among the artifact's [specs](super::Specs).
    pub spec: String,
}

/// One method on one path of one API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// `operationId`, else `METHOD /path`. Unique within its API.
    pub id: String,
    /// The API it belongs to.
    pub api: ApiId,
    /// The request method.
    pub method: Method,
    /// The path key as the document writes it, without a base path.
    pub path: PathTemplate,
    /// Where it is served: one for every base path of its servers.
    pub routes: Vec<Route>,
    /// The listeners that serve it; at least one.
    pub listeners: Vec<ListenerId>,
    /// The operation's own parameters and those of its path item, merged by (name, location).
    pub parameters: Vec<Parameter>,
    /// What may be sent.
    pub request_body: Option<RequestBody>,
    /// What may come back.
    pub responses: Vec<Response>,
    /// Who may call it.
    pub security: Security,
    /// Where it goes; `None` for an operation that the gateway answers itself (`mock`).
    pub upstream: Option<UpstreamBinding>,
    /// The policies on it.
    pub policy: PolicyId,
    /// `tags`, for grouping.
    pub tags: Vec<String>,
    /// `summary`, for people and tools.
    pub summary: Option<String>,
    /// `deprecated`.
    pub deprecated: bool,
    /// JSON pointer of the operation in the API's entry document.
    pub pointer: String,
}

/// A path at which an operation is served.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// Base path and path, whole: what the router matches and what metrics call `http_route`.
    pub template: PathTemplate,
    /// How many of the template's segments, counted from the first, are the base path.
    pub base_segments: u32,
}

/// A request method (RFC 9110 section 9). Case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Method {
    /// GET.
    Get,
    /// PUT.
    Put,
    /// POST.
    Post,
    /// DELETE.
    Delete,
    /// OPTIONS.
    Options,
    /// HEAD.
    Head,
    /// PATCH.
    Patch,
    /// TRACE.
    Trace,
    /// QUERY, from OpenAPI 3.2.
    Query,
    /// Any other token, from OpenAPI 3.2's `additionalOperations`.
    Other(String),
}

impl Method {
    /// The method as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Head => "HEAD",
            Self::Patch => "PATCH",
            Self::Trace => "TRACE",
            Self::Query => "QUERY",
            Self::Other(token) => token,
        }
    }
}

impl From<&str> for Method {
    fn from(token: &str) -> Self {
        match token {
            "GET" => Self::Get,
            "PUT" => Self::Put,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            "HEAD" => Self::Head,
            "PATCH" => Self::Patch,
            "TRACE" => Self::Trace,
            "QUERY" => Self::Query,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which upstream an operation goes to, and under which path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UpstreamBinding {
    /// The upstream.
    pub upstream: UpstreamId,
    /// The path asked of it, after the target's own base path.
    pub path: UpstreamPath,
}

/// The path that the upstream is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UpstreamPath {
    /// As it was received, base path included, byte for byte.
    AsReceived,
    /// As it was received, less the base path of the route that matched.
    WithoutBase,
    /// Another template, filled with the path parameters as they were received.
    Template(PathTemplate),
}
