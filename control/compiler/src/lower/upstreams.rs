//! The upstreams in use, each once.

use std::collections::HashMap;

use artifact_format::model::{Balance, Feature, Target, Timeouts, Upstream, UpstreamId, UpstreamScheme};

use super::target;
use crate::diagnostic::nearest;
use crate::diagnostic::{Code, Place, Sink};
use crate::document::{Identity, Node};
use crate::extension::{self, Released};

/// The UPSTREAMS section in the making.
#[derive(Default)]
pub(super) struct UpstreamTable {
    pub(super) upstreams: Vec<Upstream>,
    /// Where each was first asked for, by name.
    places: HashMap<String, (UpstreamId, Place)>,
    /// What became of each definition under `upstreams`.
    definitions: HashMap<Identity, Option<UpstreamId>>,
}

impl UpstreamTable {
    /// An upstream that is a URL, named by it.
    pub(super) fn url(
        &mut self,
        url: &str,
        place: &Place,
        (released, sink): (&mut Released, &mut Sink),
    ) -> Option<UpstreamId> {
        let target = match target::parse(url) {
            Ok(target) => target,
            Err(error) => {
                sink.error(Code::UpstreamUrl, place.clone(), error.to_string()).hint(target::HINT);
                return None;
            }
        };
        if target.scheme == UpstreamScheme::Https {
            released.demand(Feature::UpstreamTls, place.clone(), sink);
        }
        self.add(plain(target), place.clone(), sink)
    }

    /// An upstream by its name, which stands at `name`, among those that the document's `extension` defines.
    pub(super) fn named(
        &mut self,
        name: &Node<'_>,
        extension: Option<&Node<'_>>,
        (released, sink): (&mut Released, &mut Sink),
    ) -> Option<UpstreamId> {
        let text = name.str()?;
        let defined = extension.and_then(|extension| extension.get("upstreams"));
        let Some(node) = defined.as_ref().and_then(|defined| defined.get(text)) else {
            let diagnostic = sink.error(Code::UpstreamUndefined, name, format!("there is no upstream `{text}`"));
            match nearest(text, defined.iter().flat_map(Node::entries).map(|(name, _)| name)) {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic.hint(format!(
                    "define it under `x-portcullis` of the document: `upstreams: {{ {text}: {{ targets: [\"http://HOST:PORT\"] }} }}`"
                )),
            };
            return None;
        };
        if let Some(known) = self.definitions.get(&node.identity()) {
            return *known;
        }
        let upstream = extension::definition(text, &node, released, sink);
        let id = upstream.and_then(|upstream| self.add(upstream, node.place(), sink));
        self.definitions.insert(node.identity(), id);
        id
    }

    fn add(&mut self, upstream: Upstream, place: Place, sink: &mut Sink) -> Option<UpstreamId> {
        if let Some((id, first)) = self.places.get(&upstream.name) {
            if self.upstreams.get(id.index()) == Some(&upstream) {
                return Some(*id);
            }
            let message = format!("the upstream `{}` is defined differently in another document", upstream.name);
            sink.error(Code::UpstreamConflict, place, message)
                .hint("give one of them another name, or define both alike")
                .related(first.clone(), "it is defined here first");
            return None;
        }
        let id = UpstreamId(u32::try_from(self.upstreams.len()).ok()?);
        self.places.insert(upstream.name.clone(), (id, place));
        self.upstreams.push(upstream);
        Some(id)
    }
}

fn plain(target: Target) -> Upstream {
    Upstream {
        name: target::url(&target),
        targets: vec![target],
        balance: Balance::RoundRobin,
        timeouts: Timeouts::default(),
        health: None,
        retries: None,
    }
}
