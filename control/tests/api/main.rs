//! The REST API, on real connections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod api_keys;
mod audit;
mod data_planes;
mod deployments;
mod http;
mod idempotency;
mod installation;
mod metrics;
mod named;
mod names;
mod routes;
mod served;
mod signing_keys;
mod tokens;
