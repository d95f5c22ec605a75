//! A snapshot as one worker sees it: with that worker's own pools, resolved once per swap.

use std::rc::Rc;
use std::sync::Arc;

use artifact_format::model::UpstreamId;

use crate::snapshot::Snapshot;
use crate::upstream::{Pools, UpstreamTargets};

/// A snapshot and where its upstreams are. Requests hold it to their end, so a swap changes nothing under way.
#[derive(Debug)]
pub struct View {
    snapshot: Arc<Snapshot>,
    upstreams: Box<[Rc<UpstreamTargets>]>,
}

impl View {
    pub(super) fn new(snapshot: Arc<Snapshot>, pools: &Pools) -> Self {
        let upstream = |upstream: &artifact_format::model::Upstream| {
            // Every host is a header value: the snapshot was refused otherwise.
            let pools = upstream.targets.iter().filter_map(|target| pools.of(target).ok());
            Rc::new(UpstreamTargets::new(upstream, pools))
        };
        let upstreams = snapshot.upstreams.iter().map(upstream).collect();
        Self { snapshot, upstreams }
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// An upstream's targets.
    pub fn upstream(&self, id: UpstreamId) -> Rc<UpstreamTargets> {
        self.upstreams[id.index()].clone()
    }
}
