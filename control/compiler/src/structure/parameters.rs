//! What the parameters of one list have to do with each other.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Severity, Sink};
use crate::document::Node;

/// Checks that no parameter is there twice and that `querystring` is alone in describing the query.
pub(super) fn check(list: &Node<'_>, severity: Severity, sink: &mut Sink) {
    let mut known: HashMap<(&str, &str), Node<'_>> = HashMap::new();
    let mut queries: Vec<(&str, Node<'_>)> = Vec::new();
    for item in list.items() {
        // What leads nowhere is reported with the references.
        let Ok(parameter) = item.resolved() else { continue };
        let text = |field| parameter.get(field).and_then(|value| value.str());
        let (Some(name), Some(location)) = (text("name"), text("in")) else { continue };
        if let Some(first) = known.get(&(location, name)) {
            let message = format!("the {location} parameter `{name}` is already in this list");
            let fault = Diagnostic::new(severity, Code::ParameterClash, item.place(), message);
            sink.note(fault).related(first, "it stands here first");
        }
        if location == "querystring" || location == "query" {
            queries.push((location, item.clone()));
        }
        known.entry((location, name)).or_insert(item);
    }
    let whole = queries.iter().position(|(location, _)| *location == "querystring");
    let Some(whole) = whole.filter(|_| queries.len() > 1) else { return };
    let (_, whole) = queries.remove(whole);
    for (location, other) in queries {
        let message =
            format!("a {location} parameter cannot stand beside a querystring parameter, which is all of the query");
        let fault = Diagnostic::new(severity, Code::ParameterClash, other.place(), message);
        sink.note(fault).related(&whole, "the querystring parameter");
    }
}
