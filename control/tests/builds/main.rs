//! Builds and artifacts on real servers: each a process with a real port, a real database and a real compiler in a child.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod artifacts;
mod building;
mod counted;
mod replicas;
#[path = "../../../artifact-format/tests/sealing/mod.rs"]
mod sealing;
mod site;
mod traces;
