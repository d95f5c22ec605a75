//! From a method and a path to an endpoint (validation rules: Routing).
//!
//! A trie over decoded segments. At each node literals come before patterns, and patterns before a variable,
//! with full backtracking: `/a/b` reaches `/{x}/b` though `/a/b/c` exists. Depth and segment move together, so
//! a look-up visits each node at most once, and in practice one per segment whatever the number of routes.

mod path;
mod pattern;

use std::collections::HashMap;

use artifact_format::model::{Part, PathTemplate, Segment};
use http::Method;

pub use path::{PathError, RequestPath};
use pattern::Pattern;
pub use pattern::{Capture, Captures};

/// Finds endpoints of type `E`.
#[derive(Debug)]
pub struct Router<E> {
    nodes: Vec<Node<E>>,
}

#[derive(Debug)]
struct Node<E> {
    literals: HashMap<Box<str>, usize, foldhash::fast::FixedState>,
    patterns: Vec<(Pattern, usize)>,
    variable: Option<usize>,
    endpoints: Vec<(Method, E)>,
}

/// What a look-up found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'r, E> {
    /// An endpoint, and where its template's variables are.
    Endpoint(&'r E, Captures),
    /// Paths that match, none of which knows the method; the methods they know, sorted.
    WrongMethod(Vec<&'r Method>),
    /// No path matches.
    Nothing,
}

impl<E> Default for Router<E> {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl<E> Default for Node<E> {
    fn default() -> Self {
        Self { literals: HashMap::default(), patterns: Vec::new(), variable: None, endpoints: Vec::new() }
    }
}

/// Two endpoints for one method and one shape of path, which the compiler refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} {template} is routed twice")]
pub struct Conflict {
    /// The method.
    pub method: Method,
    /// The template that came second.
    pub template: PathTemplate,
}

impl<E> Router<E> {
    /// Adds an endpoint.
    pub fn insert(&mut self, template: &PathTemplate, method: Method, endpoint: E) -> Result<(), Conflict> {
        let node = template.segments.iter().fold(0, |node, segment| self.child(node, segment));
        let endpoints = &mut self.nodes[node].endpoints;
        if endpoints.iter().any(|(known, _)| *known == method) {
            return Err(Conflict { method, template: template.clone() });
        }
        endpoints.push((method, endpoint));
        Ok(())
    }

    fn child(&mut self, node: usize, segment: &Segment) -> usize {
        let next = self.nodes.len();
        let parent = &mut self.nodes[node];
        let child = match segment.parts.as_slice() {
            [] => *parent.literals.entry("".into()).or_insert(next),
            [Part::Literal(text)] => *parent.literals.entry(text.as_str().into()).or_insert(next),
            [Part::Variable(_)] => *parent.variable.get_or_insert(next),
            _ => {
                let pattern = Pattern::new(segment);
                let known = parent.patterns.iter().find(|(known, _)| *known == pattern).map(|(_, child)| *child);
                known.unwrap_or_else(|| {
                    parent.patterns.push((pattern, next));
                    parent.patterns.sort_by_key(|(known, _)| std::cmp::Reverse(known.specificity()));
                    next
                })
            }
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }

    /// Looks a request up. `raw` is the path that `path` was parsed from.
    ///
    /// Where the most specific template lacks the method, less specific ones that match are tried.
    pub fn find(&self, method: &Method, raw: &str, path: &RequestPath) -> Found<'_, E> {
        let mut search = Search { router: self, method, raw, path, captures: Captures::new(), others: Vec::new() };
        if let Some(endpoint) = search.descend(0, 0) {
            return Found::Endpoint(endpoint, search.captures);
        }
        if search.others.is_empty() {
            return Found::Nothing;
        }
        search.others.sort_by_key(|method| method.as_str());
        search.others.dedup();
        Found::WrongMethod(search.others)
    }
}

struct Search<'r, 'p, E> {
    router: &'r Router<E>,
    method: &'p Method,
    raw: &'p str,
    path: &'p RequestPath,
    captures: Captures,
    /// Methods of paths that match but lack the one asked for.
    others: Vec<&'r Method>,
}

impl<'r, E> Search<'r, '_, E> {
    fn descend(&mut self, node: usize, depth: usize) -> Option<&'r E> {
        let node = &self.router.nodes[node];
        if depth == self.path.count() {
            let found = node.endpoints.iter().find(|(method, _)| method == self.method);
            if found.is_none() {
                self.others.extend(node.endpoints.iter().map(|(method, _)| method));
            }
            return found.map(|(_, endpoint)| endpoint);
        }
        if let Some(child) = node.literals.get(self.path.decoded(self.raw, depth)) {
            let found = self.descend(*child, depth + 1);
            if found.is_some() {
                return found;
            }
        }
        let before = self.captures.len();
        for (pattern, child) in &node.patterns {
            let segment = self.path.normalised(self.raw, depth);
            if pattern.matches(segment, position(depth), &mut self.captures) {
                let found = self.descend(*child, depth + 1);
                if found.is_some() {
                    return found;
                }
                self.captures.truncate(before);
            }
        }
        let child = node.variable?;
        let segment = self.path.normalised(self.raw, depth);
        if segment.is_empty() {
            return None;
        }
        self.captures.push(Capture { segment: position(depth), start: 0, end: position(segment.len()) });
        let found = self.descend(child, depth + 1);
        if found.is_none() {
            self.captures.truncate(before);
        }
        found
    }
}

/// Paths are shorter than 64 KiB (the URI limit), so nothing is lost.
fn position(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
