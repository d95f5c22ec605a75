//! Who the client is: the other end, or whom a trusted proxy there names.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address, in the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Goes back from the other end of the connection, over proxies that are trusted, to the first that is not.
    ///
    /// A hop that names nobody (RFC 7239 section 6: `unknown`, `_hidden`) ends the way: the last trusted proxy is the
    /// client. Where `Forwarded` and `X-Forwarded-For` disagree, one of them is the client's own invention, and
    /// neither is believed.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let origin = |hops: Option<Vec<Option<IpAddr>>>| hops.map(|hops| walk(peer, &hops, trusted));
        let standard = origin(hops(headers, &FORWARDED, forwarded_for));
        let customary = origin(hops(headers, &X_FORWARDED_FOR, |hop| node(hop.trim())));
        Self(match (standard, customary) {
            (Some(standard), Some(customary)) if standard != customary => peer,
            (Some(origin), _) | (None, Some(origin)) => origin,
            (None, None) => peer,
        })
    }
}

fn walk(peer: IpAddr, hops: &[Option<IpAddr>], trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for hop in hops.iter().rev() {
        match hop {
            Some(hop) if trusted.iter().any(|network| network.contains(&client)) => client = *hop,
            Some(_) | None => break,
        }
    }
    client
}

/// Every hop of a header field, in its order; `None` where there is no such field.
fn hops(headers: &HeaderMap, name: &HeaderName, read: fn(&str) -> Option<IpAddr>) -> Option<Vec<Option<IpAddr>>> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    // What is no text names nobody; neither does a comma within quotes, which no address has.
    Some(values.flat_map(|value| value.to_str().unwrap_or_default().split(',')).map(read).collect())
}

/// `for=` of one element of `Forwarded` (RFC 7239 section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    node(value.trim().trim_matches('"'))
}

/// An address, with or without a port, IPv6 with or without brackets.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, headers: &[(&'static str, &'static str)], expected: &str) {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect();
        let ClientAddress(client) = ClientAddress::of(peer.parse().unwrap(), &map, &trusted);
        assert_eq!(client.to_string(), expected, "{peer} {headers:?}");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        check("192.0.2.1", &[("x-forwarded-for", "198.51.100.7")], "192.0.2.1");
        check("192.0.2.1", &[("forwarded", "for=198.51.100.7")], "192.0.2.1");
        check("10.0.0.1", &[], "10.0.0.1");
        check("::ffff:10.0.0.1", &[("x-forwarded-for", "198.51.100.7")], "198.51.100.7");
    }

    #[test]
    fn the_way_back_ends_at_the_first_stranger() {
        check("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.2")], "198.51.100.7");
        check("10.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.7")], "198.51.100.7");
        check("10.0.0.1", &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")], "10.0.0.3");
        check("10.0.0.1", &[("forwarded", "for=6.6.6.6, for=\"[2001:db8::7]:4711\";proto=https")], "2001:db8::7");
        check("10.0.0.1", &[("forwarded", "proto=https;For=198.51.100.7:80")], "198.51.100.7");
        check("fd00::1", &[("x-forwarded-for", "2001:db8::7")], "2001:db8::7");
    }

    #[test]
    fn what_names_nobody_ends_the_way() {
        check("10.0.0.1", &[("x-forwarded-for", "198.51.100.7, unknown, 10.0.0.2")], "10.0.0.2");
        check("10.0.0.1", &[("forwarded", "for=_hidden")], "10.0.0.1");
        check("10.0.0.1", &[("x-forwarded-for", "")], "10.0.0.1");
    }

    #[test]
    fn two_stories_are_none() {
        check("10.0.0.1", &[("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "198.51.100.7")], "10.0.0.1");
        check("10.0.0.1", &[("forwarded", "for=198.51.100.7"), ("x-forwarded-for", "198.51.100.7")], "198.51.100.7");
    }
}
