//! Putting what is wrong with a description into words.

use std::collections::HashMap;

use super::fault::{Fault, Words};
use super::grammar::{Object, Shape};
use super::walk::{Observer, Seen, Siblings, Target, Walk, version};
use super::{parameters, tables};
use crate::diagnostic::{Code, Diagnostic, Place, Severity, Sink};
use crate::document::{Documents, Node, Version};
use crate::reference;

/// Checks every description: its structure, its references, and that no `operationId` is used twice in it.
pub fn check(documents: &Documents, sink: &mut Sink) {
    let mut seen = Seen::new();
    for entry in documents.entries() {
        let checker = Checker { sink, code: None, suggestions: SUGGESTIONS_MAX, operations: HashMap::new() };
        Walk::new(checker, &mut seen).from(entry, Shape::Object(&tables::OPENAPI), Severity::Error);
    }
}

/// Checks the structure of an overlay.
pub(crate) fn check_overlay(overlay: &Node<'_>, sink: &mut Sink) {
    let checker = Checker { sink, code: Some(Code::OverlayStructure), suggestions: 0, operations: HashMap::new() };
    Walk::new(checker, &mut Seen::new()).from(overlay.clone(), Shape::Object(&tables::OVERLAY), Severity::Error);
}

/// Nobody reads more, and each costs a comparison with every key in a place.
const SUGGESTIONS_MAX: usize = 500;

struct Checker<'s, 'd> {
    sink: &'s mut Sink,
    /// The code of every fault, if it is not for the fault to say.
    code: Option<Code>,
    /// How many more references are compared with everything that is there.
    suggestions: usize,
    /// The operations with a name, by it.
    operations: HashMap<&'d str, Node<'d>>,
}

impl<'d> Observer<'d> for Checker<'_, 'd> {
    fn fault(&mut self, node: &Node<'d>, fault: Fault, severity: Severity) {
        let Words { code, message, hint } = fault.words(node, version(node));
        let code = self.code.unwrap_or(code);
        let place = if fault.is_of_key() { node.key_place() } else { node.place() };
        self.note(severity, code, (place, message)).hint = hint;
    }

    fn reference(&mut self, from: &Node<'d>, reference: &'d str, to: Target) -> Option<Node<'d>> {
        if to.siblings == Siblings::Ignored {
            self.ignored_siblings(from, to);
        }
        let resolved = reference::resolve(from, reference).and_then(|target| match target.reference() {
            // Only a chain of references can be a circle.
            Some(_) => reference::follow(from).map(|_| target),
            None => Ok(target),
        });
        match resolved {
            Ok(target) => Some(target),
            // The last of a chain is reported where it stands.
            Err(error) if error.reference != reference => reference::resolve(from, reference).ok(),
            Err(error) => {
                let mut written = ["$ref", "$dynamicRef"].iter().filter_map(|keyword| from.get(keyword));
                let written = written.rfind(|value| value.str() == Some(reference));
                let place = written.as_ref().unwrap_or(from).place();
                let hint = error.hint(self.sink.settings()).or_else(|| self.suggestion(from, reference));
                self.note(to.severity, error.code(), (place, error.to_string())).hint = hint;
                None
            }
        }
    }

    fn schema(&mut self, _: &Node<'d>) {}

    fn object(&mut self, node: &Node<'d>, object: &'static Object, severity: Severity) {
        if std::ptr::eq(object, &raw const tables::OPERATION) {
            self.operation(node, severity);
        }
        if object.fields.iter().any(|field| matches!(field.shape, Shape::Parameters))
            && let Some(list) = node.get("parameters")
        {
            parameters::check(&list, severity, self.sink);
        }
    }
}

impl<'d> Checker<'_, 'd> {
    fn note(&mut self, severity: Severity, code: Code, (place, message): (Place, String)) -> &mut Diagnostic {
        self.sink.note(Diagnostic::new(severity, code, place, message))
    }

    fn suggestion(&mut self, from: &Node<'d>, reference: &str) -> Option<String> {
        self.suggestions = self.suggestions.checked_sub(1)?;
        reference::alternative(from, reference).map(|alternative| format!("did you mean `#{alternative}`?"))
    }

    fn operation(&mut self, node: &Node<'d>, severity: Severity) {
        let Some(name) = node.get("operationId") else { return };
        let Some(id) = name.str() else { return };
        match self.operations.get(id).cloned() {
            None => {
                self.operations.insert(id, name);
            }
            Some(first) => {
                let message = format!("another operation is called `{id}`, too");
                self.note(severity, Code::DuplicateOperationId, (name.place(), message)).related(&first, "this one");
            }
        }
    }

    /// Warns of what a reference hides: annotations may stand there, what changes a verdict may not.
    fn ignored_siblings(&mut self, node: &Node<'d>, to: Target) {
        const ANNOTATIONS: &[&str] =
            &["$ref", "summary", "description", "title", "example", "examples", "deprecated", "externalDocs", "xml"];
        // From 3.1 on any other field has no meaning at all; until then this was how schemas were annotated.
        for (name, member) in node.entries() {
            if !ANNOTATIONS.contains(&name) && !name.starts_with("x-") {
                let message = format!("`{name}` is ignored: it stands beside a `$ref`");
                let hint = match (version(node), to.shape) {
                    (Version::V3_0, Shape::Schema) => "put the reference and the rest into an `allOf`",
                    _ => "remove it, or write out what is referred to",
                };
                self.note(Severity::Warning, Code::IgnoredBesideReference, (member.key_place(), message)).hint(hint);
            }
        }
    }
}
