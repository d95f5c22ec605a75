//! The data plane: serves an artifact.
//!
//! Read in this order:
//! - [`config`]: what the command line says; [`serve`]: the whole life of the process;
//! - [`trust`], [`snapshot`], [`reload`]: from a file to an immutable snapshot, and the swap of one for the next;
//! - [`connected`]: from a control plane to the same swap;
//! - [`worker`]: a thread, its listeners and its connections;
//! - [`pipeline`]: the life of a request, whose stages are in [`stage`];
//! - [`socket`]: what a worker reads from and writes to;
//! - [`router`] and [`upstream`]: where a request goes; [`fault`]: what it gets when it goes nowhere;
//! - [`metrics`] and [`admin`]: what can be seen from outside.

pub mod admin;
pub mod config;
pub mod connected;
pub mod fault;
pub mod health;
pub mod log;
pub mod metrics;
pub mod pipeline;
pub mod reload;
pub mod router;
pub mod serve;
pub mod signals;
pub mod snapshot;
pub mod socket;
pub mod stage;
pub mod trust;
pub mod upstream;
pub mod worker;
