//! Bodies that are files: larger than JSON, and as slow as the line.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::time::{Instant, timeout_at};

use super::memory::Held;
use super::problem::{Code, Problem};

/// How long a body may come in all, and how long nothing of it.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// In all.
    pub whole: Duration,
    /// Between two pieces.
    pub silence: Duration,
    /// How often one looks whether others wait for the room that it takes.
    pub glance: Duration,
}

impl Pace {
    /// Of uploads: 32 MiB need 1 Mbit/s.
    pub const UPLOAD: Self =
        Self { whole: Duration::from_mins(5), silence: Duration::from_secs(30), glance: Duration::from_secs(5) };
}

/// How many bytes come between two glances at least, where others wait.
const GLANCE_BYTES_MIN: usize = 64 << 10;
/// How much room is taken for the first bytes of a body; then always as much again as has come.
const FIRST_BYTES: usize = 64 << 10;
/// Beyond so much, all the room is taken that a body may need: of many that come at once, each has room for all of it or
/// waits with little. Where all the room is had by those who wait, one after the other has the reserve.
const PROBE_BYTES: usize = 1 << 20;

/// A body that arrives.
struct Arriving<'a> {
    stream: BodyDataStream,
    bytes: BytesMut,
    /// How much it is said to be at most.
    announced: usize,
    bytes_max: usize,
    pace: Pace,
    /// What it takes, which grows with it.
    held: &'a mut Held,
}

/// The whole body, in room that is taken as it comes.
///
/// # Errors
/// It has more than `bytes_max` bytes, does not arrive whole, or not in time: neither in all, nor after a pause, nor fast
/// enough where others wait for its room; or there is no more room.
pub async fn whole(request: Request, bytes_max: usize, pace: Pace, held: &mut Held) -> Result<Bytes, Problem> {
    let announced = announced(request.headers()).unwrap_or(bytes_max);
    if announced > bytes_max {
        return Err(too_large(bytes_max));
    }
    let stream = request.into_body().into_data_stream();
    let mut arriving = Arriving { stream, bytes: BytesMut::new(), announced, bytes_max, pace, held };
    arriving.arrive().await?;
    Ok(arriving.bytes.freeze())
}

/// How long a body is said to be: the layers around it do not pass on what it says of itself.
fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Arriving<'_> {
    async fn arrive(&mut self) -> Result<(), Problem> {
        let (end, mut heard) = (Instant::now() + self.pace.whole, Instant::now());
        let (mut glance, mut seen) = (Instant::now() + self.pace.glance, 0);
        loop {
            let next = timeout_at(end.min(heard + self.pace.silence).min(glance), self.stream.next()).await;
            match next {
                Ok(None) => return Ok(()),
                Ok(Some(Err(_))) => return Err(Problem::new(Code::Malformed).detail("the body did not arrive whole")),
                Ok(Some(Ok(chunk))) => {
                    let came = Instant::now();
                    self.take(&chunk).await?;
                    heard = Instant::now();
                    // Whoever waits for room is not slow.
                    glance += heard - came;
                }
                Err(_) => {}
            }
            let now = Instant::now();
            if now >= end || now >= heard + self.pace.silence {
                return Err(self.too_slow());
            }
            if now >= glance {
                if self.held.is_wanted() && self.bytes.len() - seen < GLANCE_BYTES_MIN {
                    return Err(self.too_slow());
                }
                (glance, seen) = (now + self.pace.glance, self.bytes.len());
            }
        }
    }

    async fn take(&mut self, chunk: &[u8]) -> Result<(), Problem> {
        let length = self.bytes.len() + chunk.len();
        if length > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        if length > self.bytes.capacity() {
            let needed = if length > PROBE_BYTES { self.announced } else { FIRST_BYTES.max(2 * self.bytes.len()) };
            let room = needed.min(self.announced).max(length);
            self.held.grow(room).await?;
            self.bytes.reserve(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn too_slow(&self) -> Problem {
        let Pace { whole, silence, glance } = self.pace;
        Problem::new(Code::TooSlow).detail(format!(
            "a body may pause for {} s and come for {} s, and where others wait {} KiB of it come every {} s: send \
             less, such as a zip archive",
            silence.as_secs(),
            whole.as_secs(),
            GLANCE_BYTES_MIN >> 10,
            glance.as_secs()
        ))
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Code::TooLarge).detail(format!("the body has more than {bytes_max} bytes"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    use crate::api::memory::Memory;
    use crate::domain::access::Reach;

    const PACE: Pace = Pace {
        whole: Duration::from_millis(200),
        silence: Duration::from_millis(50),
        glance: Duration::from_millis(20),
    };

    async fn check(body: Body, expected: Result<&[u8], Code>) {
        let mut held = Memory::for_arrivals().nothing(Reach::Everything);
        let outcome = whole(Request::new(body), 4, PACE, &mut held).await;
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

    /// Whoever says nothing takes nothing; whoever has begun keeps it only while nobody else wants it.
    #[tokio::test]
    async fn a_body_takes_room_as_it_comes_and_not_from_those_who_wait() {
        let memory = Memory::of(128 << 10, 128 << 10);
        let patient = Pace { whole: Duration::from_mins(5), silence: Duration::from_mins(1), ..PACE };
        let begun = |chunk: &'static [u8]| {
            let chunk = stream::iter([Ok::<_, std::io::Error>(chunk)]);
            Request::new(Body::from_stream(chunk.chain(stream::pending())))
        };
        let receive = async |request| {
            let mut held = memory.nothing(Reach::Everything);
            whole(request, 100 << 10, patient, &mut held).await.map_err(|problem| problem.code())
        };
        let mut silent = Box::pin(receive(begun(b"")));
        assert!(futures_util::poll!(&mut silent).is_pending());
        drop(memory.hold(Reach::Everything, 128 << 10).await.unwrap());
        let mut slow = Box::pin(receive(begun(b"ab")));
        assert!(futures_util::poll!(&mut slow).is_pending());
        let (slow, held) = futures_util::join!(slow, memory.hold(Reach::Everything, 128 << 10));
        assert_eq!(slow, Err(Code::TooSlow));
        held.unwrap();
    }

    /// Each has begun, and all of them together have all of a team's room; what each of them needs is more than is left.
    #[tokio::test]
    async fn many_large_bodies_of_one_team_do_not_wait_for_each_other() {
        const PIECE: &[u8] = &[7; 64 << 10];
        let memory = Memory::for_arrivals();
        let receive = async || {
            // Others come to their piece before there is the next one.
            let pieces = stream::unfold(0, |sent| async move {
                tokio::task::yield_now().await;
                (sent < 32).then_some((Ok::<_, std::io::Error>(PIECE), sent + 1))
            });
            let mut held = memory.nothing(Reach::Everything);
            let request = Request::new(Body::from_stream(pieces));
            whole(request, 32 << 20, Pace::UPLOAD, &mut held).await.map(|body| body.len())
        };
        let received = futures_util::future::join_all((0..60).map(|_| receive())).await;
        let received = received.into_iter().filter(|received| matches!(received, Ok(length) if *length == 2 << 20));
        assert_eq!(received.count(), 60);
    }
}
