//! `x-portcullis` where it has no effect, and keys that were probably meant to be it.

use super::{Extensions, KEY};
use crate::diagnostic::{Code, Severity, Sink, nearest};
use crate::document::{Documents, Node};
use crate::reference;
use crate::structure::grammar::{Object, Shape};
use crate::structure::walk::{Observer, Seen, Target, Walk};
use crate::structure::{Fault, tables};

/// Reports every extension of the descriptions, in whatever file, that nobody has looked at.
///
/// Only to be called once every path, operation and security scheme of every document was.
pub(crate) fn report_misplaced(documents: &Documents, extensions: &Extensions<'_>, sink: &mut Sink) {
    let mut seen = Seen::new();
    for entry in documents.entries() {
        let judge = Judge { extensions, sink };
        Walk::new(judge, &mut seen).from(entry, Shape::Object(&tables::OPENAPI), Severity::Error);
    }
}

/// Goes along the grammar, so that data which merely looks like an extension is never taken for one.
struct Judge<'j, 'd> {
    extensions: &'j Extensions<'d>,
    sink: &'j mut Sink,
}

impl<'d> Observer<'d> for Judge<'_, 'd> {
    fn fault(&mut self, _: &Node<'d>, _: Fault, _: Severity) {}

    fn reference(&mut self, from: &Node<'d>, reference: &'d str, _: Target) -> Option<Node<'d>> {
        reference::resolve(from, reference).ok()
    }

    fn schema(&mut self, _: &Node<'d>) {}

    fn object(&mut self, node: &Node<'d>, _: &'static Object, _: Severity) {
        for (key, entry) in node.entries().filter(|(key, _)| key.starts_with("x-")) {
            self.judge(key, &entry);
        }
    }

    /// These describe requests that the gateway does not serve. A shared path item is met where a path refers to it.
    fn passes_by(&self, field: &str) -> bool {
        matches!(field, "webhooks" | "callbacks" | "pathItems")
    }
}

impl<'d> Judge<'_, 'd> {
    fn judge(&mut self, key: &str, extension: &Node<'d>) {
        if key == KEY {
            if !self.extensions.has_seen(extension) {
                self.sink
                    .error(Code::SettingWithoutEffect, extension.key_place(), format!("`{KEY}` has no effect here"))
                    .hint(format!(
                        "`{KEY}` stands on the document, a path item, an operation that is served, or a security scheme"
                    ));
            }
        } else if nearest(key, [KEY]).is_some() {
            self.sink
                .error(Code::UnknownSetting, extension.key_place(), format!("`{key}` is not `{KEY}`"))
                .hint(format!("did you mean `{KEY}`?"));
        }
    }
}
