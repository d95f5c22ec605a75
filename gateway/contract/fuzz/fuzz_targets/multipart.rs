//! A form is judged alike, however it is cut into pieces.
#![no_main]

use std::sync::LazyLock;

use contract::body::Content;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

#[path = "../../tests/bodies/mod.rs"]
mod bodies;

use bodies::{content, cut, judge};

const CONTENT_TYPE: &str = "multipart/form-data; boundary=b";

static CONTENT: LazyLock<Content> = LazyLock::new(|| {
    let properties = json!({
        "a": { "type": "integer" },
        "l": { "type": "array", "items": { "type": ["string", "object"], "maxLength": 3 } },
        "f": { "type": "string", "format": "binary", "maxLength": 4 },
    });
    content("multipart/form-data", &json!({ "properties": properties, "required": ["a"] }))
});

// How many cuts there are, the cuts, the body.
fuzz_target!(|input: &[u8]| {
    let Some((count, rest)) = input.split_first() else { return };
    let (cuts, body) = rest.split_at(rest.len().min(usize::from(*count)));
    let cuts: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut)).collect();
    let whole = judge(&CONTENT, CONTENT_TYPE, [body]);
    assert_eq!(judge(&CONTENT, CONTENT_TYPE, cut(body, &cuts)), whole);
});
