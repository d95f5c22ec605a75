//! What people call things.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use super::error::Error;

/// The longest name, in bytes.
pub const NAME_MAX_BYTES: usize = 64;

/// The longest description, in bytes.
pub const DESCRIPTION_MAX_BYTES: usize = 4096;

/// A name that stands as it is in documents, log lines and URLs: 1 to 64 letters (a-z, A-Z), digits, `-`, `_` and
/// `.`, the first one a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$", example = "shop")]
pub struct Name(String);

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error(
    "not a name: 1 to {NAME_MAX_BYTES} letters (a-z, A-Z), digits, `-`, `_` and `.`, the first one a letter or digit"
)]
pub struct NameError;

/// Whether a text can be a description.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_description(text: &str) -> Result<(), Error> {
    check_text("/description", text, DESCRIPTION_MAX_BYTES)
}

/// Whether a text for people is at most so many bytes long and has no control characters but line breaks and tabs: a
/// terminal would obey some of them, and `PostgreSQL` keeps no NUL.
///
/// # Errors
/// [`Error::Invalid`], with this pointer.
pub fn check_text(pointer: &str, text: &str, bytes_max: usize) -> Result<(), Error> {
    if text.len() > bytes_max {
        return Err(Error::invalid(pointer, format!("{} bytes; at most {bytes_max}", text.len())));
    }
    match text.chars().find(|c| c.is_control() && !"\n\r\t".contains(*c)) {
        Some(found) => Err(Error::invalid(pointer, format!("it has the control character {found:?}"))),
        None => Ok(()),
    }
}

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_name = text.len() <= NAME_MAX_BYTES
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if is_name { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_short_and_harmless() {
        for text in ["", "two\nlines\tand 'quotes'; --", "\u{e9}"] {
            assert!(check_text("/message", text, 32).is_ok(), "{text:?}");
        }
        for text in ["\0", "\u{1b}[31m", &"p".repeat(33)] {
            assert!(check_text("/message", text, 32).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_plain_and_bounded() {
        let longest = "p".repeat(64);
        for name in ["shop", "9", "Shop_1.test-2", "67e55044-10b1-426f-9247-bb680e5fe0c8", &longest] {
            assert_eq!(name.parse::<Name>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "-shop", ".shop", "a b", "a/b", "a\nb", "a\u{1b}[31m", "ol\u{e9}", &format!("{longest}p")] {
            assert_eq!(name.parse::<Name>(), Err(NameError), "{name:?}");
        }
    }
}
