//! What the service manager is told, where there is one: `sd_notify(3)`.

use sd_notify::NotifyState;

/// What it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// Whoever comes is served.
    Ready,
    /// It ends, as it was told to.
    Stopping,
}

/// Tells it. Where there is none, nothing happens.
pub(super) fn tell(notice: Notice) {
    let state = match notice {
        Notice::Ready => NotifyState::Ready,
        Notice::Stopping => NotifyState::Stopping,
    };
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
