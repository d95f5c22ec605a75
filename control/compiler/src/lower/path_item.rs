//! Path items (OpenAPI 3.2.0 section 4.9), `$ref` included.

use std::collections::HashSet;

use artifact_format::model::Method;
use contract::pointer;

use super::{map, unreadable};
use crate::diagnostic::{Code, Sink};
use crate::document::Node;
use crate::document::limits::LINKS_MAX;

/// A path item and those that its `$ref` leads to, nearest first.
pub(super) struct PathItem<'d> {
    /// Where the entry document has it: below `paths`.
    entry: Node<'d>,
    pub(super) levels: Vec<Node<'d>>,
}

/// An operation as a path item has it.
pub(super) struct Declared<'d> {
    pub(super) method: Method,
    /// Where the path item has it.
    pub(super) entry: Node<'d>,
    /// The operation itself: large descriptions keep each in a file of its own, and put a `$ref` in its place.
    pub(super) node: Node<'d>,
    /// Its pointer in the entry document, whatever file it stands in.
    pub(super) pointer: String,
}

const METHODS: [(&str, Method); 9] = [
    ("get", Method::Get),
    ("put", Method::Put),
    ("post", Method::Post),
    ("delete", Method::Delete),
    ("options", Method::Options),
    ("head", Method::Head),
    ("patch", Method::Patch),
    ("trace", Method::Trace),
    ("query", Method::Query),
];

impl<'d> PathItem<'d> {
    /// Follows the path item's `$ref`. What both of two levels say is undefined by the specification, and reported.
    pub(super) fn read(entry: &Node<'d>, sink: &mut Sink) -> Self {
        let mut item = Self { entry: entry.clone(), levels: Vec::new() };
        let mut seen = HashSet::new();
        let mut next = Some(entry.clone());
        while let Some(level) = next {
            if !seen.insert(level.identity()) {
                unreadable(entry, "its `$ref` leads back to itself", sink);
                break;
            }
            if seen.len() > LINKS_MAX {
                unreadable(entry, "its `$ref` begins a chain that is too long", sink);
                break;
            }
            item.report_conflicts(&level, sink);
            next = level.reference().and_then(|reference| {
                let target = level.documents().resolve(&level, reference);
                target.map_err(|error| unreadable(&level, &error.to_string(), sink)).ok()
            });
            item.levels.push(level);
        }
        item
    }

    /// The field `name`, from the nearest level that has it.
    pub(super) fn get(&self, name: &str) -> Option<Node<'d>> {
        self.levels.iter().find_map(|level| level.get(name))
    }

    /// The operations, in the order in which the specification lists methods.
    pub(super) fn operations(&self, sink: &mut Sink) -> Vec<Declared<'d>> {
        let mut operations: Vec<Declared<'d>> = Vec::new();
        let mut declare = |method: Method, entry: Node<'d>, pointer: String, sink: &mut Sink| match entry.resolved() {
            Ok(node) => operations.push(Declared { method, entry, node, pointer }),
            Err(error) => unreadable(&entry, &error.to_string(), sink),
        };
        for (field, method) in &METHODS {
            if let Some(entry) = self.get(field) {
                declare(method.clone(), entry, self.pointer(&[field]), sink);
            }
        }
        let additional = self.get("additionalOperations").map(|written| map(&written, sink));
        for (token, node) in additional.iter().flat_map(Node::entries) {
            // Reported with the structure.
            if METHODS.iter().any(|(_, method)| method.as_str() == token) || !is_token(token) {
                continue;
            }
            if token == "CONNECT" {
                let message = format!("the method `{token}` cannot be requested of a gateway");
                sink.error(Code::Method, node.key_place(), message);
                continue;
            }
            declare(Method::from(token), node, self.pointer(&["additionalOperations", token]), sink);
        }
        operations
    }

    fn pointer(&self, tokens: &[&str]) -> String {
        let mut pointer = self.entry.pointer();
        tokens.iter().for_each(|token| pointer::push_key(&mut pointer, token));
        pointer
    }

    fn report_conflicts(&self, level: &Node<'d>, sink: &mut Sink) {
        for (name, value) in level.entries() {
            let is_harmless = matches!(name, "$ref" | "summary" | "description") || name.starts_with("x-");
            if let Some(nearer) = self.get(name).filter(|_| !is_harmless) {
                sink.error(
                    Code::PathItemConflict,
                    nearer.key_place(),
                    format!("`{name}` also stands where `$ref` leads"),
                )
                .hint("the specification does not say which one holds: remove one of them")
                .related(value.key_place(), "it stands here too");
            }
        }
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}
