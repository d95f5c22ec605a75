//! Request bodies and `content`, before and after.

use artifact_format::model::{MediaType, RequestBody};

use super::schema::Direction;
use super::{Comparison, Kind, Severity, What};

impl Comparison<'_> {
    pub(super) fn request_body(&mut self, old: Option<&RequestBody>, new: Option<&RequestBody>) {
        let mut say = |severity, text: &str| self.changes.push(Kind::Body, severity, text);
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) if new.required => say(Severity::Breaking, "a request body is now required"),
            (None, Some(_)) => say(Severity::Compatible, "a request body may now be sent"),
            (Some(_), None) => say(Severity::Review, "the request body is no longer described: it passes unchecked"),
            (Some(old), Some(new)) => {
                match (old.required, new.required) {
                    (false, true) => say(Severity::Breaking, "the request body is now required"),
                    (true, false) => say(Severity::Compatible, "the request body is no longer required"),
                    (true, true) | (false, false) => {}
                }
                let what = What { name: "request body", kind: Kind::Body, direction: Direction::Request };
                self.content(&what, &old.content, &new.content);
            }
        }
    }

    /// A `content` map, by media type.
    pub(super) fn content(&mut self, what: &What<'_>, old: &[MediaType], new: &[MediaType]) {
        for media in new {
            let name = format!("{} {}", what.name, media.range);
            let Some(earlier) = old.iter().find(|earlier| earlier.range == media.range) else {
                self.changes.push(what.kind, Severity::Compatible, format!("{name} added"));
                continue;
            };
            let named = What { name: &name, ..*what };
            self.schema(&named, earlier.schema, media.schema);
            let items = format!("{name}, each item");
            self.schema(&What { name: &items, ..*what }, earlier.item_schema, media.item_schema);
            self.encoding(&named, earlier, media);
        }
        for media in old.iter().filter(|media| !new.iter().any(|later| later.range == media.range)) {
            self.changes.push(what.kind, Severity::Breaking, format!("{} {} removed", what.name, media.range));
        }
    }

    /// How the properties of a form are written.
    fn encoding(&mut self, what: &What<'_>, old: &MediaType, new: &MediaType) {
        let names = old.encoding.iter().chain(&new.encoding).map(|encoding| &encoding.property);
        let names: std::collections::BTreeSet<_> = names.collect();
        for property in names {
            let of = |media: &MediaType| media.encoding.iter().find(|encoding| encoding.property == *property).cloned();
            match (of(old), of(new)) {
                (Some(before), Some(after)) => {
                    let part = format!("{}, part `{property}`", what.name);
                    self.headers(&What { name: &part, ..*what }, &before.headers, &after.headers);
                    let is_same = (before.style, before.explode, before.allow_reserved, before.content_types)
                        == (after.style, after.explode, after.allow_reserved, after.content_types);
                    if !is_same {
                        self.changes.push(what.kind, Severity::Review, format!("{part} is written in another way"));
                    }
                }
                (Some(_), None) | (None, Some(_)) => {
                    let text = format!("{}, part `{property}` is written in another way", what.name);
                    self.changes.push(what.kind, Severity::Review, text);
                }
                (None, None) => {}
            }
        }
    }
}
