//! Bodies that are files: larger than JSON, and as slow as the line.

use std::time::Duration;

use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::time::{Instant, timeout_at};

use super::problem::{Code, Problem};

/// How long a body may come in all, and how long nothing of it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// In all.
    pub whole: Duration,
    /// Between two pieces.
    pub silence: Duration,
}

impl Pace {
    /// Of uploads: 32 MiB need 1 Mbit/s.
    pub const UPLOAD: Self = Self { whole: Duration::from_mins(5), silence: Duration::from_secs(30) };
}

/// How long a body is said to be: the layers around it do not pass on what it says of itself.
pub fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The whole body.
///
/// # Errors
/// It has more than `bytes_max` bytes, does not arrive whole, or not in time.
pub async fn whole(request: Request, bytes_max: usize, pace: Pace) -> Result<Bytes, Problem> {
    let announced = announced(request.headers()).unwrap_or_default();
    let mut stream = request.into_body().into_data_stream();
    if announced > bytes_max {
        return Err(too_large(bytes_max));
    }
    let mut bytes = BytesMut::with_capacity(announced);
    let end = Instant::now() + pace.whole;
    loop {
        let next = timeout_at(end.min(Instant::now() + pace.silence), stream.next()).await;
        match next.map_err(|_| too_slow(pace))? {
            None => return Ok(bytes.freeze()),
            Some(Err(_)) => return Err(Problem::new(Code::Malformed).detail("the body did not arrive whole")),
            Some(Ok(chunk)) if bytes.len() + chunk.len() > bytes_max => return Err(too_large(bytes_max)),
            Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
        }
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Code::TooLarge).detail(format!("the body has more than {bytes_max} bytes"))
}

fn too_slow(pace: Pace) -> Problem {
    let (silence, whole) = (pace.silence.as_secs(), pace.whole.as_secs());
    let detail = format!("a body may pause for {silence} s and come for {whole} s: send less, such as a zip archive");
    Problem::new(Code::TooSlow).detail(detail)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    const PACE: Pace = Pace { whole: Duration::from_millis(200), silence: Duration::from_millis(50) };

    async fn check(body: Body, expected: Result<&[u8], Code>) {
        let outcome = whole(Request::new(body), 4, PACE).await;
        assert_eq!(outcome.as_deref().map_err(Problem::code), expected);
    }

    fn pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece)).collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_whole_and_within_its_limit() {
        check(Body::empty(), Ok(b"")).await;
        check(Body::from("abcd"), Ok(b"abcd")).await;
        check(pieces(&["ab", "", "cd"]), Ok(b"abcd")).await;
        check(Body::from("abcde"), Err(Code::TooLarge)).await;
        check(pieces(&["ab", "cde"]), Err(Code::TooLarge)).await;
        let broken = [Ok("ab"), Err(std::io::Error::other("gone"))];
        check(Body::from_stream(stream::iter(broken)), Err(Code::Malformed)).await;
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_not_waited_for() {
        let begun = stream::iter([Ok::<_, std::io::Error>("ab")]).chain(stream::pending());
        check(Body::from_stream(begun), Err(Code::TooSlow)).await;
        // Nor one that never pauses for long, and never ends.
        let ticks = stream::unfold(tokio::time::interval(Duration::from_millis(10)), |mut ticks| async {
            ticks.tick().await;
            Some((Ok::<_, std::io::Error>(""), ticks))
        });
        check(Body::from_stream(ticks), Err(Code::TooSlow)).await;
    }
}
