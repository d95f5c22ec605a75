//! What a server answered, and whether it is worth asking again.

use std::time::{Duration, SystemTime};

use fleet::agent::{ASKED_MAX, Failure};
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

/// RFC 9110 section 10.2.3: seconds, or a date. Never longer than a data plane is willing to stay away.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()?,
    };
    Some(asked.min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_away_for_longer_than_ten_minutes() {
        let check = |text: &str, expected: Option<u64>| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{text}");
        };
        check("20", Some(20));
        check("86400", Some(600));
        check(&u64::MAX.to_string(), Some(600));
        check("Fri, 31 Dec 9999 23:59:59 GMT", Some(600));
        check("Thu, 01 Jan 1970 00:00:00 GMT", None);
        check("-1", None);
    }
}
