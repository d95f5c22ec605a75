//! A request's body on its way up: bounded, counted, watched.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;

/// A request's body, which fails when it grows beyond its limit.
#[derive(Debug)]
pub struct RequestBody {
    /// `None` for a request without one.
    incoming: Option<Incoming>,
    left: u64,
    progress: Rc<Progress>,
}

/// What has become of a body so far.
#[derive(Debug, Default)]
pub struct Progress {
    frames: Cell<u64>,
    fault: Cell<Option<BodyFault>>,
    is_finished: Cell<bool>,
    awaits_client: Cell<bool>,
}

/// Why a body could not be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyFault {
    /// It is longer than it may be.
    #[error("longer than its limit")]
    TooLarge,
    /// The client broke it off, or its framing is wrong.
    #[error("broken off or badly framed by the client")]
    Unreadable,
    /// The client stopped sending it.
    #[error("not sent on by the client")]
    Stalled,
}

impl RequestBody {
    /// `limit` in bytes.
    pub fn new(incoming: Incoming, limit: u64) -> Self {
        let incoming = Some(incoming).filter(|incoming| !incoming.is_end_stream());
        let progress = Progress { is_finished: Cell::new(incoming.is_none()), ..Progress::default() };
        Self { incoming, left: limit, progress: Rc::new(progress) }
    }

    /// No body, watched by whoever watches `progress`.
    pub fn empty(progress: Rc<Progress>) -> Self {
        Self { incoming: None, left: 0, progress }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.incoming.is_none()
    }

    /// A look at it from outside.
    pub fn progress(&self) -> Rc<Progress> {
        self.progress.clone()
    }

    fn fail(&self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.progress.fault.set(Some(fault));
        Poll::Ready(Some(Err(fault)))
    }
}

impl Progress {
    /// How many pieces went by.
    pub fn frames(&self) -> u64 {
        self.frames.get()
    }

    /// Why it stopped, if it did.
    pub fn fault(&self) -> Option<BodyFault> {
        self.fault.get()
    }

    /// Whether the next piece was asked for and the client has not sent it.
    pub fn awaits_client(&self) -> bool {
        self.awaits_client.get()
    }

    /// Whether all of it went by.
    pub fn is_finished(&self) -> bool {
        self.is_finished.get()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let polled = Pin::new(incoming).poll_frame(cx);
        self.progress.awaits_client.set(polled.is_pending());
        let frame = match ready!(polled) {
            None => {
                self.progress.is_finished.set(true);
                return Poll::Ready(None);
            }
            Some(Err(_)) => return self.fail(BodyFault::Unreadable),
            Some(Ok(frame)) => frame,
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(left) = self.left.checked_sub(length) else { return self.fail(BodyFault::TooLarge) };
        self.left = left;
        self.progress.frames.set(self.progress.frames.get() + 1);
        if self.is_end_stream() {
            self.progress.is_finished.set(true);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
