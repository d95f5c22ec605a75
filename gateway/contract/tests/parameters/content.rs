//! Parameters with `content`.

use artifact_format::model::Location::{Header, Query, Querystring};
use serde_json::json;

use super::{check, check_queries, integer, integers};
use crate::judging::{Contract, Request};

#[test]
fn content_is_parsed() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let judge = Contract::default().content(("filter", Query), "application/vnd.x+json; v=1", &schema).build();
    let faults = [
        ("filter=", "query filter: content"),
        ("filter={", "query filter: content"),
        ("filter=%7B%22a%22:1,%22a%22:1%7D", "query filter: content"),
        ("filter=%7B%22a%22:%221%22%7D", "query filter at /a: type"),
        ("filter=%", "query filter: encoding"),
        ("filter={}&filter={}", "query filter: explode"),
    ];
    check_queries(&judge, &["filter={}", "filter=%7B%22a%22:+1%7D", "filter=%7B%22a%22%3A1.0%7D"], &faults);
    let text =
        Contract::default().content(("t", Query), "text/plain", &json!({"type": "string", "maxLength": 3})).build();
    check_queries(&text, &["t=abc", "t=1"], &[("t=abcd", "query t: maxLength")]);
    let other =
        Contract::default().content(("t", Query), "application/xml", &json!({"type": "integer"})).required().build();
    check_queries(&other, &["t=<a/>"], &[("", "query t: required"), ("t=1&t=1", "query t: explode")]);
    let json = Contract::default().content(("t", Query), "text/json", &integer()).build();
    check_queries(&json, &["t=1", "t=%201"], &[("t=a", "query t: content"), ("t=%221%22", "query t: type")]);
    let xml = Contract::default().content(("t", Query), "text/xml", &integer()).build();
    check_queries(&xml, &["t=<a/>"], &[]);
    let header = Contract::default().content(("X-Filter", Header), "application/json", &schema).build();
    check(&header, &Request::default().header("x-filter", "{\"a\":1}"), &[]);
    check(&header, &Request::default().header("x-filter", "{\"a\":%31}"), &["header X-Filter: content"]);
    check(
        &header,
        &Request::default().header("x-filter", "{}").header("x-filter", "{}"),
        &["header X-Filter: explode"],
    );
}

#[test]
fn a_query_can_be_one_value() {
    let schema = json!({"type": "object", "properties": {"a": integer(), "b": integers()}, "required": ["a"], "additionalProperties": false});
    let form = Contract::default()
        .content(("q", Querystring), "application/x-www-form-urlencoded", &schema)
        .required()
        .build();
    let faults = [
        ("", "query q: required"),
        ("b=1", "query q at /a: required"),
        ("a=x", "query q at /a: type"),
        ("a=1&a=2", "query q: explode"),
        ("a=1&c=2", "query q: additionalProperties"),
    ];
    check_queries(&form, &["a=1", "a=1&b=2&b=3", "%61=1&b=2"], &faults);
    let json = Contract::default().content(("q", Querystring), "application/json", &schema).build();
    check_queries(
        &json,
        &["", "%7B%22a%22%3A1%7D"],
        &[("a=1", "query q: content"), ("%7B%7D", "query q at /a: required")],
    );
    let plus = Contract::default().content(("q", Querystring), "application/json", &json!({"const": "a+b"})).build();
    check_queries(&plus, &["%22a+b%22"], &[("%22a%20b%22", "query q: const")]);
}
