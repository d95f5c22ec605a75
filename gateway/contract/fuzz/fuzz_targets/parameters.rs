//! Any text as a parameter of any style: judged, never a panic; and how a scalar is escaped never matters.
#![no_main]

#[path = "../../tests/judging/mod.rs"]
mod judging;

use std::sync::LazyLock;

use artifact_format::model::Location::{self, Cookie, Header, Path, Query, Querystring};
use artifact_format::model::Style::{self, DeepObject, Form, Label, Matrix, PipeDelimited, Simple, SpaceDelimited};
use http::HeaderValue;
use judging::{Contract, Judge, Request};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

struct Target {
    location: Location,
    /// Whether the value is one text, for which escapes are nothing but a way to write.
    is_scalar: bool,
    judge: Judge,
}

const STYLES: [(Location, Style); 10] = [
    (Path, Simple),
    (Path, Label),
    (Path, Matrix),
    (Header, Simple),
    (Query, Form),
    (Query, SpaceDelimited),
    (Query, PipeDelimited),
    (Query, DeepObject),
    (Cookie, Form),
    (Cookie, Style::Cookie),
];

fn schemas() -> Vec<Value> {
    let either = json!({"anyOf": [{"type": "integer", "maximum": 5}, {"type": ["string", "null"], "minLength": 2}]});
    vec![
        json!({"type": "integer", "maximum": 1000, "multipleOf": 3}),
        json!({"type": "number", "multipleOf": 0.01}),
        json!({"type": ["string", "null"], "pattern": "^[a-z%]*$"}),
        json!({"type": "array", "items": either, "uniqueItems": true, "maxItems": 9}),
        json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "array", "items": either}}}),
        json!({"type": "object", "additionalProperties": {"type": ["boolean", "object", "array"]}}),
        json!({"anyOf": [{"type": "boolean"}, {"type": "array", "prefixItems": [{"const": 1}]}, {"required": ["x"]}]}),
        json!({}),
    ]
}

static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(|| {
    let mut targets = Vec::new();
    for (position, schema) in schemas().iter().enumerate() {
        for (location, style) in STYLES {
            for explode in [false, true] {
                let judge = Contract::default().styled(("c", location), (style, explode), schema).build();
                let is_scalar = position < 3 && (location, style) == (Query, Form);
                targets.push(Target { location, is_scalar, judge });
            }
        }
        for location in [Querystring, Query, Header, Cookie] {
            for media_type in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
                let judge = Contract::default().content(("c", location), media_type, schema).build();
                targets.push(Target { location, is_scalar: false, judge });
            }
        }
    }
    targets
});

fuzz_target!(|input: &[u8]| {
    let [choice, text @ ..] = input else { return };
    let target = &TARGETS[usize::from(*choice) % TARGETS.len()];
    let name = if target.location == Cookie { "cookie" } else { "c" };
    let request = match target.location {
        Header | Cookie if HeaderValue::from_bytes(text).is_ok() => Request::default().header_bytes(name, text),
        Header | Cookie => return,
        Path => Request::path(&String::from_utf8_lossy(text)),
        Query | Querystring => Request::query(&String::from_utf8_lossy(text)),
    };
    let verdict = target.judge.judge(&request);
    if let (true, Some(value)) = (target.is_scalar, text.strip_prefix(b"c="))
        && !value.contains(&b'&')
        && let Some(value) = decoded(String::from_utf8_lossy(value).as_bytes())
    {
        let escaped: String = value.iter().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(target.judge.judge(&Request::query(&format!("c={escaped}"))), verdict);
    }
});

/// Decoded as a form is, written anew.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [*bytes.next()?, *bytes.next()?];
                let is_escape = digits.iter().all(u8::is_ascii_hexdigit);
                u8::from_str_radix(is_escape.then_some(str::from_utf8(&digits).ok()?)?, 16).ok()?
            }
            byte => *byte,
        });
    }
    Some(decoded)
}
