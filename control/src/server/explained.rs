//! Refusals that the HTTP library writes by itself, because it could not read a head: they get a body, as every other
//! refusal has one (RFC 9457).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream on which such refusals are replaced as they are written.
#[derive(Debug)]
pub(super) struct Explained<I> {
    stream: I,
    /// What is written instead, and has not left yet.
    instead: Bytes,
}

impl<I> Explained<I> {
    pub(super) fn new(stream: I) -> Self {
        Self { stream, instead: Bytes::new() }
    }
}

impl<I: AsyncWrite + Unpin> Explained<I> {
    /// Writes all of the explanation; of the library's own text, that much is then done with.
    fn poll_instead(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        while self.instead.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.advance(written);
        }
        Poll::Ready(Ok(length))
    }
}

/// The same refusal with a body. Those of our own have one: without any, it is the library's.
fn explanation(written: &[u8]) -> Option<Bytes> {
    let head = std::str::from_utf8(written.strip_prefix(b"HTTP/1.1 ")?.strip_suffix(b"\r\n\r\n")?).ok()?;
    let (line, fields) = head.split_once("\r\n")?;
    if !fields.split("\r\n").any(|field| field.eq_ignore_ascii_case("content-length: 0")) {
        return None;
    }
    let (code, title, detail) = match line.get(..3)? {
        "400" => ("malformed", "The request cannot be read", "its head is not HTTP/1.1 (RFC 9112)"),
        "414" => ("head-too-large", "The head is too large", "its target is too long"),
        "431" => {
            let detail = "send at most 100 header fields, and of the whole head no more than --header-max-bytes";
            ("head-too-large", "The head is too large", detail)
        }
        _ => return None,
    };
    let status = line.get(..3)?;
    let body =
        format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}","code":"{code}"}}"#);
    let kept = fields.split("\r\n").filter(|field| !field.to_ascii_lowercase().starts_with("content-length:"));
    let kept = kept.fold(String::new(), |kept, field| kept + field + "\r\n");
    let length = body.len();
    let fields = format!("content-type: application/problem+json\r\ncontent-length: {length}\r\n{kept}");
    Some(format!("HTTP/1.1 {line}\r\n{fields}\r\n{body}").into())
}

impl<I: AsyncRead + Unpin> AsyncRead for Explained<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Explained<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.instead.has_remaining() {
            let Some(instead) = explanation(bytes) else { return Pin::new(&mut self.stream).poll_write(cx, bytes) };
            self.instead = instead;
        }
        self.poll_instead(cx, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [only] => self.poll_write(cx, only),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn what_the_library_refuses_has_a_body_and_nothing_else_is_touched() {
        let refusal = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        for others in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 431 x\r\ncontent-length: 12\r\n\r\n",
        ] {
            let mut stream = Explained::new(Vec::<u8>::new());
            stream.write_all(others.as_bytes()).await.unwrap();
            assert_eq!(stream.stream, others.as_bytes());
        }
        let mut stream = Explained::new(Vec::<u8>::new());
        stream.write_all(refusal.as_bytes()).await.unwrap();
        let text = String::from_utf8(stream.stream).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\nconnection: close", body.len())), "{text}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&431.into(), &"head-too-large".into()));
    }
}
