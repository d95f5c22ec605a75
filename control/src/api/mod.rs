//! The REST API. The only module that knows axum.
//!
//! Read in this order: [`router`] has every route and the scope that it takes; [`guard`] holds requests to it;
//! [`caller`] says who asks; [`refused`] writes down what is refused, [`idempotent`] does things once; [`extract`] reads bodies and parameters, [`reply`] writes answers; [`problem`] is the one
//! place where errors become responses; then one file per noun.

mod api_keys;
mod audit;
pub mod caller;
mod docs;
pub mod extract;
pub mod guard;
mod health;
pub mod idempotent;
mod metrics;
pub mod problem;
mod projects;
pub mod refused;
pub mod reply;
pub mod router;
mod teams;
mod tokens;

use std::sync::Arc;

use tokio::sync::watch;

use crate::access::Access;
use crate::domain::store::Store;
use crate::server::Phase;
use crate::telemetry::Metrics;

/// What every route is given.
#[derive(Debug, Clone)]
pub struct Api {
    /// What there is.
    pub store: Arc<dyn Store>,
    /// Who was here, who guesses, who asks too often.
    pub access: Arc<Access>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What the server is doing.
    pub phase: watch::Receiver<Phase>,
}
