use artifact_format::model::{Schema, Schemas};
use http::HeaderValue;
use serde_json::json;

use super::*;
use crate::json;
use crate::schema::Patterns;
use crate::{Detail, Report};

/// A `content` map of these entries: range and schema.
pub(super) fn content(entries: &[(&str, serde_json::Value)]) -> Content {
    let described: Vec<_> = (0..).zip(entries).map(|(id, (range, _))| described(range, id)).collect();
    built(&described, entries.iter().map(|(_, schema)| schema))
}

pub(super) fn described(range: &str, schema: u32) -> model::MediaType {
    model::MediaType { range: range.into(), schema: Some(SchemaId(schema)), item_schema: None, encoding: Vec::new() }
}

pub(super) fn built<'s>(described: &[model::MediaType], table: impl Iterator<Item = &'s serde_json::Value>) -> Content {
    let table = table.map(|schema| Schema { json: schema.to_string(), references: Vec::new() });
    let table = Schemas { schemas: table.collect(), ..Schemas::default() };
    let roots: Vec<SchemaId> = schemas(described).collect();
    let threads = std::num::NonZeroUsize::MIN;
    let validators = Validators::build(&table, &roots, (Patterns::Linear, threads)).unwrap();
    Content::new(described, &mut Shapes::new(&table), &validators).unwrap()
}

pub(super) fn header(content_type: &str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())])
}

/// What is wrong with a body: where, and which keyword.
pub(super) fn judge(content: &Content, content_type: &str, body: &[u8]) -> Result<String, Malformed> {
    let Plan::Whole(judge) = content.select(&header(content_type)).unwrap() else { panic!("not judged") };
    let mut report = Report::new(Detail::Full);
    judge.judge(body, &mut Scratch::default(), &mut report)?;
    Ok(faults(&report))
}

pub(super) fn faults(report: &Report) -> String {
    let faults = report.violations().iter();
    let faults: Vec<_> = faults.map(|fault| format!("{} {}", fault.place.pointer, fault.keyword)).collect();
    faults.join(", ")
}

/// How a property is written where nothing is said.
pub(super) fn encoding(property: &str) -> model::PropertyEncoding {
    model::PropertyEncoding {
        property: property.into(),
        content_types: Vec::new(),
        headers: Vec::new(),
        style: None,
        explode: None,
        allow_reserved: false,
    }
}

#[test]
fn the_most_specific_is_selected() {
    let named = ["application/json; v=1", "application/json", "application/*+json", "application/*", "*/*"];
    let mut entries: Vec<_> = named.iter().map(|name| (*name, json!({ "const": name }))).collect();
    entries.reverse();
    let content = content(&entries);
    for (content_type, expected) in [
        ("application/json; v=1", "application/json; v=1"),
        ("application/json; v=2", "application/json"),
        ("application/problem+json", "application/*+json"),
        ("application/jsonl", "application/*"),
        ("text/plain", "*/*"),
    ] {
        let entry = content.find(&MediaType::parse(content_type).unwrap()).unwrap();
        assert_eq!(entry.range.to_string(), expected, "{content_type}");
    }
}

#[test]
fn what_is_not_declared_is_unsupported() {
    let content = content(&[("application/json", json!({})), ("text/*", json!({}))]);
    let undeclared = Unsupported::Undeclared("application/json, text/*".into());
    for (content_type, expected) in [
        ("application/xml", undeclared.clone()),
        ("application/problem+json", undeclared.clone()),
        ("application/json, text/plain", Unsupported::ContentType(media::Error::Type)),
        ("json", Unsupported::ContentType(media::Error::Type)),
        ("application/json; charset=iso-8859-1", Unsupported::Charset),
        ("text/plain; charset=utf-16", Unsupported::Charset),
    ] {
        assert_eq!(content.select(&header(content_type)).unwrap_err(), expected, "{content_type}");
    }
    assert_eq!(content.select(&HeaderMap::new()).unwrap_err(), undeclared);
}

