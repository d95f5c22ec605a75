//! An artifact's bytes: whole, or a part of them (RFC 9110 sections 13 and 14).

use std::ops::Range;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH,
    IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use super::at;
use super::served::TooMany;
use crate::api::Api;
use crate::api::caller::Caller;
use crate::api::extract::Path;
use crate::api::problem::{Code, Problem};
use crate::domain::artifact::Artifact;
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::fleet::random_below;

/// What is called by its digest never changes; only who may see it does.
const FOREVER: &str = "private, max-age=31536000, immutable";

/// Within how many seconds those come back for whom there is no turn: not all of them at once.
const RETURN_SECONDS_MAX: u64 = 20;

/// RFC 9530 section 2: of the whole artifact, whatever part of it is sent.
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// 200.
    Whole,
    /// 206, with these bytes.
    Part(Range<u64>),
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
    /// 416.
    NotSatisfiable,
}

/// Download an artifact. Its `ETag` is its digest; a part of it can be asked for with `Range`. The last byte is only sent if
/// the bytes in the store are what they were.
#[utoipa::path(
    get, path = "/artifacts/{artifact}/download", tag = "artifacts",
    params(("artifact" = Digest, Path), ("Range" = Option<String>, Header), ("If-Range" = Option<String>, Header),
           ("If-Match" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream", headers(("ETag" = String))),
        (status = 206, body = Vec<u8>, content_type = "application/octet-stream",
         headers(("ETag" = String), ("Content-Range" = String))),
        (status = 304, headers(("ETag" = String)))
    )
)]
pub(crate) async fn download(
    State(api): State<Api>,
    caller: Caller,
    Path(digest): Path<Digest>,
    Parts { method, headers, .. }: Parts,
) -> Result<Response, Problem> {
    // First: whatever a fleet asks for here is bounded by nothing else.
    let turn = if method == Method::HEAD { None } else { Some(turn(&api)?) };
    let artifact = api.store.artifact(at(&caller, digest)).await?;
    let size = u64::try_from(artifact.size).map_err(|_| Error::Damaged(Noun::Artifact))?;
    let (status, range) = match answer(&method, &headers, (&digest.to_string(), size)) {
        Answer::Whole => (StatusCode::OK, 0..size),
        Answer::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Answer::NotModified => return Ok((StatusCode::NOT_MODIFIED, validators(digest)).into_response()),
        Answer::PreconditionFailed => {
            return Err(Problem::new(Code::Stale).detail("an artifact never changes: its `ETag` is its digest"));
        }
        Answer::NotSatisfiable => {
            let problem = Problem::new(Code::RangeNotSatisfiable).detail(format!("the artifact has {size} bytes"));
            return Ok(([(CONTENT_RANGE, format!("bytes */{size}"))], problem).into_response());
        }
    };
    let body = match turn {
        None => Body::empty(),
        Some(turn) => {
            let pieces = api.served.read((digest, size), range.clone()).await?;
            // Held until the last piece has left.
            Body::from_stream(pieces.inspect(move |_| {
                let _held = &turn;
            }))
        }
    };
    let mut response = body.into_response();
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
        fields.extend(HeaderValue::try_from(text).ok().map(|text| (CONTENT_RANGE, text)));
    }
    fields.extend(description(&artifact));
    Ok((validators(digest), response).into_response())
}

fn turn(api: &Api) -> Result<OwnedSemaphorePermit, Problem> {
    api.served.turn().map_err(|TooMany| {
        let detail = "too many downloads are under way: try again in a few seconds";
        Problem::new(Code::Busy).detail(detail).retry_after(1 + random_below(RETURN_SECONDS_MAX))
    })
}

fn validators(digest: Digest) -> [(HeaderName, String); 2] {
    [(ETAG, format!("\"{digest}\"")), (CACHE_CONTROL, FOREVER.to_owned())]
}

fn description(artifact: &Artifact) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    // An artifact may say anything of itself; its digest is only itself.
    let name = format!("attachment; filename=\"{}.artifact\"", artifact.digest);
    let digest = format!("sha-256=:{}:", STANDARD.encode(artifact.digest.0));
    let fields = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (CONTENT_DISPOSITION, name),
        (REPR_DIGEST, digest),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
}

/// What is answered to these headers, in the order of RFC 9110 section 13.2.2.
fn answer(method: &Method, headers: &HeaderMap, (tag, size): (&str, u64)) -> Answer {
    if headers.contains_key(IF_MATCH) && !names(headers, &IF_MATCH, (tag, Comparison::Strong)) {
        return Answer::PreconditionFailed;
    }
    if names(headers, &IF_NONE_MATCH, (tag, Comparison::Weak)) {
        return Answer::NotModified;
    }
    // A date is never the same as ours, since there is none.
    let has_another = headers.get(IF_RANGE).is_some_and(|_| !names(headers, &IF_RANGE, (tag, Comparison::Strong)));
    if method != Method::GET || has_another {
        return Answer::Whole;
    }
    headers.get(RANGE).and_then(|range| range.to_str().ok()).map_or(Answer::Whole, |text| part(text, size))
}

