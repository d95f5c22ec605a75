//! A client that keeps its connection.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::wait;

/// A request's body.
pub type Body = BoxBody<Bytes, Infallible>;

/// One connection, over which requests go one after another.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    sender: Sender,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The trailer fields, empty where there were none.
    pub trailers: HeaderMap,
}

impl Client {
    /// Connects, for HTTP/1.1.
    pub async fn http1(address: SocketAddr) -> Self {
        Self::try_http1(address).await.expect("the gateway accepts connections")
    }

    /// The same, where a refused connection is not a fault.
    pub async fn try_http1(address: SocketAddr) -> Result<Self, std::io::Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| std::io::Error::other(error.to_string()))?;
        tokio::spawn(connection);
        Ok(Self { address, sender: Sender::Http1(sender) })
    }

    /// Connects, for HTTP/2 with prior knowledge (h2c).
    pub async fn http2(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway accepts connections");
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("the gateway speaks HTTP/2");
        tokio::spawn(connection);
        Self { address, sender: Sender::Http2(sender) }
    }

    /// GET.
    pub async fn get(&mut self, target: &str) -> Answer {
        self.send(self.request("GET", target, empty())).await
    }

    /// A request with a body of known length.
    pub async fn send_body(&mut self, method: &str, target: &str, body: impl Into<Bytes>) -> Answer {
        self.send(self.request(method, target, Full::new(body.into()).boxed())).await
    }

    /// POST of a body of this media type.
    pub async fn post(&mut self, target: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let mut request = self.request("POST", target, full(body));
        request.headers_mut().insert(CONTENT_TYPE, content_type.parse().expect("a field value"));
        self.send(request).await
    }

    /// A request to add header fields to.
    pub fn request(&self, method: &str, target: &str, body: Body) -> Request<Body> {
        let uri = match self.sender {
            Sender::Http1(_) => target.to_owned(),
            Sender::Http2(_) => format!("http://{}{target}", self.address),
        };
        let request = Request::builder().method(method).uri(uri);
        let request = match self.sender {
            Sender::Http1(_) => request.header("host", self.address.to_string()),
            Sender::Http2(_) => request,
        };
        request.body(body).expect("a request")
    }

    /// Sends a request and reads the whole response.
    pub async fn send(&mut self, request: Request<Body>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        match wait::patiently(&what, self.try_send(request)).await {
            Ok(answer) => answer,
            Err(error) => panic!("{what}: {error:?}"),
        }
    }

    /// The same, where a connection that breaks is not a fault.
    pub async fn try_send(&mut self, request: Request<Body>) -> Result<Answer, hyper::Error> {
        let response = self.begin(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes(), trailers })
    }

    /// Sends a request and waits for the head of the response only.
    pub async fn begin(&mut self, request: Request<Body>) -> Result<Response<Incoming>, hyper::Error> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Whether it speaks HTTP/2.
    pub fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }
}

impl Answer {
    /// The one value of a header field, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// What a refusal says is wrong with the request, in order: of each fault `in`, `name` if it has one, `pointer` if it
    /// is within a value, and `keyword`, as in `query limit maximum` or `body /name required`. Empty for other answers.
    pub fn faults(&self) -> Vec<String> {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let parts = ["in", "name", "pointer", "keyword"];
        let fault = |error: &Value| {
            let said = parts.iter().filter_map(|part| error[part].as_str()).filter(|said| !said.is_empty());
            said.collect::<Vec<_>>().join(" ")
        };
        problem["errors"].as_array().map(|errors| errors.iter().map(fault).collect()).unwrap_or_default()
    }

    /// The body that an [echo](crate::Upstream::echo) upstream was sent.
    pub fn echoed_body(&self) -> String {
        self.json()["body"].as_str().expect("an echo").to_owned()
    }

    /// What an [echo](crate::Upstream::echo) upstream was asked: method and target.
    pub fn echoed(&self) -> (String, String) {
        let said = self.json();
        let text = |key: &str| said[key].as_str().expect("an echo").to_owned();
        (text("method"), text("target"))
    }

    /// What an [echo](crate::Upstream::echo) upstream was sent under this name, in order.
    pub fn echoed_headers(&self, name: &str) -> Vec<String> {
        let said = self.json();
        let pairs = said["headers"].as_array().expect("an echo").iter();
        pairs.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().expect("a text").to_owned()).collect()
    }
}

/// No body.
pub fn empty() -> Body {
    Empty::new().boxed()
}

/// A body of these bytes, with its length known.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}
