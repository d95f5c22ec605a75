//! What the specification's table does not show.

mod judging;

use artifact_format::model::Location::{self, Cookie, Header, Path, Query, Querystring};
use artifact_format::model::Style::{self, DeepObject, Form, Label, Matrix, PipeDelimited, Simple, SpaceDelimited};
use artifact_format::model::UnknownQuery;
use contract::parameter::Others;
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
fn without_members_there_is_no_object() {
    let either = json!({"anyOf": [{"type": "integer"}, {"type": "object", "properties": {"x": {"type": "integer"}}}]});
    check_queries(
        &query("v", EXPLODED, &either),
        &["v=5", "x=5"],
        &[("v=y", "query v: anyOf"), ("x=y", "query v at /x: type"), ("v=5&x=y", "query v: style")],
    );
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

#[test]
fn header_fields_are_one_list() {
    let judge = |schema: &Value| Contract::default().styled(("X-Ids", Header), (Simple, false), schema).build();
    let header =
        |values: &[&str]| values.iter().fold(Request::default(), |request, value| request.header("x-ids", value));
    check(&judge(&integers()), &header(&["1,2 , 3"]), &[]);
    check(&judge(&integers()), &header(&["1", "2,3"]), &[]);
    check(&judge(&integers()), &header(&["1", "x"]), &["header X-Ids at /1: type"]);
    check(&judge(&integer()), &header(&[" 5 "]), &[]);
    check(&judge(&integer()), &header(&["5", "5"]), &["header X-Ids: explode"]);
    check(&judge(&json!({"const": "a%20b+c, d"})), &header(&["a%20b+c, d"]), &[]);
    check(&judge(&string()), &Request::default().header_bytes("X-IDS", b"\xff"), &["header X-Ids: encoding"]);
    check(&judge(&json!({"const": "é"})), &Request::default().header_bytes("X-IDS", "é".as_bytes()), &[]);
}

#[test]
fn cookies_are_exact() {
    let judge = |style: (Style, bool), schema: &Value| {
        Contract::default().styled(("c", Cookie), style, schema).required().build()
    };
    let cookies =
        |texts: &[&str]| texts.iter().fold(Request::default(), |request, text| request.header("cookie", text));
    let form = judge(EXPLODED, &json!({"const": "a b"}));
    check(&form, &cookies(&["x=1; c=a%20b; C=2"]), &[]);
    check(&form, &cookies(&["x=1", "c=a%20b"]), &[]);
    check(&form, &cookies(&["C=a%20b", "%63=a%20b"]), &["cookie c: required"]);
    check(&form, &cookies(&["c=a+b"]), &["cookie c: const"]);
    check(&form, &cookies(&["c=a%20b; c=a%20b"]), &["cookie c: explode"]);
    check(&judge(EXPLODED, &json!({"const": "50%"})), &cookies(&["c=50%"]), &[]);
    check(&judge((Style::Cookie, true), &json!({"const": "a%20b"})), &cookies(&["c=a%20b"]), &[]);
    check(&judge(EXPLODED, &json!({"const": "\"a\""})), &cookies(&["c=\"a\""]), &[]);
    check(&judge(EXPLODED, &json!({"const": "a&b=1"})), &cookies(&["c=a&b=1"]), &[]);
    check(&judge(EXPLODED, &integers()), &cookies(&["c=1&c=2; x=&y"]), &[]);
    check(&judge(EXPLODED, &integers()), &cookies(&["c=1&d=2"]), &["cookie c: style"]);
    check(&judge(EXPLODED, &string()), &Request::default().header_bytes("cookie", b"c=\xff"), &["cookie: encoding"]);
}

#[test]
fn path_variables_go_by_their_place() {
    let contract = Contract::default().styled(("a", Path), (Simple, false), &integer());
    let judge = contract
        .styled(("b", Path), (Matrix, true), &integers())
        .styled(("c", Path), (Label, false), &json!({"const": "+.%"}))
        .build();
    let request = |texts: [&str; 3]| Request { path: texts.map(str::to_owned).to_vec(), ..Request::default() };
    check(&judge, &request(["1", ";b=1;%62=2", ".+.%25"]), &[]);
    check(&judge, &request(["x", ";a=1", "+.%25"]), &["path a: type", "path b: style", "path c: style"]);
    check(&judge, &request(["01", ";b=1;b", ".+.%2"]), &["path a: type", "path b at /1: type", "path c: encoding"]);
}

#[test]
fn every_fault_is_said() {
    let contract = [("p", Path), ("q", Query), ("h", Header), ("c", Cookie)].into_iter().fold(
        Contract::default(),
        |contract, (name, location): (_, Location)| {
            let style = if matches!(location, Path | Header) { (Simple, false) } else { EXPLODED };
            contract.styled((name, location), style, &integer()).required()
        },
    );
    let judge = contract.build();
    let request = Request { query: Some("q=x".into()), ..Request::path("x") }.header("h", "x").header("cookie", "c=x");
    check(&judge, &request, &["path p: type", "query q: type", "header h: type", "cookie c: type"]);
    check(
        &judge,
        &Request::default(),
        &["path p: required", "query q: required", "header h: required", "cookie c: required"],
    );
}

#[test]
fn defaults_are_written_as_they_would_be_read() {
    for (location, style, default, expected) in [
        (Query, EXPLODED, json!(5), "query: a%5Bb=5"),
        (Query, EXPLODED, json!("x &+"), "query: a%5Bb=x%20%26%2B"),
        (Query, EXPLODED, json!([1, true]), "query: a%5Bb=1&a%5Bb=true"),
        (Query, JOINED, json!(["a,b", "c"]), "query: a%5Bb=a%2Cb,c"),
        (Query, EXPLODED, json!({"x": 1, "y/": "z"}), "query: x=1&y%2F=z"),
        (Query, JOINED, json!({"x": 1}), "query: a%5Bb=x,1"),
        (Query, (PipeDelimited, false), json!([1, 2]), "query: a%5Bb=1%7C2"),
        (Query, (SpaceDelimited, false), json!([1, 2]), "query: a%5Bb=1%202"),
        (Header, (Simple, true), json!({"x": "ü", "y": 2}), "header: x=ü,y=2"),
        (Header, (Simple, false), json!("a, b"), "header: a, b"),
        (Cookie, EXPLODED, json!([1, "é"]), "cookie: a[b=1; a[b=%C3%A9"),
        (Cookie, (Style::Cookie, true), json!("a%"), "cookie: a[b=a%"),
    ] {
        let name = if location == Header { "x-a" } else { "a[b" };
        let schema = json!({"default": default, "const": default, "type": kind(&default)});
        let judge = Contract::default().styled((name, location), style, &schema).build();
        assert_eq!(judge.defaults(&Request::default()), [expected]);
        let (_, text) = expected.split_once(": ").unwrap();
        let completed = Request::at(location, name, text);
        assert_eq!(judge.defaults(&completed), Vec::<String>::new());
        check(&judge, &completed, &[]);
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::String(_) => "string",
        _ => "integer",
    }
}

#[test]
fn what_cannot_be_written_has_no_default() {
    let without = |location, style, default: Value| {
        let judge = Contract::default().styled(("a", location), style, &json!({"default": default})).build();
        assert_eq!(judge.defaults(&Request::default()), Vec::<String>::new());
    };
    without(Query, EXPLODED, json!([]));
    without(Query, EXPLODED, json!({}));
    without(Query, EXPLODED, json!([[1]]));
    without(Query, EXPLODED, json!({"a": {"b": 1}}));
    without(Header, (Simple, false), json!("a\nb"));
    without(Path, (Simple, false), json!(5));
}
