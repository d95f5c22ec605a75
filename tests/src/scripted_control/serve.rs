//! Its side of HTTP and of the socket.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use artifact_format::container::Digest;
use bytes::Bytes;
use fleet::message::{FromControlPlane, FromDataPlane, Heard, HeartbeatAck, Welcome, read, write};
use fleet::{PATH, SUBPROTOCOL};
use futures_util::{SinkExt, StreamExt, stream};
use http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE, RETRY_AFTER,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use super::{Delivery, Desk, Download, Manners, PROJECT, now};
use crate::wait;

/// Of an answer that is not to be given.
#[derive(Debug, Clone, Copy)]
struct Unsaid;

type Body = BoxBody<Bytes, io::Error>;

pub(super) async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(|request| {
        let desk = desk.clone();
        async move {
            let response = answer(request, &desk);
            if response.extensions().get::<Unsaid>().is_some() {
                std::future::pending::<()>().await;
            }
            Ok::<_, Infallible>(response)
        }
    });
    // Whoever leaves early is the test's business.
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

fn answer(request: Request<Incoming>, desk: &Arc<Desk>) -> Response<Body> {
    let expected = format!("Bearer {}", desk.book().key);
    if header(request.headers(), &AUTHORIZATION) != Some(expected) {
        return plain(StatusCode::UNAUTHORIZED, br#"{"detail": "the key is not known"}"#);
    }
    let path = request.uri().path().to_owned();
    let roots = format!("/api/v1/projects/{PROJECT}/trust-roots/");
    if path == PATH {
        return socket(request, desk);
    }
    if let Some(version) = path.strip_prefix(&roots).and_then(|version| version.parse::<u64>().ok()) {
        let book = desk.book();
        let root = book.roots.iter().find(|root| root.version().get() == version);
        return match root {
            Some(root) => plain(StatusCode::OK, &serde_json::to_vec(root).expect("JSON")),
            None => plain(StatusCode::NOT_FOUND, b""),
        };
    }
    let artifact = path.strip_prefix("/api/v1/artifacts/").and_then(|rest| rest.strip_suffix("/download"));
    match artifact.and_then(|artifact| artifact.parse().ok()) {
        Some(artifact) => download(artifact, request.headers(), desk),
        None => plain(StatusCode::NOT_FOUND, b""),
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn plain(status: StatusCode, body: &[u8]) -> Response<Body> {
    let body = Full::new(Bytes::copy_from_slice(body)).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn download(artifact: Digest, headers: &HeaderMap, desk: &Arc<Desk>) -> Response<Body> {
    let mut book = desk.book();
    let (range, if_range) = (header(headers, &RANGE), header(headers, &IF_RANGE));
    let asked = Download { artifact: artifact.to_string(), range: range.clone(), if_range };
    book.downloads.push(asked);
    let delivery = book.delivery;
    let Some(mut bytes) = book.artifacts.get(&artifact).cloned() else { return plain(StatusCode::NOT_FOUND, b"") };
    drop(book);
    let (from, whole) = (range.as_deref().map(begin), bytes.len());
    let mut cut = usize::MAX;
    match delivery {
        Delivery::Whole => {}
        Delivery::CutAfter(length) | Delivery::HeldAfter(length) => cut = length,
        Delivery::Flipped(at) => bytes[at] ^= 1,
        Delivery::Never => {
            let mut response = plain(StatusCode::OK, b"");
            response.extensions_mut().insert(Unsaid);
            return response;
        }
        Delivery::Busy(seconds) => {
            let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, b"");
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            return response;
        }
    }
    let rest = bytes.split_off(from.unwrap_or_default());
    let (first, last) = rest.split_at(cut.min(rest.len()));
    let (first, last) = (Bytes::copy_from_slice(first), Bytes::copy_from_slice(last));
    let first = Ok(Frame::data(first));
    let holder = desk.clone();
    let end = stream::once(async move {
        if last.is_empty() {
            return None;
        }
        if let Delivery::HeldAfter(_) = delivery {
            Held::back(holder, delivery).await;
            return Some(Ok(Frame::data(last)));
        }
        // Long enough that what came before is sent.
        wait::pass(Duration::from_millis(100)).await;
        Some(Err(io::Error::other("broken off")))
    });
    let pieces = stream::iter([Some(first)]).chain(end).filter_map(std::future::ready);
    let response = Response::builder()
        .status(if from.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK })
        .header(ETAG, format!("\"{artifact}\""))
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_LENGTH, rest.len());
    let response = match from {
        Some(from) => response.header(CONTENT_RANGE, format!("bytes {from}-{}/{whole}", whole - 1)),
        None => response,
    };
    response.body(BodyExt::boxed(StreamBody::new(pieces))).expect("a response")
}

/// The rest of an artifact, for as long as it is held back.
struct Held(Arc<Desk>);

impl Held {
    /// Waits until artifacts are handed out in another way than this.
    async fn back(desk: Arc<Desk>, delivery: Delivery) {
        desk.book().holding += 1;
        let held = Self(desk);
        while held.0.book().delivery == delivery {
            wait::pass(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.book().holding -= 1;
    }
}

/// `bytes=N-`.
fn begin(range: &str) -> usize {
    let number = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("a range that nobody expects: {range}"))
}

fn socket(mut request: Request<Incoming>, desk: &Arc<Desk>) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    assert_eq!(query, format!("project={PROJECT}"));
    assert_eq!(header(request.headers(), &SEC_WEBSOCKET_PROTOCOL).as_deref(), Some(SUBPROTOCOL));
    let key = header(request.headers(), &SEC_WEBSOCKET_KEY).expect("a key");
    let upgrade = hyper::upgrade::on(&mut request);
    let (own, kept) = (desk.clone(), desk.clone());
    let task = tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        converse(socket, &own).await;
    });
    kept.keep(task.abort_handle());
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS, b"");
    let headers = response.headers_mut();
    headers.insert(CONNECTION, "Upgrade".parse().expect("a value"));
    headers.insert(UPGRADE, "websocket".parse().expect("a value"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()).parse().expect("a value"));
    headers.insert(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL.parse().expect("a value"));
    response
}

