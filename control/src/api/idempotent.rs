//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a POST that may be sent again, because nobody knows
//! whether it arrived.
//!
//! - The key belongs to the credential. It is a quoted string, as the draft has it, or the same without quotes.
//! - The same request gets the same answer for a day, with `Idempotent-Replayed: true`. What counts is method, path, media
//!   type and every byte of the body, which is hashed as it passes: uploads are not held in memory for it.
//! - While the first one is under way: 409 `in-progress`. It goes on when its client goes away. A control plane that dies
//!   holds a key for a minute; what it had done and not answered is done again.
//! - Another request with the same key: 422 `idempotency-key-reused`.
//! - What was refused changed nothing, so its key is free again, for the same request or a better one.
//! - What may have been done, because the database did not say (500 `outcome-unknown`), keeps its key, and that answer.
//! - An answer that held a secret is not kept: 409 `answer-not-kept`, with the place of what was made. Rotate it there.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::body::{Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument as _;

use super::Api;
use super::extract::invalid_parameter;
use super::problem::{Code, Problem};
use super::reply::HoldsSecret;
use crate::domain::access::{Identity, Principal};
use crate::domain::error::Error;
use crate::domain::idempotency::{Answer, Attempt, Claim, IdempotencyKey, LEASE};
use crate::domain::store::changing;

