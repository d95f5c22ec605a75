//! A second pair of eyes on HTTP/1.1 message framing (RFC 9112 sections 2.2 and 6).
//!
//! The HTTP library repairs what ought to be refused: a message with both `Content-Length` and
//! `Transfer-Encoding` (section 6.1: "might indicate an attempt to perform request smuggling"), lines that end in a
//! bare line feed, and a request target with a fragment. By the time a request is seen the evidence is gone. So this watches the bytes go by
//! and keeps count of message heads: the service asks whether *its* head was in order. It also knows whether a
//! head is half-read, which is what a header-read timeout needs to know.

use std::ops::ControlFlow;

/// Watches one connection's incoming bytes.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    line: Line,
    /// Heads that were read to their end.
    heads: u64,
    /// The number of the first head that is not in order.
    fault: Option<(u64, FramingFault)>,
    length: Option<u64>,
    has_transfer_encoding: bool,
}

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingFault {
    /// Both lengths.
    #[error("the request has both Content-Length and Transfer-Encoding")]
    TwoLengths,
    /// A line that ends in LF without CR.
    #[error("a line of the request ends in LF without CR")]
    BareLineFeed,
    /// A Content-Length that is no number, or is written longer than any number needs.
    #[error("the request has an unreadable Content-Length")]
    Length,
    /// A request target with a fragment, which is for the client only (RFC 9112 section 3.2).
    #[error("the request target has a fragment")]
    Fragment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between messages: empty lines are skipped.
    Idle,
    /// In the request line.
    RequestLine,
    /// In a header.
    Head,
    /// In a body: so many bytes to go.
    Body(u64),
    /// In a chunk's size line.
    ChunkSize,
    /// In a chunk's data and the line end behind it.
    ChunkData(u64),
    /// In the trailers.
    Trailers,
    /// Not HTTP/1.1, or not in order: the library will end it.
    Opaque,
}

/// The beginning of a line that a read cut in two.
#[derive(Debug, Clone, Copy)]
struct Line {
    start: [u8; Self::KEPT],
    length: usize,
    last: u8,
}

impl Default for Line {
    fn default() -> Self {
        Self { start: [0; Self::KEPT], length: 0, last: 0 }
    }
}

impl Line {
    /// Enough for the longest name looked at, and its value.
    const KEPT: usize = 64;

    fn extend(&mut self, bytes: &[u8]) {
        let room = &mut self.start[self.length.min(Self::KEPT)..];
        let kept = room.len().min(bytes.len());
        room[..kept].copy_from_slice(&bytes[..kept]);
        self.length = (self.length + kept).min(Self::KEPT);
        self.last = bytes.last().copied().unwrap_or(self.last);
    }
}

impl Default for Framing {
    fn default() -> Self {
        Self {
            state: State::Idle,
            line: Line::default(),
            heads: 0,
            fault: None,
            length: None,
            has_transfer_encoding: false,
        }
    }
}

impl Framing {
    /// Whether the connection speaks something else, such as HTTP/2.
    pub(super) fn is_opaque(&self) -> bool {
        self.state == State::Opaque
    }

