//! Takes a multipart body apart as it comes in (RFC 2046 section 5.1).
//!
//! Stricter than the RFC where readers differ: there is nothing before the first delimiter and at most a line end
//! after the last one, no white space follows a delimiter, lines end in CR LF, and what begins like a delimiter is
//! one.

use super::Error;

/// How long the header of a part may be, in bytes, its empty line included.
pub const PART_HEADER_MAX_BYTES: usize = 8 * 1024;
/// How long a boundary may be (RFC 2046 section 5.1.1).
const BOUNDARY_MAX_BYTES: usize = 70;

/// A parser that is fed.
#[derive(Debug)]
pub struct Parser {
    /// What ends a part: CR LF, two hyphens and the boundary.
    delimiter: Box<[u8]>,
    state: State,
    /// The header of the part, as far as it has come in.
    header: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Of the first delimiter so much is there; its line end is taken for granted.
    Start { matched: usize },
    /// After a delimiter, of two bytes this one is there.
    Delimited { first: Option<u8> },
    /// In the header of a part.
    Header,
    /// In the content of a part. Of a delimiter so much is there.
    Content { matched: usize },
    /// After the last delimiter, so much of a line end is there.
    Finished { matched: usize },
}

/// What came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'p> {
    /// A part begins: the lines of its header, without the empty one after them.
    Header(&'p [u8]),
    /// A piece of its content.
    Content(&'p [u8]),
    /// It ends.
    End,
}

impl Parser {
    /// Begins a body with this boundary.
    pub fn new(boundary: &str) -> Result<Self, Error> {
        let is_of_boundary = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
        let is_boundary = (1..=BOUNDARY_MAX_BYTES).contains(&boundary.len())
            && boundary.bytes().all(is_of_boundary)
            && !boundary.ends_with(' ');
        if !is_boundary {
            return Err(Error::Boundary);
        }
        let delimiter = format!("\r\n--{boundary}").into_bytes().into();
        Ok(Self { delimiter, state: State::Start { matched: 2 }, header: Vec::new() })
    }

    /// Takes the next event from the front of `input`; `None` if there is no more until more is fed.
    pub fn next<'p, 'i: 'p>(&'p mut self, input: &mut &'i [u8]) -> Result<Option<Event<'p>>, Error> {
        while !input.is_empty() {
            match self.state {
                State::Start { matched } => self.start(matched, input)?,
                State::Delimited { first } => self.delimited(first, input)?,
                State::Header => {
                    if self.fill_header(input)? {
                        self.state = State::Content { matched: 0 };
                        return Ok(Some(Event::Header(&self.header[..self.header.len() - 4])));
                    }
                }
                State::Content { matched: 0 } => {
                    let plain = memchr::memchr(b'\r', input).unwrap_or(input.len());
                    let (content, rest) = input.split_at(plain);
                    *input = rest;
                    if !rest.is_empty() {
                        self.state = State::Content { matched: 1 };
                        *input = &rest[1..];
                    }
                    if !content.is_empty() {
                        return Ok(Some(Event::Content(content)));
                    }
                }
                State::Content { matched } => {
                    if input[0] == self.delimiter[matched] {
                        *input = &input[1..];
                        self.state = State::Content { matched: matched + 1 };
                        if matched + 1 == self.delimiter.len() {
                            self.state = State::Delimited { first: None };
                            return Ok(Some(Event::End));
                        }
                    } else {
                        // A delimiter has one CR, its first byte, so none begins within what did not match.
                        self.state = State::Content { matched: 0 };
                        return Ok(Some(Event::Content(&self.delimiter[..matched])));
                    }
                }
                State::Finished { matched } => {
                    if b"\r\n".get(matched) != Some(&input[0]) {
                        return Err(Error::Epilogue);
                    }
                    *input = &input[1..];
                    self.state = State::Finished { matched: matched + 1 };
                }
            }
        }
        Ok(None)
    }

    /// Ends the body.
    pub fn finish(&self) -> Result<(), Error> {
        match self.state {
            State::Finished { matched: 0 | 2 } => Ok(()),
            State::Finished { .. } => Err(Error::Epilogue),
            _ => Err(Error::End),
        }
    }

    fn start(&mut self, matched: usize, input: &mut &[u8]) -> Result<(), Error> {
        if input[0] != self.delimiter[matched] {
            return Err(Error::Preamble);
        }
        *input = &input[1..];
        self.state = if matched + 1 == self.delimiter.len() {
            State::Delimited { first: None }
        } else {
            State::Start { matched: matched + 1 }
        };
        Ok(())
    }

    fn delimited(&mut self, first: Option<u8>, input: &mut &[u8]) -> Result<(), Error> {
        let byte = input[0];
        *input = &input[1..];
        self.state = match (first, byte) {
            (None, b'\r' | b'-') => State::Delimited { first: Some(byte) },
            (Some(b'\r'), b'\n') => {
                self.header.clear();
                State::Header
            }
            (Some(b'-'), b'-') => State::Finished { matched: 0 },
            _ => return Err(Error::Delimiter),
        };
        Ok(())
    }

    /// Adds to the header until its empty line is there, and says whether it is.
    fn fill_header(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        while let [byte, rest @ ..] = input {
            if self.header.len() == PART_HEADER_MAX_BYTES {
                return Err(Error::HeaderTooLong);
            }
            self.header.push(*byte);
            *input = rest;
            if self.header == b"\r\n" {
                return Err(Error::NoHeader);
            }
            if self.header.ends_with(b"\r\n\r\n") {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body is made of, fed in pieces of `size` bytes.
    fn read(body: &[u8], size: usize) -> Result<String, Error> {
        let mut parser = Parser::new("b")?;
        let mut read = String::new();
        for piece in body.chunks(size) {
            let mut input = piece;
            while let Some(event) = parser.next(&mut input)? {
                match event {
                    Event::Header(header) => read.extend(["<", &String::from_utf8_lossy(header), ">"]),
                    Event::Content(content) => read.push_str(&String::from_utf8_lossy(content)),
                    Event::End => read.push('.'),
                }
            }
        }
        parser.finish()?;
        Ok(read)
    }

    fn check(body: &str, expected: Result<&str, Error>) {
        for size in 1..=body.len() {
            let read = read(body.as_bytes(), size);
            assert_eq!(read.as_deref().map_err(Clone::clone), expected, "{body:?} in pieces of {size}");
        }
    }

    #[test]
    fn finds_the_parts() {
        check("--b--", Ok(""));
        check("--b--\r\n", Ok(""));
        check("--b\r\nA: 1\r\n\r\n\r\n--b--", Ok("<A: 1>."));
        check(
            "--b\r\nA: 1\r\nB: 2\r\n\r\none\r\n--b\r\nC: 3\r\n\r\ntwo\r\n--b--\r\n",
            Ok("<A: 1\r\nB: 2>one.<C: 3>two."),
        );
    }

    #[test]
    fn finds_nothing_in_what_only_looks_like_a_delimiter() {
        let content = "\r\r\n\n--b\r\n-b\r\n--\r--b\r\n--c\r";
        check(&format!("--b\r\nA: 1\r\n\r\n{content}\r\n--b--"), Ok(&format!("<A: 1>{content}.")));
    }

    #[test]
    fn refuses_what_readers_differ_about() {
        for (body, expected) in [
            ("--b", Error::End),
            ("--b-", Error::End),
            ("--b\r\nA: 1\r\n\r\none", Error::End),
            ("--b\r\nA: 1\r\n\r\none\r\n--b\r\n", Error::End),
            ("--b\r\nA: 1\r\n", Error::End),
            ("\r\n--b--", Error::Preamble),
            ("hello\r\n--b--", Error::Preamble),
            ("--c--", Error::Preamble),
            ("--b--\r", Error::Epilogue),
            ("--b--\n", Error::Epilogue),
            ("--b--\r\n\r\n", Error::Epilogue),
            ("--b--x", Error::Epilogue),
            ("--b\nA: 1\n\none\n--b--", Error::Delimiter),
            ("--b \r\nA: 1\r\n\r\n\r\n--b--", Error::Delimiter),
            ("--b\r\nA: 1\r\n\r\n\r\n--bc\r\n--b--", Error::Delimiter),
            ("--b\r\n\r\none\r\n--b--", Error::NoHeader),
        ] {
            check(body, Err(expected));
        }
        let long = format!("--b\r\nA: {}", "a".repeat(PART_HEADER_MAX_BYTES));
        assert_eq!(read(long.as_bytes(), long.len()), Err(Error::HeaderTooLong));
    }

    #[test]
    fn boundaries_are_those_of_the_grammar() {
        for boundary in ["b", "a b", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "'()+_,-./:=?", &"x".repeat(70)] {
            assert!(Parser::new(boundary).is_ok(), "{boundary}");
        }
        for boundary in ["", "a ", "a\r", "é", "a;b", &"x".repeat(71)] {
            assert_eq!(Parser::new(boundary).map(drop), Err(Error::Boundary), "{boundary}");
        }
    }
}
