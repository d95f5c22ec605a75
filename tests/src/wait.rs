//! Conditions instead of pauses.

use std::time::Duration;

/// How long anything here may take before a test says that it does not happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within [`PATIENCE`]; `what` says what was waited for.
pub async fn until(what: &str, condition: impl AsyncFnMut() -> bool) {
    assert!(within(PATIENCE, condition).await, "waited {PATIENCE:?} in vain until {what}");
}

/// Whether `condition` comes to hold in so long.
pub async fn within(patience: Duration, mut condition: impl AsyncFnMut() -> bool) -> bool {
    tokio::time::timeout(patience, async {
        while !condition().await {
            // However long that took: whatever else this task is to do has its turn.
            pass(Duration::from_millis(5)).await;
        }
    })
    .await
    .is_ok()
}

/// Lets time pass, where time itself is what is tested.
pub async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

/// Gives up on a future that takes longer than [`PATIENCE`].
pub async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
}
