//! Sequences of JSON texts (OpenAPI 3.2.0 section 4.14, "Sequential Media Types").

use super::Entry;
use super::judge::{Malformed, Scratch, check};
use crate::json::{Error, ErrorKind};
use crate::media::Sequence;
use crate::{Part, Place, Report};

const RECORD_SEPARATOR: char = '\u{1E}';

/// Judges each text by `itemSchema`, and all of them as a list by `schema`.
pub(super) fn judge(
    entry: &Entry,
    (sequence, text): (Sequence, &str),
    (scratch, report): (&mut Scratch, &mut Report),
) -> Result<(), Malformed> {
    if sequence == Sequence::Records && !text.is_empty() && !text.starts_with(RECORD_SEPARATOR) {
        return Err(Malformed::Sequence(Error { kind: ErrorKind::Unexpected, offset: 0 }));
    }
    let whole = &mut scratch.text;
    whole.clear();
    whole.push('[');
    for (count, (start, item)) in items(sequence, text).enumerate() {
        let in_body = |error: Error| Malformed::Sequence(Error { offset: start + error.offset, ..error });
        let value = scratch.tree.read(item, &scratch.limits).map_err(in_body)?;
        // A record must end in white space, so that a number that was cut off is seen (RFC 7464 section 2.4).
        if sequence == Sequence::Records && !item.ends_with('\n') {
            return Err(in_body(Error { kind: ErrorKind::End, offset: item.len() }));
        }
        // The rest is read to its end, but what is wrong with it would not be kept.
        if let Some(validator) = &entry.item_schema
            && !report.is_full()
            && !validator.is_valid(value)
        {
            validator.explain(value, &Place::whole(Part::Body).at(&format!("/{count}")), report);
        }
        if entry.schema.is_some() {
            whole.push_str(if whole.len() > 1 { "," } else { "" });
            whole.push_str(item);
        }
    }
    whole.push(']');
    if entry.schema.is_some() {
        let value = scratch.tree.read(whole, &scratch.limits).map_err(Malformed::Sequence)?;
        check(entry.schema.as_deref(), value, report);
    }
    Ok(())
}

/// The texts, each with where it starts. Lines of white space are no texts, nor are empty records (RFC 7464
/// section 2.1).
fn items(sequence: Sequence, text: &str) -> impl Iterator<Item = (usize, &str)> {
    let separator = match sequence {
        Sequence::Records => RECORD_SEPARATOR,
        Sequence::Lines => '\n',
    };
    let mut start = 0;
    text.split(separator).filter_map(move |item| {
        let at = start;
        start += item.len() + 1;
        let is_blank = item.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        (!is_blank).then_some((at, item))
    })
}
