//! `x-portcullis` where it has no effect, and keys that were probably meant to be it.

use serde_json::Value;

use super::{Extensions, KEY};
use crate::diagnostic::nearest;
use crate::diagnostic::{Code, Sink};
use crate::document::Node;

/// Reports every extension below `document` that nobody has looked at.
///
/// Only to be called once every path, operation and security scheme was.
pub(crate) fn report_misplaced<'d>(document: &Node<'d>, extensions: &Extensions<'d>, sink: &mut Sink) {
    let mut pending = vec![document.clone()];
    while let Some(node) = pending.pop() {
        for (key, entry) in node.entries() {
            if key.starts_with("x-") {
                judge(key, &entry, extensions, sink);
            } else if !holds_data(key) && matches!(entry.value(), Value::Object(_) | Value::Array(_)) {
                pending.push(entry);
            }
        }
        pending.extend(node.items().filter(|item| matches!(item.value(), Value::Object(_) | Value::Array(_))));
    }
}

fn judge<'d>(key: &str, extension: &Node<'d>, extensions: &Extensions<'d>, sink: &mut Sink) {
    if key == KEY {
        if !extensions.has_seen(extension) {
            sink.error(Code::SettingWithoutEffect, extension.key_place(), format!("`{KEY}` has no effect here")).hint(
                format!(
                    "`{KEY}` stands on the document, a path item, an operation that is served, or a security scheme"
                ),
            );
        }
    } else if nearest(key, [KEY]).is_some() {
        sink.error(Code::UnknownSetting, extension.key_place(), format!("`{key}` is not `{KEY}`"))
            .hint(format!("did you mean `{KEY}`?"));
    }
}

/// Whether what stands under the key is data, or describes requests that the gateway does not serve.
fn holds_data(key: &str) -> bool {
    matches!(key, "example" | "examples" | "default" | "enum" | "const" | "webhooks" | "callbacks" | "pathItems")
}
