//! JSON Schemas, before and after: does the newer one accept less, more, or something else?
//!
//! Two schemas are compared keyword by keyword. References are edges of a graph whose nodes are pairs of schemas, so
//! that a cycle ends and a schema that many operations share is compared once.

mod alternatives;
mod finding;
mod keywords;
mod numbers;
mod same;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use artifact_format::model::{Schema, SchemaId, Schemas};
use serde_json::Value;

pub(super) use finding::Direction;
use finding::{Finding, Place};
use keywords::Walk;
use same::Sameness;

use super::{Error, Severity};

/// The schemas of one artifact, parsed.
pub(super) struct Table(Vec<Value>);

/// One difference that matters in one direction.
pub(super) struct Difference {
    /// Where in the value, such as `owner.tags[]`; empty for the value itself.
    pub(super) at: String,
    pub(super) severity: Severity,
    pub(super) text: String,
}

impl Table {
    pub(super) fn parse(schemas: &Schemas, side: &'static str) -> Result<Self, Error> {
        let parse = |(id, schema): (usize, &Schema)| {
            serde_json::from_str(&schema.json).map_err(|source| Error::Schema { side, id, source })
        };
        Ok(Self(schemas.schemas.iter().enumerate().map(parse).collect::<Result<_, _>>()?))
    }

    fn get(&self, id: SchemaId) -> &Value {
        self.0.get(id.index()).unwrap_or(&Value::Bool(true))
    }

    /// The schema that a reference names.
    fn referenced(&self, reference: &str) -> Option<&Value> {
        self.0.get(Schema::referred(reference)?.index())
    }

    /// What a schema that is nothing but references ends at. Too many in a row are a cycle, which says nothing.
    fn resolve<'t>(&'t self, schema: &'t Value) -> &'t Value {
        let mut current = schema;
        for _ in 0..=self.0.len() {
            match lone_reference(current).and_then(|reference| self.referenced(reference)) {
                Some(target) => current = target,
                None => return current,
            }
        }
        &Value::Bool(true)
    }
}

/// The reference that a schema consists of.
fn lone_reference(schema: &Value) -> Option<&str> {
    let object = schema.as_object().filter(|object| object.len() == 1)?;
    object.get("$ref")?.as_str().filter(|reference| Schema::referred(reference).is_some())
}

/// Two schemas by identity: where they stand in their tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key(usize, usize);

#[derive(Clone, Copy)]
struct Pair<'t> {
    old: &'t Value,
    new: &'t Value,
}

impl Pair<'_> {
    fn key(self) -> Key {
        Key(std::ptr::from_ref(self.old).addr(), std::ptr::from_ref(self.new).addr())
    }
}

/// What is between two schemas up to their references.
#[derive(Default)]
struct Node<'t> {
    findings: Vec<Finding>,
    edges: Vec<Edge<'t>>,
}

/// A reference from one pair to another, both resolved.
struct Edge<'t> {
    at: Place,
    target: Pair<'t>,
}

/// Every pair that was compared so far.
pub(super) struct Graph<'t> {
    old: &'t Table,
    new: &'t Table,
    sameness: Sameness<'t>,
    nodes: HashMap<Key, Rc<Node<'t>>>,
}

impl<'t> Graph<'t> {
    pub(super) fn new(old: &'t Table, new: &'t Table) -> Self {
        Self { old, new, sameness: Sameness::new(old, new), nodes: HashMap::new() }
    }

    /// What differs between two schemas; an absent one accepts everything.
    pub(super) fn compare(
        &mut self,
        old: Option<SchemaId>,
        new: Option<SchemaId>,
        direction: Direction,
    ) -> Vec<Difference> {
        let old = old.map_or(&Value::Bool(true), |id| self.old.get(id));
        let new = new.map_or(&Value::Bool(true), |id| self.new.get(id));
        let root = Pair { old: self.old.resolve(old), new: self.new.resolve(new) };
        let mut differences = Vec::new();
        if !self.sameness.holds(root) {
            self.collect(root, direction, &mut differences);
        }
        differences
    }

    /// Every finding reachable from a pair that matters in a direction, each pair entered once.
    fn collect(&mut self, root: Pair<'t>, direction: Direction, differences: &mut Vec<Difference>) {
        let mut entered = HashSet::new();
        let mut open = vec![(Place::default(), root)];
        while let Some((at, pair)) = open.pop() {
            if !entered.insert(pair.key()) {
                continue;
            }
            let node = self.node(pair);
            for finding in node.findings.iter().filter(|finding| finding.at.scope.is_seen_in(direction)) {
                differences.push(Difference {
                    at: at.join(&finding.at).path,
                    severity: finding.effect.severity(direction),
                    text: finding.text.clone(),
                });
            }
            let seen = node.edges.iter().rev().filter(|edge| edge.at.scope.is_seen_in(direction));
            open.extend(seen.map(|edge| (at.join(&edge.at), edge.target)));
        }
    }

    fn node(&mut self, pair: Pair<'t>) -> Rc<Node<'t>> {
        if let Some(node) = self.nodes.get(&pair.key()) {
            return Rc::clone(node);
        }
        let mut walk = Walk { old: self.old, new: self.new, sameness: &mut self.sameness, node: Node::default() };
        walk.schemas_proper(pair, &Place::default());
        let node = Rc::new(walk.node);
        self.nodes.insert(pair.key(), Rc::clone(&node));
        node
    }
}

#[cfg(test)]
mod tests;
