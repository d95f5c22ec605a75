//! Waiting for what a server does by itself: a restart in the middle of it is waited for, too.

use std::time::{Duration, Instant};

use reqwest::Url;

use super::{Client, Error, Thing};

/// What is said while nobody answers: what is waited for goes on by itself as soon as somebody does.
pub const AWAY: &str = "the control plane is away: waiting for it";

/// How often it is looked, at first and in the end.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How long the last look may take, when the time to wait is over.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// A thing that is looked at again and again, less and less often, until the time to wait is over.
#[derive(Debug)]
pub struct Waiting {
    url: Url,
    began: Instant,
    timeout: Duration,
    pause: Duration,
}

/// What one look shows.
#[derive(Debug)]
pub enum Seen {
    /// The thing, as it is now.
    Is(Thing),
    /// Nobody answers for now.
    Away,
    /// Nothing: the time to wait is over.
    TooLate,
}

impl Waiting {
    /// Begins to wait for the thing at this URL.
    pub fn new(url: Url, timeout: Duration) -> Self {
        Self { url, began: Instant::now(), timeout, pause: PAUSES.0 }
    }

    /// Pauses, and looks.
    ///
    /// # Errors
    /// Whatever the server says clearly.
    pub fn look(&mut self, client: &Client) -> Result<Seen, Error> {
        let left = self.left();
        if left.is_zero() {
            return Ok(Seen::TooLate);
        }
        client.pause(self.pause.min(left));
        self.pause = (self.pause * 3 / 2).min(PAUSES.1);
        let seen = client.look(self.url.clone(), self.left().max(LAST_LOOK))?;
        Ok(seen.map_or(Seen::Away, Seen::Is))
    }

    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.began.elapsed())
    }
}
