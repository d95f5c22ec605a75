//! A body that is here, all of it: what had to be read as a whole before it is passed on.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

/// A body that is here. What was handed over is gone.
#[derive(Debug, Default)]
pub struct Held {
    content: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

/// A body that is being put together, frame by frame.
#[derive(Debug, Default)]
pub struct Holding {
    first: Bytes,
    all: BytesMut,
    trailers: Option<HeaderMap>,
}

/// How much room is made at once for what is announced, in bytes.
const RESERVED_MAX: usize = 64 << 10;

impl Held {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.content.is_none() && self.trailers.is_none()
    }

    /// The content as one piece, then the trailers.
    pub fn next(&mut self) -> Option<Frame<Bytes>> {
        self.content.take().map(Frame::data).or_else(|| self.trailers.take().map(Frame::trailers))
    }

    /// Its length. A body of known length would be sent without its trailers.
    pub fn size_hint(&self) -> SizeHint {
        match &self.trailers {
            None => SizeHint::with_exact(self.content.as_ref().map_or(0, |content| content.len() as u64)),
            Some(_) => SizeHint::default(),
        }
    }
}

impl Holding {
    /// Adds what came. `coming` is how much more there is at least, in bytes.
    pub fn add(&mut self, frame: Frame<Bytes>, coming: u64) {
        match frame.into_data() {
            // One piece, as most bodies are, is kept as it is.
            Ok(data) if self.first.is_empty() => self.first = data,
            Ok(data) => {
                if self.all.is_empty() {
                    // What was announced need not come.
                    let coming = usize::try_from(coming).unwrap_or_default().min(RESERVED_MAX);
                    self.all.reserve(self.first.len() + data.len() + coming);
                    self.all.extend_from_slice(&self.first);
                }
                self.all.extend_from_slice(&data);
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
    }

    /// How long it is so far, in bytes.
    pub fn length(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    /// The body, and its content to look at.
    pub fn finish(self) -> (Held, Bytes) {
        let content = if self.all.is_empty() { self.first } else { self.all.freeze() };
        let held =
            Held { content: Some(content.clone()).filter(|content| !content.is_empty()), trailers: self.trailers };
        (held, content)
    }
}
