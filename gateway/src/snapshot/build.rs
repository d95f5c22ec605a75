//! From a model to a snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use artifact_format::container::{Digest, Manifest};
use artifact_format::model::{Artifact, Feature, Method, Operation, Route, Security};
use artifact_format::signature::KeyId;
use contract::OperationContract;
use semver::Version;
use thiserror::Error;

use super::{Credentials, Endpoint, EndpointId, Environment, Origin, PathRewrite, Snapshot};
use crate::router::{Conflict, Router};
use crate::upstream::Pool;

/// What this gateway does beyond the plain: see [`Feature`].
const SUPPORTED: &[Feature] = &[Feature::LeastRequestBalance, Feature::ValidationOptions];

/// Why a model cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildError {
    /// Made for a newer gateway.
    #[error("the artifact needs gateway {needed} or newer and this is {}: upgrade it", env!("CARGO_PKG_VERSION"))]
    GatewayTooOld {
        /// What it needs.
        needed: String,
    },
    /// Asks for something that is not there. Serving without it would be a hole.
    #[error("the artifact needs {}, which this gateway does not do", feature.name())]
    Unsupported {
        /// What it asks for.
        feature: Feature,
    },
    /// Two operations for one request.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// An operation that goes nowhere.
    #[error("operation `{operation}` has no upstream")]
    NoUpstream {
        /// Its id.
        operation: String,
    },
    /// A method that is not an HTTP token.
    #[error("operation `{operation}` has a method that is not an HTTP token: `{method}`")]
    Method {
        /// Its id.
        operation: String,
        /// The method.
        method: Method,
    },
    /// An address for a listener that the artifact does not have: it would answer 404 to everything.
    #[error("the artifact has no listener `{listener}` (it has {known}): correct --listen")]
    UnknownListener {
        /// The name.
        listener: String,
        /// Those it has.
        known: String,
    },
    /// A host that cannot be asked for.
    #[error("upstream `{upstream}` has a host that cannot stand in a Host header field: `{host}`")]
    Host {
        /// The upstream.
        upstream: String,
        /// The host.
        host: String,
    },
    /// What a request must be cannot be judged. The compiler builds every validator in the same way, so it is not to
    /// be expected.
    #[error("operation `{operation}` cannot be enforced: {source}")]
    Contract {
        /// Its id.
        operation: String,
        /// Why.
        source: contract::ContractError,
    },
    /// A credential whose name cannot be one.
    #[error("security scheme `{scheme}` names a header that cannot be one: `{header}`")]
    CredentialName {
        /// The scheme.
        scheme: String,
        /// The name.
        header: String,
    },
}

impl BuildError {
    /// A short name that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::GatewayTooOld { .. } => "gateway_too_old",
            Self::Unsupported { .. } => "unsupported",
            Self::Conflict(_) => "conflict",
            Self::NoUpstream { .. } => "no_upstream",
            Self::Method { .. } => "method",
            Self::UnknownListener { .. } => "unknown_listener",
            Self::Host { .. } => "host",
            Self::Contract { .. } => "contract",
            Self::CredentialName { .. } => "credential_name",
        }
    }
}

/// Refuses an artifact that says it needs a newer gateway.
pub(super) fn check_version(manifest: &Manifest) -> Result<(), BuildError> {
    let needed = &manifest.minimum_gateway;
    let ours = Version::parse(env!("CARGO_PKG_VERSION"));
    match (Version::parse(needed), ours) {
        (Ok(minimum), Ok(ours)) if minimum <= ours => Ok(()),
        _ => Err(BuildError::GatewayTooOld { needed: needed.clone() }),
    }
}

/// Refuses an address for a listener that is not there, and warns of listeners that have no address.
fn check_listeners(artifact: &Artifact, open: &[String]) -> Result<(), BuildError> {
    let known: Vec<&str> = artifact.routes.listeners.iter().map(|listener| listener.name.as_str()).collect();
    if let Some(listener) = open.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(BuildError::UnknownListener { listener: listener.clone(), known: known.join(", ") });
    }
    for listener in known.iter().filter(|name| !open.iter().any(|open| open == *name)) {
        tracing::warn!(listener, "the artifact has operations on a listener that has no address (--listen NAME=ADDR)");
    }
    Ok(())
}

fn check_hosts(artifact: &Artifact) -> Result<(), BuildError> {
    for upstream in &artifact.upstreams.upstreams {
        if let Some(target) = upstream.targets.iter().find(|target| Pool::new(target).is_err()) {
            return Err(BuildError::Host { upstream: upstream.name.clone(), host: target.host.clone() });
        }
    }
    Ok(())
}

pub(super) struct Builder<'e> {
    artifact: Artifact,
    environment: &'e Environment,
    routers: Vec<Router<EndpointId>>,
    endpoints: Vec<Endpoint>,
    credentials: HashMap<Security, Arc<Credentials>>,
    /// One for each of the artifact's operations.
    contracts: Vec<Arc<OperationContract>>,
}

/// An operation on one of its routes.
#[derive(Clone, Copy)]
struct Served<'a> {
    index: usize,
    operation: &'a Operation,
    route: &'a Route,
}

