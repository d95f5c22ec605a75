//! Requests, and which of them are sent again.
//!
//! A request is sent at most [`ATTEMPTS`] times, with growing pauses, or those that `Retry-After` asks for if they are
//! no longer than [`PAUSE_MAX`]. Sent again is what never arrived and what was refused for the rate (429). What may have
//! arrived is sent again where doing it twice is doing it once: GET, DELETE, what has an `If-Match`, and every POST, which
//! has an `Idempotency-Key`. Where the server itself does not know whether it was done (500), somebody has to look.

use std::path::Path;
use std::time::Duration;

use artifact_format::limits::Limits;
use bytes::Bytes;
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, LOCATION, RETRY_AFTER,
};
use reqwest::{Certificate, Method, StatusCode, Url, redirect};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::problem::Problem;
use super::thing::Rest;
use super::{Error, List, Thing};
use crate::file;

/// How often a request is sent at most.
pub const ATTEMPTS: u32 = 4;
/// The longest pause between two attempts; a server that asks for more is not waited for.
pub const PAUSE_MAX: Duration = Duration::from_secs(30);

const PAUSE_FIRST: Duration = Duration::from_millis(200);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may say nothing.
const SILENCE_MAX: Duration = Duration::from_mins(1);
/// How many things are asked for at once.
const PAGE: usize = 200;
/// The largest answer that is read as JSON.
const JSON_MAX_BYTES: u64 = 64 << 20;
const CA_MAX_BYTES: u64 = 4 << 20;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A server that is asked with one token. Every call waits for its answer.
pub struct Client {
    runtime: Runtime,
    http: reqwest::Client,
    server: Url,
    bearer: HeaderValue,
}

/// What a request says.
#[derive(Debug, Clone, Copy)]
pub enum Body<'b> {
    /// Nothing.
    Empty,
    /// A value.
    Json(&'b Value),
    /// Bytes of some media type.
    Bytes(&'static str, &'b Bytes),
}

/// A request that may be sent several times.
struct Call<'c> {
    method: Method,
    url: Url,
    body: Body<'c>,
    if_match: Option<&'c str>,
    idempotency_key: Option<String>,
    answer_max_bytes: u64,
}

/// A whole answer.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Why an attempt came to nothing.
enum Failure {
    Transport(reqwest::Error),
    TooLarge,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("server", &self.server.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes ready to ask `server`. Redirects are not followed: a token goes where its owner sent it.
    pub fn new(server: Url, token: &str, ca_file: Option<&Path>) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("portcullis-control/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_MAX);
        if let Some(path) = ca_file {
            let pem = file::read(path, CA_MAX_BYTES)?;
            let failed = |source| Error::Certificates { path: path.to_owned(), source };
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(&pem).map_err(failed)?);
        } else if server.scheme() == "http" {
            // The system's authorities take long to read and have no say here.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(Error::Setup)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        // A token is letters, digits and `_`.
        let text = Zeroizing::new(format!("Bearer {token}"));
        let mut bearer = HeaderValue::from_str(&text).map_err(|_| Error::NoToken { server: server.to_string() })?;
        bearer.set_sensitive(true);
        Ok(Self { runtime, http, server, bearer })
    }

    /// The server's URL.
    pub fn server(&self) -> &str {
        self.server.as_str()
    }

    /// The URL of what the API has at these segments, each written as it must be.
    pub fn at<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Url {
        let mut url = self.server.clone();
        // A URL with a host has segments.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(segments);
        }
        url
    }

    /// GET of one thing.
    pub fn get(&self, url: Url) -> Result<Thing, Error> {
        self.send(&Call::new(Method::GET, url)).and_then(Reply::thing)
    }

    /// GET of a thing that is looked at again and again, within this time. None where the server is away for now.
    pub fn look(&self, url: Url, within: Duration) -> Result<Option<Thing>, Error> {
        let call = Call::new(Method::GET, url);
        let exchange = async { tokio::time::timeout(within, self.exchange(&call)).await };
        let Ok(outcome) = self.runtime.block_on(exchange) else { return Ok(None) };
        match self.judged(&call, outcome).and_then(Reply::thing) {
            Err(error) if error.is_passing() => Ok(None),
            seen => seen.map(Some),
        }
    }

