//! URLs that others are joined to.

use reqwest::Url;
use thiserror::Error;

/// Schemes that are understood.
pub(super) type Schemes = &'static [&'static str];

/// Not a URL that others can be joined to. The URL is not shown: there may be a password in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Not a URL.
    #[error("{reason}: expected a URL of {}", .schemes.join(" or "))]
    Syntax {
        /// What is wrong with it, without anything of it.
        reason: String,
        /// What is understood.
        schemes: &'static [&'static str],
    },
    /// Of another scheme.
    #[error("expected a URL of {}", .schemes.join(" or "))]
    Scheme {
        /// What is understood.
        schemes: &'static [&'static str],
    },
    /// It says who asks.
    #[error("a URL with a password in it, which would not be used: leave it out")]
    Password,
    /// It ends in what a path cannot be added to.
    #[error("a URL to which paths are added has no `?` and no `#`")]
    Query,
}

/// Reads one; its path ends in a slash.
pub(super) fn read(text: &str, schemes: Schemes) -> Result<Url, UrlError> {
    let mut url = Url::parse(text).map_err(|error| UrlError::Syntax { reason: error.to_string(), schemes })?;
    if !schemes.contains(&url.scheme()) {
        return Err(UrlError::Scheme { schemes });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Password);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::Query);
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_such_that_paths_can_be_added() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(read(text, &["https", "http"]).ok().map(String::from).as_deref(), expected, "{text}");
        };
        check("http://control:8080", Some("http://control:8080/"));
        check("https://example.com/portcullis", Some("https://example.com/portcullis/"));
        check("file:///there", None);
        check("https://a:b@example.com", None);
        check("https://example.com/?a", None);
        check("control:8080", None);
        assert!(read("file:///there", &["file"]).is_ok());
    }
}
