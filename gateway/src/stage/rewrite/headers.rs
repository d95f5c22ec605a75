//! Header fields that belong to one connection, and those that tell of the way a message took.

use http::Version;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING,
    UPGRADE, VIA,
};

/// De facto: who asked.
pub(super) static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// De facto: over what.
pub(super) static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// De facto: for which name.
pub(super) static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// RFC 7239: all three.
pub(super) static FORWARDED: HeaderName = HeaderName::from_static("forwarded");
/// De facto: which request.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Takes out what belongs to one connection only (RFC 9110 section 7.6.1).
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    strip_named(headers);
    remove_all(headers, is_hop_by_hop);
}

/// Takes out the fields that `Connection` names, but for those that are hop-by-hop by themselves and still to be read.
pub(crate) fn strip_named(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named = headers.get_all(CONNECTION).iter().flat_map(named_fields);
        let named: Vec<HeaderName> = named.filter(|name| !is_hop_by_hop(name)).collect();
        named.into_iter().for_each(|name| remove(headers, &name));
    }
}

/// Takes out what an untrusted client says of who it is, however it spells it.
pub(super) fn strip_forwarded(headers: &mut HeaderMap) {
    remove_all(headers, |name| {
        let name = name.as_str();
        name.starts_with("x-forwarded-") || matches!(name, "forwarded" | "x-real-ip" | "x-client-ip" | "true-client-ip")
    });
}

/// One pass over the few fields there are is cheaper than a look-up for each of what is nearly never there.
fn remove_all(headers: &mut HeaderMap, is_doomed: fn(&HeaderName) -> bool) {
    if headers.keys().any(is_doomed) {
        let doomed: Vec<HeaderName> = headers.keys().filter(|name| is_doomed(name)).cloned().collect();
        doomed.iter().for_each(|name| remove(headers, name));
    }
}

fn remove(headers: &mut HeaderMap, name: &HeaderName) {
    while headers.remove(name).is_some() {}
}

/// The fields that a Connection field names, `close` and `keep-alive` left out.
fn named_fields(connection: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    connection.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter_map(|token| {
        let is_option = token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive");
        if is_option { None } else { HeaderName::from_bytes(token).ok() }
    })
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    [
        &CONNECTION,
        &TE,
        &TRANSFER_ENCODING,
        &UPGRADE,
        &PROXY_AUTHENTICATE,
        &PROXY_AUTHORIZATION,
        &KEEP_ALIVE,
        &PROXY_CONNECTION,
    ]
    .contains(&name)
}

/// Adds this hop (RFC 9110 section 7.6.3). `version` is the one the message was received in.
pub(crate) fn append_via(headers: &mut HeaderMap, version: Version) {
    let ours = match version {
        Version::HTTP_10 => HeaderValue::from_static("1.0 portcullis"),
        Version::HTTP_2 => HeaderValue::from_static("2 portcullis"),
        _ => HeaderValue::from_static("1.1 portcullis"),
    };
    let value = joined(headers, &VIA, b", ", Some(&ours)).unwrap_or(ours);
    headers.insert(VIA, value);
}

/// All values of a field and one more, joined; `None` where the field is absent.
pub(super) fn joined(
    headers: &HeaderMap,
    name: &HeaderName,
    separator: &[u8],
    last: Option<&HeaderValue>,
) -> Option<HeaderValue> {
    headers.get(name)?;
    let values: Vec<&[u8]> = headers.get_all(name).iter().chain(last).map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&values.join(separator)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn what_belongs_to_one_connection_stays_there() {
        let mut headers = map(&[
            ("connection", "close, X-Secret"),
            ("connection", "x-other"),
            ("x-secret", "1"),
            ("x-other", "2"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "Basic x"),
            ("trailer", "x-sum"),
            ("accept", "*/*"),
        ]);
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("trailer", "x-sum"), ("accept", "*/*")]));
    }

    #[test]
    fn nobody_says_who_they_are() {
        let mut headers = map(&[
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-port", "1"),
            ("x-real-ip", "1.2.3.4"),
            ("forwarded", "for=x"),
            ("x-forward", "kept"),
        ]);
        strip_forwarded(&mut headers);
        assert_eq!(headers, map(&[("x-forward", "kept")]));
    }

    #[test]
    fn via_tells_the_way() {
        let mut headers = map(&[("via", "1.0 fred"), ("via", "1.1 lucy")]);
        append_via(&mut headers, Version::HTTP_11);
        assert_eq!(headers, map(&[("via", "1.0 fred, 1.1 lucy, 1.1 portcullis")]));
    }
}
