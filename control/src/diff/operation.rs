//! One operation, before and after.

use std::collections::BTreeSet;

use artifact_format::model::{Artifact, Operation, UpstreamBinding, UpstreamPath};

use super::{Change, Changes, Comparison, Kind, Severity, Subject};

impl Comparison<'_> {
    /// Everything that changed about an operation.
    pub(super) fn operation(&mut self, old: &Operation, new: &Operation) -> Vec<Change> {
        self.changes = Changes::of(Subject::of(new));
        routes(old, new, &mut self.changes);
        self.listeners(old, new);
        metadata(old, new, &mut self.changes);
        self.parameters(old, new);
        self.request_body(old.request_body.as_ref(), new.request_body.as_ref());
        self.responses(&old.responses, &new.responses);
        self.security(old, new);
        self.policies(old, new);
        self.binding(old, new);
        std::mem::take(&mut self.changes.list)
    }

    fn listeners(&mut self, old: &Operation, new: &Operation) {
        let (before, after) = (listener_names(self.old, old), listener_names(self.new, new));
        for name in before.difference(&after) {
            self.changes.push(Kind::Listener, Severity::Breaking, format!("no longer served on listener `{name}`"));
        }
        for name in after.difference(&before) {
            let text = format!("now served on listener `{name}`: check who can reach it");
            self.changes.push(Kind::Listener, Severity::Review, text);
        }
    }

    fn binding(&mut self, old: &Operation, new: &Operation) {
        let (before, after) = (goes_to(self.old, old.upstream.as_ref()), goes_to(self.new, new.upstream.as_ref()));
        if before != after {
            let text = format!("goes to {after} instead of {before}");
            self.changes.push(Kind::Upstream, Severity::Compatible, text);
        }
    }
}

fn routes(old: &Operation, new: &Operation, changes: &mut Changes) {
    let shapes = |operation: &Operation| -> BTreeSet<_> {
        operation.routes.iter().map(|route| route.template.shape()).collect()
    };
    let (before, after) = (shapes(old), shapes(new));
    for route in old.routes.iter().filter(|route| !after.contains(&route.template.shape())) {
        changes.push(Kind::Route, Severity::Breaking, format!("no longer served at {}", route.template));
    }
    for route in new.routes.iter().filter(|route| !before.contains(&route.template.shape())) {
        changes.push(Kind::Route, Severity::Compatible, format!("now served at {}", route.template));
    }
}

fn metadata(old: &Operation, new: &Operation, changes: &mut Changes) {
    if old.id != new.id {
        let text = format!("operation id changed from `{}` to `{}`: generated clients change", old.id, new.id);
        changes.push(Kind::Metadata, Severity::Review, text);
    }
    match (old.deprecated, new.deprecated) {
        (false, true) => changes.push(Kind::Metadata, Severity::Compatible, "deprecated"),
        (true, false) => changes.push(Kind::Metadata, Severity::Compatible, "no longer deprecated"),
        (true, true) | (false, false) => {}
    }
}

fn listener_names(artifact: &Artifact, operation: &Operation) -> BTreeSet<String> {
    let listeners = operation.listeners.iter().filter_map(|id| artifact.routes.listeners.get(id.index()));
    listeners.map(|listener| listener.name.clone()).collect()
}

fn goes_to(artifact: &Artifact, binding: Option<&UpstreamBinding>) -> String {
    let Some(binding) = binding else { return "no upstream".to_owned() };
    let upstream = artifact.upstreams.upstreams.get(binding.upstream.index());
    let name = upstream.map_or("?", |upstream| upstream.name.as_str());
    match &binding.path {
        UpstreamPath::AsReceived => format!("upstream `{name}`"),
        UpstreamPath::WithoutBase => format!("upstream `{name}`, less the base path"),
        UpstreamPath::Template(path) => format!("upstream `{name}` at {path}"),
    }
}
