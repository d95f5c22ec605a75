//! Who asks, and whether they may: before any handler runs.

use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts as _, MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::Api;
use super::documented::describe_all;
use super::problem::{Code, Problem};
use crate::access::limits::{BURST_SECONDS, Standing};
use crate::access::throttle::Source;
use crate::domain::access::{Principal, Scope};
use crate::domain::error::{Error, Noun};
use crate::domain::secret::{Kind, Secret};
use crate::domain::time;
use crate::server::ClientAddress;

/// Where artifacts are fetched.
const DOWNLOAD: &str = "/artifacts/{artifact}/download";
/// Where trust roots are.
const TRUST_ROOT: &str = "/projects/{project}/trust-roots/{version}";

/// Adds routes that take a scope.
pub trait Guarded {
    /// Adds them. Whoever has not the scope gets 403, and the document says which it is.
    #[must_use]
    fn guarded(self, scope: Scope, routes: UtoipaMethodRouter<Api>) -> Self;

    /// The same, where any of these scopes is enough.
    #[must_use]
    fn guarded_by_any(self, scopes: &'static [Scope], routes: UtoipaMethodRouter<Api>) -> Self;

    /// Adds routes that any credential may ask: what they say is about itself.
    #[must_use]
    fn for_everybody(self, routes: UtoipaMethodRouter<Api>) -> Self;
}

impl Guarded for OpenApiRouter<Api> {
    fn guarded(self, scope: Scope, (schemas, mut paths, methods): UtoipaMethodRouter<Api>) -> Self {
        describe_all(&mut paths, &[scope]);
        let methods = methods.layer(axum::middleware::from_fn(move |request, next| hold(scope, request, next)));
        self.routes((schemas, paths, methods))
    }

    fn guarded_by_any(self, scopes: &'static [Scope], (schemas, mut paths, methods): UtoipaMethodRouter<Api>) -> Self {
        describe_all(&mut paths, scopes);
        let methods = methods.layer(axum::middleware::from_fn(move |request, next| hold_any(scopes, request, next)));
        self.routes((schemas, paths, methods))
    }

