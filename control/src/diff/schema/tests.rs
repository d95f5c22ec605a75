//! Tables of two schemas and what is between them. `N` of a reference is the position in the list of that side.

use artifact_format::model::{Patterns, Schema, SchemaId, Schemas};

use super::{Direction, Graph, Table};
use crate::diff::Severity;

fn table(schemas: &[&str]) -> Table {
    let schema = |json: &&str| Schema { json: (*json).to_owned(), references: Vec::new() };
    Table::parse(&Schemas { schemas: schemas.iter().map(schema).collect(), patterns: Patterns::Linear }, "test")
        .unwrap()
}

fn differences(old: &[&str], new: &[&str], direction: Direction) -> Vec<(Severity, String)> {
    let (old, new) = (table(old), table(new));
    let found = Graph::new(&old, &new).compare(Some(SchemaId(0)), Some(SchemaId(0)), direction);
    let shown = found.into_iter().map(|difference| {
        let space = if difference.at.is_empty() { "" } else { " " };
        (difference.severity, format!("{}{space}{}", difference.at, difference.text))
    });
    shown.collect()
}

/// What one difference says, and what it means to requests and to responses.
fn check(old: &str, new: &str, (request, response): (Severity, Severity), text: &str) {
    for (direction, severity) in [(Direction::Request, request), (Direction::Response, response)] {
        let found = differences(&[old], &[new], direction);
        assert_eq!(found, [(severity, text.to_owned())], "{old} -> {new}, {direction:?}");
    }
}

fn check_same(old: &[&str], new: &[&str]) {
    for direction in [Direction::Request, Direction::Response] {
        assert_eq!(differences(old, new, direction), [], "{old:?} -> {new:?}");
    }
}

const NARROWED: (Severity, Severity) = (Severity::Breaking, Severity::Compatible);
const WIDENED: (Severity, Severity) = (Severity::Compatible, Severity::Breaking);
const UNCLEAR: (Severity, Severity) = (Severity::Review, Severity::Review);

