//! A server behind the gateway, which sees what arrives.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A response's body.
pub type Body = BoxBody<Bytes, Infallible>;

/// How many bytes of a connection are remembered.
const REMEMBERED_BYTES: usize = 64 << 10;

/// A real HTTP/1.1 server on a port of its own. Ends when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    seen: Arc<Seen>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    requests: AtomicU64,
    connections: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
}

impl Upstream {
    /// Answers 200 with what it was asked, as JSON: `method`, `target`, `version`, `headers` (pairs, in order),
    /// `body`, and `trailers`; the target also in the header `x-echo-target`, for answers without a body.
    pub async fn echo() -> Self {
        Self::answering(echo).await
    }

    /// Answers every request with the same bytes, once it has read the request's body.
    pub async fn fixed(body: &'static [u8]) -> Self {
        Self::answering(move |request| async move {
            drain(request.into_body()).await;
            Response::new(full(body))
        })
        .await
    }

    /// Answers every request with the same response, once it has read the request's body.
    pub async fn responding(response: Response<&'static str>) -> Self {
        Self::answering(move |request| {
            let response = response.clone();
            async move {
                drain(request.into_body()).await;
                response.map(full)
            }
        })
        .await
    }

    /// Answers each request with what it asks for: the status in its field `answer-status`, the header fields that it
    /// has under `answer-` and their name, and the request's own body.
    pub async fn mirror() -> Self {
        Self::answering(mirror).await
    }

    /// Answers every request with 200 and `late`, but none before the gate is opened.
    pub async fn held() -> (Self, Gate) {
        let (gate, opened) = watch::channel(false);
        let upstream = Self::answering(move |request| {
            let mut opened = opened.clone();
            async move {
                drain(request.into_body()).await;
                // The gate may be dropped instead of opened: then nobody listens any more.
                let _ = opened.wait_for(|is_open| *is_open).await;
                Response::new(full("late"))
            }
        });
        (upstream.await, Gate(gate))
    }

    /// Answers with a body of so many zeros, as fast as they are taken; reads the request's body first and says
    /// in `x-received-bytes` how long it was.
    pub async fn zeros(length: u64) -> Self {
        Self::answering(move |request| async move {
            let received = drain(request.into_body()).await;
            let response = Response::builder().header("x-received-bytes", received).header("content-length", length);
            response.body(zeros(length)).unwrap()
        })
        .await
    }

    /// Answers as `service` does.
    pub async fn answering<F, R>(service: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Seen::default());
        let server = tokio::spawn(accept(listener, Arc::clone(&seen), service));
        Self { address, seen, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> u64 {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.seen.connections.lock().unwrap().len()
    }

    /// The bytes that arrived on each connection, up to 64 KiB of each.
    pub fn bytes(&self) -> Vec<Vec<u8>> {
        self.seen.connections.lock().unwrap().iter().map(|bytes| bytes.lock().unwrap().clone()).collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept<F, R>(listener: TcpListener, seen: Arc<Seen>, service: F)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("a TCP socket");
        let bytes = Arc::default();
        seen.connections.lock().unwrap().push(Arc::clone(&bytes));
        let (seen, service) = (Arc::clone(&seen), service.clone());
        let counted = service_fn(move |request| {
            seen.requests.fetch_add(1, Ordering::SeqCst);
            let answer = service(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(Tap { stream, bytes }), counted);
        tokio::spawn(async move {
            // A gateway may end a connection at any point; what arrived until then is what a test looks at.
            let _ = connection.await;
        });
    }
}

/// Holds answers back; see [`Upstream::held`].
#[derive(Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// Lets every answer through, from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }
}

/// A body of so many zeros, made as they are taken. Its length is not announced.
pub fn zeros(length: u64) -> Body {
    Zeros { left: length }.boxed()
}

struct Zeros {
    left: u64,
}

impl hyper::body::Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        static CHUNK: [u8; 64 << 10] = [0; 64 << 10];
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = CHUNK.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= length as u64;
        Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(&CHUNK[..length])))))
    }
}

/// A body of these bytes.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

/// Reads a body to its end. Returns how many bytes it was long.
pub async fn drain(mut body: Incoming) -> u64 {
    let mut length = 0;
    while let Some(Ok(frame)) = body.frame().await {
        length += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    length
}

/// See [`Upstream::echo`].
pub async fn echo(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body,
        Err(error) => return Response::builder().status(400).body(full(error.to_string())).unwrap(),
    };
    let trailers = body.trailers().map(pairs);
    let said = json!({
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "version": format!("{:?}", head.version),
        "headers": pairs(&head.headers),
        "body": String::from_utf8_lossy(&body.to_bytes()),
        "trailers": trailers,
    });
    let response = Response::builder().header("content-type", "application/json");
    response.header("x-echo-target", head.uri.to_string()).body(full(said.to_string())).unwrap()
}

/// See [`Upstream::mirror`].
async fn mirror(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let status = head.headers.get("answer-status").map_or(&b"200"[..], HeaderValue::as_bytes);
    let mut response = Response::builder().status(status);
    for (name, value) in &head.headers {
        match name.as_str().strip_prefix("answer-") {
            None | Some("status") => {}
            Some(name) => response = response.header(name, value),
        }
    }
    response.body(full(body)).unwrap()
}

fn pairs(headers: &HeaderMap) -> Value {
    headers.iter().map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])).collect()
}

/// A connection whose incoming bytes are remembered.
struct Tap {
    stream: TcpStream,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let mut bytes = self.bytes.lock().unwrap();
        let room = REMEMBERED_BYTES - bytes.len();
        bytes.extend(buf.filled()[before..].iter().take(room));
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