    fn for_everybody(self, (schemas, mut paths, methods): UtoipaMethodRouter<Api>) -> Self {
        describe_all(&mut paths, &[]);
        self.routes((schemas, paths, methods))
    }
}

/// Lets through who has the scope.
async fn hold(scope: Scope, request: Request, next: Next) -> Result<Response, Problem> {
    let principal = request.extensions().get::<Principal>().ok_or_else(Problem::unauthenticated)?;
    principal.require(scope)?;
    Ok(next.run(request).await)
}

/// Lets through who has any of the scopes; who has none is told the first, which is the one for people.
async fn hold_any(scopes: &'static [Scope], request: Request, next: Next) -> Result<Response, Problem> {
    let principal = request.extensions().get::<Principal>().ok_or_else(Problem::unauthenticated)?;
    if !scopes.iter().any(|scope| principal.scopes.contains(scope)) {
        principal.require_all(scopes)?;
    }
    Ok(next.run(request).await)
}

/// Finds out who asks. Without a credential nothing is answered, not even that there is nothing; one that is wrong costs
/// its address time; one that is good is held to its rate and, if it is a data plane's, to its project.
pub async fn authenticate(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let principal = match identify(&api, &parts).await {
        Ok((principal, _)) => principal,
        Err(problem) => return problem.into_response(),
    };
    parts.extensions.insert(principal.clone());
    let taken = if fetches(&principal, &parts) { Ok(None) } else { api.access.limits.take(principal.identity) };
    let (standing, mut response) = match taken {
        Err(standing) => {
            let detail = format!("at most {} requests at once; wait a little", standing.burst);
            let problem = Problem::new(Code::RateLimited).detail(detail).retry_after(seconds(standing.reset));
            (Some(standing), problem.into_response())
        }
        Ok(standing) => match hold_to_project(&api, &principal, &mut parts).await {
            Ok(()) => (standing, next.run(Request::from_parts(parts, body)).await),
            Err(problem) => (standing, problem.into_response()),
        },
    };
    if let Some(standing) = standing {
        describe_limit(standing, response.headers_mut());
    }
    // For the layer that writes down what is refused.
    response.extensions_mut().insert(principal);
    response
}

/// Who asks, and by which secret.
pub(super) async fn identify(api: &Api, parts: &Parts) -> Result<(Principal, Secret), Problem> {
    let shown = secret(&parts.headers, &parts.method)?.ok_or_else(Problem::unauthenticated)?;
    let (now, throttle) = (Instant::now(), &api.access.throttle);
    let source = parts.extensions.get::<ClientAddress>().map(|address| Source::from(address.0));
    // Its checksum tells a secret that nobody was given without asking the database.
    let secret = Secret::parse(&shown).ok();
    let hash = secret.as_ref().map(|secret| secret.hash().0);
    let is_proven = hash.is_some_and(|hash| throttle.was_good(hash, now));
    if let Some(wait) = source.filter(|_| !is_proven).and_then(|source| throttle.wait(source, now)) {
        let detail = "too many credentials from this address were wrong; wait, then show one that is right";
        return Err(Problem::new(Code::RateLimited).detail(detail).retry_after(seconds(wait)));
    }
    let principal = match &secret {
        // A fleet shows one key, all at once.
        Some(secret) if secret.kind() == Kind::DataPlaneKey => {
            let hash = secret.hash().0;
            api.access.known.principal(hash, api.store.principal(hash)).await?
        }
        Some(secret) => api.store.principal(secret.hash().0).await?,
        None => None,
    };
    let (Some(hash), Some(principal), Some(secret)) = (hash, principal, secret) else {
        if let Some(source) = source {
            throttle.failed(source, now);
        }
        return Err(Problem::unauthenticated());
    };
    throttle.succeeded(hash, now);
    api.access.uses.note(principal.identity, time::now());
    Ok((principal, secret))
}

/// Whether a data plane fetches an artifact, or a trust root. A whole fleet does with one key, when it is told to: each at a
/// moment of its own, and each download has its turn. The rate of a credential would only be in their way.
fn fetches(principal: &Principal, parts: &Parts) -> bool {
    let route = parts.extensions.get::<MatchedPath>().map(within_api);
    let is_fetched = matches!(route, Some(DOWNLOAD | TRUST_ROOT));
    is_fetched && parts.method == Method::GET && principal.bound_to().is_some()
}

fn within_api(route: &MatchedPath) -> &str {
    route.as_str().strip_prefix("/api/v1").unwrap_or(route.as_str())
}

/// A data plane's key is good for its project. Everything else does not exist: here, so that no handler can forget it.
///
/// A route is about a project that its path names, or about an artifact, which a project has or has not. Any other one,
/// such as a comparison with an artifact that the query names, is for people.
async fn hold_to_project(api: &Api, principal: &Principal, parts: &mut Parts) -> Result<(), Problem> {
    let Some(project) = principal.bound_to() else { return Ok(()) };
    let out_of_reach = || Problem::from(Error::NotFound(Noun::Project));
    // What no route answers says so itself.
    let Some(route) = parts.extensions.get::<MatchedPath>().cloned() else { return Ok(()) };
    let route = within_api(&route);
    let parameters = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| out_of_reach())?;
    let value = |name| parameters.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value);
    let is_within = match route {
        "/tokens/self" => true,
        "/artifacts/{artifact}" | DOWNLOAD => match value("artifact").parse() {
            Ok(artifact) => api.store.may_fetch(project, artifact).await?,
            Err(_) => false,
        },
        _ => value("project").parse() == Ok(project),
    };
    if is_within { Ok(()) } else { Err(out_of_reach()) }
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10 sections 3 and 4).
fn describe_limit(standing: Standing, headers: &mut HeaderMap) {
    let policy = format!("\"credential\";q={};w={BURST_SECONDS}", standing.burst);
    let state = format!("\"credential\";r={};t={}", standing.remaining, seconds(standing.reset));
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Whole seconds, so that waiting for them is enough.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The secret that was shown: `Bearer` (RFC 6750 section 2.1), or as the password of `Basic` (RFC 7617).
///
/// A browser sends `Basic` by itself, wherever a page of somebody else's leads it: it is good for looking only.
fn secret(headers: &HeaderMap, method: &Method) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(Problem::unauthenticated());
    }
    let text = value.to_str().map_err(|_| Problem::unauthenticated())?;
    let (scheme, rest) = text.split_once(' ').ok_or_else(Problem::unauthenticated)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(rest.trim().to_owned()));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        if !method.is_safe() {
            let detail = "Basic credentials are for looking; change things with `Authorization: Bearer`";
            return Err(Problem::new(Code::Unauthenticated).detail(detail));
        }
        let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let password =
            decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password.to_owned());
        return Ok(Some(password.ok_or_else(Problem::unauthenticated)?));
    }
    Err(Problem::unauthenticated())
}
