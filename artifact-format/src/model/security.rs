//! Who may call an operation.

use serde::{Deserialize, Serialize};

use super::SchemeId;

/// The `security` of an operation: any one of the alternatives, every requirement of which is met.
///
/// No alternative at all means that anyone may call (`security: []`, or no `security`). An alternative with
/// no requirement (`{}`) means the same but is kept, since the other ones may still identify the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Security {
    /// OR of ANDs.
    pub alternatives: Vec<Vec<Requirement>>,
}

/// One scheme that must be satisfied.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// The scheme.
    pub scheme: SchemeId,
    /// OAuth scopes or roles, all of which are needed.
    pub scopes: Vec<String>,
}

/// A security scheme in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scheme {
    /// Its name under `components.securitySchemes`.
    pub name: String,
    /// How credentials are carried.
    pub kind: SchemeKind,
    /// How credentials are checked.
    pub verification: Verification,
}

/// How credentials are carried (OpenAPI 3.2.0 section 4.27).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SchemeKind {
    /// `type: apiKey`.
    ApiKey {
        /// Where it stands.
        location: ApiKeyLocation,
        /// The name of the header, query parameter or cookie.
        name: String,
    },
    /// `type: http` with an authentication scheme of RFC 9110 section 11.1, in lower case.
    Http {
        /// Such as `basic` or `bearer`.
        scheme: String,
    },
    /// `type: oauth2`: a bearer token (RFC 6750).
    OAuth2,
    /// `type: openIdConnect`: a bearer token.
    OpenIdConnect {
        /// The discovery document.
        url: String,
    },
    /// `type: mutualTLS`.
    MutualTls,
}

/// Where an API key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ApiKeyLocation {
    /// A header field.
    Header,
    /// A query parameter.
    Query,
    /// A cookie.
    Cookie,
}

/// How credentials are checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verification {
    /// Only that they are there and well-formed: chosen by name, the upstream verifies them.
    Presence,
    /// A JSON Web Token (RFC 7519).
    Jwt(JwtVerification),
}

/// What a JSON Web Token must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JwtVerification {
    /// `iss`.
    pub issuer: String,
    /// `aud`: one of these.
    pub audiences: Vec<String>,
    /// Where its keys are published.
    pub jwks: String,
}
