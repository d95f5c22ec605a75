//! What holds for header fields, cookies and paths.

use artifact_format::model::Location::{self, Cookie, Header, Path, Query};
use artifact_format::model::Style::{self, Label, Matrix, Simple};
use serde_json::{Value, json};

use super::{EXPLODED, check, integer, integers, string};
use crate::judging::{Contract, Request};

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
