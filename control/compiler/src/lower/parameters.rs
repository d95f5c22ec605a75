//! Parameters (OpenAPI 3.2.0 section 4.12).

use std::collections::HashSet;

use artifact_format::model::{Location, Parameter, ParameterEncoding, PathTemplate, Style};

use super::body::media_range;
use super::holder::Written;
use super::path_item::PathItem;
use super::side::Side;
use super::{map, unreadable};
use crate::diagnostic::{Code, Sink};
use crate::document::Node;

/// The parameters of an operation: its path item's, less those that it declares itself, and its own.
pub(super) fn parameters<'d>(
    operation: &Node<'d>,
    item: &PathItem<'d>,
    requests: &mut Side<'_, 'd>,
) -> Vec<Declared<'d>> {
    let own = list(operation.get("parameters").as_ref(), requests);
    let mut merged = list(item.get("parameters").as_ref(), requests);
    let keys: HashSet<_> = own.iter().map(Declared::key).collect();
    merged.retain(|shared| !keys.contains(&shared.key()));
    merged.extend(own);
    merged
}

/// A parameter and where it is declared.
pub(super) struct Declared<'d> {
    pub(super) parameter: Parameter,
    node: Node<'d>,
}

impl Declared<'_> {
    fn key(&self) -> (Location, String) {
        let name = &self.parameter.name;
        let location = self.parameter.location;
        (location, if location == Location::Header { name.to_ascii_lowercase() } else { name.clone() })
    }
}

/// Holds path parameters and the variables of the path to each other.
pub(super) fn check_path(path: &PathTemplate, declared: &[Declared<'_>], operation: &Node<'_>, sink: &mut Sink) {
    let in_path = || declared.iter().filter(|declared| declared.parameter.location == Location::Path);
    for Declared { parameter, node } in in_path() {
        let name = &parameter.name;
        if !path.variables().any(|variable| variable == name) {
            sink.error(
                Code::PathParameterUnused,
                node,
                format!("the path parameter `{name}` does not stand in the path `{path}`"),
            )
            .hint(format!("write `{{{name}}}` into the path, or remove the parameter"));
        }
    }
    for variable in path.variables() {
        if !in_path().any(|declared| declared.parameter.name == variable) {
            let message = format!("`{{{variable}}}` stands in the path `{path}` and is not declared as a parameter");
            sink.error(Code::PathVariableUndeclared, operation, message).hint(format!(
                "add to `parameters`: {{ name: {variable}, in: path, required: true, schema: {{ type: string }} }}"
            ));
        }
    }
}

fn list<'d>(list: Option<&Node<'d>>, requests: &mut Side<'_, 'd>) -> Vec<Declared<'d>> {
    let mut keys = HashSet::new();
    let mut parameters = Vec::new();
    for written in list.into_iter().flat_map(Node::items) {
        let node = match written.resolved() {
            Ok(node) => node,
            Err(error) => {
                unreadable(&written, &error.to_string(), requests.sink);
                continue;
            }
        };
        let Some(parameter) = parameter(&node, requests) else {
            unreadable(&node, "this is not a parameter", requests.sink);
            continue;
        };
        if is_ignored(&parameter) {
            continue;
        }
        let declared = Declared { parameter, node };
        // Header names compare without regard to case, which the structure check leaves to us.
        if !keys.insert(declared.key()) {
            unreadable(&written, "this parameter is already in this list", requests.sink);
            continue;
        }
        parameters.push(declared);
    }
    parameters
}

/// "the parameter definition SHALL be ignored": these three belong to `content` and `security`.
fn is_ignored(parameter: &Parameter) -> bool {
    parameter.location == Location::Header
        && ["accept", "content-type", "authorization"].contains(&parameter.name.to_ascii_lowercase().as_str())
}

fn parameter<'d>(node: &Node<'d>, requests: &mut Side<'_, 'd>) -> Option<Parameter> {
    let location = match node.get("in")?.str()? {
        "path" => Location::Path,
        "query" => Location::Query,
        "querystring" => Location::Querystring,
        "header" => Location::Header,
        "cookie" => Location::Cookie,
        _ => return None,
    };
    let flag = |name: &str| node.get(name).and_then(|flag| flag.bool()).unwrap_or(false);
    let name = node.get("name")?.str()?.to_owned();
    let encoding = match node.get("content") {
        Some(content) => content_encoding(&content, requests)?,
        None => style_encoding(node, location, requests)?,
    };
    let allow_empty = location == Location::Query && flag("allowEmptyValue");
    // A path without one of its parameters is another path.
    let required = location == Location::Path || flag("required");
    Some(Parameter { name, location, required, allow_empty, encoding })
}

fn content_encoding<'d>(content: &Node<'d>, requests: &mut Side<'_, 'd>) -> Option<ParameterEncoding> {
    let (range, entry) = map(content, requests.sink).entries().next()?;
    let media_type = media_range(range, &entry, requests.sink)?.to_string();
    let entry = entry.resolved().map_err(|error| unreadable(&entry, &error.to_string(), requests.sink)).ok()?;
    let schema = requests.held(&entry, Written::Media(media_type.clone()));
    if schema.is_some() && !contract::parameter::is_judged(&media_type) {
        let message = format!("a parameter in `{media_type}` is passed on as it is: it is not held to its schema");
        requests.sink.warning(Code::NotValidatedYet, entry.key_place(), message);
    }
    Some(ParameterEncoding::Content { media_type, schema })
}

fn style_encoding<'d>(node: &Node<'d>, location: Location, requests: &mut Side<'_, 'd>) -> Option<ParameterEncoding> {
    let style = match node.get("style") {
        Some(style) => style_named(style.str()?)?,
        None => match location {
            Location::Path | Location::Header => Style::Simple,
            Location::Query | Location::Cookie => Style::Form,
            // It has `content` only.
            Location::Querystring => return None,
        },
    };
    let explode = node.get("explode").and_then(|explode| explode.bool()).unwrap_or_else(|| explode_default(style));
    let allow_reserved = node.get("allowReserved").and_then(|allow| allow.bool()).unwrap_or(false);
    let schema = requests.held(node, Written::Style(style, explode));
    Some(ParameterEncoding::Style { style, explode, allow_reserved, schema })
}

/// A style by its name.
pub(super) fn style_named(name: &str) -> Option<Style> {
    Some(match name {
        "matrix" => Style::Matrix,
        "label" => Style::Label,
        "simple" => Style::Simple,
        "form" => Style::Form,
        "spaceDelimited" => Style::SpaceDelimited,
        "pipeDelimited" => Style::PipeDelimited,
        "deepObject" => Style::DeepObject,
        "cookie" => Style::Cookie,
        _ => return None,
    })
}

/// "When style is form or cookie, the default value is true."
pub(super) fn explode_default(style: Style) -> bool {
    matches!(style, Style::Form | Style::Cookie)
}
