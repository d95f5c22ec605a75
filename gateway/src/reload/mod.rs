//! Live reload: load, verify and build off the request threads, swap whole; a bad artifact changes nothing.
//!
//! An artifact comes from a file, which is watched and read here, or from a control plane (`crate::connected`). Both end in
//! one [`Swap`].

mod reloader;
mod state;
mod swap;
mod watch;

pub use reloader::{Cause, Reloader};
pub use state::{Rejected, Reloads, Running};
pub use swap::Swap;
pub use watch::{WatchError, Watcher};