    /// Whether a body has begun and not ended.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(self.state, State::Body(_) | State::ChunkSize | State::ChunkData(_) | State::Trailers)
    }

    /// Whether a head has begun and not ended.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.state, State::RequestLine | State::Head)
    }

    /// What is wrong with the head of the request with this number, counted from 1.
    pub(super) fn fault(&self, request: u64) -> Option<FramingFault> {
        self.fault.and_then(|(head, fault)| (head <= request).then_some(fault))
    }

    /// Watches bytes that were read.
    pub(super) fn observe(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let step = match self.state {
                State::Opaque => return,
                State::Body(left) => Self::skip(&mut bytes, left, State::Body, State::Idle),
                State::ChunkData(left) => Self::skip(&mut bytes, left, State::ChunkData, State::ChunkSize),
                State::Idle | State::RequestLine | State::Head | State::ChunkSize | State::Trailers => {
                    match self.take_line(&mut bytes) {
                        ControlFlow::Continue(()) => return,
                        ControlFlow::Break(next) => next,
                    }
                }
            };
            self.state = step;
        }
    }

    fn skip(bytes: &mut &[u8], left: u64, more: fn(u64) -> State, then: State) -> State {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        *bytes = &bytes[taken..];
        match left - taken as u64 {
            0 => then,
            left => more(left),
        }
    }

    /// Takes a line, if it ends here; the state that follows it.
    fn take_line(&mut self, bytes: &mut &[u8]) -> ControlFlow<State> {
        let end = memchr::memchr(b'\n', bytes);
        let (here, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        let is_request_line = matches!(self.state, State::Idle | State::RequestLine);
        if is_request_line && memchr::memchr(b'#', here).is_some() {
            self.blame(FramingFault::Fragment);
        }
        if end.is_none() {
            self.line.extend(here);
            if self.state == State::Idle && self.line.start[0] != b'\r' {
                self.state = State::RequestLine;
            }
            return ControlFlow::Continue(());
        }
        *bytes = &rest[1..];
        if self.line.length == 0 {
            let is_crlf = here.last() == Some(&b'\r');
            return ControlFlow::Break(self.line_ended(here.strip_suffix(b"\r").unwrap_or(here), is_crlf));
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend(here);
        let is_crlf = line.last == b'\r';
        let kept = &line.start[..line.length];
        let text = if is_crlf && line.length < Line::KEPT { &kept[..line.length - 1] } else { kept };
        ControlFlow::Break(self.line_ended(text, is_crlf))
    }

    fn line_ended(&mut self, line: &[u8], is_crlf: bool) -> State {
        if !is_crlf {
            self.blame(FramingFault::BareLineFeed);
        }
        match self.state {
            State::Idle | State::Trailers if line.is_empty() => State::Idle,
            State::Idle | State::RequestLine if self.heads == 0 && line.starts_with(b"PRI * HTTP/2") => State::Opaque,
            State::Idle | State::RequestLine => State::Head,
            State::Head if line.is_empty() => self.head_ended(),
            State::Head => {
                self.header(line);
                State::Head
            }
            State::ChunkSize => match chunk_size(line) {
                Some(0) => State::Trailers,
                Some(size) => State::ChunkData(size.saturating_add(2)),
                None => State::Opaque,
            },
            State::Trailers => State::Trailers,
            State::Body(_) | State::ChunkData(_) | State::Opaque => State::Opaque,
        }
    }

    fn header(&mut self, line: &[u8]) {
        // The first letter rules out nearly every header.
        match line[0] | 0x20 {
            b'c' => {
                if let Some(value) = value_of(line, b"content-length") {
                    let length =
                        std::str::from_utf8(value).ok().and_then(|text| text.trim_matches([' ', '\t']).parse().ok());
                    // What a cut line keeps may be the beginning of a longer number.
                    let length = length.filter(|_| line.len() < Line::KEPT);
                    if length.is_none() {
                        self.blame(FramingFault::Length);
                    }
                    self.length = length.or(self.length).or(Some(0));
                }
            }
            b't' if value_of(line, b"transfer-encoding").is_some() => self.has_transfer_encoding = true,
            _ => {}
        }
    }

    fn head_ended(&mut self) -> State {
        let (length, is_chunked) = (self.length.take(), std::mem::take(&mut self.has_transfer_encoding));
        if is_chunked && length.is_some() {
            self.blame(FramingFault::TwoLengths);
        }
        self.heads += 1;
        match length {
            _ if is_chunked => State::ChunkSize,
            None | Some(0) => State::Idle,
            Some(length) => State::Body(length),
        }
    }

    fn blame(&mut self, fault: FramingFault) {
        // An unfinished head is the next to be counted; a body belongs to the one before, which is under way.
        let head = match self.state {
            State::Idle | State::RequestLine | State::Head => self.heads + 1,
            State::Body(_) | State::ChunkSize | State::ChunkData(_) | State::Trailers | State::Opaque => return,
        };
        self.fault.get_or_insert((head, fault));
    }
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    if start.eq_ignore_ascii_case(name) { rest.strip_prefix(b":") } else { None }
}

/// RFC 9112 section 7.1: hexadecimal digits, then perhaps extensions.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|byte| matches!(byte, b';' | b' ' | b'\t')).unwrap_or(line.len());
    std::str::from_utf8(&line[..end]).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way of cutting the bytes in two gives the same answer.
    fn check(bytes: &str, heads: u64, fault: Option<(u64, FramingFault)>, in_head: bool) {
        for cut in 0..=bytes.len() {
            let mut framing = Framing::default();
            framing.observe(&bytes.as_bytes()[..cut]);
            framing.observe(&bytes.as_bytes()[cut..]);
            assert_eq!(
                (framing.heads, framing.fault, framing.is_in_head()),
                (heads, fault, in_head),
                "{bytes:?} cut at {cut}"
            );
        }
    }

    #[test]
    fn counts_heads_past_every_kind_of_body() {
        check("GET / HTTP/1.1\r\nhost: a\r\n\r\n", 1, None, false);
        check("GET / HTTP/1.1\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", 2, None, false);
        check("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\n\n\r\nGET / HT", 1, None, true);
        let chunked = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\na\r\n\r\n\r\n0\r\nt: v\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        check(chunked, 2, None, false);
    }

    #[test]
    fn two_lengths_are_a_fault_of_their_own_head() {
        let both = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-LENGTH: 4\r\n\r\n0\r\n\r\n";
        check(both, 1, Some((1, FramingFault::TwoLengths)), false);
        check(&format!("GET / HTTP/1.1\r\n\r\n{both}"), 2, Some((2, FramingFault::TwoLengths)), false);
    }

    #[test]
    fn what_looks_like_a_header_in_a_body_is_a_body() {
        let body = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n13\r\n\ncontent-length: 1\n\r\n0\r\n\r\n";
        check(body, 1, None, false);
    }

    #[test]
    fn bare_line_feeds_are_a_fault() {
        check("GET / HTTP/1.1\nhost: a\r\n\r\n", 1, Some((1, FramingFault::BareLineFeed)), false);
        check("GET / HTTP/1.1\r\nhost: a\n\r\n", 1, Some((1, FramingFault::BareLineFeed)), false);
    }

    #[test]
    fn a_fragment_is_a_fault() {
        check("GET /x#y HTTP/1.1\r\n\r\n", 1, Some((1, FramingFault::Fragment)), false);
    }

    #[test]
    fn a_length_that_cannot_be_read_is_a_fault() {
        let padded = format!("POST / HTTP/1.1\r\ncontent-length:{}14\r\n\r\n", " ".repeat(100));
        check(&padded, 1, Some((1, FramingFault::Length)), false);
        check("POST / HTTP/1.1\r\ncontent-length: 1,1\r\n\r\n", 1, Some((1, FramingFault::Length)), false);
    }

    #[test]
    fn the_preface_of_http_2_counts_only_at_the_beginning() {
        let both = "POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        let late = format!("GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n\r\n{both}");
        check(&late, 3, Some((3, FramingFault::TwoLengths)), false);
    }

    #[test]
    fn long_lines_are_lines() {
        let long = format!("GET /{} HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(200), "b".repeat(200));
        check(&long, 1, None, false);
    }

    #[test]
    fn http_2_is_left_alone() {
        let mut framing = Framing::default();
        framing.observe(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00");
        assert!(!framing.is_in_head() && framing.fault(1).is_none());
    }
}
