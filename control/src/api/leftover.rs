//! What a client still sends when its request is answered.
//!
//! It reads the answer only when all of its body is sent, and a connection that is closed on it takes the answer with it.
//! So a body that nobody wanted is read and thrown away, up to a bound, while the answer waits for its reader.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Version;
use http::header::EXPECT;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How much of a body is thrown away, and for how long.
const DISCARDED_BYTES_MAX: usize = 512 << 20;
const DISCARDING: Duration = Duration::from_secs(30);

/// Throws away what is left of the body, whoever answers.
pub(super) async fn discard(request: Request, next: Next) -> Response {
    // HTTP/2 ends a body without its connection.
    if request.version() > Version::HTTP_11 {
        return next.run(request).await;
    }
    // Whoever waits to be told to go on (RFC 9110 section 10.1.1) sends nothing until somebody reads.
    let is_coming = !request.headers().contains_key(EXPECT);
    next.run(request.map(|body| Body::new(Incoming { body: Some(body), is_coming }))).await
}

/// A body until it has ended.
struct Incoming {
    body: Option<Body>,
    is_coming: bool,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| self.is_coming && !body.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(timeout(DISCARDING, read(rest)));
        }
    }
}

async fn read(rest: Body) {
    let (mut rest, mut bytes) = (rest.into_data_stream(), 0);
    while let Some(Ok(piece)) = rest.next().await
        && bytes < DISCARDED_BYTES_MAX
    {
        bytes += piece.len();
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_coming = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}
