//! `application/x-www-form-urlencoded` (URL standard, section 5.1), read strictly.

use super::{Field, Fields, Form, Text};
use crate::Report;
use crate::body::judge::{Malformed, Scratch};
use crate::percent::{Escapes, decode};

/// How many fields there may be: each takes many times the two bytes that it can be written in.
pub(in crate::body) const FIELDS_MAX: usize = 10_000;

/// Judges a body.
///
/// Pairs are between `&`, empty ones are nothing, a name without `=` has an empty value, `+` is a space. A `%` that
/// begins no escape, and escapes that are not UTF-8, are malformed: the standard replaces them, and not all do.
pub(in crate::body) fn judge(
    form: &Form,
    text: &str,
    (scratch, report): (&mut Scratch, &mut Report),
) -> Result<(), Malformed> {
    if memchr::memchr_iter(b'&', text.as_bytes()).count() >= FIELDS_MAX {
        return Err(Malformed::TooManyFields);
    }
    let mut offset = 0;
    for pair in text.split('&') {
        decode(pair, Escapes::Form).map_err(|error| Malformed::Form { error, offset })?;
        offset += pair.len() + 1;
    }
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let fields = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Field { name, text: Text::Unsaid(value) }
    });
    let fields = Fields::new(form, Escapes::Form, fields).map_err(|error| Malformed::Form { error, offset: 0 })?;
    if let Some(wire) = fields.read(&mut scratch.tree, report) {
        form.judge(&wire, &mut scratch.tree, report);
    }
    Ok(())
}
