use artifact_format::model::{self, PropertyEncoding, SchemaId};
use serde_json::{Value, json};

use super::{Error, PARTS_MAX};
use crate::body::tests::{built, described, encoding, faults, header};
use crate::body::{Content, Malformed, Plan, Scratch};
use crate::{Detail, Report};

const CONTENT_TYPE: &str = "multipart/form-data; boundary=b";

/// The verdict on a body that comes in pieces of `size` bytes.
fn judge(content: &Content, body: &[u8], size: usize) -> Result<String, Malformed> {
    let Plan::Multipart(inspector) = content.select(&header(CONTENT_TYPE)).unwrap() else { panic!("not multipart") };
    let mut inspector = inspector.with_fields_max_bytes(100);
    let mut report = Report::new(Detail::Full);
    for piece in body.chunks(size) {
        inspector.feed(piece, &mut report)?;
    }
    inspector.finish(&mut Scratch::default(), &mut report)?;
    Ok(faults(&report))
}

/// A body of these parts: what follows `form-data; name=`, and the content.
fn body(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (header, content) in parts {
        body.extend(["--b\r\nContent-Disposition: form-data; name=", header, "\r\n\r\n", content, "\r\n"]);
    }
    body.push_str("--b--\r\n");
    body.into_bytes()
}

fn check(content: &Content, cases: &[(&[(&str, &str)], &str)]) {
    for (parts, expected) in cases {
        let body = body(parts);
        for size in [1, 7, body.len()] {
            assert_eq!(judge(content, &body, size).as_deref(), Ok(*expected), "{parts:?} in pieces of {size}");
        }
    }
}

fn form(properties: &Value) -> Content {
    encoded(properties, Vec::new(), &[])
}

fn encoded(properties: &Value, encoding: Vec<PropertyEncoding>, others: &[Value]) -> Content {
    let mut media = described("multipart/form-data", 0);
    media.encoding = encoding;
    let schema = json!({ "type": "object", "properties": properties, "required": ["a"] });
    built(&[media], [schema].iter().chain(others))
}

