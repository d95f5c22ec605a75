//! The API that a gateway under test serves, made straight through `artifact-format`.

use std::net::SocketAddr;

use artifact_format::container::Draft;
use artifact_format::model::{
    self, Balance, Limits, Listener, ListenerId, Method, PathTemplate, Policies, PolicyId, PolicySet, Route, Routes,
    Schemas, Security, Specs, Target, Timeouts, UpstreamBinding, UpstreamId, UpstreamPath, UpstreamScheme, Upstreams,
};
use artifact_format::signature::SigningKey;
use zeroize::Zeroizing;

use crate::{Scripted, Upstream};

/// The key that artifacts of tests are signed with, and that gateways under test trust.
pub fn test_key() -> SigningKey {
    key(7)
}

/// A key of its own for every number.
pub fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([number; 32]))
}

/// Where requests go. Things that listen convert into it.
#[derive(Debug, Clone, Copy)]
pub struct Destination(pub SocketAddr);

impl From<&Upstream> for Destination {
    fn from(upstream: &Upstream) -> Self {
        Self(upstream.address())
    }
}

impl From<&Scripted> for Destination {
    fn from(scripted: &Scripted) -> Self {
        Self(scripted.address())
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self(address)
    }
}

/// One operation of an API.
#[derive(Debug, Clone)]
pub struct Endpoint {
    id: String,
    method: Method,
    path: PathTemplate,
    bases: Vec<String>,
    upstream_path: UpstreamPath,
    body_max_bytes: Option<u64>,
    listeners: Vec<String>,
}

impl Endpoint {
    /// A method on a path, both as a document writes them.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            id: format!("{method} {path}"),
            method: method.into(),
            path: path.parse().expect("a path template"),
            bases: vec!["/".to_owned()],
            upstream_path: UpstreamPath::AsReceived,
            body_max_bytes: None,
            listeners: vec![Listener::DEFAULT.to_owned()],
        }
    }

    /// Served under these base paths, `/` alone by default.
    #[must_use]
    pub fn under(mut self, bases: &[&str]) -> Self {
        self.bases = bases.iter().map(|base| (*base).to_owned()).collect();
        self
    }

    /// The upstream does not see the base path.
    #[must_use]
    pub fn without_base(mut self) -> Self {
        self.upstream_path = UpstreamPath::WithoutBase;
        self
    }

    /// The upstream sees another path, filled with the path parameters.
    #[must_use]
    pub fn rewritten_to(mut self, path: &str) -> Self {
        self.upstream_path = UpstreamPath::Template(path.parse().expect("a path template"));
        self
    }

    /// A body may be so long.
    #[must_use]
    pub fn body_at_most(mut self, bytes: u64) -> Self {
        self.body_max_bytes = Some(bytes);
        self
    }

    /// Served on these listeners, `default` alone by default.
    #[must_use]
    pub fn on_listeners(mut self, names: &[&str]) -> Self {
        self.listeners = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }
}

/// An API of which every operation goes to one upstream.
#[derive(Debug, Clone)]
pub struct Api {
    destination: Destination,
    base_path: String,
    timeouts: Timeouts,
    endpoints: Vec<Endpoint>,
}

impl Api {
    /// No operation yet.
    pub fn at(destination: impl Into<Destination>) -> Self {
        let destination = destination.into();
        Self { destination, base_path: String::new(), timeouts: Timeouts::default(), endpoints: Vec::new() }
    }

    /// The same, where the upstream is never asked.
    pub fn nowhere() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 9)))
    }

    /// Adds a GET.
    #[must_use]
    pub fn get(self, path: &str) -> Self {
        self.with(Endpoint::new("GET", path))
    }

    /// Adds a POST.
    #[must_use]
    pub fn post(self, path: &str) -> Self {
        self.with(Endpoint::new("POST", path))
    }

    /// Adds an operation.
    #[must_use]
    pub fn with(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// What is put before every path asked of the upstream.
    #[must_use]
    pub fn upstream_base(mut self, base_path: &str) -> Self {
        base_path.clone_into(&mut self.base_path);
        self
    }

    /// How long the upstream may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The model.
    pub fn model(&self) -> model::Artifact {
        let mut listeners: Vec<Listener> = Vec::new();
        let mut sets: Vec<PolicySet> = Vec::new();
        let operations = self.endpoints.iter().map(|endpoint| {
            let names = endpoint.listeners.iter().map(|name| Listener { name: name.clone() });
            let limits = Limits { body_max_bytes: endpoint.body_max_bytes };
            let listeners = names.map(|listener| ListenerId(place(&mut listeners, listener))).collect();
            let policy = PolicyId(place(&mut sets, PolicySet { limits, ..PolicySet::default() }));
            operation(endpoint, listeners, policy)
        });
        let operations = operations.collect();
        let api =
            model::Api { title: "Test".into(), version: "1".into(), openapi: "3.1.0".into(), spec: "test.yaml".into() };
        model::Artifact {
            project: "tests".into(),
            compiler: "tests/0".into(),
            provenance: model::Provenance::default(),
            routes: Routes { listeners, apis: vec![api], operations },
            schemas: Schemas::default(),
            policies: Policies { schemes: Vec::new(), sets },
            upstreams: Upstreams { upstreams: vec![self.upstream()] },
            specs: Specs::default(),
        }
    }

    /// The file, signed with [`test_key`].
    pub fn to_bytes(&self) -> Vec<u8> {
        self.signed_by(&[&test_key()])
    }

    /// The file, signed with these keys.
    pub fn signed_by(&self, keys: &[&SigningKey]) -> Vec<u8> {
        let draft = Draft::encode(&self.model()).expect("the model is whole");
        keys.iter().fold(draft, |draft, key| draft.sign(key)).finish().expect("the model is within limits")
    }

    fn upstream(&self) -> model::Upstream {
        let target = Target {
            scheme: UpstreamScheme::Http,
            host: self.destination.0.ip().to_string(),
            port: self.destination.0.port(),
            base_path: self.base_path.clone(),
            weight: 1,
        };
        model::Upstream {
            name: "upstream".into(),
            targets: vec![target],
            balance: Balance::RoundRobin,
            timeouts: self.timeouts,
            health: None,
            retries: None,
        }
    }
}

fn operation(endpoint: &Endpoint, listeners: Vec<ListenerId>, policy: PolicyId) -> model::Operation {
    model::Operation {
        id: endpoint.id.clone(),
        api: model::ApiId(0),
        method: endpoint.method.clone(),
        path: endpoint.path.clone(),
        routes: endpoint.bases.iter().map(|base| route(base, &endpoint.path)).collect(),
        listeners,
        parameters: Vec::new(),
        request_body: None,
        responses: Vec::new(),
        security: Security::default(),
        upstream: Some(UpstreamBinding { upstream: UpstreamId(0), path: endpoint.upstream_path.clone() }),
        policy,
        tags: Vec::new(),
        summary: None,
        deprecated: false,
        pointer: "#/paths".into(),
    }
}

fn route(base: &str, path: &PathTemplate) -> Route {
    let base: PathTemplate = base.parse().expect("a base path");
    let template = path.under(&base);
    let base_segments = template.segments.len() - path.segments.len();
    Route { template, base_segments: u32::try_from(base_segments).expect("a few segments") }
}

/// The position of an item, which is added where it is missing.
fn place<T: PartialEq>(table: &mut Vec<T>, item: T) -> u32 {
    let position = table.iter().position(|other| *other == item).unwrap_or_else(|| {
        table.push(item);
        table.len() - 1
    });
    u32::try_from(position).expect("a small table")
}
