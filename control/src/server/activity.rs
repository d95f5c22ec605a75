//! How long a client may keep a connection without making use of it.
//!
//! Nothing is demanded of a client while a handler works on its request: handlers have limits of their own.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::options::Limits;

/// What happens on one connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Requests whose head was read.
    begun: u64,
    /// Requests whose handler is at work.
    handled: u32,
    /// Requests whose response is not handed over yet.
    under_way: u32,
    /// How requests come, once there was one.
    version: Option<Version>,
    /// When the head being read began. Over HTTP/2 nobody can tell: pings are bytes too.
    head_began: Option<Instant>,
    /// When the last request ended, or the connection began.
    ended: Instant,
    /// When bytes last came.
    received: Instant,
    /// When bytes last went.
    sent: Instant,
}

/// Says, for as long as it lives, that a handler is at work.
#[derive(Debug)]
pub(super) struct Handled(Arc<Activity>);

/// Says, for as long as it lives, that a request is under way.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl Drop for Handled {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.handled -= 1;
        // The client's turn begins now.
        state.sent = Instant::now();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way -= 1;
        state.ended = Instant::now();
    }
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            begun: 0,
            handled: 0,
            under_way: 0,
            version: None,
            head_began: None,
            ended: now,
            received: now,
            sent: now,
        };
        Arc::new(Self(Mutex::new(state)))
    }

    /// A request's head was read.
    pub(super) fn request(self: &Arc<Self>, version: Version) -> (Handled, UnderWay) {
        let mut state = self.state();
        state.version = Some(version);
        state.head_began = None;
        state.begun += 1;
        state.handled += 1;
        state.under_way += 1;
        (Handled(self.clone()), UnderWay(self.clone()))
    }

    /// How many requests there were, where none is under way and they come one after the other (HTTP/1.1).
    pub(super) fn at_rest_after(&self) -> Option<u64> {
        let state = self.state();
        let is_in_order = state.version.is_none_or(|version| version < Version::HTTP_2);
        (state.under_way == 0 && is_in_order).then_some(state.begun)
    }

    /// When the connection ends, if nothing happens until then; `None` while a handler is at work.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let state = self.state();
        let (since, limit) = match *state {
            State { handled: 1.., .. } => return None,
            State { under_way: 1.., .. } => (state.sent.max(state.received), limits.idle_timeout),
            State { version: None, .. } => (state.ended, limits.header_read_timeout),
            State { head_began: Some(began), .. } => (began, limits.header_read_timeout),
            State { .. } => (state.ended.max(state.sent), limits.idle_timeout),
        };
        // An end that no clock can show is none.
        since.checked_add(limit)
    }

    /// How often to look at [`Self::deadline`]: it may come nearer.
    pub(super) fn beat(limits: &Limits) -> Duration {
        (limits.header_read_timeout.min(limits.idle_timeout) / 4).max(Duration::from_millis(5))
    }

    fn received(&self) {
        let (mut state, now) = (self.state(), Instant::now());
        state.received = now;
        if state.under_way == 0 && state.version.is_some_and(|version| version < Version::HTTP_2) {
            state.head_began.get_or_insert(now);
        }
    }

    fn sent(&self) {
        self.state().sent = Instant::now();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose bytes are noticed.
#[derive(Debug)]
pub(super) struct Noticed<I> {
    stream: I,
    activity: Arc<Activity>,
}

impl<I> Noticed<I> {
    pub(super) fn new(stream: I, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Noticed<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Noticed<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.activity.sent();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.activity.sent();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
