//! The rules that a data plane keeps to, one by one, without a clock or a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(clippy::cast_possible_truncation, reason = "milliseconds of a few minutes")]
#![allow(clippy::wildcard_imports, reason = "the rig is what these tests are written in")]

mod connection;
mod deployment;
mod later;
mod memory;
mod rig;
mod trust;
mod withdrawal;
