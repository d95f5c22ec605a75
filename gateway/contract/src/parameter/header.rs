//! Header fields (RFC 9110 section 5).

use std::borrow::Cow;

use artifact_format::model::Header;
use http::HeaderMap;
use http::header::HeaderName;

use super::declared::Declared;
use super::style::Fault;
use super::{Error, Missing, Scratch};
use crate::Report;
use crate::json::Tree;
use crate::percent;
use crate::schema::Validators;
use crate::shape::Shapes;

/// Header fields that a request or a response may have, ready to be judged.
#[derive(Debug)]
pub struct Headers(Vec<(HeaderName, Declared)>);

impl Headers {
    /// Prepares to judge a response's header fields.
    pub fn new(headers: &[Header], shapes: &mut Shapes<'_>, validators: &Validators) -> Result<Self, Error> {
        let declared = |header: &Header| Declared::of_header(header, shapes, validators);
        Self::of(headers.iter().map(declared).collect::<Result<_, _>>()?)
    }

    pub(super) fn of(declared: Vec<Declared>) -> Result<Self, Error> {
        let named = declared.into_iter().map(|declared| {
            let invalid = |_| Error::HeaderName { name: declared.name.as_ref().into() };
            Ok((HeaderName::from_bytes(declared.name.as_bytes()).map_err(invalid)?, declared))
        });
        named.collect::<Result<_, _>>().map(Self)
    }

    /// The defaults of fields that are absent.
    pub(super) fn missing(&self, headers: &HeaderMap) -> impl Iterator<Item = Missing<'_>> {
        let absent = self.0.iter().filter(|(name, _)| !headers.contains_key(name));
        absent.filter_map(|(_, declared)| declared.missing())
    }

    /// Judges header fields. What is wrong is added to the report.
    pub fn judge(&self, headers: &HeaderMap, scratch: &mut Scratch, report: &mut Report) {
        for (name, declared) in &self.0 {
            judge_header(name, declared, (headers, &mut scratch.tree), report);
        }
    }
}

/// Judges a header field. Several of one name are one list (RFC 9110 section 5.3).
fn judge_header(name: &HeaderName, declared: &Declared, (headers, tree): (&HeaderMap, &mut Tree), report: &mut Report) {
    match joined(headers, name, ", ") {
        Ok(Some(Cow::Owned(_))) if !declared.may_be_joined() => declared.refuse(Fault::Repeated, report),
        Ok(Some(text)) => declared.judge_text(text.trim_matches([' ', '\t']), tree, report),
        Ok(None) => declared.judge_absent(report),
        Err(fault) => declared.refuse(fault, report),
    }
}

/// The values of all fields of a name; owned if there are several.
pub(super) fn joined<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    separator: &str,
) -> Result<Option<Cow<'h, str>>, Fault> {
    let mut joined: Option<Cow<'h, str>> = None;
    for value in headers.get_all(name) {
        let text = str::from_utf8(value.as_bytes()).map_err(|_| percent::Error::NotUtf8)?;
        match &mut joined {
            None => joined = Some(Cow::Borrowed(text)),
            Some(before) => before.to_mut().extend([separator, text]),
        }
    }
    Ok(joined)
}
