//! Objects in a query, exploded and in brackets.

use artifact_format::model::Location::Query;
use artifact_format::model::Style::DeepObject;
use artifact_format::model::UnknownQuery;
use contract::parameter::Others;
use serde_json::{Value, json};

use super::{EXPLODED, check, check_queries, integer, integers, query, string};
use crate::judging::{Contract, Request};

#[test]
fn exploded_objects_claim_only_what_is_theirs() {
    let object = json!({"type": "object", "properties": {"lat": {"type": "number"}, "id": {"type": "boolean"}, "tags": {"type": "array"}}});
    let contract = |object: &Value| {
        let contract = Contract::default().styled(("point", Query), EXPLODED, object).required();
        contract.styled(("id", Query), EXPLODED, &integer())
    };
    let judge = contract(&object).build();
    check(&judge, &Request::query("lat=1.5&id=7&other=x"), &[]);
    check(&judge, &Request::query("lat=1&tags=a&tags=b"), &[]);
    check(&judge, &Request::query("lat=1&lat=2"), &["query point: explode"]);
    check(&judge, &Request::query("id=7&point=1"), &["query point: required"]);
    check(&judge, &Request::query("lat=x&id=true"), &["query point at /lat: type", "query id: type"]);

    let open = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let judge = contract(&open).build_with(Others { unknown: UnknownQuery::Refuse, credentials: &["key"] });
    check(&judge, &Request::query("a=1&b=2&id=3&key=x"), &[]);
    check(&judge, &Request::query("a=1&b=x"), &["query point at /b: type"]);
    check(&judge, &Request::query("id=3&key=x"), &["query point: required"]);

    let closed = json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false});
    check(&contract(&closed).build(), &Request::query("a=1&b=2"), &[]);
    let judge = contract(&closed).build_with(Others { unknown: UnknownQuery::Refuse, credentials: &[] });
    check(&judge, &Request::query("a=1&b=2"), &["query b: additionalProperties"]);
}

#[test]
fn deep_objects_are_read_as_far_as_the_schema_goes() {
    let flat = query(
        "a",
        (DeepObject, true),
        &json!({"type": "object", "properties": {"b": {"type": "integer"}, "c": string()}, "additionalProperties": false}),
    );
    let faults = [
        ("a[b]=x", "query a at /b: type"),
        ("a[d]=1", "query a: additionalProperties"),
        ("a[b]=1&a[b]=2", "query a: explode"),
        ("a[b][]=1", "query a: style"),
        ("a[b][c]=1", "query a: style"),
        ("a[]=1", "query a: style"),
        ("a[b=1", "query a: style"),
        ("a[b]x=1", "query a: style"),
        ("a[b]]=1", "query a: style"),
        ("a=1", "query a: type"),
        ("a=1&a[b]=1", "query a: style"),
    ];
    check_queries(&flat, &["", "a[b]=1", "a%5Bb%5D=1&a[c]=x", "ab=1", "b[a]=1"], &faults);

    let nested = json!({"type": "object", "properties": {"b": {"type": "object", "properties": {"c": integers()}}, "d": integers()}});
    let accepted = ["a[b][c]=1", "a[b][c]=1&a[b][c]=2", "a[b][c][]=1&a[d][0]=1&a[d][1]=2", "a[d]=5", "a[d]="];
    let faults = [
        ("a[b][c][]=x", "query a at /b/c/0: type"),
        ("a[d][1]=1", "query a: style"),
        ("a[d][0]=1&a[d][2]=1", "query a: style"),
        ("a[d][00]=1", "query a: style"),
        ("a[d][][]=1", "query a: style"),
    ];
    check_queries(&query("a", (DeepObject, true), &nested), &accepted, &faults);
    // As Stripe has it: a list, and a number or a range of it.
    check_queries(
        &query("expand", (DeepObject, true), &integers()),
        &["expand[]=1&expand[]=2", "expand[0]=1"],
        &[("expand[]=x", "query expand at /0: type")],
    );
    let range = json!({"anyOf": [{"type": "object", "properties": {"gt": integer()}}, {"type": "integer"}]});
    check_queries(
        &query("created", (DeepObject, true), &range),
        &["created[gt]=5", "created=5"],
        &[("created[gt]=x", "query created at /gt: type"), ("created=x", "query created: anyOf")],
    );
    let deep = format!("a{}=1", "[x]".repeat(17));
    check_queries(&query("a", (DeepObject, true), &json!({})), &["a[x][y][z]=1"], &[(&deep, "query a: style")]);
}

#[test]
fn without_members_there_is_no_object() {
    let either = json!({"anyOf": [{"type": "integer"}, {"type": "object", "properties": {"x": {"type": "integer"}}}]});
    check_queries(
        &query("v", EXPLODED, &either),
        &["v=5", "x=5"],
        &[("v=y", "query v: anyOf"), ("x=y", "query v at /x: type"), ("v=5&x=y", "query v: style")],
    );
}