/// The longest key, in bytes.
pub const KEY_MAX_BYTES: usize = 255;
/// The longest answer that is kept, in bytes. Changes answer with what they made.
const ANSWER_MAX_BYTES: usize = 1 << 20;
/// How many bytes of a body that nobody wanted are read for its hash.
const REST_MAX_BYTES: u64 = 256 << 20;
/// How often an attempt says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(LEASE.as_secs() / 3);
/// How long whoever asked waits for their answer to be written down.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is waited until it is written down again.
const PAUSE: Duration = Duration::from_secs(1);

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Does what has a key once.
pub async fn once(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    match with_key(api, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn with_key(api: Api, request: Request, next: Next) -> Result<Response, Problem> {
    let principal = request.extensions().get::<Principal>().ok_or_else(Problem::unauthenticated)?;
    let key = IdempotencyKey { principal: owner(principal.identity), key: key(request.headers())? };
    let (parts, body) = request.into_parts();
    let hashed = Hashed::new(&parts, body);
    match api.store.claim(&key).await.map_err(not_begun)? {
        Claim::UnderWay => {
            let detail = "a request with this Idempotency-Key is under way; ask again to get its answer";
            Err(Problem::new(Code::InProgress).detail(detail).retry_after(1))
        }
        Claim::Done(answer) if hashed.digest().await == answer.request => replay(answer),
        Claim::Done(_) => {
            let detail = "this Idempotency-Key was used for another request; take a new key for a new request";
            Err(Problem::new(Code::KeyReused).detail(detail))
        }
        Claim::New(attempt) => {
            let work = Work { api, key, attempt, hashed };
            // A task of its own: whoever asked may go away and come back for the answer.
            let task = tokio::spawn(changing(work.run(parts, next)).in_current_span());
            task.await.map_err(|_| Problem::new(Code::Internal))
        }
    }
}

/// Where nobody knows whether a key was taken, nothing was done under it.
fn not_begun(error: Error) -> Error {
    match error {
        Error::Unsettled(source) => Error::database(source),
        error => error,
    }
}

fn owner(identity: Identity) -> String {
    match identity {
        Identity::Token(id) => format!("token:{id}"),
        Identity::ApiKey { id, .. } => format!("api-key:{id}"),
    }
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut given = headers.get_all(KEY).iter();
    let text = given.next().and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let is_plain = bare.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    if given.next().is_some() || bare.is_empty() || bare.len() > KEY_MAX_BYTES || !is_plain {
        let detail = format!("Idempotency-Key: one key of 1 to {KEY_MAX_BYTES} visible characters, such as a UUID");
        return Err(invalid_parameter(detail));
    }
    Ok(bare.to_owned())
}

fn replay(answer: Answer) -> Result<Response, Problem> {
    let Some(body) = answer.body else {
        let place = answer.headers.iter().find(|(name, _)| name == LOCATION.as_str());
        let place = place.map(|(_, place)| format!("; look at {place}")).unwrap_or_default();
        let detail = format!("it was done, and its answer is not kept{place}. Rotate a secret that did not arrive");
        return Err(Problem::new(Code::AnswerNotKept).detail(detail));
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(|_| Problem::new(Code::Internal))?;
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// What is to be done once.
struct Work {
    api: Api,
    key: IdempotencyKey,
    attempt: Attempt,
    hashed: Hashed,
}

impl Work {
    async fn run(self, parts: Parts, next: Next) -> Response {
        let request = Request::from_parts(parts, Body::new(self.hashed.clone()));
        let mut response = std::pin::pin!(next.run(request));
        let mut heartbeats = tokio::time::interval(HEARTBEAT);
        heartbeats.reset();
        let response = loop {
            tokio::select! {
                response = &mut response => break response,
                _ = heartbeats.tick() => {
                    if let Err(error) = self.api.store.keep_claim(&self.key, self.attempt).await {
                        tracing::warn!(%error, "an Idempotency-Key may be taken by another attempt");
                    }
                }
            }
        };
        if stands(&response) { self.done(response).await } else { self.refused(response).await }
    }

    async fn refused(self, response: Response) -> Response {
        if let Err(error) = self.api.store.drop_claim(&self.key, self.attempt).await {
            tracing::warn!(%error, "an Idempotency-Key is free only in a minute");
        }
        response
    }

    async fn done(self, response: Response) -> Response {
        let (parts, body) = response.into_parts();
        let is_short = body.size_hint().upper().is_some_and(|bytes| bytes <= ANSWER_MAX_BYTES as u64);
        let (kept, body) = if is_short && parts.extensions.get::<HoldsSecret>().is_none() {
            // It is in memory already.
            let bytes = to_bytes(body, ANSWER_MAX_BYTES).await.unwrap_or_default();
            (Some(bytes.to_vec()), Body::from(bytes))
        } else {
            (None, body)
        };
        let headers = [CONTENT_TYPE, LOCATION, ETAG].into_iter().filter_map(|name| {
            let value = parts.headers.get(&name)?.to_str().ok()?.to_owned();
            Some((name.to_string(), value))
        });
        let request = self.hashed.digest().await;
        let answer = Answer { request, status: parts.status.as_u16(), headers: headers.collect(), body: kept };
        let keeping = tokio::spawn(self.keep(answer).in_current_span());
        // It goes on when nobody waits for it.
        drop(timeout(PATIENCE, keeping).await);
        Response::from_parts(parts, body)
    }

    /// Writes down what was answered: again and again while the database is away, until another attempt may have the
    /// key.
    async fn keep(self, answer: Answer) {
        let began = Instant::now();
        while let Err(error) = self.api.store.answer_claim(&self.key, self.attempt, answer.clone()).await {
            if began.elapsed() >= LEASE {
                tracing::error!(%error, "what was done under an Idempotency-Key may be done again");
                return;
            }
            sleep(PAUSE).await;
        }
    }
}

/// Whether what was asked for was done, or may have been.
fn stands(response: &Response) -> bool {
    let problem = response.extensions().get::<Problem>();
    response.status().is_success() || problem.is_some_and(|problem| problem.code() == Code::OutcomeUnknown)
}

/// A body that is hashed while it is read, by whomever.
#[derive(Clone)]
struct Hashed(Arc<Mutex<Reading>>);

struct Reading {
    body: Body,
    hash: Sha256,
    bytes: u64,
}

impl Hashed {
    fn new(parts: &Parts, body: Body) -> Self {
        let mut hash = Sha256::new();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let media_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        for part in [parts.method.as_str().as_bytes(), target.as_bytes(), media_type] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(Arc::new(Mutex::new(Reading { body, hash, bytes: 0 })))
    }

    /// Of the whole request: what nobody read of the body is read now, without keeping it. Where that fails, of what came.
    async fn digest(&self) -> [u8; 32] {
        loop {
            let frame = std::future::poll_fn(|cx| self.lock().poll(cx)).await;
            if !matches!(frame, Some(Ok(_))) || self.lock().bytes > REST_MAX_BYTES {
                return self.lock().hash.clone().finalize().into();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref) {
            self.hash.update(data);
            self.bytes += data.len() as u64;
        }
        Poll::Ready(frame)
    }
}

impl HttpBody for Hashed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.lock().poll(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<&str>) {
        let headers = HeaderMap::from_iter([(KEY, HeaderValue::from_str(value).unwrap())]);
        assert_eq!(key(&headers).ok().as_deref(), expected, "{value}");
    }

    #[test]
    fn a_key_is_one_visible_text_with_or_without_quotes() {
        check("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", Some("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        check("8e03978e", Some("8e03978e"));
        check(&"k".repeat(KEY_MAX_BYTES), Some(&"k".repeat(KEY_MAX_BYTES)));
        for wrong in ["", "\"\"", "a b", "\"a", "a\"b", &"k".repeat(KEY_MAX_BYTES + 1)] {
            check(wrong, None);
        }
    }

    #[test]
    fn what_may_have_been_done_keeps_its_key() {
        let silent = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        let check = |error: Error, expected: bool| {
            let told = error.to_string();
            assert_eq!(stands(&Problem::from(error).into_response()), expected, "{told}");
        };
        check(Error::Unsettled(silent().into()), true);
        check(Error::database(silent()), false);
        check(Error::Conflict("it is over".to_owned()), false);
        // A key that was not taken is no change.
        check(not_begun(Error::Unsettled(silent().into())), false);
        assert!(stands(&StatusCode::CREATED.into_response()));
    }

    #[tokio::test]
    async fn whoever_reads_the_body_the_hash_is_of_all_of_it() {
        let request = |body: &'static str| Request::post("/x").body(Body::from(body)).unwrap().into_parts();
        let digest = async |body| {
            let (parts, body) = request(body);
            Hashed::new(&parts, body).digest().await
        };
        let (parts, body) = request("hello");
        let read = Hashed::new(&parts, body);
        assert_eq!(to_bytes(Body::new(read.clone()), 100).await.unwrap(), "hello");
        assert_eq!(read.digest().await, digest("hello").await);
        assert_ne!(read.digest().await, digest("hullo").await);
    }
}
