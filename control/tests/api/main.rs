//! The REST API, asked over a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod data_planes;
mod deployments;
mod served;
mod signing_keys;
