//! A request's body on its way up: bounded, counted, watched, and held back where it must be judged as a whole.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::timeout;

use super::held::{Held, Holding};
use super::inspected::{Inspect, Inspected};

/// A request's body, which fails when it grows beyond its limit.
#[derive(Debug)]
pub struct RequestBody {
    source: Source,
    left: u64,
    progress: Rc<Progress>,
}

/// Where it comes from.
#[derive(Debug)]
enum Source {
    /// There is none.
    None,
    /// The client, as it comes.
    Client(Incoming),
    /// Here, all of it.
    Held(Box<Held>),
    /// The client, looked at as it comes.
    Inspected(Box<Inspected>),
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
    /// Whoever looked at it has found it wrong.
    #[error("not what it must be")]
    Refused,
}

impl RequestBody {
    /// A client's, of which nothing passes before it is known how much [may](Self::allow).
    pub fn new(incoming: Incoming) -> Self {
        let source = if incoming.is_end_stream() { Source::None } else { Source::Client(incoming) };
        let progress = Progress { is_finished: Cell::new(matches!(source, Source::None)), ..Progress::default() };
        Self { source, left: 0, progress: Rc::new(progress) }
    }

    /// So many bytes may pass.
    pub fn allow(&mut self, limit: u64) {
        self.left = limit;
    }

    /// No body, watched by whoever watches `progress`.
    pub fn empty(progress: Rc<Progress>) -> Self {
        Self { source: Source::None, left: 0, progress }
    }

    /// Reads all of it, and holds it. The client may be silent for so long at a time.
    ///
    /// Cancel safe: a body that was dropped half read is gone, and so is its request.
    pub async fn hold(&mut self, silence: Duration) -> Result<Bytes, BodyFault> {
        let mut holding = Holding::default();
        while let Some(frame) = self.next(silence).await? {
            holding.add(frame, self.size_hint().lower());
        }
        let (held, content) = holding.finish();
        (self.source, self.progress) = (Source::Held(Box::new(held)), Rc::default());
        self.progress.is_finished.set(self.is_end_stream());
        Ok(content)
    }

    /// Has it looked at as it passes. What is short is read to its end first; of anything longer all but the end may
    /// have gone when it is refused, and the upstream is left with a request that breaks off. The client may be silent
    /// for so long at a time.
    pub async fn inspect(&mut self, mut inspector: Box<dyn Inspect>, silence: Duration) -> Result<(), BodyFault> {
        let incoming = match std::mem::replace(&mut self.source, Source::None) {
            Source::Client(incoming) => incoming,
            other => {
                // Nothing will come, which is for the inspector to judge, too.
                self.source = other;
                return Ok(inspector.finish()?);
            }
        };
        let mut inspected = Inspected::new(incoming, self.left, inspector);
        inspected.begin(silence).await?;
        self.source = Source::Inspected(Box::new(inspected));
        Ok(())
    }

    async fn next(&mut self, silence: Duration) -> Result<Option<Frame<Bytes>>, BodyFault> {
        match timeout(silence, self.frame()).await {
            Ok(frame) => frame.transpose(),
            Err(_elapsed) => Err(BodyFault::Stalled),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match &self.source {
            Source::None => true,
            Source::Client(_) => false,
            Source::Held(held) => held.is_empty(),
            Source::Inspected(inspected) => inspected.is_end_stream(),
        }
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
    fn passed(&self, is_last: bool) {
        self.frames.set(self.frames.get() + 1);
        if is_last {
            self.is_finished.set(true);
        }
    }

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
        let incoming = match &mut self.source {
            Source::None => return Poll::Ready(None),
            Source::Client(incoming) => incoming,
            Source::Held(held) => {
                let frame = held.next();
                self.progress.passed(self.is_end_stream());
                return Poll::Ready(frame.map(Ok));
            }
            Source::Inspected(inspected) => {
                let polled = inspected.poll_frame(cx);
                self.progress.awaits_client.set(polled.is_pending());
                return match ready!(polled) {
                    Some(Err(fault)) => self.fail(fault),
                    frame => {
                        self.progress.passed(self.is_end_stream());
                        Poll::Ready(frame)
                    }
                };
            }
        };
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
        // Nobody asks for more after trailers.
        self.progress.passed(frame.is_trailers() || self.is_end_stream());
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Client(incoming) => incoming.is_end_stream(),
            Source::None | Source::Held(_) | Source::Inspected(_) => self.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::None => SizeHint::with_exact(0),
            Source::Client(incoming) => incoming.size_hint(),
            Source::Held(held) => held.size_hint(),
            Source::Inspected(inspected) => inspected.size_hint(),
        }
    }
}