/// How entity tags are compared (RFC 9110 section 8.8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether one of the entity tags in a field is this one, or any (`*`).
fn names(headers: &HeaderMap, field: &HeaderName, (tag, comparison): (&str, Comparison)) -> bool {
    let listed = headers.get_all(field).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    listed.map(str::trim).any(|given| {
        let opaque = match comparison {
            Comparison::Strong => given,
            Comparison::Weak => given.strip_prefix("W/").unwrap_or(given),
        };
        given == "*" || opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(tag)
    })
}

/// The part that `Range` asks for. What is not understood, and more than one part, is as if it were not asked for.
fn part(text: &str, size: u64) -> Answer {
    let Some((unit, spec)) = text.split_once('=') else { return Answer::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return Answer::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Answer::Whole;
    }
    let range = match (number(first), number(last)) {
        (Number::Is(first), Number::Is(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Number::Is(first), Number::Absent) => first..size,
        (Number::Absent, Number::Is(count)) => size.saturating_sub(count)..size,
        _ => return Answer::Whole,
    };
    if range.start < range.end { Answer::Part(range) } else { Answer::NotSatisfiable }
}

enum Number {
    Is(u64),
    Absent,
    Wrong,
}

fn number(text: &str) -> Number {
    if text.is_empty() {
        Number::Absent
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than there can be is the end.
        Number::Is(text.parse().unwrap_or(u64::MAX))
    } else {
        Number::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_the_rfc_says() {
        let cases = [
            ("bytes=0-3", Answer::Part(0..4)),
            ("bytes=3-", Answer::Part(3..10)),
            ("bytes=-3", Answer::Part(7..10)),
            ("bytes=-30", Answer::Part(0..10)),
            ("bytes=0-30", Answer::Part(0..10)),
            ("Bytes=9-9", Answer::Part(9..10)),
            ("bytes=0-99999999999999999999999", Answer::Part(0..10)),
            ("bytes=10-", Answer::NotSatisfiable),
            ("bytes=10-12", Answer::NotSatisfiable),
            ("bytes=-0", Answer::NotSatisfiable),
            ("bytes=3-2", Answer::Whole),
            ("bytes=-", Answer::Whole),
            ("bytes=a-b", Answer::Whole),
            ("bytes=+1-2", Answer::Whole),
            ("bytes=0-1,3-4", Answer::Whole),
            ("lines=0-1", Answer::Whole),
            ("bytes", Answer::Whole),
        ];
        for (text, expected) in cases {
            assert_eq!(part(text, 10), expected, "{text}");
        }
    }

    #[test]
    fn conditions_come_before_parts() {
        let cases: [(&[(HeaderName, &str)], Answer); 12] = [
            (&[], Answer::Whole),
            (&[(RANGE, "bytes=0-3")], Answer::Part(0..4)),
            (&[(RANGE, "bytes=0-3"), (IF_RANGE, "\"a\"")], Answer::Part(0..4)),
            (&[(RANGE, "bytes=0-3"), (IF_RANGE, "W/\"a\"")], Answer::Whole),
            (&[(RANGE, "bytes=0-3"), (IF_RANGE, "\"b\"")], Answer::Whole),
            (&[(RANGE, "bytes=0-3"), (IF_RANGE, "Fri, 20 Nov 2026 00:00:00 GMT")], Answer::Whole),
            (&[(RANGE, "bytes=0-3"), (IF_NONE_MATCH, "\"a\"")], Answer::NotModified),
            (&[(IF_NONE_MATCH, "\"b\", W/\"a\"")], Answer::NotModified),
            (&[(IF_NONE_MATCH, "*")], Answer::NotModified),
            (&[(IF_NONE_MATCH, "\"b\"")], Answer::Whole),
            (&[(IF_MATCH, "\"b\"")], Answer::PreconditionFailed),
            (&[(IF_MATCH, "\"a\"")], Answer::Whole),
        ];
        for (fields, expected) in cases {
            let headers = fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
            let headers: HeaderMap = headers.collect();
            assert_eq!(answer(&Method::GET, &headers, ("a", 10)), expected, "{headers:?}");
        }
        let ranged = [(RANGE, HeaderValue::from_static("bytes=0-3"))].into_iter().collect();
        assert_eq!(answer(&Method::HEAD, &ranged, ("a", 10)), Answer::Whole);
    }
}
