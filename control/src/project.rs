//! The name of a project.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest name, in bytes.
const NAME_MAX_BYTES: usize = 64;

/// A name that stands as it is in documents, log lines and URLs: the rule that upstreams and listeners have. A UUID is
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectName(String);

/// A text that cannot be a project's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "not a project's name: 1 to {NAME_MAX_BYTES} letters (a-z, A-Z), digits, `-`, `_` and `.`, the first one a letter or digit"
)]
pub struct NameError;

impl FromStr for ProjectName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_name = text.len() <= NAME_MAX_BYTES
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if is_name { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_bounded() {
        let longest = "p".repeat(64);
        for name in ["shop", "9", "Shop_1.test-2", "67e55044-10b1-426f-9247-bb680e5fe0c8", &longest] {
            assert_eq!(name.parse::<ProjectName>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "-shop", ".shop", "a b", "a/b", "a\nb", "a\u{1b}[31m", "ol\u{e9}", &format!("{longest}p")] {
            assert_eq!(name.parse::<ProjectName>(), Err(NameError), "{name:?}");
        }
    }
}
