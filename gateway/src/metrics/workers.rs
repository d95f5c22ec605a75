//! What a worker counts beside requests.

use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::add;

/// Counters of one worker, who alone writes them.
#[derive(Debug, Default)]
pub struct WorkerCounters {
    connections_opened: AtomicU64,
    connections_closed: AtomicU64,
    upstream_connections_opened: AtomicU64,
    upstream_connections_failed: AtomicU64,
    upstream_retries: AtomicU64,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $field:ident;)*) => {
        impl WorkerCounters {$(
            $(#[$doc])*
            pub fn $name(&self) {
                add(&self.$field, 1);
            }
        )*}
    };
}

counters! {
    /// A client connected.
    connection_opened: connections_opened;
    /// A client's connection ended.
    connection_closed: connections_closed;
    /// An upstream was connected to.
    upstream_connection_opened: upstream_connections_opened;
    /// An upstream could not be connected to.
    upstream_connection_failed: upstream_connections_failed;
    /// A request was sent again because a kept connection turned out to be closed.
    upstream_retried: upstream_retries;
}

/// A reading of a worker's counters, or the sum of several.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) connections_open: u64,
    pub(super) connections_opened: u64,
    pub(super) upstream_connections_opened: u64,
    pub(super) upstream_connections_failed: u64,
    pub(super) upstream_retries: u64,
}

impl Reading {
    pub(super) fn add(&mut self, counters: &WorkerCounters) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Closed before opened, so that the difference is never negative.
        let closed = read(&counters.connections_closed);
        let opened = read(&counters.connections_opened);
        self.connections_open += opened.saturating_sub(closed);
        self.connections_opened += opened;
        self.upstream_connections_opened += read(&counters.upstream_connections_opened);
        self.upstream_connections_failed += read(&counters.upstream_connections_failed);
        self.upstream_retries += read(&counters.upstream_retries);
    }
}