#[test]
fn types() {
    let (a, b) = (r#"{"type":["string","null"]}"#, r#"{"type":"string"}"#);
    check(a, b, NARROWED, "`type` no longer accepts null");
    check(b, a, WIDENED, "`type` now accepts null");
    let (a, b) = (r#"{"type":"integer"}"#, r#"{"type":"number"}"#);
    check(a, b, WIDENED, "`type` now accepts number");
    check(b, a, NARROWED, "`type` no longer accepts number");
    check_same(&[r#"{"type":["string"]}"#], &[r#"{"type":"string"}"#]);
}

#[test]
fn listed_values() {
    let (a, b) = (r#"{"enum":["a","b"]}"#, r#"{"enum":["b"]}"#);
    check(a, b, NARROWED, "value \"a\" removed from `enum`");
    check(b, a, WIDENED, "value \"a\" added to `enum`");
    check("{}", b, NARROWED, "restricted by `enum`");
    check(b, "{}", WIDENED, "no longer restricted by `enum`");
    check_same(&[r#"{"enum":["a",1]}"#], &[r#"{"enum":[1.0,"a"]}"#]);
}

#[test]
fn bounds() {
    let (a, b) = (r#"{"maximum":10}"#, r#"{"maximum":9}"#);
    check(a, b, NARROWED, "`maximum` changed from 10 to 9");
    check(b, a, WIDENED, "`maximum` changed from 9 to 10");
    let (a, b) = (r#"{"minLength":1}"#, r#"{"minLength":2}"#);
    check(a, b, NARROWED, "`minLength` changed from 1 to 2");
    check(b, a, WIDENED, "`minLength` changed from 2 to 1");
    check("{}", r#"{"exclusiveMinimum":0}"#, NARROWED, "`exclusiveMinimum` changed from none to 0");
    check(r#"{"maxItems":3}"#, "{}", WIDENED, "`maxItems` changed from 3 to none");
    check_same(&["{}"], &[r#"{"minLength":0}"#]);
    check_same(&[r#"{"minimum":1}"#], &[r#"{"minimum":1.0}"#]);
}

#[test]
fn what_cannot_be_classed_is_for_review() {
    check("{}", r#"{"pattern":"^a"}"#, NARROWED, "`pattern` added: \"^a\"");
    check(r#"{"pattern":"^b"}"#, r#"{"pattern":"^a"}"#, UNCLEAR, "`pattern` changed from \"^b\" to \"^a\": review");
    check(r#"{"not":{"type":"null"}}"#, r#"{"not":{"type":"string"}}"#, UNCLEAR, "`not` changed: review");
    check("{}", r#"{"x-unheard-of":1}"#, UNCLEAR, "`x-unheard-of` changed: review");
}

#[test]
fn required_properties() {
    let (a, b) = (r#"{"properties":{"a":{}}}"#, r#"{"properties":{"a":{}},"required":["a"]}"#);
    check(a, b, NARROWED, "a is now required");
    check(b, a, WIDENED, "a is no longer required");
    check("{}", r#"{"required":["a"]}"#, NARROWED, "a is now required");
}

#[test]
fn properties_come_and_go() {
    let (a, b) = (r#"{"properties":{"a":{},"b":{}}}"#, r#"{"properties":{"a":{}}}"#);
    check(a, b, (Severity::Review, Severity::Breaking), "b property removed");
    check(b, a, (Severity::Compatible, Severity::Compatible), "b property added");
    let (a, b) = (
        r#"{"properties":{"a":{},"b":{}},"additionalProperties":false}"#,
        r#"{"properties":{"a":{}},"additionalProperties":false}"#,
    );
    check(a, b, (Severity::Breaking, Severity::Breaking), "b property removed");
}

#[test]
fn additional_properties() {
    let closed = r#"{"additionalProperties":false}"#;
    check("{}", closed, NARROWED, "properties that are not described are refused now");
    check(closed, r#"{"additionalProperties":true}"#, WIDENED, "properties that are not described are allowed now");
    let strings = r#"{"additionalProperties":{"type":"string"}}"#;
    let found = differences(&["{}"], &[strings], Direction::Request);
    assert!(found.iter().all(|(severity, text)| *severity == Severity::Breaking && text.starts_with("* `type`")));
    check_same(&["{}"], &[r#"{"additionalProperties":true}"#]);
}

#[test]
fn places_are_named() {
    let of = |limit: u32| {
        format!(r#"{{"properties":{{"owner":{{"properties":{{"tags":{{"items":{{"maxLength":{limit}}}}}}}}}}}}}"#)
    };
    check(&of(5), &of(4), NARROWED, "owner.tags[] `maxLength` changed from 5 to 4");
}

#[test]
fn read_only_is_no_matter_of_requests() {
    let (a, b) =
        (r#"{"properties":{"id":{"readOnly":true}}}"#, r#"{"properties":{"id":{"readOnly":true}},"required":["id"]}"#);
    assert_eq!(differences(&[a], &[b], Direction::Request), []);
    assert_eq!(differences(&[b], &[a], Direction::Response).len(), 1);
    let (a, b) = (
        r#"{"properties":{"key":{"writeOnly":true,"maxLength":9}}}"#,
        r#"{"properties":{"key":{"writeOnly":true,"maxLength":8}}}"#,
    );
    assert_eq!(differences(&[a], &[b], Direction::Request).len(), 1);
    assert_eq!(differences(&[b], &[a], Direction::Response), []);
}

#[test]
fn references_are_followed_whatever_their_numbers() {
    let old = [r#"{"items":{"$ref":"portcullis:schema/1"}}"#, r#"{"maxLength":5}"#];
    let renumbered = [r#"{"items":{"$ref":"portcullis:schema/2"}}"#, "{}", r#"{"maxLength":5}"#];
    check_same(&old, &renumbered);
    check_same(&old, &[r#"{"items":{"maxLength":5}}"#]);
    let changed = [r#"{"items":{"$ref":"portcullis:schema/1"}}"#, r#"{"maxLength":4}"#];
    let found = differences(&old, &changed, Direction::Request);
    assert_eq!(found, [(Severity::Breaking, "[] `maxLength` changed from 5 to 4".to_owned())]);
    let beside = [r#"{"items":{"$ref":"portcullis:schema/1","minLength":2}}"#, r#"{"maxLength":5}"#];
    let found = differences(&old, &beside, Direction::Request);
    assert_eq!(found, [(Severity::Breaking, "[] `minLength` changed from 0 to 2".to_owned())]);
}

#[test]
fn cycles_end() {
    let tree = |bound: u32| {
        format!(r#"{{"properties":{{"next":{{"$ref":"portcullis:schema/0"}},"name":{{"maxLength":{bound}}}}}}}"#)
    };
    check_same(&[&tree(5)], &[&tree(5)]);
    check(&tree(5), &tree(4), NARROWED, "name `maxLength` changed from 5 to 4");
    check_same(&[r#"{"$ref":"portcullis:schema/0"}"#], &[r#"{"$ref":"portcullis:schema/0"}"#]);
}

#[test]
fn cycles_that_are_written_out_of_step_end() {
    let once = [r#"{"properties":{"next":{"$ref":"portcullis:schema/0"}}}"#];
    let twice = [r#"{"properties":{"next":{"properties":{"next":{"$ref":"portcullis:schema/0"}}}}}"#];
    check_same(&once, &twice);
    let other = [r#"{"properties":{"next":{"properties":{"next":{"$ref":"portcullis:schema/0"}},"type":"object"}}}"#];
    let found = differences(&once, &other, Direction::Request);
    assert!(found.iter().any(|(severity, text)| *severity == Severity::Breaking && text.starts_with("next `type`")));
}

#[test]
fn alternatives_have_no_order() {
    let (a, b) = (r#"{"type":"string"}"#, r#"{"type":"integer"}"#);
    let of = |schemas: &[&str]| format!(r#"{{"oneOf":[{}]}}"#, schemas.join(","));
    check_same(&[&of(&[a, b])], &[&of(&[b, a])]);
    check(&of(&[a]), &of(&[b, a]), WIDENED, "a schema added to `oneOf`");
    check(&of(&[a, b]), &of(&[b]), NARROWED, "a schema removed from `oneOf`");
    check("{}", &of(&[a]), NARROWED, "restricted by `oneOf`");
    check("{}", r#"{"allOf":[{"maxLength":1}]}"#, NARROWED, "a schema added to `allOf`");
    let (two, three) = (r#"{"maxLength":2}"#, r#"{"maxLength":3}"#);
    check(&of(&[a, three]), &of(&[two, a]), NARROWED, "`maxLength` changed from 3 to 2");
    check(&of(&[a]), &of(&[two, three]), UNCLEAR, "the schemas of `oneOf` changed: review");
}

#[test]
fn booleans_are_schemas() {
    check("true", "false", NARROWED, "no value is allowed any more");
    check("false", "{}", WIDENED, "a value is allowed now, where none was");
    check_same(&["true"], &["{}"]);
    check("true", r#"{"maxLength":1}"#, NARROWED, "`maxLength` changed from none to 1");
}

#[test]
fn a_schema_that_came_or_went() {
    let (none, some) = (table(&[]), table(&[r#"{"maxLength":1}"#]));
    let found = Graph::new(&none, &some).compare(None, Some(SchemaId(0)), Direction::Request);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::Breaking);
    assert!(Graph::new(&none, &none).compare(None, None, Direction::Request).is_empty());
}

#[test]
fn a_schema_that_two_operations_share_is_reported_to_both() {
    let (old, new) = (table(&[r#"{"maxLength":2}"#]), table(&[r#"{"maxLength":1}"#]));
    let mut graph = Graph::new(&old, &new);
    for _ in 0..2 {
        assert_eq!(graph.compare(Some(SchemaId(0)), Some(SchemaId(0)), Direction::Request).len(), 1);
    }
}
