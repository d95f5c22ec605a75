//! The URL of an upstream.

use artifact_format::model::{Target, UpstreamScheme};
use fluent_uri::{ParseError, Uri};
use thiserror::Error;

/// What a URL of an upstream looks like.
pub(crate) const HINT: &str = "an upstream is `http://HOST`, `http://HOST:PORT` or `http://HOST:PORT/BASE`";

/// Why a URL cannot be an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Error {
    #[error("`{url}` is not an absolute URL: {reason}")]
    NotAUrl { url: String, reason: ParseError },
    #[error("`{url}` is spoken to over `{scheme}`, which is neither `http` nor `https`")]
    Scheme { url: String, scheme: String },
    #[error("`{url}` has no host, or one that is no name or address")]
    NoHost { url: String },
    #[error("the port of `{url}` is not from 1 to 65535")]
    Port { url: String },
    // The URL is not repeated: it holds a secret.
    #[error("a user name or password stands in the URL, and an artifact holds no secrets")]
    UserInfo,
    #[error("`{url}` has a query or fragment, which a request's own would replace")]
    QueryOrFragment { url: String },
}

/// Reads the URL of a target, to which no weight is given.
pub(crate) fn parse(text: &str) -> Result<Target, Error> {
    let url = || text.to_owned();
    let parsed = Uri::parse(text).map_err(|reason| Error::NotAUrl { url: url(), reason })?.normalize();
    let authority = parsed.authority();
    if authority.is_some_and(|authority| authority.has_userinfo()) {
        return Err(Error::UserInfo);
    }
    let (scheme, default_port) = match parsed.scheme().as_str() {
        "http" => (UpstreamScheme::Http, 80),
        "https" => (UpstreamScheme::Https, 443),
        other => return Err(Error::Scheme { url: url(), scheme: other.to_owned() }),
    };
    if parsed.has_query() || parsed.has_fragment() {
        return Err(Error::QueryOrFragment { url: url() });
    }
    let authority = authority.filter(|authority| !authority.host().is_empty());
    let authority = authority.ok_or_else(|| Error::NoHost { url: url() })?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.contains('%') {
        return Err(Error::NoHost { url: url() });
    }
    let port = authority.port_to_u16().map_err(|_| Error::Port { url: url() })?.unwrap_or(default_port);
    if port == 0 {
        return Err(Error::Port { url: url() });
    }
    Ok(Target { scheme, host, port, base_path: parsed.path().as_str().trim_end_matches('/').to_owned(), weight: 1 })
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
        check("http://", Err("no host"));
        check("http:///path", Err("no host"));
        check("http://a b/", Err("not an absolute URL"));
        check("http://h:65536/", Err("port"));
        check("http://h:0/", Err("port"));
    }

    #[test]
    fn a_secret_is_not_repeated() {
        assert!(!parse("http://user:hunter2@h/").unwrap_err().to_string().contains("hunter2"));
    }
}
