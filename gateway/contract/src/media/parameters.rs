//! `; name=value`, of media types and of `Content-Disposition`.

use std::borrow::Cow;
use std::fmt;

use super::{Error, is_token};

/// Parameters (RFC 9110 section 5.6.6), each name once.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'t>(&'t str);

/// The value of a parameter, as it is written but for quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<'t>(&'t str);

impl<'t> Parameters<'t> {
    /// How many there may be.
    pub const MAX: usize = 16;

    /// There are none.
    pub const NONE: Parameters<'static> = Parameters("");

    /// Reads what follows a value: nothing, or a `;` and so on.
    pub fn parse(text: &'t str) -> Result<Self, Error> {
        let mut rest = text;
        let mut count = 0;
        while let Some((parameter, after)) = next(rest)? {
            count += usize::from(parameter.is_some());
            if count > Self::MAX {
                return Err(Error::TooMany);
            }
            rest = after;
        }
        let parameters = Self(text);
        let mut names = parameters.iter();
        while let Some((name, _)) = names.next() {
            if names.clone().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(Error::Repeated);
            }
        }
        Ok(parameters)
    }

    /// In the order in which they are written.
    pub fn iter(self) -> impl Iterator<Item = (&'t str, Written<'t>)> + Clone {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while let Ok(Some((parameter, after))) = next(rest) {
                rest = after;
                if parameter.is_some() {
                    return parameter;
                }
            }
            None
        })
    }

    /// The value of one.
    pub fn get(self, name: &str) -> Option<Written<'t>> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

type Parameter<'t> = (&'t str, Written<'t>);

/// Takes a `;` and the parameter after it, which may be left out, from the front of a text.
fn next(text: &str) -> Result<Option<(Option<Parameter<'_>>, &str)>, Error> {
    let text = text.trim_start_matches([' ', '\t']);
    if text.is_empty() {
        return Ok(None);
    }
    let text = text.strip_prefix(';').ok_or(Error::Parameter)?.trim_start_matches([' ', '\t']);
    if text.is_empty() || text.starts_with(';') {
        return Ok(Some((None, text)));
    }
    let (name, text) = text.split_once('=').filter(|(name, _)| is_token(name)).ok_or(Error::Parameter)?;
    let (value, rest) = match text.strip_prefix('"') {
        Some(text) => quoted(text).ok_or(Error::Parameter)?,
        None => text.split_at(text.find([';', ' ', '\t']).unwrap_or(text.len())),
    };
    if !text.starts_with('"') && !is_token(value) {
        return Err(Error::Parameter);
    }
    Ok(Some((Some((name, Written(value))), rest)))
}

/// Splits at the quote that ends a quoted string (RFC 9110 section 5.6.4).
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((&text[..at], &text[at + 1..])),
            b'\\' => {
                bytes.next().filter(|(_, byte)| is_of_quoted(*byte))?;
            }
            byte if is_of_quoted(byte) => {}
            _ => return None,
        }
    }
    None
}

fn is_of_quoted(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7F)
}

impl<'t> Written<'t> {
    /// As it is written: a `\` before another character may be there to quote it.
    pub fn raw(self) -> &'t str {
        self.0
    }

    /// What it means.
    pub fn value(self) -> Cow<'t, str> {
        if !self.0.contains('\\') {
            return Cow::Borrowed(self.0);
        }
        let mut value = String::with_capacity(self.0.len());
        let mut characters = self.0.chars();
        while let Some(character) = characters.next() {
            value.push(if character == '\\' { characters.next().unwrap_or(character) } else { character });
        }
        Cow::Owned(value)
    }
}

/// Quoted where it is no token.
impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.value()))
    }
}

/// Writes a value so that it can be read, in quotes where it is no token.
pub(super) fn quote(value: &str) -> Cow<'_, str> {
    if is_token(value) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}
