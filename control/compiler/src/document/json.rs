//! JSON (RFC 8259): values by `serde_json`, places and duplicate keys by a small scanner.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use super::event::{Event, Kind};
use super::fault::Fault;
use super::limits::DEPTH_MAX;
use super::source::Lines;
use crate::diagnostic::Code;

/// The value of a text.
pub(super) fn parse(text: &str) -> Result<Value, Vec<Fault>> {
    // The depth comes first: beyond its own bound serde_json only says "syntax".
    if let Some(offset) = too_deep(text) {
        let message = format!("values nest deeper than {DEPTH_MAX} levels");
        return Err(vec![Fault::new(Code::TooMuch, Lines::of(text).position(offset), message)]);
    }
    let value = serde_json::from_str(text).map_err(|error| vec![syntax(text, &error)])?;
    let faults = duplicates(text);
    if faults.is_empty() { Ok(value) } else { Err(faults) }
}

fn syntax(text: &str, error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    // The position is said by the place.
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
    Fault::new(Code::Syntax, Lines::of(text).of_byte_column(error.line(), error.column()), message)
}

fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for event in events(text) {
        match event.kind {
            Kind::Mapping | Kind::Sequence => depth += 1,
            Kind::End => depth = depth.saturating_sub(1),
            Kind::Scalar(_) => {}
        }
        if depth > DEPTH_MAX {
            return Some(event.offset);
        }
    }
    None
}

fn duplicates(text: &str) -> Vec<Fault> {
    let mut found = Vec::new();
    let mut open: Vec<Option<Keys<'_>>> = Vec::new();
    for Event { offset, kind } in events(text) {
        if let Some(Some(keys)) = open.last_mut()
            && kind != Kind::End
        {
            found.extend(keys.note(&kind, offset));
        }
        match kind {
            Kind::Mapping => open.push(Some(Keys::default())),
            Kind::Sequence => open.push(None),
            Kind::End => {
                open.pop();
            }
            Kind::Scalar(_) => {}
        }
    }
    let lines = if found.is_empty() { return Vec::new() } else { Lines::of(text) };
    let faults = found.into_iter();
    faults.map(|twice| Fault::duplicate(&twice.key, lines.position(twice.again), lines.position(twice.first))).collect()
}

/// The keys of an object so far.
#[derive(Default)]
struct Keys<'t> {
    seen: HashMap<Cow<'t, str>, usize>,
    value_is_next: bool,
}

struct Twice<'t> {
    key: Cow<'t, str>,
    first: usize,
    again: usize,
}

impl<'t> Keys<'t> {
    fn note(&mut self, kind: &Kind<'t>, offset: usize) -> Option<Twice<'t>> {
        self.value_is_next = !self.value_is_next;
        let Kind::Scalar(key) = kind else { return None };
        if !self.value_is_next {
            return None;
        }
        let first = *self.seen.entry(key.clone()).or_insert(offset);
        (first != offset).then(|| Twice { key: key.clone(), first, again: offset })
    }
}

/// The events of a text. It need not be valid JSON: then they are of no meaning, but finite.
pub(super) fn events(text: &str) -> Events<'_> {
    Events { text, at: 0 }
}

pub(super) struct Events<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Events<'t> {
    type Item = Event<'t>;

    fn next(&mut self) -> Option<Event<'t>> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')) {
            self.at += 1;
        }
        let offset = self.at;
        let kind = match bytes.get(offset)? {
            b'{' => Kind::Mapping,
            b'[' => Kind::Sequence,
            b'}' | b']' => Kind::End,
            b'"' => return Some(Event { offset, kind: Kind::Scalar(self.string()) }),
            _ => return Some(Event { offset, kind: Kind::Scalar(self.word()) }),
        };
        self.at += 1;
        Some(Event { offset, kind })
    }
}

impl<'t> Events<'t> {
    fn string(&mut self) -> Cow<'t, str> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let mut escaped = false;
        let mut length = 1;
        while let Some(byte) = rest.get(length) {
            length += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    length += 1;
                }
                _ => {}
            }
        }
        let token = self.take(length);
        let inner = token.strip_prefix('"').unwrap_or(token);
        let inner = inner.strip_suffix('"').unwrap_or(inner);
        // What serde_json refuses never becomes a document, so the raw text will do.
        if escaped { serde_json::from_str(token).map_or(Cow::Borrowed(inner), Cow::Owned) } else { inner.into() }
    }

    fn word(&mut self) -> Cow<'t, str> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| b" \t\r\n,:{}[]\"".contains(byte);
        Cow::Borrowed(self.take(rest.iter().position(ends).unwrap_or(rest.len()).max(1)))
    }

    /// The next `length` bytes, or a little more so as not to cut a character.
    fn take(&mut self, length: usize) -> &'t str {
        let mut end = (self.at + length).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let token = self.text.get(self.at..end).unwrap_or_default();
        self.at = end;
        token
    }
}