#[test]
fn texts_are_what_the_schema_wants() {
    let content = form(&json!({
        "a": { "type": "integer" },
        "l": { "type": "array", "items": { "type": "boolean" } },
        "o": { "type": "object", "required": ["x"] },
        "ü": { "type": "string" },
    }));
    check(
        &content,
        &[
            (&[("a", "1")], ""),
            (&[("a", "x")], "/a type"),
            (&[("a", "%31")], "/a type"),
            (&[("\"ü\"", "1")], "/a required"),
            (&[("a", "1"), ("\"ü\"", "é\r\n+%41")], ""),
            (&[("a", "1"), ("a", "1")], "/a explode"),
            (&[("a", "1"), ("l", "true"), ("o", r#"{"x":1}"#), ("l", "false")], ""),
            (&[("a", "1"), ("l", "true"), ("l", "0")], "/l/1 type"),
            (&[("a", "1"), ("o\r\nContent-Type: application/json", "{}")], "/o/x required"),
            (&[("a\r\nContent-Type: text/plain; charset=utf-16", "1")], "/a contentType"),
            (&[("a\r\nContent-Transfer-Encoding: base64", "1")], "/a contentType"),
        ],
    );
    assert_eq!(judge(&content, b"--b--", 5).as_deref(), Ok("/a required"));
    let latin = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\xE9\r\n--b--";
    assert_eq!(judge(&content, latin, 9).as_deref(), Ok("/a contentType"));
}

#[test]
fn files_are_counted() {
    let binary = json!({ "type": "string", "format": "binary", "maxLength": 200 });
    let content = form(&json!({ "a": binary, "l": { "type": "array", "items": binary } }));
    let (long, longer) = ("é".repeat(100), "\0".repeat(201));
    check(
        &content,
        &[
            (&[("a; filename=x", &long)], ""),
            (&[("a; filename=x", &longer)], "/a maxLength"),
            (&[("a", ""), ("l; filename=x", &long), ("l; filename=y", &long)], ""),
            (&[("a", ""), ("l; filename=x", &longer)], "/l/0 maxLength"),
            (&[("a; filename=x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64", "AA==")], ""),
            (&[("a", ""), ("unsaid; filename=x\r\nContent-Type: image/png", &longer)], ""),
        ],
    );
    let octets = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\xFF\r\n\
        --b\r\nContent-Disposition: form-data; name=unsaid\r\n\r\n\xFF\r\n--b--";
    assert_eq!(judge(&content, octets, 9).as_deref(), Ok(""));
}

#[test]
fn a_file_cannot_be_what_must_be_looked_at() {
    let content = form(&json!({ "a": { "enum": ["x"] } }));
    check(
        &content,
        &[
            (&[("a; filename=x\r\nContent-Type: image/png", "x")], ""),
            (&[("a; filename=x\r\nContent-Type: image/png", "y")], "/a enum"),
        ],
    );
}

#[test]
fn parts_are_of_their_declared_types() {
    let types = ["image/png", "image/x-*", "application/json"].map(str::to_owned).to_vec();
    let declared = PropertyEncoding { content_types: types, ..encoding("a") };
    let content = encoded(&json!({ "a": {} }), vec![declared], &[]);
    check(
        &content,
        &[
            (&[("a\r\nContent-Type: image/png", "x")], ""),
            (&[("a\r\nContent-Type: image/gif", "x")], "/a contentType"),
            (&[("a\r\nContent-Type: application/json", "[1]")], ""),
            (&[("a\r\nContent-Type: application/json", "[1")], "/a contentType"),
            (&[("a", "x")], ""),
        ],
    );
    let declared = PropertyEncoding { content_types: vec!["application/json".into()], ..encoding("a") };
    let content = encoded(&json!({ "a": { "type": "array", "items": { "type": "integer" } } }), vec![declared], &[]);
    check(
        &content,
        &[
            (&[("a", "[1, 2]")], ""),
            (&[("a", "1"), ("a", "2")], ""),
            (&[("a", "[1, \"2\"]")], "/a/1 type"),
            (&[("a", "x")], "/a contentType"),
        ],
    );
}

#[test]
fn an_object_in_another_format_is_not_judged() {
    let declared = PropertyEncoding { content_types: vec!["application/xml".into()], ..encoding("a") };
    let object = json!({ "type": "object", "required": ["x"] });
    let properties = json!({ "a": object, "ab": { "type": "integer" } });
    check(
        &encoded(&properties, vec![declared.clone()], &[]),
        &[
            (&[("a\r\nContent-Type: application/xml", "<a/>")], ""),
            (&[("a\r\nContent-Type: application/json", "<a/>")], "/a contentType"),
            (&[("a", "<a/>"), ("ab", "x")], "/a type, /ab type"),
            (&[("ab", "1")], "/a required"),
        ],
    );
    let list = encoded(&json!({ "a": { "type": "array", "items": object, "maxItems": 2 } }), vec![declared], &[]);
    let part = ("a", "<a/>");
    check(&list, &[(&[part], ""), (&[part, part], "")]);
    let three = judge(&list, &body(&[part, part, part]), 9).unwrap();
    assert!(three.contains("/a maxItems"), "{three}");
}

#[test]
fn headers_of_parts_are_judged() {
    let header = model::Header { name: "x-size".into(), required: true, explode: false, schema: Some(SchemaId(1)) };
    let declared = PropertyEncoding { headers: vec![header], ..encoding("a") };
    let content = encoded(&json!({ "a": {} }), vec![declared], &[json!({ "type": "integer" })]);
    check(
        &content,
        &[(&[("a\r\nX-Size: 1", "")], ""), (&[("a\r\nX-Size: x", "")], "/a headers"), (&[("a", "")], "/a headers")],
    );
}

#[test]
fn what_is_held_is_limited() {
    let content = form(&json!({ "a": { "type": "string" } }));
    let long = "x".repeat(99);
    check(&content, &[(&[("a", &long)], "")]);
    let fails = |body: &[u8]| judge(&content, body, 11).unwrap_err();
    assert!(fails(&body(&[("a", &"x".repeat(101))])).is_too_large() && !fails(b"--b").is_too_large());
    assert_eq!(fails(&body(&[("a", &long), ("b", "")])), Malformed::Multipart(Error::FieldsTooLarge));
    assert_eq!(fails(&body(&[(&"n".repeat(101), "")])), Malformed::Multipart(Error::FieldsTooLarge));
    let many = vec![("\"\"", ""); PARTS_MAX + 1];
    assert_eq!(fails(&body(&many)), Malformed::Multipart(Error::TooManyParts));
}

#[test]
fn a_boundary_must_be_told() {
    let content = form(&json!({}));
    for content_type in
        ["multipart/form-data", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"a;\""]
    {
        let selected = content.select(&header(content_type)).map(drop);
        assert_eq!(selected, Err(crate::body::Unsupported::Boundary(Error::Boundary)), "{content_type}");
    }
}
