//! Requests of which two servers might see different ends: refused, or passed on in one unmistakable form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use tests::raw::{exchange, statuses};
use tests::{Api, Gateway, Upstream};

/// What must become of a request.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    /// Refused with one of these, the connection closed, nothing sent upstream.
    Refused(&'static [u16]),
    /// Passed on with this body, as one request.
    PassedOn(&'static str),
    /// The specification leaves the choice, but one of the two it must be.
    Either(&'static str),
}

use Verdict::{Either, PassedOn, Refused};

const BAD: Verdict = Refused(&[400]);
/// A transfer coding that is not known may also be answered with 501 (RFC 9112 section 6.1).
const UNKNOWN_CODING: Verdict = Refused(&[400, 501]);

async fn gateway(upstream: &Upstream) -> Gateway {
    let setup = Gateway::serving(&Api::at(upstream).get("/x").post("/x").get("/smuggled").post("/smuggled"));
    // One line each, so that what is said and what is meant stand side by side.
    setup
        .set("--header-max-bytes", "8192")
        .set("--headers-max", "50")
        .set("--uri-max-bytes", "2048")
        .set("--workers", "1")
        .start()
        .await
}

/// What is wrong, if anything is.
async fn check(gateway: &Gateway, upstream: &Upstream, request: &str, verdict: Verdict) -> Result<(), String> {
    let (requests, shown) = (upstream.requests(), request.escape_debug());
    let answer = exchange(gateway.address(), request).await;
    let (statuses, sent) = (statuses(&answer), upstream.requests() - requests);
    let is_refused = |allowed: &[u16]| matches!(statuses[..], [only] if allowed.contains(&only)) && sent == 0;
    let is_passed_on = |body: &str| statuses == [200] && sent == 1 && answer.contains(&format!(r#""body":"{body}""#));
    let holds = match verdict {
        Refused(allowed) => is_refused(allowed),
        PassedOn(body) => is_passed_on(body),
        Either(body) => is_refused(&[400, 501]) || is_passed_on(body),
    };
    let fault =
        || format!("{shown}\nshould be {verdict:?}; {sent} went upstream, the answer was {statuses:?}:\n{answer}\n");
    if holds { Ok(()) } else { Err(fault()) }
}

/// Checks every line, and then that nothing of what was refused ever reached the upstream.
async fn check_all(table: &[(&str, Verdict)]) {
    let upstream = Upstream::echo().await;
    let gateway = gateway(&upstream).await;
    let mut faults = Vec::new();
    for (request, verdict) in table {
        faults.extend(check(&gateway, &upstream, request, *verdict).await.err());
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), table.len(), faults.join("\n"));
    for bytes in upstream.bytes() {
        let seen = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        for head in seen.split("\r\n\r\n").filter(|part| part.contains(" http/1.1\r\n")) {
            let lengths = head.matches("\r\ncontent-length:").count() + head.matches("\r\ntransfer-encoding:").count();
            assert!(lengths <= 1, "two ways to tell the length went upstream:\n{head}");
            assert!(!head.contains("/smuggled"), "a request was smuggled:\n{seen}");
        }
    }
}

/// A POST with these header lines and this body.
macro_rules! post {
    ($headers:literal, $body:literal) => {
        concat!("POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", $headers, "\r\n\r\n", $body)
    };
}

/// A chunked POST with this body.
macro_rules! chunked {
    ($body:literal) => {
        post!("transfer-encoding: chunked", $body)
    };
}

/// A GET with these header lines.
macro_rules! get {
    ($headers:literal) => {
        concat!("GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", $headers, "\r\n\r\n")
    };
}

#[tokio::test]
async fn two_ways_to_tell_the_length() {
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(smuggled.len(), 40, "the length that stands in the table");
    check_all(&[
        (post!("content-length: 5", "hello"), PassedOn("hello")),
        (post!("transfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), PassedOn("hello")),
        (
            post!(
                "content-length: 40\r\ntransfer-encoding: chunked",
                "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
            ),
            BAD,
        ),
        (
            post!(
                "transfer-encoding: chunked\r\ncontent-length: 40",
                "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
            ),
            BAD,
        ),
        (post!("content-length: 0\r\ntransfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), BAD),
        (post!("content-length: 5\r\ncontent-length: 6", "hello!"), BAD),
        (post!("content-length: 0\r\ncontent-length: 40", "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"), BAD),
        (post!("content-length: 5\r\ncontent-length: 5", "hello"), Either("hello")),
        (post!("content-length: 5, 5", "hello"), Either("hello")),
        (post!("content-length: 5, 6", "hello!"), BAD),
    ])
    .await;
}

#[tokio::test]
async fn lengths_that_are_not_numbers() {
    check_all(&[
        (post!("content-length: +5", "hello"), BAD),
        (post!("content-length: -5", "hello"), BAD),
        (post!("content-length: 0x5", "hello"), BAD),
        (post!("content-length: 5.0", "hello"), BAD),
        (post!("content-length: 5 5", "hello"), BAD),
        (post!("content-length:", "hello"), BAD),
        (post!("content-length: five", "hello"), BAD),
        (post!("content-length: 99999999999999999999999", "hello"), BAD),
        (post!("content-length: 18446744073709551621", "hello"), BAD),
        (post!("content-length:  5 ", "hello"), PassedOn("hello")),
        (post!("content-length: 05", "hello"), Either("hello")),
    ])
    .await;
}

#[tokio::test]
async fn transfer_codings_that_are_not_just_chunked() {
    check_all(&[
        (post!("transfer-encoding: xchunked", "5\r\nhello\r\n0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: chunked, identity", "5\r\nhello\r\n0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: identity, chunked", "5\r\nhello\r\n0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: gzip, chunked", "5\r\nhello\r\n0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: identity", "hello"), UNKNOWN_CODING),
        (post!("transfer-encoding: identity\r\ncontent-length: 5", "hello"), UNKNOWN_CODING),
        (post!("transfer-encoding: chunked\r\ntransfer-encoding: identity", "0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: chunked, chunked", "0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding:", "0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: \x0bchunked", "5\r\nhello\r\n0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: \"chunked\"", "5\r\nhello\r\n0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding: chunked;q=1", "5\r\nhello\r\n0\r\n\r\n"), UNKNOWN_CODING),
        (post!("transfer-encoding:  chunked", "5\r\nhello\r\n0\r\n\r\n"), PassedOn("hello")),
        (post!("transfer-encoding:\tchunked ", "5\r\nhello\r\n0\r\n\r\n"), PassedOn("hello")),
        (post!("Transfer-Encoding: CHUNKED", "5\r\nhello\r\n0\r\n\r\n"), PassedOn("hello")),
        ("POST /x HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", BAD),
    ])
    .await;
}

#[tokio::test]
async fn chunks_that_are_not_chunks() {
    check_all(&[
        (chunked!("5;name=value\r\nhello\r\n0\r\n\r\n"), Either("hello")),
        (chunked!("5;name=\"a;b\"\r\nhello\r\n0;last\r\n\r\n"), Either("hello")),
        (chunked!("005\r\nhello\r\n0\r\n\r\n"), Either("hello")),
        (chunked!("5 \r\nhello\r\n0\r\n\r\n"), Either("hello")),
    ])
    .await;
    // What is wrong with these shows only after the head went upstream, so the gateway may have begun a request
    // there. It must never end it as if it were whole.
    let upstream = Upstream::echo().await;
    let gateway = gateway(&upstream).await;
    for body in [
        "zz\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\rhello\r0\r\r",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "0\r\nbad trailer\r\n\r\n",
    ] {
        let request = format!("{}{body}", chunked!(""));
        let answer = exchange(gateway.address(), &request).await;
        let shown = request.escape_debug();
        assert!(!answer.contains(r#""body":"#), "{shown} was passed on as a whole request:\n{answer}");
        assert!(matches!(statuses(&answer)[..], [400] | []), "{shown}: {answer}");
    }
}

#[tokio::test]
async fn lines_that_end_wrongly_and_names_that_are_none() {
    check_all(&[
        (get!("x: a\rb"), BAD),
        (get!("x: a\rcontent-length: 40"), BAD),
        (get!("x: a\r\n folded"), BAD),
        (get!("x: a\r\n\tfolded"), BAD),
        (post!("transfer-encoding:\r\n chunked", "0\r\n\r\n"), BAD),
        (post!("content-length: 5\r\n ", "hello"), BAD),
        (post!("content-length : 5", "hello"), BAD),
        (post!("transfer-encoding : chunked", "0\r\n\r\n"), BAD),
        (post!("content-length\t: 5", "hello"), BAD),
        (post!("content length: 5", "hello"), BAD),
        (post!("content-length\x00: 5", "hello"), BAD),
        (get!("x: a\0b"), BAD),
        (get!(": no name"), BAD),
        (get!("no colon"), BAD),
        (get!("x(y): comment"), BAD),
        (get!("x: \x01"), BAD),
        ("GET /x HTTP/1.1\r\n host: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x HTTP/1.1\nhost: a\nconnection: close\n\n", Either("")),
        ("GET /x HTTP/1.1\r\nhost: a\nconnection: close\r\n\r\n", Either("")),
        ("\r\nGET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", PassedOn("")),
    ])
    .await;
}

#[tokio::test]
async fn request_lines_that_are_none() {
    check_all(&[
        ("GET /x HTTP/1.1 x\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET  /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x HTTP/1.1\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x HTTP/1.1\r\nhost: a\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x HTTP/1.1\r\nhost: a/smuggled\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x HTTP/1.1\r\nhost: a@b\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x HTTP/1.2\r\nhost: a\r\nconnection: close\r\n\r\n", Refused(&[400, 505])),
        ("GET /x HTTP/2.0\r\nhost: a\r\nconnection: close\r\n\r\n", Refused(&[400, 505])),
        ("GET /x HTTP/0.9\r\nhost: a\r\nconnection: close\r\n\r\n", Refused(&[400, 505])),
        ("GET /x http/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("G(T /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x\0 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x\t HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("GET /x#fragment HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", BAD),
        ("CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\nconnection: close\r\n\r\n", Refused(&[400, 404, 405, 501])),
        ("GET http://a/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", PassedOn("")),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03", BAD),
    ])
    .await;
}

#[tokio::test]
async fn sizes_beyond_the_limits() {
    let upstream = Upstream::echo().await;
    let gateway = gateway(&upstream).await;
    let many = "x: y\r\n".repeat(60);
    let long = "a".repeat(9_000);
    for (request, status) in [
        (format!("GET /x?{} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "q".repeat(3_000)), 414),
        (format!("GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {long}\r\n\r\n"), 431),
        (format!("GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{long}: x\r\n\r\n"), 431),
        (format!("GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{many}\r\n"), 431),
    ] {
        let (answer, began) = (exchange(gateway.address(), &request).await, upstream.requests());
        assert_eq!((&statuses(&answer)[..], began), (&[status][..], 0), "{}", &request[..60]);
    }
    let fits = format!("GET /x?{} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "q".repeat(1_900));
    assert_eq!(statuses(&exchange(gateway.address(), fits).await), [200]);
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row() {
    let upstream = Upstream::echo().await;
    let gateway = gateway(&upstream).await;
    let row = concat!(
        "POST /x?1 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
        "POST /x?2 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n",
        "GET /nothing HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /x?3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    let answer = exchange(gateway.address(), row).await;
    assert_eq!((statuses(&answer), upstream.requests()), (vec![200, 200, 404, 200], 3));
    let targets: Vec<&str> =
        answer.lines().filter_map(|line| line.strip_prefix("x-echo-target: ")).map(str::trim).collect();
    assert_eq!(targets, ["/x?1", "/x?2", "/x?3"]);
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_not_taken_for_the_next_one() {
    let upstream = Upstream::echo().await;
    let gateway = gateway(&upstream).await;
    let refused = concat!(
        "POST /nothing HTTP/1.1\r\nhost: a\r\ncontent-length: 45\r\n\r\n",
        "GET /smuggled HTTP/1.1\r\nhost: a\r\nx: yyyyy\r\n\r\n",
        "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    let answer = exchange(gateway.address(), refused).await;
    assert!(!answer.contains("/smuggled\""), "{answer}");
    assert!(matches!(statuses(&answer)[..], [404] | [404, 200]), "{answer}");
}
