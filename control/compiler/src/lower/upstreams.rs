//! The upstreams in use, each once.

use std::collections::HashMap;

use artifact_format::model::{Balance, Feature, Target, Timeouts, Upstream, UpstreamId, UpstreamScheme};

use super::target;
use crate::diagnostic::nearest;
use crate::diagnostic::{Code, Place, Sink};
use crate::document::{Identity, Node};
use crate::extension::{self, Choice, Released};

/// The UPSTREAMS section in the making.
#[derive(Default)]
pub(super) struct UpstreamTable {
    pub(super) upstreams: Vec<Upstream>,
    /// Where each was first asked for, by name.
    places: HashMap<String, (UpstreamId, Place)>,
    /// Each definition under `upstreams`; `None` where it is at fault.
    definitions: HashMap<Identity, Option<Upstream>>,
    /// The definitions in use.
    in_use: HashMap<Identity, Option<UpstreamId>>,
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

    /// Reads every upstream that a document's `extension` defines, whether or not an operation goes there.
    pub(super) fn define(&mut self, extension: Option<&Node<'_>>, (released, sink): (&mut Released, &mut Sink)) {
        for (name, node) in defined(extension).iter().flat_map(Node::entries) {
            let upstream = extension::definition(name, &node, released, sink);
            self.definitions.insert(node.identity(), upstream);
        }
    }

    /// Reports a choice that means nothing, whether or not an operation goes there.
    pub(super) fn check(choice: &Choice<'_>, extension: Option<&Node<'_>>, sink: &mut Sink) {
        match choice {
            Choice::Named(name) => check_name(name, extension, sink),
            Choice::Url(url) => {
                if let Some(Err(error)) = url.str().map(target::parse) {
                    sink.error(Code::UpstreamUrl, url, error.to_string()).hint(target::HINT);
                }
            }
        }
    }

    /// An upstream by its name, which stands at `name`, among those that the document's `extension` defines. What is
    /// at fault was reported.
    pub(super) fn named(
        &mut self,
        name: &Node<'_>,
        extension: Option<&Node<'_>>,
        sink: &mut Sink,
    ) -> Option<UpstreamId> {
        let node = defined(extension)?.get(name.str()?)?;
        if let Some(known) = self.in_use.get(&node.identity()) {
            return *known;
        }
        let upstream = self.definitions.get(&node.identity()).cloned().flatten();
        let id = upstream.and_then(|upstream| self.add(upstream, node.place(), sink));
        self.in_use.insert(node.identity(), id);
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

/// The document's `upstreams`.
fn defined<'d>(extension: Option<&Node<'d>>) -> Option<Node<'d>> {
    extension?.get("upstreams")
}

fn check_name(name: &Node<'_>, extension: Option<&Node<'_>>, sink: &mut Sink) {
    let Some(text) = name.str() else { return };
    let defined = defined(extension);
    if defined.as_ref().is_some_and(|defined| defined.get(text).is_some()) {
        return;
    }
    let diagnostic = sink.error(Code::UpstreamUndefined, name, format!("there is no upstream `{text}`"));
    match nearest(text, defined.iter().flat_map(Node::entries).map(|(name, _)| name)) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic.hint(format!(
            "define it under `x-portcullis` of the document: `upstreams: {{ {text}: {{ targets: [\"http://HOST:PORT\"] }} }}`"
        )),
    };
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
