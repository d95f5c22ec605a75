//! Request bodies, responses and what both are made of (OpenAPI 3.2.0 sections 4.13 to 4.17, 4.21).

use std::collections::HashSet;

use artifact_format::model::{Header, MediaType, PropertyEncoding, RequestBody, Response, StatusPattern, Style};

use contract::media::Range;

use super::holder::Written;
use super::parameters::{explode_default, style_named};
use super::side::Side;
use super::{map, unreadable};
use crate::diagnostic::{Code, Sink};
use crate::document::Node;

/// What an operation says about what may be sent.
pub(super) fn request_body<'d>(operation: &Node<'d>, requests: &mut Side<'_, 'd>) -> Option<RequestBody> {
    let body = resolved(&operation.get("requestBody")?, requests.sink)?;
    let required = body.get("required").and_then(|required| required.bool()).unwrap_or(false);
    Some(RequestBody { required, content: content(&body, requests) })
}

/// What an operation says about what may come back, the most specific status first.
pub(super) fn responses<'d>(operation: &Node<'d>, side: &mut Side<'_, 'd>) -> Vec<Response> {
    let mut responses = Vec::new();
    for (key, written) in operation.get("responses").iter().flat_map(Node::entries) {
        if key.starts_with("x-") {
            continue;
        }
        let Some(status) = status_pattern(key) else {
            unreadable(&written, &format!("`{key}` is not a status"), side.sink);
            continue;
        };
        let Some(response) = resolved(&written, side.sink) else { continue };
        let headers = headers(&response, side);
        responses.push(Response { status, headers, content: content(&response, side) });
    }
    responses.sort_by_key(|response| response.status);
    responses
}

fn declared<'d>(holder: &Node<'d>, field: &str, sink: &mut Sink) -> Vec<(&'d str, Node<'d>)> {
    holder.get(field).iter().flat_map(|written| map(written, sink).entries()).collect()
}

fn resolved<'d>(node: &Node<'d>, sink: &mut Sink) -> Option<Node<'d>> {
    node.resolved().map_err(|error| unreadable(node, &error.to_string(), sink)).ok()
}

/// `404`, `4XX` or `default`.
fn status_pattern(key: &str) -> Option<StatusPattern> {
    if key == "default" {
        return Some(StatusPattern::Default);
    }
    let class = u8::try_from(key.chars().next()?.to_digit(10)?).ok().filter(|class| (1..=5).contains(class))?;
    match key.get(1..)? {
        "XX" => Some(StatusPattern::Class(class)),
        rest if rest.len() == 2 && rest.bytes().all(|byte| byte.is_ascii_digit()) => {
            key.parse().ok().map(StatusPattern::Code)
        }
        _ => None,
    }
}

/// The `content` of `holder`, the most specific media type first.
fn content<'d>(holder: &Node<'d>, side: &mut Side<'_, 'd>) -> Vec<MediaType> {
    let mut content: Vec<(Range, MediaType)> = Vec::new();
    let mut ranges = HashSet::new();
    for (key, written) in declared(holder, "content", side.sink) {
        let Some(range) = media_range(key, &written, side.sink) else { continue };
        if !ranges.insert(range.clone()) {
            side.sink.error(
                Code::MediaType,
                written.key_place(),
                format!("`{key}` and another key are the same media type"),
            );
            continue;
        }
        let Some(entry) = resolved(&written, side.sink) else { continue };
        let media_type = media_type(range.to_string(), &entry, side);
        content.push((range, media_type));
    }
    content.sort_by_key(|(range, _)| range.specificity());
    content.into_iter().map(|(_, media_type)| media_type).collect()
}

fn media_type<'d>(range: String, entry: &Node<'d>, side: &mut Side<'_, 'd>) -> MediaType {
    not_yet(entry, &["prefixEncoding", "itemEncoding"], "parts of this body are", side.sink);
    let schema = side.held(entry, Written::Media(range.clone()));
    let item_schema = side.schema(entry, "itemSchema");
    let encodings = declared(entry, "encoding", side.sink).into_iter();
    let encoding = encodings.map(|(name, node)| property(name, &node, side)).collect();
    MediaType { range, schema, item_schema, encoding }
}

/// Warns of fields that are dropped.
fn not_yet(holder: &Node<'_>, fields: &[&str], what: &str, sink: &mut Sink) {
    for (field, node) in fields.iter().filter_map(|field| Some((field, holder.get(field)?))) {
        let message = format!("`{field}` is not looked at yet: {what} not held to it");
        sink.warning(Code::NotValidatedYet, node.key_place(), message);
    }
}

fn property<'d>(property: &str, node: &Node<'d>, side: &mut Side<'_, 'd>) -> PropertyEncoding {
    not_yet(node, &["encoding", "prefixEncoding", "itemEncoding"], "what is inside of this part is", side.sink);
    let content_types = node.get("contentType").and_then(|list| list.str()).unwrap_or_default();
    let content_types = content_types.split(',').map(str::trim).filter(|range| !range.is_empty());
    let ranges = content_types.filter_map(|range| media_range(range, node, side.sink));
    // With any of the three, RFC 6570 governs and `contentType` is ignored (section 4.15.1.2).
    let is_styled = ["style", "explode", "allowReserved"].iter().any(|field| node.get(field).is_some());
    let style = node.get("style").and_then(|style| style_named(style.str()?)).unwrap_or(Style::Form);
    let explode = node.get("explode").and_then(|explode| explode.bool()).unwrap_or_else(|| explode_default(style));
    PropertyEncoding {
        property: property.to_owned(),
        content_types: ranges.map(|range| range.to_string()).collect(),
        headers: headers(node, side),
        style: is_styled.then_some(style),
        explode: is_styled.then_some(explode),
        allow_reserved: node.get("allowReserved").and_then(|allow| allow.bool()).unwrap_or(false),
    }
}

/// The `headers` of a response or a part; `Content-Type` is said by `content` and ignored here.
fn headers<'d>(holder: &Node<'d>, side: &mut Side<'_, 'd>) -> Vec<Header> {
    let mut headers = Vec::new();
    for (name, written) in declared(holder, "headers", side.sink) {
        if name.eq_ignore_ascii_case("content-type") {
            continue;
        }
        let Some(node) = resolved(&written, side.sink) else { continue };
        not_yet(&node, &["content"], "values of this header are", side.sink);
        let flag = |name: &str| node.get(name).and_then(|flag| flag.bool()).unwrap_or(false);
        let schema = side.held(&node, Written::Style(Style::Simple, flag("explode")));
        headers.push(Header {
            name: name.to_ascii_lowercase(),
            required: flag("required"),
            explode: flag("explode"),
            schema,
        });
    }
    headers
}

/// A media type or range, as the gateway reads it.
pub(super) fn media_range(text: &str, place: &Node<'_>, sink: &mut Sink) -> Option<Range> {
    let report = |error| {
        sink.error(Code::MediaType, place.key_place(), format!("`{text}` is not a media type: {error}"))
            .hint("a media type is such as `application/json`; a range is `type/*` or `*/*`");
    };
    Range::parse(text).map_err(report).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_codes_classes_or_default() {
        for (text, expected) in [
            ("404", Some(StatusPattern::Code(404))),
            ("4XX", Some(StatusPattern::Class(4))),
            ("default", Some(StatusPattern::Default)),
            ("4xx", None),
            ("40", None),
            ("6XX", None),
            ("4XXX", None),
            ("99", None),
            ("+20", None),
        ] {
            assert_eq!(status_pattern(text), expected, "{text}");
        }
    }
}
