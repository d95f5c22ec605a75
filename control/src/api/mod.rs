//! The REST API. The only module that knows axum.
//!
//! Read in this order: [`router`] has every route and the scope that it takes; [`guard`] holds requests to it;
//! [`caller`] says who asks; [`extract`] reads bodies and parameters, [`reply`] writes answers; [`memory`] and
//! [`receive`] bound what files take; [`problem`] is the one
//! place where errors become responses; then one file per noun.

pub mod caller;
mod data_planes;
mod deployments;
mod docs;
pub mod extract;
pub mod guard;
mod health;
pub mod memory;
mod metrics;
pub mod problem;
mod projects;
pub mod receive;
pub mod reply;
mod revisions;
pub mod router;
mod signing_keys;
mod specs;
mod teams;
mod upload;

use std::sync::Arc;

use tokio::sync::watch;

use crate::custody::Keys;
use crate::domain::store::Store;
use crate::server::Phase;
use crate::telemetry::Metrics;

/// What every route is given.
#[derive(Debug, Clone)]
pub struct Api {
    /// What there is.
    pub store: Arc<dyn Store>,
    /// Who has the private keys.
    pub keys: Keys,
    /// Room for files that come and go.
    pub memory: memory::Memory,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What the server is doing.
    pub phase: watch::Receiver<Phase>,
}
