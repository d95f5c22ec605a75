//! A form in parts is judged by what is in it, however it is cut into pieces.

use std::sync::LazyLock;

use contract::body::Content;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

mod bodies;

use bodies::{content, cut, judge};

const CONTENT_TYPE: &str = "multipart/form-data; boundary=b";

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "object",
        "properties": {
            "a": { "type": "string", "maxLength": 3 },
            "l": { "type": "array", "items": { "type": "string", "pattern": "^[^-]*$" }, "maxItems": 2 },
            "f": { "type": "string", "format": "binary", "maxLength": 4 },
        },
        "required": ["a"],
    })
});

static CONTENT: LazyLock<Content> = LazyLock::new(|| content("multipart/form-data", &SCHEMA));

/// Text that often looks like a delimiter and never is one.
fn text() -> impl Strategy<Value = String> {
    let pieces = select(vec!["x", "é", "-", "--", "--b", "\r", "\n", "\r\n", "\r\n-", "\r\n--", "\r\n--c"]);
    let text = vec(pieces, 0..4).prop_map(|pieces| pieces.concat());
    text.prop_filter("it holds a delimiter", |text| !text.contains("\r\n--b"))
}

/// Bodies that are often malformed.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(vec![
        "--b",
        "--b\r\n",
        "\r\n--b\r\n",
        "\r\n--b--",
        "\r\n",
        "--",
        "Content-Disposition: form-data; name=a",
        "Content-Disposition: form-data; name=f; filename=x\r\n\r\n",
        "Content-Type: text/plain",
        "\r\n\r\n",
        "x",
        "\r",
    ]);
    vec(piece, 0..20).prop_map(|pieces| pieces.concat().into_bytes())
}

fn body(parts: &[(&str, String)]) -> String {
    let part = |(name, text): &(&str, String)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    format!("{}--b--\r\n", parts.iter().map(part).collect::<Vec<_>>().concat())
}

/// What the parts say, put together by other means; `None` if that is no object.
fn value(parts: &[(&str, String)]) -> Option<Value> {
    let mut object = Map::new();
    for (name, text) in parts {
        match (*name, object.get_mut(*name)) {
            ("l", Some(Value::Array(items))) => items.push(text.as_str().into()),
            ("l", _) => drop(object.insert("l".into(), json!([text]))),
            // Files are measured in bytes.
            ("f", None) => drop(object.insert("f".into(), "x".repeat(text.len()).into())),
            (_, None) => drop(object.insert((*name).into(), text.as_str().into())),
            (_, Some(_)) => return None,
        }
    }
    Some(object.into())
}

proptest! {
    #[test]
    fn the_verdict_is_the_schema_s(
        parts in vec((select(vec!["a", "l", "f"]), text()), 0..5),
        cuts in vec(0_usize..20, 0..20),
    ) {
        let expected = value(&parts).is_some_and(|value| jsonschema::is_valid(&SCHEMA, &value));
        let body = body(&parts);
        let verdict = judge(&CONTENT, CONTENT_TYPE, cut(body.as_bytes(), &cuts));
        prop_assert_eq!(verdict.map(|violations| violations.is_empty()), Ok(expected));
    }

    #[test]
    fn the_verdict_is_the_same_however_it_is_cut(body in anything(), cuts in vec(0_usize..20, 0..20)) {
        let whole = judge(&CONTENT, CONTENT_TYPE, [body.as_slice()]);
        prop_assert_eq!(judge(&CONTENT, CONTENT_TYPE, cut(&body, &cuts)), whole);
    }
}
