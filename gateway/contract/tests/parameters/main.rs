//! What the specification's table of styles does not show.

mod content;
mod defaults;
#[path = "../judging/mod.rs"]
mod judging;
mod objects;
mod pairs;
mod places;
mod types;

use artifact_format::model::Location::Query;
use artifact_format::model::Style::{self, Form};
use judging::{Contract, Judge, Request};
use serde_json::{Value, json};

const EXPLODED: (Style, bool) = (Form, true);
const JOINED: (Style, bool) = (Form, false);

/// `expected` says what is wrong; nothing if it is empty.
fn check(judge: &Judge, request: &Request, expected: &[&str]) {
    assert_eq!(judge.judge(request), expected, "{request:?}");
}

fn query(name: &str, style: (Style, bool), schema: &Value) -> Judge {
    Contract::default().styled((name, Query), style, schema).build()
}

/// Queries that are accepted, and queries that are refused.
fn check_queries(judge: &Judge, accepted: &[&str], refused: &[(&str, &str)]) {
    accepted.iter().for_each(|text| check(judge, &Request::query(text), &[]));
    refused.iter().for_each(|(text, expected)| check(judge, &Request::query(text), &[expected]));
}

fn integer() -> Value {
    json!({"type": "integer"})
}

fn integers() -> Value {
    json!({"type": "array", "items": {"type": "integer"}})
}

fn string() -> Value {
    json!({"type": "string"})
}
