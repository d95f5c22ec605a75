//! Defaults of what is absent.

use artifact_format::model::Location::{Cookie, Header, Path, Query};
use artifact_format::model::Style::{self, PipeDelimited, Simple, SpaceDelimited};
use serde_json::{Value, json};

use super::{EXPLODED, JOINED, check};
use crate::judging::{Contract, Request};

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
