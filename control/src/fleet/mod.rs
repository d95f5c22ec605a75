//! The hub: data planes that are connected to this control plane, and what they are told.
//!
//! It knows neither HTTP nor SQL: sockets are in `api`, rows in `store`. Nothing that one data plane does, or leaves undone,
//! holds up another one: what is to be told is in `watch` channels, so whoever is slow gets the latest and no queue grows.
//!
//! - `admission`: how many are let in at a time, and `shares`: of which project; `loading`: who reads what that is to
//!   serve; [`arrival`]: what a data plane says of itself, read strictly;
//! - [`orders`]: what a project's data planes are to serve, as frames that are written once for all of them;
//! - [`session`]: one conversation, `vigil`: how long it may be silent; [`hub`]: all of them;
//! - [`watcher`]: looks for what changed, and tells sessions; [`scribe`]: writes what they said, and who is gone;
//!   `ahead`: of which pointers they have taken more than there is.

mod admission;
mod ahead;
pub mod arrival;
pub mod hub;
mod loading;
pub mod orders;
pub mod scribe;
mod seat;
pub mod session;
mod shares;
mod vigil;
pub mod watcher;

use std::time::Duration;

pub use admission::Bounds;
pub(crate) use admission::random_below;
pub use hub::{Guest, Hub, Shown, Turned};
pub use session::{Session, Step, goodbye};
pub use shares::Bound;

/// How long a data plane may take to say who it is, however it sends that.
pub const HELLO: Duration = Duration::from_secs(10);

/// How long it may take to register one: whoever said who it is waits for ten seconds to hear what comes of it.
const REGISTERING: Duration = Duration::from_secs(9);

/// How long a frame may take to leave: a peer that reads nothing for so long is not there.
pub const SENDING: Duration = Duration::from_secs(10);

/// How often things happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How long a data plane waits between two heartbeats.
    pub heartbeat: Duration,
    /// How long data planes have to come back after a control plane or the database was away: at least as long as they
    /// wait before they connect again.
    pub return_time: Duration,
    /// How long a data plane that came by itself is remembered after it was last seen; none: for ever.
    pub remembered: Option<Duration>,
}

/// How long a data plane waits between two heartbeats while the deployment that it follows is under way, unless too many do.
const HEARTBEAT_UNDER_WAY: Duration = Duration::from_secs(5);

/// How long after one another data planes do what all of them are to do: ten thousand fetch within twenty seconds.
const SPACING: Duration = Duration::from_millis(2);

impl Default for Times {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(30),
            return_time: Duration::from_secs(90),
            remembered: Some(Duration::from_hours(30 * 24)),
        }
    }
}

impl Times {
    /// How long a data plane whose connection was lost has to come back: as long as one that is only silent would have.
    fn absence(self) -> Duration {
        self.heartbeat * 2
    }
}

/// How long nothing may be heard of whoever was told to send heartbeats so often.
fn silence(heartbeat: Duration) -> Duration {
    heartbeat + heartbeat / 2
}
