//! Refusals that the HTTP library writes by itself, because it could not read a head: they get a body, as every other
//! refusal has one (RFC 9457), and an id.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use crate::telemetry::RequestId;
use crate::telemetry::request_id::X_REQUEST_ID;

/// A stream on which such refusals are replaced as they are written. Only between requests: what is written then is no
/// part of a response of ours, however much it looks like such a refusal.
#[derive(Debug)]
pub(super) struct Explained<I> {
    stream: I,
    peer: IpAddr,
    activity: Arc<Activity>,
    /// How many requests there were when all that was written had left, with none under way.
    rested_after: Option<u64>,
    /// What is written instead, and has not left yet.
    instead: Bytes,
}

impl<I> Explained<I> {
    pub(super) fn new(stream: I, peer: IpAddr, activity: Arc<Activity>) -> Self {
        let rested_after = activity.at_rest_after();
        Self { stream, peer, activity, rested_after, instead: Bytes::new() }
    }

    /// What is to be written instead of this, if it is such a refusal.
    fn explanation(&self, written: &[u8]) -> Option<Bytes> {
        let rests_after = self.activity.at_rest_after()?;
        if self.rested_after != Some(rests_after) {
            return None;
        }
        let id = RequestId::generate();
        let (status, text) = explanation(written, &id)?;
        tracing::info!(request_id = %id, status, client = %self.peer, "a request whose head cannot be read");
        Some(text)
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

/// The same refusal with a body, and its status. Those of our own have one: without any, it is the library's.
fn explanation(written: &[u8], id: &RequestId) -> Option<(u16, Bytes)> {
    let head = std::str::from_utf8(written.strip_prefix(b"HTTP/1.1 ")?.strip_suffix(b"\r\n\r\n")?).ok()?;
    let (line, fields) = head.split_once("\r\n")?;
    if !fields.split("\r\n").any(|field| field.eq_ignore_ascii_case("content-length: 0")) {
        return None;
    }
    let status = line.get(..3)?.parse().ok()?;
    let (code, title, detail) = match status {
        400 => ("malformed", "The request cannot be read", "its head is not HTTP/1.1 (RFC 9112)"),
        414 => ("head-too-large", "The head is too large", "its target is too long"),
        431 => {
            let detail = "send at most 100 header fields, and of the whole head no more than --header-max-bytes";
            ("head-too-large", "The head is too large", detail)
        }
        _ => return None,
    };
    let body = format!(
        r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}","code":"{code}","request_id":"{id}"}}"#
    );
    let kept = fields.split("\r\n").filter(|field| !field.to_ascii_lowercase().starts_with("content-length:"));
    let kept = kept.fold(String::new(), |kept, field| kept + field + "\r\n");
    let length = body.len();
    let fields =
        format!("content-type: application/problem+json\r\ncontent-length: {length}\r\n{X_REQUEST_ID}: {id}\r\n{kept}");
    Some((status, format!("HTTP/1.1 {line}\r\n{fields}\r\n{body}").into()))
}

impl<I: AsyncRead + Unpin> AsyncRead for Explained<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Explained<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.instead.has_remaining() {
            let Some(instead) = self.explanation(bytes) else {
                return Pin::new(&mut self.stream).poll_write(cx, bytes);
            };
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
        // The library flushes when it has nothing left to write.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.rested_after = self.activity.at_rest_after();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::Version;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    const REFUSAL: &str =
        "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    fn explained(activity: &Arc<Activity>) -> Explained<Vec<u8>> {
        Explained::new(Vec::new(), Ipv4Addr::LOCALHOST.into(), Arc::clone(activity))
    }

    fn is_explained(written: &[u8]) -> bool {
        let text = std::str::from_utf8(written).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        if body.is_empty() {
            return false;
        }
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&problem["status"], &problem["code"]), (&431.into(), &"head-too-large".into()));
        let id = problem["request_id"].as_str().unwrap();
        let fields = format!("\r\ncontent-length: {}\r\nx-request-id: {id}\r\nconnection: close", body.len());
        assert!(head.contains(&fields), "{text}");
        true
    }

    #[tokio::test]
    async fn what_the_library_refuses_has_a_body_and_nothing_else_is_touched() {
        for others in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 431 x\r\ncontent-length: 12\r\n\r\n",
        ] {
            let mut stream = explained(&Activity::new());
            stream.write_all(others.as_bytes()).await.unwrap();
            assert_eq!(stream.stream, others.as_bytes());
        }
        let mut stream = explained(&Activity::new());
        stream.write_all(REFUSAL.as_bytes()).await.unwrap();
        assert!(is_explained(&stream.stream));
    }

    /// A piece of a body may say anything.
    #[tokio::test]
    async fn what_is_written_while_a_response_is_under_way_is_not_touched() {
        let activity = Activity::new();
        let mut stream = explained(&activity);
        let (handled, under_way) = activity.request(Version::HTTP_11);
        drop(handled);
        stream.write_all(REFUSAL.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // Its last piece is given away, and has not left.
        drop(under_way);
        stream.write_all(REFUSAL.as_bytes()).await.unwrap();
        assert_eq!(stream.stream, REFUSAL.repeat(2).as_bytes());
        // Now it has, and the next head is refused.
        stream.flush().await.unwrap();
        stream.stream.clear();
        stream.write_all(REFUSAL.as_bytes()).await.unwrap();
        assert!(is_explained(&stream.stream));
    }

    #[tokio::test]
    async fn no_frame_of_http_2_is_touched() {
        let activity = Activity::new();
        let mut stream = explained(&activity);
        drop(activity.request(Version::HTTP_2));
        stream.flush().await.unwrap();
        stream.write_all(REFUSAL.as_bytes()).await.unwrap();
        assert!(!is_explained(&stream.stream));
    }
}