async fn converse(mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>, desk: &Desk) {
    let (outbox, mut said) = mpsc::unbounded_channel();
    loop {
        if desk.book().manners == Manners::Deaf {
            while let Some(frame) = said.recv().await {
                if socket.send(Message::text::<String>(frame)).await.is_err() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        }
        tokio::select! {
            frame = socket.next() => {
                let Some(Ok(frame)) = frame else { return };
                let Message::Text(text) = frame else { continue };
                let Ok(Heard::Message(message)) = read::<FromDataPlane>(text.as_str()) else {
                    panic!("not of this protocol: {text}");
                };
                if let Some(answer) = take(message, desk, &outbox) {
                    let frame = write(&answer).expect("a message");
                    if socket.send(Message::text(frame)).await.is_err() {
                        return;
                    }
                }
            }
            frame = said.recv() => {
                let Some(frame) = frame else { return };
                if socket.send(Message::text::<String>(frame)).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn take(message: FromDataPlane, desk: &Desk, outbox: &mpsc::UnboundedSender<String>) -> Option<FromControlPlane> {
    let mut book = desk.book();
    book.heard.push(message.clone());
    if book.manners != Manners::Polite {
        return None;
    }
    let wanted = book.wanted();
    match message {
        FromDataPlane::Hello(hello) => {
            book.connected += 1;
            book.peers.push(outbox.clone());
            let (data_plane, now_ms) = (hello.node_id, now().saturating_add_signed(book.ahead) * 1000);
            Some(FromControlPlane::Welcome(Welcome { data_plane, now_ms, wanted }))
        }
        FromDataPlane::Heartbeat(_) => Some(FromControlPlane::HeartbeatAck(HeartbeatAck { wanted })),
        FromDataPlane::Status(_) => None,
    }
}
