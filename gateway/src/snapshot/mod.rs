//! An artifact made ready to serve: immutable, shared by every worker, swapped whole.
//!
//! Everything that can be resolved once is resolved here, off the request threads: routers, credentials, limits,
//! metric handles, upstream paths.

mod build;
mod contracts;
mod credentials;
mod load;
mod upstream_path;

use std::sync::Arc;

use artifact_format::container::{Digest, Manifest};
use artifact_format::model::{Operation, Routes, Upstream, UpstreamId};
use artifact_format::signature::KeyId;
use contract::OperationContract;

pub use build::BuildError;
pub use credentials::Credentials;
pub use load::{Environment, LoadError, load, load_trusting, read};
pub use upstream_path::PathRewrite;

use crate::fault::Fault;
use crate::metrics::{RouteMetrics, Traffic};
use crate::router::Router;

/// An artifact made ready to serve.
#[derive(Debug)]
pub struct Snapshot {
    /// What it was made from; none where nothing was deployed yet.
    pub origin: Option<Origin>,
    /// Listeners, APIs and operations, as the artifact has them.
    pub routes: Routes,
    /// One router for each of the process's listeners, in their order.
    pub routers: Box<[Router<EndpointId>]>,
    /// What routers find.
    pub endpoints: Box<[Endpoint]>,
    /// Where requests go; by [`UpstreamId`].
    pub upstreams: Box<[Upstream]>,
    /// Counts requests that match no route.
    pub unmatched: Arc<RouteMetrics>,
    /// Counts every request that is judged by this snapshot, whatever serves when it ends.
    pub traffic: Arc<Traffic>,
}

/// What a snapshot was made from.
#[derive(Debug)]
pub struct Origin {
    /// The artifact's name.
    pub digest: Digest,
    /// Its signed table of contents.
    pub manifest: Manifest,
    /// The trusted keys that signed it.
    pub signed_by: Vec<KeyId>,
}

/// Into [`Snapshot::endpoints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointId(u32);

/// One operation on one of its routes.
#[derive(Debug)]
pub struct Endpoint {
    /// Which of the artifact's operations.
    pub operation: usize,
    /// What must be presented.
    pub credentials: Arc<Credentials>,
    /// What a request must be, and a response.
    pub contract: Arc<OperationContract>,
    /// The largest body, in bytes.
    pub body_max_bytes: u64,
    /// Where it goes.
    pub upstream: UpstreamId,
    /// Under which path.
    pub path: PathRewrite,
    /// Its counts.
    pub metrics: Arc<RouteMetrics>,
}

impl Snapshot {
    /// What there is before anything was deployed: no request finds anything in it.
    pub fn nothing(environment: &Environment) -> Self {
        Self {
            origin: None,
            routes: Routes::default(),
            routers: environment.listeners.iter().map(|_| Router::default()).collect(),
            endpoints: Box::default(),
            upstreams: Box::default(),
            unmatched: environment.metrics.routes.handle("_OTHER", None),
            traffic: environment.metrics.traffic(),
        }
    }

    /// The artifact's name; none where nothing was deployed yet.
    pub fn digest(&self) -> Option<Digest> {
        self.origin.as_ref().map(|origin| origin.digest)
    }

    /// Why a path is not found.
    pub fn miss(&self) -> Fault {
        if self.origin.is_some() { Fault::RouteNotFound } else { Fault::NothingDeployed }
    }

    /// What a router found.
    pub fn endpoint(&self, id: EndpointId) -> &Endpoint {
        &self.endpoints[id.0 as usize]
    }

    /// The artifact's operations.
    pub fn operations(&self) -> &[Operation] {
        &self.routes.operations
    }
}
