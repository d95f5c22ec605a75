//! `security`, resolved: what must be presented, at the level of presence.
//!
//! Any one alternative, every requirement of which is met (OpenAPI 3.2.0 section 4.30). Presence was chosen by
//! name when the artifact was compiled; an artifact that asks for more is refused when it is loaded.

use artifact_format::model::{ApiKeyLocation, Requirement, Scheme, SchemeKind, Security};
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::BuildError;

/// What must be presented: any one of these, each of them whole. None at all: nothing.
#[derive(Debug)]
pub struct Credentials {
    alternatives: Box<[Box<[Credential]>]>,
    /// What a client that presents none of them is told (RFC 9110 section 11.6.1).
    challenges: Box<[HeaderValue]>,
}

#[derive(Debug, PartialEq, Eq)]
enum Credential {
    Header(HeaderName),
    Query(String),
    Cookie(String),
    /// `Authorization` with this scheme, in lower case.
    Authorization(String),
    /// A client certificate, which no connection here has.
    Certificate,
}

impl Credentials {
    pub(super) fn new(security: &Security, schemes: &[Scheme]) -> Result<Self, BuildError> {
        let credential = |requirement: &Requirement| Credential::new(&schemes[requirement.scheme.index()]);
        let alternatives = security.alternatives.iter();
        let alternatives = alternatives.map(|alternative| alternative.iter().map(credential).collect());
        let alternatives = alternatives.collect::<Result<Box<[Box<[_]>]>, _>>()?;
        let mut challenges: Vec<HeaderValue> = Vec::new();
        for challenge in alternatives.iter().flatten().filter_map(Credential::challenge) {
            if !challenges.contains(&challenge) {
                challenges.push(challenge);
            }
        }
        Ok(Self { alternatives, challenges: challenges.into() })
    }

    /// Whether a request presents what is needed.
    pub fn are_presented(&self, headers: &HeaderMap, query: Option<&str>) -> bool {
        let whole = |alternative: &[Credential]| alternative.iter().all(|one| one.is_presented(headers, query));
        self.alternatives.is_empty() || self.alternatives.iter().any(|alternative| whole(alternative))
    }

    /// What a client that presents none of them is told.
    pub fn challenges(&self) -> Box<[HeaderValue]> {
        self.challenges.clone()
    }
}

impl Credential {
    fn new(scheme: &Scheme) -> Result<Self, BuildError> {
        Ok(match &scheme.kind {
            SchemeKind::ApiKey { location: ApiKeyLocation::Header, name } => {
                let header = HeaderName::from_bytes(name.as_bytes());
                Self::Header(
                    header.map_err(|_| BuildError::CredentialName {
                        scheme: scheme.name.clone(),
                        header: name.clone(),
                    })?,
                )
            }
            SchemeKind::ApiKey { location: ApiKeyLocation::Query, name } => Self::Query(name.clone()),
            SchemeKind::ApiKey { location: ApiKeyLocation::Cookie, name } => Self::Cookie(name.clone()),
            SchemeKind::Http { scheme } => Self::Authorization(scheme.to_ascii_lowercase()),
            SchemeKind::OAuth2 | SchemeKind::OpenIdConnect { .. } => Self::Authorization("bearer".to_owned()),
            SchemeKind::MutualTls => Self::Certificate,
        })
    }

    fn is_presented(&self, headers: &HeaderMap, query: Option<&str>) -> bool {
        match self {
            Self::Header(name) => headers.get(name).is_some_and(|value| !value.is_empty()),
            Self::Query(name) => query.is_some_and(|query| query_has(query, name)),
            Self::Cookie(name) => headers.get_all(COOKIE).iter().any(|cookies| cookies_have(cookies.as_bytes(), name)),
            Self::Authorization(scheme) => {
                let mut all = headers.get_all(AUTHORIZATION).iter();
                // Two of them are one too many: which one the upstream would believe cannot be told.
                all.next().is_some_and(|value| authorization_is(value.as_bytes(), scheme)) && all.next().is_none()
            }
            Self::Certificate => false,
        }
    }

