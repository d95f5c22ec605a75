//! Every command, end to end, on real files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod builds;
mod check;
mod client;
mod compile;
mod deployments;
mod dev;
mod diff;
mod init;
mod inspect;
mod keys;
mod reference;
mod sandbox;
mod secrets;
mod waiting;
