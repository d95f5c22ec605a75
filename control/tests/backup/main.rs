//! Backups of real servers, restored into others: on both databases, and from one to the other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod killed;
mod refused;
mod round_trip;
mod site;
