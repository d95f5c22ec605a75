//! Live reload: load, verify and build off the request threads, swap whole; a bad file changes nothing.

mod reloader;
mod state;
mod watch;

pub use reloader::{Cause, Reloader};
pub use state::{Rejected, Reloads, Running};
pub use watch::{WatchError, Watcher};
