//! The URL of an upstream.

use artifact_format::model::{Target, UpstreamScheme};
use thiserror::Error;
use url::{Host, Url};

/// What a URL of an upstream looks like.
pub(crate) const HINT: &str = "an upstream is `http://HOST`, `http://HOST:PORT` or `http://HOST:PORT/BASE`";

/// Why a URL cannot be an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Error {
    #[error("`{url}` is not an absolute URL: {reason}")]
    NotAUrl { url: String, reason: url::ParseError },
    #[error("`{url}` is spoken to over `{scheme}`, which is neither `http` nor `https`")]
    Scheme { url: String, scheme: String },
    #[error("`{url}` has no host")]
    NoHost { url: String },
    // The URL is not repeated: it holds a secret.
    #[error("a user name or password stands in the URL, and an artifact holds no secrets")]
    UserInfo,
    #[error("`{url}` has a query or fragment, which a request's own would replace")]
    QueryOrFragment { url: String },
}

/// Reads the URL of a target, to which no weight is given.
pub(crate) fn parse(text: &str) -> Result<Target, Error> {
    let parsed = Url::parse(text).map_err(|reason| Error::NotAUrl { url: text.to_owned(), reason })?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(Error::UserInfo);
    }
    let scheme = match parsed.scheme() {
        "http" => UpstreamScheme::Http,
        "https" => UpstreamScheme::Https,
        other => return Err(Error::Scheme { url: text.to_owned(), scheme: other.to_owned() }),
    };
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(Error::QueryOrFragment { url: text.to_owned() });
    }
    let host = match parsed.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(Error::NoHost { url: text.to_owned() }),
    };
    let port = parsed.port_or_known_default().ok_or_else(|| Error::NoHost { url: text.to_owned() })?;
    Ok(Target { scheme, host, port, base_path: parsed.path().trim_end_matches('/').to_owned(), weight: 1 })
}

/// The target as a URL: the name of an upstream that has no other.
pub(crate) fn url(target: &Target) -> String {
    let scheme = match target.scheme {
        UpstreamScheme::Http => "http",
        UpstreamScheme::Https => "https",
    };
    let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    format!("{scheme}://{host}:{}{}", target.port, target.base_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let shown = parse(text).map(|target| url(&target)).map_err(|error| error.to_string());
        match (&shown, expected) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected, "{text}"),
            (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
            _ => panic!("{text}: {shown:?}"),
        }
    }

    #[test]
    fn reads_urls_of_upstreams() {
        check("http://127.0.0.1:9000", Ok("http://127.0.0.1:9000"));
        check("http://Orders.Internal/", Ok("http://orders.internal:80"));
        check("https://api.example/base/", Ok("https://api.example:443/base"));
        check("http://[::1]:8080/v1", Ok("http://[::1]:8080/v1"));
    }

    #[test]
    fn refuses_what_would_be_dropped() {
        check("127.0.0.1:9000", Err("not an absolute URL"));
        check("localhost:9000", Err("`localhost`"));
        check("ftp://h/", Err("neither"));
        check("http://user:secret@h/", Err("no secrets"));
        check("http://h/?a=b", Err("query"));
        check("http://h/#a", Err("fragment"));
        check("http://", Err("not an absolute URL"));
    }

    #[test]
    fn a_secret_is_not_repeated() {
        assert!(!parse("http://user:hunter2@h/").unwrap_err().to_string().contains("hunter2"));
    }
}
