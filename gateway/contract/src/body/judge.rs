//! Judges a body that is there as a whole.

use std::borrow::Cow;
use std::str::Utf8Error;

use thiserror::Error;

use super::{Entry, form, multipart, sequence};
use crate::json::{self, Tree, Value};
use crate::media::{MediaType, Sequence};
use crate::schema::Validator;
use crate::wire::Wire;
use crate::{Part, Place, Report, percent};

/// How the text of a media type becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// One JSON text.
    Json,
    /// Several.
    Sequence(Sequence),
    /// The text is the value.
    Text,
    /// Names and values, escaped.
    UrlEncoded,
    /// Names and values in parts.
    Multipart,
}

impl Syntax {
    /// None for what cannot be judged.
    pub(super) fn of(media: &MediaType<'_>) -> Option<Self> {
        let by_type = [
            (media.is_json(), Self::Json),
            (media.is_form(), Self::UrlEncoded),
            (media.is_multipart_form(), Self::Multipart),
            (media.is_text(), Self::Text),
        ];
        let by_type = by_type.into_iter().find(|(is_it, _)| *is_it).map(|(_, syntax)| syntax);
        by_type.or(media.sequence().map(Self::Sequence))
    }
}

/// Judges a whole body.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'c> {
    pub(super) syntax: Syntax,
    pub(super) entry: &'c Entry,
}

/// What judging needs and can be used again: nothing is allocated once it has grown.
#[derive(Debug)]
pub struct Scratch {
    pub(super) limits: json::Limits,
    pub(super) tree: Tree,
    pub(super) text: String,
}

/// Why bytes are not what their media type says: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    Json(#[from] json::Error),
    /// Not a sequence of JSON texts.
    #[error("the body is not a sequence of JSON texts: {0}")]
    Sequence(json::Error),
    /// Not `application/x-www-form-urlencoded`.
    #[error("the body is not a form: the pair at byte {offset} {error}")]
    Form {
        /// What is wrong.
        error: percent::Error,
        /// Where the pair begins, counted from 0.
        offset: usize,
    },
    /// `application/x-www-form-urlencoded` with more than 10,000 fields.
    #[error("a form may have at most {} fields", form::FIELDS_MAX)]
    TooManyFields,
    /// Not `multipart/form-data`.
    #[error("the body is not a form: {0}")]
    Multipart(#[from] multipart::Error),
    /// Not UTF-8.
    #[error("the body is not UTF-8: at byte {offset}")]
    Utf8 {
        /// Of the first byte that is not, counted from 0.
        offset: usize,
    },
}

impl Malformed {
    /// Whether it is not malformed but larger than it may be: 413.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Multipart(multipart::Error::FieldsTooLarge))
    }
}

impl From<Utf8Error> for Malformed {
    fn from(error: Utf8Error) -> Self {
        Self::Utf8 { offset: error.valid_up_to() }
    }
}

impl Scratch {
    /// Gives room back beyond this many bytes.
    const KEPT_BYTES: usize = 1 << 20;

    /// For JSON within `limits`.
    pub fn new(limits: json::Limits) -> Self {
        Self { limits, tree: Tree::default(), text: String::new() }
    }

    /// Gives room back that an unusually large body has taken.
    pub fn shrink(&mut self) {
        self.tree.clear();
        self.text.clear();
        self.tree.shrink(Self::KEPT_BYTES / 20, Self::KEPT_BYTES);
        self.text.shrink_to(Self::KEPT_BYTES);
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new(json::Limits::DEFAULT)
    }
}

impl Judge<'_> {
    /// Judges a body, adding what is wrong with its value to the report.
    ///
    /// JSON is read strictly (see [`json`]); a byte order mark is not part of it (RFC 8259 section 8.1), nor is
    /// nothing at all. Text is one string, of which the schema may want a number or a boolean.
    pub fn judge(&self, body: &[u8], scratch: &mut Scratch, report: &mut Report) -> Result<(), Malformed> {
        let text = std::str::from_utf8(body)?;
        match self.syntax {
            Syntax::Json => {
                let value = scratch.tree.read(text, &scratch.limits)?;
                check(self.entry.schema.as_deref(), value, report);
            }
            Syntax::Sequence(sequence) => sequence::judge(self.entry, (sequence, text), (scratch, report))?,
            Syntax::Text => {
                if let Some(form) = &self.entry.form {
                    form.judge(&Wire::Text(Cow::Borrowed(text)), &mut scratch.tree, report);
                }
            }
            // Its parts are looked at as they pass.
            Syntax::Multipart => {}
            Syntax::UrlEncoded => {
                if let Some(form) = &self.entry.form {
                    form::judge(form, text, (scratch, report))?;
                }
            }
        }
        Ok(())
    }
}

/// Judges the value of a whole body.
pub(super) fn check(validator: Option<&Validator>, value: Value<'_>, report: &mut Report) {
    if let Some(validator) = validator
        && !validator.is_valid(value)
    {
        validator.explain(value, &Place::whole(Part::Body), report);
    }
}
