//! The body of an upstream's response on its way down.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::timeout;

use super::held::{Held, Holding};

/// The body of an upstream's response.
#[derive(Debug)]
pub enum ReceivedBody {
    /// As it comes.
    Streamed(Incoming),
    /// Here, all of it.
    Held(Box<Held>),
}

/// Why a response cannot be held.
#[derive(Debug, Error)]
pub enum HoldError {
    /// It is longer than what is held.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: u64,
    },
    /// It broke off.
    #[error("it broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// It stopped coming.
    #[error("it stopped coming")]
    Stalled,
}

impl ReceivedBody {
    /// Reads all of it, and holds it: at most `limit` bytes, with pauses of at most `silence`.
    pub async fn hold(mut self, limit: u64, silence: Duration) -> Result<(Self, Bytes), HoldError> {
        if self.size_hint().lower() > limit {
            return Err(HoldError::TooLong { limit });
        }
        let mut holding = Holding::default();
        while let Some(frame) = timeout(silence, self.frame()).await.map_err(|_| HoldError::Stalled)? {
            holding.add(frame?, self.size_hint().lower());
            if holding.length() as u64 > limit {
                return Err(HoldError::TooLong { limit });
            }
        }
        let (held, content) = holding.finish();
        Ok((Self::Held(Box::new(held)), content))
    }
}

impl Body for ReceivedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Streamed(incoming) => Pin::new(incoming).poll_frame(cx),
            Self::Held(held) => Poll::Ready(held.next().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Streamed(incoming) => incoming.is_end_stream(),
            Self::Held(held) => held.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Streamed(incoming) => incoming.size_hint(),
            Self::Held(held) => held.size_hint(),
        }
    }
}
