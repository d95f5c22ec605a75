//! A body that is looked at while it passes, and whose last piece passes only if nothing was wrong.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::BodyFault;

/// Looks at a body while it passes.
pub trait Inspect: fmt::Debug {
    /// The next piece.
    fn feed(&mut self, piece: &[u8]) -> Result<(), Refused>;
    /// The body has ended.
    fn finish(&mut self) -> Result<(), Refused>;
}

/// The body is not let through. Who refused it knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// A body under inspection.
#[derive(Debug)]
pub(super) struct Inspected {
    /// `None` once it has ended.
    incoming: Option<Incoming>,
    inspector: Box<dyn Inspect>,
    /// How much more may come, in bytes.
    left: u64,
    /// Looked at and not yet passed on.
    pieces: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
}

/// Bodies up to this length, in bytes, are read to their end before any of it goes on: what is wrong with them is known
/// before the upstream hears of them.
const HELD_MAX: usize = 256 << 10;

impl Inspected {
    pub(super) fn new(incoming: Incoming, left: u64, inspector: Box<dyn Inspect>) -> Self {
        Self { incoming: Some(incoming), inspector, left, pieces: VecDeque::new(), trailers: None }
    }

    /// Reads on to the end, or until that is too much to hold.
    pub(super) async fn begin(&mut self, silence: Duration) -> Result<(), BodyFault> {
        while self.incoming.is_some() && self.held() <= HELD_MAX {
            let more = timeout(silence, poll_fn(|cx| self.poll_more(cx)));
            more.await.map_err(|_elapsed| BodyFault::Stalled)??;
        }
        Ok(())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.incoming.is_none()
    }

    fn held(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyFault>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(Ok(())) };
        let frame = match ready!(Pin::new(incoming).poll_frame(cx)) {
            None => {
                self.incoming = None;
                return Poll::Ready(self.inspector.finish().map_err(BodyFault::from));
            }
            Some(Err(_)) => return Poll::Ready(Err(BodyFault::Unreadable)),
            Some(Ok(frame)) => frame,
        };
        match frame.into_data() {
            Ok(data) => {
                let Some(left) = self.left.checked_sub(data.len() as u64) else {
                    return Poll::Ready(Err(BodyFault::TooLarge));
                };
                self.left = left;
                self.inspector.feed(&data)?;
                self.pieces.push_back(data);
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
        Poll::Ready(Ok(()))
    }

    /// What may pass: all but the last piece, until the end is known to be in order. Says whether the client is
    /// awaited.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        while !self.has_ended() && self.pieces.len() < 2 {
            if let Err(fault) = ready!(self.poll_more(cx)) {
                return Poll::Ready(Some(Err(fault)));
            }
        }
        let next = self.pieces.pop_front().map(Frame::data);
        Poll::Ready(next.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.has_ended() && self.pieces.is_empty() && self.trailers.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let coming = self.incoming.as_ref().map_or(Some(0), |incoming| incoming.size_hint().exact());
        match (coming, &self.trailers) {
            (Some(coming), None) => SizeHint::with_exact(self.held() as u64 + coming),
            _ => SizeHint::default(),
        }
    }
}

impl From<Refused> for BodyFault {
    fn from(_: Refused) -> Self {
        Self::Refused
    }
}