    fn challenge(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::Header(name) => format!("ApiKey in=\"header\", name=\"{name}\""),
            Self::Query(name) => format!("ApiKey in=\"query\", name=\"{name}\""),
            Self::Cookie(name) => format!("ApiKey in=\"cookie\", name=\"{name}\""),
            Self::Authorization(scheme) if scheme == "basic" => "Basic realm=\"api\", charset=\"UTF-8\"".to_owned(),
            Self::Authorization(scheme) => capitalised(scheme),
            Self::Certificate => return None,
        };
        HeaderValue::try_from(text).ok()
    }
}

fn capitalised(scheme: &str) -> String {
    let mut chars = scheme.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `name=value` with a value, where the name may be percent-encoded.
fn query_has(query: &str, name: &str) -> bool {
    query.split('&').filter_map(|pair| pair.split_once('=')).any(|(key, value)| {
        !value.is_empty() && percent_encoding::percent_decode_str(key).decode_utf8().is_ok_and(|key| key == name)
    })
}

/// RFC 6265 section 4.2.1.
fn cookies_have(cookies: &[u8], name: &str) -> bool {
    cookies.split(|byte| *byte == b';').any(|pair| {
        let value = pair.trim_ascii_start().strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        value.is_some_and(|value| !value.trim_ascii().is_empty())
    })
}

/// RFC 9110 section 11.4: the scheme, without regard to case, and something after it.
fn authorization_is(value: &[u8], scheme: &str) -> bool {
    value.split_at_checked(scheme.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(scheme.as_bytes()) && rest.first() == Some(&b' ') && !rest.trim_ascii().is_empty()
    })
}

#[cfg(test)]
mod tests {
    use artifact_format::model::{SchemeId, Verification};

    use super::*;

    fn scheme(kind: SchemeKind) -> Scheme {
        Scheme { name: "s".into(), kind, verification: Verification::Presence }
    }

    fn api_key(location: ApiKeyLocation, name: &str) -> Scheme {
        scheme(SchemeKind::ApiKey { location, name: name.into() })
    }

    /// `alternatives` by index into key header `x-key`, query `k`, cookie `c`, bearer, certificate.
    fn check(alternatives: &[&[u32]], request: &[(&'static str, &str)], query: Option<&str>, expected: bool) {
        let schemes = [
            api_key(ApiKeyLocation::Header, "X-Key"),
            api_key(ApiKeyLocation::Query, "k"),
            api_key(ApiKeyLocation::Cookie, "c"),
            scheme(SchemeKind::Http { scheme: "Bearer".into() }),
            scheme(SchemeKind::MutualTls),
        ];
        let requirement = |id: &u32| Requirement { scheme: SchemeId(*id), scopes: vec![] };
        let alternatives = alternatives.iter().map(|one| one.iter().map(requirement).collect()).collect();
        let credentials = Credentials::new(&Security { alternatives }, &schemes).unwrap();
        let mut headers = HeaderMap::new();
        request.iter().for_each(|(name, value)| {
            headers.append(*name, value.parse().unwrap());
        });
        assert_eq!(credentials.are_presented(&headers, query), expected, "{request:?} {query:?}");
    }

    #[test]
    fn any_alternative_every_requirement() {
        check(&[], &[], None, true);
        check(&[&[0], &[]], &[], None, true);
        check(&[&[0, 1], &[3]], &[("x-key", "1")], None, false);
        check(&[&[0, 1], &[3]], &[("x-key", "1")], Some("k=1"), true);
        check(&[&[0, 1], &[3]], &[("authorization", "bearer x")], None, true);
    }

    #[test]
    fn empty_is_not_present() {
        check(&[&[0]], &[("x-key", "")], None, false);
        check(&[&[1]], &[], Some("k="), false);
        check(&[&[1]], &[], Some("kk=1&xk=1&k"), false);
        check(&[&[1]], &[], Some("a=1&%6B=1"), true);
        check(&[&[2]], &[("cookie", "a=1; c=")], None, false);
        check(&[&[2]], &[("cookie", "a=1; c=2")], None, true);
        check(&[&[2]], &[("cookie", "a=1; cc=2")], None, false);
        check(&[&[3]], &[("authorization", "Bearer")], None, false);
        check(&[&[3]], &[("authorization", "Bearer ")], None, false);
        check(&[&[3]], &[("authorization", "Basic x")], None, false);
        check(&[&[3]], &[("authorization", "Bearer a"), ("authorization", "Bearer b")], None, false);
        check(&[&[4]], &[], None, false);
    }
}
