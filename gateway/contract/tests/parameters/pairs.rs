//! Names and values: what is there, how often, and what parts them.

use artifact_format::model::Location::{Path, Query};
use artifact_format::model::Style::{PipeDelimited, Simple, SpaceDelimited};
use artifact_format::model::UnknownQuery;
use contract::parameter::Others;
use serde_json::json;

use super::{EXPLODED, JOINED, check, check_queries, integer, integers, query, string};
use crate::judging::{Contract, Request};

#[test]
fn absent_is_not_empty() {
    let optional = query("id", EXPLODED, &integer());
    check_queries(&optional, &["", "ids=x", "&&", "id=5"], &[("id=", "query id: type"), ("id", "query id: type")]);
    let required = Contract::default().styled(("id", Query), EXPLODED, &integer()).required().build();
    check_queries(&required, &["id=5"], &[("", "query id: required"), ("ID=5", "query id: required")]);
    check(&required, &Request::default(), &["query id: required"]);
    check_queries(
        &query("q", EXPLODED, &json!({"type": "string", "maxLength": 0})),
        &["q", "q="],
        &[("q=a", "query q: maxLength")],
    );
    let may_be_empty = Contract::default().styled(("id", Query), EXPLODED, &integer()).allow_empty().build();
    check_queries(
        &may_be_empty,
        &["id=", "id", "id=5"],
        &[("id=a", "query id: type"), ("id=&id=", "query id: explode")],
    );
}

#[test]
fn a_scalar_is_there_once() {
    let judge = query("id", EXPLODED, &integer());
    check_queries(&judge, &["id=1"], &[("id=1&id=1", "query id: explode"), ("id=1&i%64=2", "query id: explode")]);
    let joined = query("ids", JOINED, &integers());
    check_queries(&joined, &["ids=1,2"], &[("ids=1&ids=2", "query ids: explode"), ("ids=1,", "query ids at /1: type")]);
}

#[test]
fn queries_are_decoded_as_forms_are() {
    let judge = query("q", EXPLODED, &json!({"const": "a b+c&d=é"}));
    check_queries(&judge, &["q=a+b%2Bc%26d=é", "q=a%20b%2bc%26d%3D%C3%A9", "%71=a+b%2Bc%26d=é"], &[]);
    // Blanks of Unicode are data.
    check_queries(&query("q", EXPLODED, &json!({"const": "\u{a0}"})), &["q=\u{a0}", "q=%C2%A0"], &[]);
    let faults = [("q=%", "query q: encoding"), ("q=%zz", "query q: encoding"), ("q=%ff", "query q: encoding")];
    check_queries(&query("q", EXPLODED, &string()), &["other=%", "%=1", "q=%00"], &faults);
}

#[test]
fn delimiters_part_before_anything_is_decoded() {
    let judge = query("v", JOINED, &json!({"const": ["a,b", "c"], "type": "array"}));
    check_queries(&judge, &["v=a%2Cb,c"], &[("v=a,b,c", "query v: const")]);
    let path = Contract::default()
        .styled(("v", Path), (Simple, false), &json!({"const": ["a,b", "/c+"], "type": "array"}))
        .build();
    check(&path, &Request::path("a%2cb,%2Fc+"), &[]);
}

#[test]
fn delimiters_may_be_escaped_where_they_cannot_stand() {
    let expected = json!({"const": ["a", "b", "c"], "type": "array"});
    check_queries(
        &query("v", (PipeDelimited, false), &expected),
        &["v=a|b%7Cc", "v=a%7cb|c"],
        &[("v=a,b,c", "query v: const")],
    );
    check_queries(&query("v", (SpaceDelimited, false), &expected), &["v=a+b%20c"], &[("v=a|b|c", "query v: const")]);
    // Exploded they have no form of their own.
    check_queries(&query("v", (PipeDelimited, true), &expected), &["v=a&v=b&v=c"], &[("v=a|b|c", "query v: const")]);
}

#[test]
fn names_may_hold_anything() {
    check_queries(
        &query("filter[]", EXPLODED, &integers()),
        &["filter[]=1&filter%5B%5D=2", "filter[x]=a"],
        &[("filter[]=a", "query filter[] at /0: type")],
    );
    check_queries(&query("a&b", EXPLODED, &integer()), &["a%26b=1", "a&b=1"], &[("a%26b=x", "query a&b: type")]);
}

#[test]
fn unknown_parameters_pass_or_are_refused() {
    let contract = || Contract::default().styled(("id", Query), EXPLODED, &integer());
    check(&contract().build(), &Request::query("x=1&y"), &[]);
    let judge = contract().build_with(Others { unknown: UnknownQuery::Refuse, credentials: &["key"] });
    check(&judge, &Request::query("id=1&key=a&key=b"), &[]);
    check(
        &judge,
        &Request::query("x=1&id=2&y&%zz=1"),
        &["query x: additionalProperties", "query y: additionalProperties", "query %zz: additionalProperties"],
    );
    let long = judge.judge(&Request::query(&"é".repeat(1000)));
    assert!(long[0].len() < 150, "{long:?}");
}

#[test]
fn parameters_may_take_turns() {
    let contract = ["b", "a"].into_iter().fold(Contract::default(), |contract, name| {
        contract.styled((name, Query), EXPLODED, &json!({"type": "array", "items": {"type": "integer"}, "minItems": 2}))
    });
    let judge = contract.required().build();
    check_queries(
        &judge,
        &["a=1&b=2&a=3&b=4", "a=1&a=2"],
        &[
            ("a=1&b=2&a=3&b=x", "query b at /1: type"),
            ("b=2&a=3&b=4", "query a: minItems"),
            ("b=1&b=2", "query a: required"),
        ],
    );
}
