//! The dynamic scope of JSON Schema 2020-12 (core, section 8.2.3.2), resolved while schemas are lowered.
//!
//! A `$dynamicRef` means another schema depending on how validation came to it. Instead of leaving that to the
//! validator, a schema is lowered once for every scope in which it is applied: what a scope binds is decided by the
//! schema resources entered so far, of which the outermost wins, so it is known at compile time.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::document::{Documents, Identity, Node, Version};

/// A schema, applied in a scope.
#[derive(Clone)]
pub(super) struct Spot<'d> {
    pub(super) node: Node<'d>,
    pub(super) scope: ScopeId,
}

/// Which scope of [`Scopes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ScopeId(usize);

/// The dynamic anchors of a scope or a resource, by name.
type Anchors<'d> = BTreeMap<String, Node<'d>>;

/// Every scope met so far.
pub(super) struct Scopes<'d> {
    bindings: Vec<Anchors<'d>>,
    ids: HashMap<Vec<(String, Identity)>, ScopeId>,
    resources: HashMap<Identity, Anchors<'d>>,
    /// What became of a scope when a resource was entered.
    entered: HashMap<(Identity, ScopeId), ScopeId>,
    use_of_anchors: UseOfAnchors,
}

/// Whether any document has a dynamic anchor: hardly any has, and then there is one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UseOfAnchors {
    None,
    Some,
}

impl<'d> Scopes<'d> {
    pub(super) fn new(documents: &Documents) -> Self {
        let are_used = documents.have_key("$dynamicAnchor");
        Self {
            bindings: vec![Anchors::new()],
            ids: HashMap::from([(Vec::new(), ScopeId(0))]),
            resources: HashMap::new(),
            entered: HashMap::new(),
            use_of_anchors: if are_used { UseOfAnchors::Some } else { UseOfAnchors::None },
        }
    }

    /// A schema that an OpenAPI object holds: nothing was entered before it.
    pub(super) fn outermost(&mut self, node: &Node<'d>) -> Spot<'d> {
        self.enter(node, ScopeId(0))
    }

    /// A schema that is applied in `scope`: the resource it belongs to is entered.
    pub(super) fn enter(&mut self, node: &Node<'d>, scope: ScopeId) -> Spot<'d> {
        let scope = match self.use_of_anchors {
            UseOfAnchors::None => scope,
            UseOfAnchors::Some => self.with_resource_of(node, scope),
        };
        Spot { node: node.clone(), scope }
    }

    /// What the dynamic anchor `name` means in `scope`.
    pub(super) fn bound(&self, scope: ScopeId, name: &str) -> Option<&Node<'d>> {
        self.bindings.get(scope.0)?.get(name)
    }

    fn with_resource_of(&mut self, node: &Node<'d>, scope: ScopeId) -> ScopeId {
        let resource = resource_of(node);
        if let Some(known) = self.entered.get(&(resource.identity(), scope)) {
            return *known;
        }
        let anchors = self.resources.entry(resource.identity()).or_insert_with(|| dynamic_anchors(&resource));
        let mut bound = self.bindings[scope.0].clone();
        for (name, target) in anchors.iter() {
            bound.entry(name.clone()).or_insert_with(|| target.clone());
        }
        let key = bound.iter().map(|(name, target)| (name.clone(), target.identity())).collect();
        let next = ScopeId(self.bindings.len());
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.bindings.push(bound);
        }
        self.entered.insert((resource.identity(), scope), id);
        id
    }
}

/// The root of the schema resource that `node` belongs to: the nearest with an `$id`, else the whole file.
pub(super) fn resource_of<'d>(node: &Node<'d>) -> Node<'d> {
    let mut here = node.clone();
    while !is_resource(&here) {
        match here.parent() {
            Some(parent) => here = parent.clone(),
            None => break,
        }
    }
    here
}

fn is_resource(node: &Node<'_>) -> bool {
    node.documents().document(node.file()).version() != Version::V3_0
        && node.get("$id").is_some_and(|id| id.str().is_some())
}

/// The dynamic anchors of one resource, those of resources embedded in it left out.
fn dynamic_anchors<'d>(resource: &Node<'d>) -> Anchors<'d> {
    let mut anchors = Anchors::new();
    let mut pending = vec![resource.clone()];
    while let Some(node) = pending.pop() {
        if let Some(name) = node.get("$dynamicAnchor").and_then(|name| name.str()) {
            anchors.entry(name.to_owned()).or_insert_with(|| node.clone());
        }
        let is_nested =
            |child: &Node<'d>| matches!(child.value(), Value::Object(_) | Value::Array(_)) && !is_resource(child);
        let members = node.entries().filter(|(key, _)| !holds_data(key)).map(|(_, child)| child);
        pending.extend(members.chain(node.items()).filter(is_nested));
    }
    anchors
}

fn holds_data(key: &str) -> bool {
    matches!(key, "const" | "enum" | "default" | "example" | "examples") || key.starts_with("x-")
}
