//! What a server answered, and whether it is worth asking again.

use std::time::{Duration, SystemTime};

use fleet::agent::Failure;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::time::timeout;

use super::SILENCE_MAX;

/// Sends a request, and waits for the head of the answer: not for ever.
pub(super) async fn to(request: RequestBuilder) -> Result<Response, Failure> {
    match timeout(SILENCE_MAX, request.send()).await {
        Ok(answer) => answer.map_err(|error| unreachable(&error)),
        Err(_) => Err(silent()),
    }
}

/// Somebody took the request and said nothing.
pub(super) fn silent() -> Failure {
    Failure::unavailable("unreachable", format!("nothing came for {SILENCE_MAX:?}"))
}

/// Sends a request, and takes nothing for an answer but what was asked for.
pub(super) async fn good(request: RequestBuilder) -> Result<Response, Failure> {
    let response = to(request).await?;
    if response.status().is_success() { Ok(response) } else { Err(refusal(&response)) }
}

/// A body that is no longer than it may be.
pub(super) async fn bounded(mut response: Response, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(piece) = super::download::next(&mut response).await? {
        if body.len() as u64 + piece.len() as u64 > max_bytes {
            return Err(Failure::damaged("too_long", format!("the answer is longer than {max_bytes} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Nobody answered.
pub(super) fn unreachable(error: &reqwest::Error) -> Failure {
    Failure::unavailable("unreachable", explain(error))
}

/// An error and what brought it about: the library's own text does not say.
pub(super) fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Somebody answered something else.
pub(super) fn refusal(response: &Response) -> Failure {
    let status = response.status();
    let code = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "download_unauthorized",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "busy",
        _ => "unexpected_answer",
    };
    let retry_after = retry_after(response.headers());
    Failure { retry_after, ..Failure::unavailable(code, format!("{} answered {status}", response.url())) }
}

/// RFC 9110 section 10.2.3: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}