    /// GET of pages, until there is no more, or `limit` things are there.
    pub fn list(&self, url: &Url, limit: Option<usize>) -> Result<List, Error> {
        let mut items: Vec<Thing> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let wanted = limit.map_or(PAGE, |limit| limit.saturating_sub(items.len()).clamp(1, PAGE));
            let mut page = url.clone();
            page.query_pairs_mut().append_pair("limit", &wanted.to_string());
            if let Some(cursor) = &cursor {
                page.query_pairs_mut().append_pair("cursor", cursor);
            }
            let page = self.get(page)?;
            let found = page.get("/items").and_then(Value::as_array).ok_or(Error::Unexpected { what: "/items" })?;
            items.extend(found.iter().cloned().map(Thing::new));
            let next = page.text("/next_cursor").map(str::to_owned);
            let rest = if next.is_some() { Rest::More } else { Rest::Nothing };
            // A cursor that leads back to itself would never end.
            if next.is_none() || next == cursor || limit.is_some_and(|limit| items.len() >= limit) {
                return Ok(List { items, rest });
            }
            cursor = next;
        }
    }

    /// GET of bytes, as many as an artifact may have.
    pub fn download(&self, url: Url) -> Result<Vec<u8>, Error> {
        let call = Call { answer_max_bytes: Limits::DEFAULT.file_max_bytes, ..Call::new(Method::GET, url) };
        Ok(self.send(&call)?.body)
    }

    /// GET of text.
    pub fn text(&self, url: Url) -> Result<String, Error> {
        let reply = self.send(&Call::new(Method::GET, url))?;
        Ok(String::from_utf8_lossy(&reply.body).into_owned())
    }

    /// POST, which is done once, however often it must be sent.
    pub fn post(&self, url: Url, body: Body<'_>) -> Result<Thing, Error> {
        self.post_about(url, body, None)
    }

    /// The same, about a thing that is in the state that was read, or in whatever state it is.
    pub fn post_about(&self, url: Url, body: Body<'_>, etag: Option<&str>) -> Result<Thing, Error> {
        let idempotency_key = Some(format!("\"{}\"", Uuid::new_v4()));
        self.send(&Call { body, if_match: etag, idempotency_key, ..Call::new(Method::POST, url) })?.thing()
    }

    /// PATCH of a thing that is in the state that was read.
    pub fn patch(&self, url: Url, change: &Value, etag: Option<&str>) -> Result<Thing, Error> {
        let body = Body::Json(change);
        self.send(&Call { body, if_match: Some(etag.unwrap_or("*")), ..Call::new(Method::PATCH, url) })?.thing()
    }

    /// DELETE of a thing, in the state that was read, or in whatever state it is.
    pub fn delete(&self, url: Url, etag: Option<&str>) -> Result<(), Error> {
        self.send(&Call { if_match: Some(etag.unwrap_or("*")), ..Call::new(Method::DELETE, url) })?;
        Ok(())
    }

    /// Waits.
    pub fn pause(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    fn send(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let outcome = self.runtime.block_on(self.exchange(call));
        self.judged(call, outcome)
    }

    /// Sends it, again where that is worth it.
    async fn exchange(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(call).await;
            match call.pause_before_another(&outcome, attempt) {
                Some(pause) if attempt < ATTEMPTS => tokio::time::sleep(pause).await,
                Some(_) | None => return outcome,
            }
            attempt += 1;
        }
    }

    fn judged(&self, call: &Call<'_>, outcome: Result<Reply, Failure>) -> Result<Reply, Error> {
        match outcome {
            Ok(reply) if reply.status.is_success() => Ok(reply),
            Ok(reply) => Err(self.refusal(&reply)),
            Err(Failure::TooLarge) => Err(Error::TooLarge { max_bytes: call.answer_max_bytes }),
            Err(Failure::Transport(source)) => {
                Err(Error::Unreachable { server: self.server.to_string(), source: source.without_url() })
            }
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let mut request = self.http.request(call.method.clone(), call.url.clone());
        request = request.header(AUTHORIZATION, self.bearer.clone());
        if let Some(etag) = call.if_match {
            request = request.header(IF_MATCH, etag);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        request = match call.body {
            Body::Empty => request,
            Body::Json(value) => request.header(CONTENT_TYPE, "application/json").body(value.to_string()),
            Body::Bytes(media, bytes) => request.header(CONTENT_TYPE, media).body(bytes.clone()),
        };
        let mut response = request.send().await.map_err(Failure::Transport)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Failure::Transport)? {
            if (body.len() + chunk.len()) as u64 > call.answer_max_bytes {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body })
    }

    fn refusal(&self, reply: &Reply) -> Error {
        let is_problem = reply.header(&CONTENT_TYPE).is_some_and(|media| media.starts_with("application/problem+json"));
        match serde_json::from_slice::<Problem>(&reply.body) {
            Ok(problem) if is_problem => Error::Refused(Box::new(Problem { status: reply.status.as_u16(), ..problem })),
            Ok(_) | Err(_) => Error::Foreign {
                server: self.server.to_string(),
                status: reply.status.as_u16(),
                location: reply.header(&LOCATION).map(str::to_owned),
            },
        }
    }
}

impl Call<'_> {
    fn new(method: Method, url: Url) -> Self {
        let (body, answer_max_bytes) = (Body::Empty, JSON_MAX_BYTES);
        Self { method, url, body, if_match: None, idempotency_key: None, answer_max_bytes }
    }

    /// Whether doing it twice is doing it once.
    fn is_repeatable(&self) -> bool {
        let is_named = self.idempotency_key.is_some() || self.if_match.is_some_and(|etag| etag != "*");
        self.method.is_idempotent() || is_named
    }

    /// How long to wait before it is sent again; `None` where it is not.
    fn pause_before_another(&self, outcome: &Result<Reply, Failure>, attempt: u32) -> Option<Duration> {
        match outcome {
            Err(Failure::TooLarge) => None,
            Err(Failure::Transport(error)) => {
                let is_worth_it = error.is_connect() || self.is_repeatable() && !error.is_timeout();
                is_worth_it.then(|| backoff(attempt))
            }
            Ok(reply) => {
                let is_worth_it = match reply.status {
                    StatusCode::TOO_MANY_REQUESTS => true,
                    // An attempt before this one is under way still.
                    StatusCode::CONFLICT => self.idempotency_key.is_some() && reply.retry_after().is_some(),
                    StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                        self.is_repeatable()
                    }
                    _ => false,
                };
                let pause = reply.retry_after().unwrap_or_else(|| backoff(attempt));
                (is_worth_it && pause <= PAUSE_MAX).then_some(pause)
            }
        }
    }
}

impl Reply {
    fn thing(self) -> Result<Thing, Error> {
        let etag = self.header(&ETAG).map(str::to_owned);
        let value = if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body)? };
        Ok(Thing::new(value).at(etag))
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.header(&RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// Doubles with each attempt; between half and all of it, so that clients that failed together do not return together.
fn backoff(attempt: u32) -> Duration {
    let whole = PAUSE_FIRST * 2_u32.saturating_pow(attempt.saturating_sub(1));
    let chance = u32::from(Uuid::new_v4().as_bytes()[0]);
    whole / 2 + whole / 2 * chance / 255
}
