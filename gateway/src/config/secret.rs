//! What is not shown, whatever is wrong with it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use zeroize::Zeroizing;

/// What was given where a secret may be, as it was given. The parser of the command line shows what it refuses, and
/// refuses none of these.
#[derive(Clone)]
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    /// Its text, to be looked at.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A key. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Its text, for the header field in which it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// Not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a key has 1 to 512 visible characters and no spaces: copy it as `portcullis-control` showed it")]
pub struct ApiKeyError;

impl FromStr for ApiKey {
    type Err = ApiKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let is_token = (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_token { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(ApiKeyError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let key: ApiKey = " pdk_secret\n".parse().unwrap();
        assert_eq!((key.expose(), format!("{key:?}")), ("pdk_secret", "ApiKey(..)".to_owned()));
        assert!("two words".parse::<ApiKey>().is_err() && "".parse::<ApiKey>().is_err());
        assert_eq!(format!("{:?}", Secret::from("two words".to_owned())), "Secret(..)");
    }
}