#[test]
fn nobody_can_hide_a_body() {
    let content = content(&[("application/json", json!({})), ("application/octet-stream", json!({}))]);
    let mut twice = header("application/json");
    twice.append(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    assert_eq!(content.select(&twice).unwrap_err(), Unsupported::Field(CONTENT_TYPE));

    for (encoding, expected) in [("gzip", Err(Unsupported::Encoded)), ("Identity", Ok(()))] {
        let mut header = header("application/json");
        header.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        assert_eq!(content.select(&header).map(drop), expected, "{encoding}");
    }
}

#[test]
fn what_cannot_be_judged_is_opaque() {
    let entries = ["application/octet-stream", "application/xml", "text/event-stream", "multipart/mixed", "image/*"];
    let content = content(&entries.map(|range| (range, json!(false))));
    for content_type in ["application/octet-stream", "application/xml; charset=utf-16", "image/png", "multipart/mixed"]
    {
        assert!(matches!(content.select(&header(content_type)), Ok(Plan::Opaque)), "{content_type}");
    }
    assert!(matches!(content.select(&HeaderMap::new()), Ok(Plan::Opaque)), "no type is octets");
    assert!(matches!(Content::default().select(&header("a/b")), Ok(Plan::Opaque)), "nothing is declared");
}

#[test]
fn a_declared_charset_may_be_left_out() {
    let content = content(&[("application/json; charset=utf-8", json!({ "type": "object" }))]);
    assert_eq!(judge(&content, "application/json", b"{}"), Ok(String::new()));
    assert_eq!(judge(&content, "application/json; charset=UTF-8", b"[]"), Ok(" type".into()));
}

#[test]
fn json_is_read_strictly_and_judged() {
    let schema = json!({ "type": "object", "required": ["a"], "properties": { "a": { "maximum": 5 } } });
    let content = content(&[("application/json", schema)]);
    let check = |body: &str, expected: Result<&str, (json::ErrorKind, usize)>| {
        let expected = expected.map(str::to_owned);
        let expected = expected.map_err(|(kind, offset)| Malformed::Json(json::Error { kind, offset }));
        assert_eq!(judge(&content, "application/json", body.as_bytes()), expected, "{body}");
    };
    check(r#"{"a": 5}"#, Ok(""));
    check(r#"{"a": 6}"#, Ok("/a maximum"));
    check("{}", Ok("/a required"));
    check("[]", Ok(" type"));
    check("", Err((json::ErrorKind::End, 0)));
    check("\u{FEFF}{}", Err((json::ErrorKind::Unexpected, 0)));
    check(r#"{"a":1,"a":1}"#, Err((json::ErrorKind::DuplicateName, 13)));
    assert_eq!(judge(&content, "application/json", b"\"\xFF\""), Err(Malformed::Utf8 { offset: 1 }));
}

#[test]
fn text_is_a_string() {
    let content = content(&[("text/*", json!({ "type": "string", "maxLength": 2 }))]);
    assert_eq!(judge(&content, "text/plain", "éé".as_bytes()), Ok(String::new()));
    assert_eq!(judge(&content, "text/csv", b"123"), Ok(" maxLength".into()));
    assert_eq!(judge(&content, "text/plain", b""), Ok(String::new()));
    assert_eq!(judge(&content, "text/plain", b"a\xE9"), Err(Malformed::Utf8 { offset: 1 }));
}

#[test]
fn other_text_is_judged_where_it_can_be() {
    let content = content(&[("text/*", json!({ "type": "object" }))]);
    assert_eq!(judge(&content, "text/plain", b"a: 1"), Ok(" type".into()));
    assert!(matches!(content.select(&header("text/yaml")), Ok(Plan::Opaque)));
}

#[test]
fn each_item_of_a_sequence_is_judged() {
    let mut lines = described("application/jsonl", 0);
    lines.item_schema = Some(SchemaId(1));
    let mut records = described("application/json-seq", 0);
    records.item_schema = Some(SchemaId(1));
    let table = [json!({ "maxItems": 2 }), json!({ "type": "integer" })];
    let content = built(&[lines, records], table.iter());

    assert_eq!(judge(&content, "application/jsonl", b"1\r\n\n2"), Ok(String::new()));
    assert_eq!(judge(&content, "application/jsonl", b"1\n\"a\"\n3\n"), Ok("/1 type,  maxItems".into()));
    assert_eq!(judge(&content, "application/jsonl", b""), Ok(String::new()));
    let trailing = json::Error { kind: json::ErrorKind::Trailing, offset: 3 };
    assert_eq!(judge(&content, "application/jsonl", b"1\n2,3"), Err(Malformed::Sequence(trailing)));

    assert_eq!(judge(&content, "application/json-seq", b"\x1E1\n\x1E\x1E\"a\"\n"), Ok("/1 type".into()));
    for (body, kind, offset) in [
        (&b"1\n\x1E2\n"[..], json::ErrorKind::Unexpected, 0),
        (b"\x1E1\n\x1E2", json::ErrorKind::End, 5),
        (b"\x1E1\n2\n", json::ErrorKind::Trailing, 3),
    ] {
        let expected = Malformed::Sequence(json::Error { kind, offset });
        assert_eq!(judge(&content, "application/json-seq", body), Err(expected));
    }
}
