//! For whom a request is meant.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Version};

use super::problem::{Code, Problem};

/// Refuses a request of HTTP/1.1 that does not say once, and well, which host it asks (RFC 9112 section 3.2).
pub(super) async fn require(request: Request, next: Next) -> Result<Response, Problem> {
    if request.version() == Version::HTTP_11 && !is_named(request.headers()) {
        return Err(Problem::new(Code::Malformed).detail("send `Host` once, with the host that is asked"));
    }
    Ok(next.run(request).await)
}

fn is_named(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(HOST).iter();
    let (Some(host), None) = (given.next(), given.next()) else { return false };
    // Where the target has no authority, the field is empty.
    host.is_empty() || Authority::try_from(host.as_bytes()).is_ok_and(|host| !host.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(hosts: &[&str], expected: bool) {
        let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_str(host).unwrap())).collect();
        assert_eq!(is_named(&headers), expected, "{hosts:?}");
    }

    #[test]
    fn a_host_is_named_once() {
        check(&["portcullis.example"], true);
        check(&["127.0.0.1:9090"], true);
        check(&["[::1]:9090"], true);
        check(&[""], true);
        check(&[], false);
        check(&["a.example", "a.example"], false);
        check(&["user@a.example"], false);
        check(&["a.example/path"], false);
    }
}
