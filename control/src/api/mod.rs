//! The REST API. The only module that knows axum.
//!
//! Read in this order: [`router`] has every route and the scope that it takes; [`guard`] holds requests to it;
//! `documented` says what they have in common; [`caller`] says who asks, `change` that changes are decided by what is
//! now; [`refused`] writes down what is refused, [`idempotent`] does things once; `host` and `leftover` keep to HTTP;
//! [`extract`] reads bodies and parameters, [`reply`] writes answers; [`memory`] and [`receive`] bound what files take;
//! [`problem`] is the one place where errors become responses; then one file per noun.

mod api_keys;
mod artifacts;
mod audit;
mod builds;
pub mod caller;
mod change;
mod data_plane_socket;
mod data_planes;
mod deployments;
mod docs;
mod documented;
pub mod extract;
pub mod guard;
pub mod health;
mod heavy;
mod host;
pub mod idempotent;
mod leftover;
pub mod memory;
mod metrics;
pub mod problem;
mod projects;
pub mod receive;
pub mod refused;
pub mod reply;
mod revisions;
mod rollouts;
pub mod router;
mod signing_keys;
mod specs;
mod teams;
mod tokens;
mod upload;
mod wording;

use std::sync::Arc;

use tokio::sync::watch;

use crate::access::Access;
use crate::custody::Keys;
use crate::domain::artifact::ArtifactBytes;
use crate::domain::store::Store;
use crate::fleet::Hub;
use crate::server::Phase;
use crate::telemetry::Metrics;

pub use api_keys::PublicUrl;
pub use artifacts::served::Served;
pub use heavy::{Turn, Turns};

/// What every route is given.
#[derive(Debug, Clone)]
pub struct Api {
    /// What there is.
    pub store: Arc<dyn Store>,
    /// Who has the private keys.
    pub keys: Keys,
    /// Room for files that arrive.
    pub arrivals: memory::Memory,
    /// Room for what is made of them, and for files that leave.
    pub memory: memory::Memory,
    /// Who was here, who guesses, who asks too often.
    pub access: Arc<Access>,
    /// Where the bytes of artifacts are.
    pub artifacts: Arc<dyn ArtifactBytes>,
    /// The same, for whoever downloads them.
    pub served: Served,
    /// Data planes that are connected.
    pub hub: Arc<Hub>,
    /// Where data planes find this control plane, if somebody said so.
    pub public_url: Option<PublicUrl>,
    /// For what takes long: artifacts that are looked into, archives, comparisons.
    pub heavy: Turns,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What this control plane depends on.
    pub vitals: Arc<health::Vitals>,
    /// What the server is doing.
    pub phase: watch::Receiver<Phase>,
}
