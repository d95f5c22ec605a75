//! From text to values.

use artifact_format::model::Location::Path;
use artifact_format::model::Style::Matrix;
use serde_json::json;

use super::{EXPLODED, JOINED, check, check_queries, integers, query, string};
use crate::judging::{Contract, Request};

#[test]
fn a_value_is_valid_in_any_of_its_readings() {
    let either = json!({"anyOf": [{"type": "integer", "maximum": 10}, {"type": "string", "minLength": 2}]});
    check_queries(&query("v", EXPLODED, &either), &["v=5", "v=50", "v=ab"], &[("v=a", "query v: minLength")]);
    let list = json!({"type": "array", "items": either, "maxItems": 3});
    check_queries(
        &query("v", JOINED, &list),
        &["v=5,50,ab", "v=50"],
        &[("v=5,a", "query v at /1: minLength"), ("v=5,50,5,50", "query v: maxItems")],
    );
    let list_or_one =
        json!({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "boolean"}, "minItems": 2}]});
    check_queries(&query("v", EXPLODED, &list_or_one), &["v=5", "v=true&v=false"], &[("v=true", "query v: anyOf")]);
    // Two values can only be the list, so its items are what is wrong.
    check(
        &query("v", EXPLODED, &list_or_one),
        &Request::query("v=5&v=6"),
        &["query v at /0: type", "query v at /1: type"],
    );
    check_queries(&query("v", JOINED, &list_or_one), &["v=5", "v=true,false"], &[("v=true", "query v: anyOf")]);
    check(&query("v", JOINED, &list_or_one), &Request::query("v=5,6"), &["query v: anyOf"]);
    // Which texts are numbers only the whole can tell.
    let whole = json!({"anyOf": [{"const": ["1", "2"]}, {"const": [1, 2]}], "type": "array"});
    check_queries(&query("v", JOINED, &whole), &["v=1,2"], &[("v=1,3", "query v: anyOf")]);
    let strings = json!({"type": "array", "contains": {"const": "2"}});
    check_queries(&query("v", JOINED, &strings), &["v=1,2"], &[("v=1,3", "query v: contains")]);
}

#[test]
fn without_types_a_value_is_what_the_keywords_are_about() {
    for style in [EXPLODED, JOINED] {
        let short = query("v", style, &json!({"maxLength": 3}));
        check_queries(
            &short,
            &["v=abc", "v=555", "v=a,b"],
            &[
                ("v=abcd", "query v: maxLength"),
                ("v=a,bc", "query v: maxLength"),
                ("v=5555", "query v: maxLength"),
                ("v=a&v=b", "query v: explode"),
            ],
        );
        let small = query("v", style, &json!({"maximum": 3}));
        // Not a number, so the schema does not forbid it.
        check_queries(&small, &["v=3", "v=x"], &[("v=4", "query v: maximum")]);
        check_queries(
            &query("v", style, &json!({"not": {"const": "x"}})),
            &["v=y", "v=x,x"],
            &[("v=x", "query v: not")],
        );
    }
    check_queries(&query("v", EXPLODED, &json!({})), &["v=5", "v=a&v=b", "v="], &[]);
    check_queries(&query("v", JOINED, &json!({"minItems": 2})), &["v=a,b"], &[("v=a", "query v: minItems")]);
    let path = Contract::default().styled(("v", Path), (Matrix, true), &json!({})).build();
    check(&path, &Request::path(";v=1;v=2"), &[]);
    check(&path, &Request::path(";v=1;w=2"), &["path v: style"]);
}

#[test]
fn null_is_nothing_or_its_name() {
    let nullable = json!({"type": ["integer", "null"]});
    check_queries(&query("v", EXPLODED, &nullable), &["v=", "v", "v=null", "v=5"], &[("v=NULL", "query v: type")]);
    check_queries(&query("v", EXPLODED, &string()), &["v=", "v=null"], &[]);
}

#[test]
fn lists_within_lists_cannot_be_written() {
    let nested = json!({"type": "array", "items": integers()});
    check_queries(&query("v", JOINED, &nested), &[], &[("v=1", "query v at /0: type")]);
    let objects = json!({"type": "array", "items": {"type": "object"}, "minItems": 2});
    check(&query("v", EXPLODED, &objects), &Request::query("v=&v="), &["query v at /0: type", "query v at /1: type"]);
}
