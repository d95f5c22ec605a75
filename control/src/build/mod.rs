//! Documents compiled in a process of their own, since they are whatever somebody uploaded.
//!
//! ```text
//!   server                          portcullis-control build-worker
//!   Runner::run ── stdin: job ────> confines itself, then reads
//!               <─ stdout: outcome─ compiles, encodes
//!   signs, stores
//! ```
//!
//! The process has no environment, no key, no database, and cannot open a file or a socket; memory, time and what it
//! says are bounded, and it ends when the server does, however that ended. What kills it is an [`Error`](runner::Error) that says what happened.
//!
//! Read in this order: [`job`] (what goes in), [`outcome`] (what comes out), [`frame`] (how both are written), [`child`]
//! (the far end), [`runner`] (the near end); then [`attempt`] (from a claim to an ending, signed and stored), [`worker`]
//! (which takes claims out of the queue), [`describe`] (what an artifact says of itself).

pub mod attempt;
pub mod child;
pub mod describe;
pub mod frame;
pub mod job;
pub mod outcome;
pub mod runner;
pub mod worker;
