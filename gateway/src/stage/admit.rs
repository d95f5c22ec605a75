//! Admit: what can be refused before looking at the artifact.

use http::header::{HOST, TRANSFER_ENCODING};
use http::{Request, Version};
use hyper::body::Incoming;

use super::Exchange;
use super::rewrite::strip_named;
use crate::fault::Fault;
use crate::router::RequestPath;
use crate::upstream::RequestBody;

/// A request in good order.
#[derive(Debug)]
pub struct Admitted {
    /// Boxed here, once: it is handed on by every stage there is.
    pub(super) request: Box<Request<RequestBody>>,
    pub(super) path: RequestPath,
}

/// Refuses ambiguous framing, a missing or repeated Host, an oversize URI, and paths that others might read
/// differently. The head's size was bounded while it was read.
///
/// What `Connection` names does not go on, so it is taken out before anyone looks at it: a client could otherwise show a
/// credential or a parameter to us alone.
pub fn admit(exchange: &Exchange, mut request: Request<Incoming>) -> Result<Admitted, Fault> {
    if exchange.version() <= Version::HTTP_11 {
        check_framing(exchange, &request)?;
        check_host(&request)?;
    }
    let limits = &exchange.worker().settings().limits;
    if request.headers().len() > usize::from(limits.headers_max) {
        return Err(Fault::TooManyHeaders { limit: limits.headers_max });
    }
    let limit = limits.uri_max_bytes;
    let uri = request.uri();
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if length > usize::from(limit) {
        return Err(Fault::UriTooLong { limit });
    }
    let path = RequestPath::parse(uri.path())?;
    strip_named(request.headers_mut());
    Ok(Admitted { request: Box::new(request.map(RequestBody::new)), path })
}

/// RFC 9112 section 6.
fn check_framing(exchange: &Exchange, request: &Request<Incoming>) -> Result<(), Fault> {
    if let Some(fault) = exchange.connection().framing_fault(exchange.number()) {
        return Err(Fault::Framing(fault));
    }
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let is_chunked = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if is_chunked && codings.next().is_none() { Ok(()) } else { Err(Fault::TransferCoding) }
}

/// Whether a byte may stand in a host and its port (RFC 3986 section 3.2.2). What they spell is the upstream's affair.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&byte)
}

/// RFC 9112 section 3.2.
fn check_host(request: &Request<Incoming>) -> Result<(), Fault> {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.as_bytes().iter().copied().all(is_of_host) => Ok(()),
        (None, None) if request.version() < Version::HTTP_11 => Ok(()),
        _ => Err(Fault::Host),
    }
}