impl<'a> Served<'a> {
    fn everywhere((index, operation): (usize, &'a Operation)) -> impl Iterator<Item = Self> {
        operation.routes.iter().map(move |route| Self { index, operation, route })
    }
}

impl<'e> Builder<'e> {
    pub(super) fn new(mut artifact: Artifact, environment: &'e Environment) -> Result<Self, BuildError> {
        if let Some(feature) = artifact.features().into_iter().find(|feature| !SUPPORTED.contains(feature)) {
            return Err(BuildError::Unsupported { feature });
        }
        check_listeners(&artifact, &environment.listeners)?;
        check_hosts(&artifact)?;
        let contracts = super::contracts::contracts(&artifact)?;
        let operations = std::mem::take(&mut artifact.routes.operations);
        let routers = environment.listeners.iter().map(|_| Router::default()).collect();
        let (endpoints, credentials) = (Vec::new(), HashMap::new());
        let mut builder = Self { artifact, environment, routers, endpoints, credentials, contracts };
        let served: Vec<Served<'_>> = operations.iter().enumerate().flat_map(Served::everywhere).collect();
        for served in &served {
            builder.add_declared(*served)?;
        }
        for served in served.iter().filter(|served| served.operation.method == Method::Get) {
            builder.add_implied_head(*served)?;
        }
        builder.artifact.routes.operations = operations;
        Ok(builder)
    }

    fn add_declared(&mut self, served: Served<'_>) -> Result<(), BuildError> {
        let Operation { id, method, .. } = served.operation;
        let method = http::Method::from_bytes(method.as_str().as_bytes())
            .map_err(|_| BuildError::Method { operation: id.clone(), method: method.clone() })?;
        let endpoint = self.endpoint(served, &method)?;
        for router in self.routers_of(served.operation) {
            self.routers[router].insert(&served.route.template, method.clone(), endpoint)?;
        }
        Ok(())
    }

    /// RFC 9110 section 9.3.2: HEAD is GET without the content, wherever no operation declares it.
    fn add_implied_head(&mut self, served: Served<'_>) -> Result<(), BuildError> {
        let endpoint = self.endpoint(served, &http::Method::HEAD)?;
        for router in self.routers_of(served.operation) {
            let _declared = self.routers[router].insert(&served.route.template, http::Method::HEAD, endpoint);
        }
        Ok(())
    }

    /// The process's listeners that serve an operation.
    fn routers_of(&self, operation: &Operation) -> Vec<usize> {
        let listeners = &self.artifact.routes.listeners;
        let serves = |name: &String| operation.listeners.iter().any(|id| listeners[id.index()].name == *name);
        let names = self.environment.listeners.iter().enumerate();
        names.filter(|(_, name)| serves(name)).map(|(index, _)| index).collect()
    }

    fn endpoint(&mut self, served: Served<'_>, method: &http::Method) -> Result<EndpointId, BuildError> {
        let Served { index, operation, route } = served;
        let binding = operation.upstream.as_ref();
        let binding = binding.ok_or_else(|| BuildError::NoUpstream { operation: operation.id.clone() })?;
        let limit = self.artifact.policies.sets[operation.policy.index()].limits.body_max_bytes;
        let id = EndpointId(u32::try_from(self.endpoints.len()).unwrap_or(u32::MAX));
        let endpoint = Endpoint {
            operation: index,
            credentials: self.credentials(operation)?,
            contract: self.contracts[index].clone(),
            body_max_bytes: limit.unwrap_or(u64::MAX).min(self.environment.body_max_bytes),
            upstream: binding.upstream,
            path: PathRewrite::new(binding, operation, route),
            metrics: self.environment.metrics.routes.handle(method.as_str(), Some(route.template.to_string())),
        };
        self.endpoints.push(endpoint);
        Ok(id)
    }

    fn credentials(&mut self, operation: &Operation) -> Result<Arc<Credentials>, BuildError> {
        if let Some(known) = self.credentials.get(&operation.security) {
            return Ok(known.clone());
        }
        let new = Arc::new(Credentials::new(&operation.security, &self.artifact.policies.schemes)?);
        self.credentials.insert(operation.security.clone(), new.clone());
        Ok(new)
    }

    pub(super) fn finish(self, digest: Digest, manifest: Manifest, signed_by: Vec<KeyId>) -> Snapshot {
        Snapshot {
            origin: Some(Origin { digest, manifest, signed_by }),
            routes: self.artifact.routes,
            routers: self.routers.into(),
            endpoints: self.endpoints.into(),
            upstreams: self.artifact.upstreams.upstreams.into(),
            unmatched: self.environment.metrics.routes.handle("_OTHER", None),
            traffic: self.environment.metrics.traffic(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_lets_through_is_what_is_done_here() {
        let ours = Version::parse(env!("CARGO_PKG_VERSION")).unwrap();
        let released = |feature: &Feature| feature.since().is_some_and(|since| since <= ours);
        let released: Vec<Feature> = Feature::ALL.into_iter().filter(released).collect();
        assert_eq!(released, SUPPORTED);
    }
}
