use artifact_format::model::{PropertyEncoding, Style};
use serde_json::{Value, json};

use super::FIELDS_MAX;
use crate::body::tests::{built, content, described, encoding, judge};
use crate::body::{Content, Malformed};
use crate::percent;

const FORM: &str = "application/x-www-form-urlencoded";

fn check(content: &Content, cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(judge(content, FORM, body.as_bytes()).as_deref(), Ok(*expected), "{body}");
    }
}

fn form(properties: &Value) -> Content {
    content(&[(FORM, json!({ "type": "object", "properties": properties, "additionalProperties": false }))])
}

fn encoded(properties: &Value, encoding: PropertyEncoding) -> Content {
    let mut media = described(FORM, 0);
    media.encoding = vec![encoding];
    let schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    built(&[media], [schema].iter())
}

fn styled(property: &str, style: Style, explode: bool) -> PropertyEncoding {
    PropertyEncoding { style: Some(style), explode: Some(explode), ..encoding(property) }
}

#[test]
fn texts_are_what_the_schema_wants() {
    let content = form(&json!({
        "n": { "type": "integer", "maximum": 5 },
        "b": { "type": "boolean" },
        "s": { "type": "string", "pattern": "^[ é+]*$" },
        "a/b": { "enum": ["x"] },
    }));
    check(
        &content,
        &[
            ("", ""),
            ("n=5&b=true&s=+%C3%A9%2B", ""),
            ("&n=5&&", ""),
            ("s", ""),
            ("n=6", "/n maximum"),
            ("n=05", "/n type"),
            ("n=%35", ""),
            ("b=1&n=x", "/b type, /n type"),
            ("%6E=5", ""),
            ("a%2Fb=y", "/a~1b enum"),
            ("other=1", " additionalProperties"),
            ("N=5", " additionalProperties"),
        ],
    );
}

#[test]
fn a_list_is_repeated() {
    let content = form(&json!({
        "l": { "type": "array", "items": { "type": "integer" }, "maxItems": 2 },
        "s": { "type": "string" },
        "either": { "anyOf": [{ "type": "string", "maxLength": 1 }, { "type": "array", "items": { "type": "string" } }] },
    }));
    check(
        &content,
        &[
            ("l=1&s=x&l=2", ""),
            ("l=1", ""),
            ("l=1&l=2&l=3", "/l maxItems"),
            ("l=1&l=x", "/l/1 type"),
            ("l=1,2", "/l/0 type"),
            ("s=x&s=x", "/s explode"),
            ("either=a", ""),
            ("either=ab", ""),
            ("either=ab&either=c", ""),
        ],
    );
}

#[test]
fn lists_and_objects_within_are_json() {
    let point = json!({ "type": "object", "required": ["x"], "properties": { "x": { "type": "integer" } } });
    let content = form(&json!({ "o": point, "l": { "type": "array", "items": point }, "s": { "type": "string" } }));
    check(
        &content,
        &[
            ("o={\"x\":1}", ""),
            ("o=%7B%22x%22:1%7D", ""),
            ("o={}", "/o/x required"),
            ("o={\"x\":\"1\"}", "/o/x type"),
            ("o={\"x\":1,\"x\":1}", "/o type"),
            ("o=x", "/o type"),
            ("l={\"x\":1}&l={\"x\":2}", ""),
            ("l={\"x\":1}", ""),
            ("l={\"x\":1}&l={}", "/l/1/x required"),
            ("s={\"x\":1}", ""),
        ],
    );
}

#[test]
fn what_is_declared_to_be_json_is_json() {
    let declared = PropertyEncoding { content_types: vec!["application/json".into()], ..encoding("j") };
    let content = encoded(&json!({ "j": { "type": ["string", "array"] } }), declared);
    check(&content, &[("j=\"a\"", ""), ("j=a", "/j contentType"), ("j=1", "/j type"), ("j=[1]", "")]);
}

#[test]
fn styles_are_those_of_a_query() {
    let list = json!({ "p": { "type": "array", "items": { "type": "integer" } } });
    let object = json!({
        "p": { "type": "object", "properties": { "R": { "type": "integer" } }, "additionalProperties": false },
        "q": { "type": "string" },
    });
    for (style, explode, properties, cases) in [
        (Style::Form, false, &list, [("p=1,2", ""), ("p=1,x", "/p/1 type"), ("p=1&p=2", "/p explode")]),
        (Style::SpaceDelimited, false, &list, [("p=1%202", ""), ("p=1+x", "/p/1 type"), ("p=1,2", "/p/0 type")]),
        (Style::PipeDelimited, false, &list, [("p=1|2", ""), ("p=1%7Cx", "/p/1 type"), ("p=1,2", "/p/0 type")]),
        (Style::Form, true, &list, [("p=1&p=2", ""), ("p=1&p=x", "/p/1 type"), ("p=1,2", "/p/0 type")]),
        (
            Style::DeepObject,
            true,
            &object,
            [("p[R]=1&q=2", ""), ("p%5BR%5D=x", "/p/R type"), ("p[S]=1", "/p additionalProperties")],
        ),
        (Style::Form, true, &object, [("R=1&q=2", ""), ("R=x", "/p/R type"), ("S=1", " additionalProperties")]),
        (
            Style::Form,
            false,
            &object,
            [("p=R,1&q=2", ""), ("p=R,x", "/p/R type"), ("p=S,1", "/p additionalProperties")],
        ),
    ] {
        check(&encoded(properties, styled("p", style, explode)), &cases);
    }
}

#[test]
fn escapes_are_whole() {
    let content = form(&json!({}));
    for (body, error, offset) in [
        ("a=1&b=%", percent::Error::BadEscape, 4),
        ("%zz=1", percent::Error::BadEscape, 0),
        ("a=%FF", percent::Error::NotUtf8, 0),
    ] {
        assert_eq!(judge(&content, FORM, body.as_bytes()), Err(Malformed::Form { error, offset }), "{body}");
    }
}

#[test]
fn fields_are_limited() {
    let content = content(&[(FORM, json!({ "type": "object" }))]);
    let fields = |count: usize| vec!["a"; count].join("&");
    assert_eq!(judge(&content, FORM, fields(FIELDS_MAX + 1).as_bytes()), Err(Malformed::TooManyFields));
    assert_eq!(judge(&content, FORM, fields(FIELDS_MAX).as_bytes()), Ok(String::new()));
}
