//! Puts defaults in where a value is absent, if the policy says so.

use contract::parameter::{Head, Missing};
use contract::{OperationContract, Part};
use http::header::COOKIE;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};

use crate::stage::Exchange;
use crate::upstream::RequestBody;

/// Adds to a request, which was judged, the parameters that are absent and have a default: at the end of the query
/// and of the cookies, and as header fields. What was there stays as it was.
pub(super) fn inject(exchange: &Exchange, contract: &OperationContract, request: &mut Request<RequestBody>) {
    let head = Head { path: &[], query: request.uri().query(), headers: request.headers() };
    let missing = contract.parameters.missing_defaults(&head, &mut exchange.worker().scratch().parameters);
    let texts = |part: Part| missing.iter().filter(move |missing| missing.part == part).map(|missing| missing.text);
    if let Some(uri) = extended(request.uri(), texts(Part::Query)) {
        *request.uri_mut() = uri;
    }
    if let Some(cookies) = extended_cookies(request.headers(), texts(Part::Cookie)) {
        request.headers_mut().insert(COOKIE, cookies);
    }
    for Missing { name, text, .. } in missing.iter().filter(|missing| missing.part == Part::Header) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_str(text)) {
            request.headers_mut().insert(name, value);
        }
    }
}

/// The URI with more pairs in its query; `None` if there are none.
fn extended<'m>(uri: &Uri, pairs: impl Iterator<Item = &'m str>) -> Option<Uri> {
    let pairs = pairs.collect::<Vec<_>>().join("&");
    if pairs.is_empty() {
        return None;
    }
    let (path, query) = (uri.path(), uri.query().filter(|query| !query.is_empty()));
    let query = query.map_or_else(|| pairs.clone(), |query| format!("{query}&{pairs}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}?{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// One Cookie field with all that there are and more pairs; `None` if there are no more. HTTP/2 may split the field
/// (RFC 9113 section 8.2.3).
fn extended_cookies<'m>(headers: &'m HeaderMap, pairs: impl Iterator<Item = &'m str>) -> Option<HeaderValue> {
    let mut pairs = pairs.map(str::as_bytes).peekable();
    pairs.peek()?;
    let all: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).chain(pairs).collect();
    HeaderValue::from_bytes(&all.join(&b"; "[..])).ok()
}
