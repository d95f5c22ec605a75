//! The reader accepts what serde_json accepts, less what readers differ about, and understands it alike.
#![no_main]

use contract::json::{Builder, ErrorKind, Kind, Limits, Tree, Value};
use libfuzzer_sys::fuzz_target;

/// Less deep than serde_json goes.
const LIMITS: Limits = Limits { depth_max: 100, ..Limits::DEFAULT };

fuzz_target!(|text: &str| {
    let mut tree = Tree::default();
    let theirs = serde_json::from_str(text);
    match tree.read(text, &LIMITS) {
        Ok(ours) => assert!(is_same(ours, &theirs.unwrap())),
        Err(error) => {
            let is_stricter = matches!(error.kind, ErrorKind::DuplicateName | ErrorKind::Depth | ErrorKind::NumberTooLong);
            assert!(is_stricter || theirs.is_err(), "{error}");
            return;
        }
    }

    // The same text within a value that is put together.
    let mut tree = Tree::default();
    let mut builder = Builder::new(&mut tree);
    builder.open_array();
    builder.string("before");
    builder.json(text, &LIMITS).unwrap();
    builder.string("behind");
    let list = builder.finish().unwrap();
    let items: Vec<Value<'_>> = list.items().collect();
    assert!(items.len() == 3 && items[0].text() == "before" && items[2].text() == "behind");
    assert!(is_same(items[1], &serde_json::from_str(text).unwrap()));
});

fn is_same(ours: Value<'_>, theirs: &serde_json::Value) -> bool {
    match (ours.kind(), theirs) {
        (Kind::Null, serde_json::Value::Null) => true,
        (Kind::True, serde_json::Value::Bool(value)) => *value,
        (Kind::False, serde_json::Value::Bool(value)) => !value,
        (Kind::Number, serde_json::Value::Number(number)) => serde_json::from_str(ours.text()).ok().as_ref() == Some(number),
        (Kind::String, serde_json::Value::String(text)) => ours.text() == text,
        (Kind::Array, serde_json::Value::Array(items)) => {
            ours.count() == items.len() && ours.items().zip(items).all(|(ours, theirs)| is_same(ours, theirs))
        }
        (Kind::Object, serde_json::Value::Object(members)) => {
            let is_found = |(name, theirs): (&String, &serde_json::Value)| {
                ours.get(name).is_some_and(|ours| is_same(ours, theirs))
            };
            ours.count() == members.len() && members.iter().all(is_found)
        }
        _ => false,
    }
}
