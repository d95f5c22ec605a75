//! Rewrite: from the request that came to the request that goes.
//!
//! What belongs to the client's connection stays here, who the client is goes along, everything else passes byte
//! for byte (RFC 9110 section 7.6, RFC 7239).

use std::rc::Rc;

use http::header::{ACCEPT_ENCODING, CONNECTION, COOKIE, EXPECT, HOST, TE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, Version};

use super::{Exchange, Validated};
use crate::upstream::{RequestBody, UpstreamTargets};

mod headers;

pub use headers::REQUEST_ID;
use headers::{FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, joined, strip_forwarded};
pub(super) use headers::{append_via, strip_hop_by_hop, strip_named};

/// A request ready to go.
#[derive(Debug)]
pub struct Outbound {
    request: Box<Request<RequestBody>>,
    pub(super) body_max_bytes: u64,
    upstream: Rc<UpstreamTargets>,
}

impl Outbound {
    /// Where it goes, and what.
    pub(super) fn into_parts(self) -> (Rc<UpstreamTargets>, Box<Request<RequestBody>>) {
        (self.upstream, self.request)
    }
}

/// Makes the request that goes. `Host` and the target's base path are put in once a target is chosen.
pub fn rewrite(exchange: &Exchange, validated: Validated) -> Outbound {
    let endpoint = validated.endpoint();
    let (upstream, body_max_bytes) = (validated.view.upstream(endpoint.upstream), endpoint.body_max_bytes);
    let is_enforced = endpoint.contract.is_enforced();
    let uri = outbound_uri(&validated);
    let Validated { mut request, .. } = validated;
    let host = request.headers_mut().remove(HOST);
    let host = request.uri().authority().and_then(|name| HeaderValue::from_str(name.as_str()).ok()).or(host);
    if let Some(uri) = uri {
        *request.uri_mut() = uri;
    }
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    let wants_trailers = headers.get_all(TE).iter().any(lists_trailers);
    strip_hop_by_hop(headers);
    if wants_trailers {
        // RFC 9110 section 10.1.4: TE is for the next hop only, and says so.
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    // The expectation was met here, when the body's first byte was asked for.
    headers.remove(EXPECT);
    if is_enforced {
        // What is compressed cannot be judged, and what cannot be judged is not passed on.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if exchange.version() == Version::HTTP_2 {
        join_cookies(headers);
    }
    append_via(headers, exchange.version());
    forward(exchange, headers, host);
    Outbound { request, body_max_bytes, upstream }
}

/// Whether a TE field lists `trailers`, with or without a weight (RFC 9110 section 10.1.4).
fn lists_trailers(te: &HeaderValue) -> bool {
    let mut codings = te.as_bytes().split(|byte| *byte == b',').map(|item| item.split(|byte| *byte == b';').next());
    codings.any(|coding| coding.is_some_and(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers")))
}

/// The path and query asked of the upstream; `None` where the request's own will do.
fn outbound_uri(validated: &Validated) -> Option<Uri> {
    let uri = validated.request.uri();
    let written = validated.endpoint().path.write(uri.path(), &validated.path, &validated.captures);
    let path = match (written, uri.query()) {
        (Some(path), Some(query)) => PathAndQuery::try_from(format!("{path}?{query}")).ok(),
        (Some(path), None) => PathAndQuery::try_from(path).ok(),
        // HTTP/2 and the absolute form carry more than a path; HTTP/1.1 to an upstream does not.
        (None, _) if uri.authority().is_some() => uri.path_and_query().cloned(),
        (None, _) => None,
    };
    path.map(Uri::from)
}

/// Says who asked. What a peer says of others before it counts only if it is a trusted proxy.
fn forward(exchange: &Exchange, headers: &mut HeaderMap, host: Option<HeaderValue>) {
    let connection = exchange.connection();
    let client = connection.client();
    if connection.is_trusted_proxy() {
        append(headers, &X_FORWARDED_FOR, client.address());
        append(headers, &FORWARDED, client.forwarded());
        headers.entry(&X_FORWARDED_PROTO).or_insert_with(|| HeaderValue::from_static("http"));
        if let Some(host) = host {
            headers.entry(&X_FORWARDED_HOST).or_insert(host);
        }
    } else {
        strip_forwarded(headers);
        headers.insert(&X_FORWARDED_FOR, client.address().clone());
        headers.insert(&FORWARDED, client.forwarded().clone());
        headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static("http"));
        match host {
            Some(host) => headers.insert(&X_FORWARDED_HOST, host),
            None => None,
        };
    }
    headers.insert(&REQUEST_ID, exchange.request_id().clone());
}

fn append(headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) {
    let value = joined(headers, name, b", ", Some(value)).unwrap_or_else(|| value.clone());
    headers.insert(name, value);
}

/// RFC 9113 section 8.2.3: HTTP/2 may split the Cookie field, HTTP/1.1 may not.
fn join_cookies(headers: &mut HeaderMap) {
    let mut all = headers.get_all(COOKIE).iter();
    if all.next().is_some()
        && all.next().is_some()
        && let Some(cookies) = joined(headers, &COOKIE, b"; ", None)
    {
        headers.insert(COOKIE, cookies);
    }
}
