//! What requests hold in memory together: files that arrive, or leave, or are compared.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Code, Problem};

/// How many bytes they hold together at most.
pub const HELD_BYTES_MAX: usize = 256 << 20;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much one unit of room is.
const UNIT_BYTES: usize = 1 << 10;

/// The room there is, for all requests.
#[derive(Debug, Clone)]
pub struct Memory {
    units: Arc<Semaphore>,
    units_max: usize,
}

/// Some of it, given back when this is dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

impl Default for Memory {
    fn default() -> Self {
        Self::of(HELD_BYTES_MAX)
    }
}

impl Memory {
    /// So much room.
    pub fn of(bytes: usize) -> Self {
        let units_max = bytes / UNIT_BYTES;
        Self { units: Arc::new(Semaphore::new(units_max)), units_max }
    }

    /// Room for so many bytes, or all of it where that is less, in the order of those who wait.
    ///
    /// # Errors
    /// There is none within ten seconds.
    pub async fn hold(&self, bytes: usize) -> Result<Held, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES).min(self.units_max)).unwrap_or(u32::MAX);
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.units).acquire_many_owned(units)).await;
        // The semaphore is never closed.
        permit.ok().and_then(Result::ok).map(Held).ok_or_else(|| {
            let detail = "too many uploads and downloads are under way: try again in a few seconds";
            Problem::new(Code::Busy).detail(detail).retry_after(5)
        })
    }
}

impl Held {
    /// A body, with its room until it has left.
    pub fn with(self, bytes: Bytes) -> Body {
        Body::new(Leaving { body: Full::new(bytes), _held: self })
    }
}

/// A body that leaves.
struct Leaving {
    body: Full<Bytes>,
    _held: Held,
}

impl hyper::body::Body for Leaving {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_given_back() {
        let memory = Memory::of(10 << 10);
        let first = memory.hold(6 << 10).await.unwrap();
        let mut second = Box::pin(memory.hold(1 << 40));
        assert!(futures_util::poll!(&mut second).is_pending());
        let body = first.with(Bytes::from_static(b"abc"));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(body);
        second.await.unwrap();
    }
}
