//! Builds, and the queue that they are.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{At, Result};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::build::{Backlog, Build, BuildFilter, Claim, Ending, Held, NewBuild, Work};
use crate::domain::id::{BuildId, SpecId};
use crate::domain::page::{Page, PageRequest};

/// Builds.
#[async_trait]
pub trait Builds: Send + Sync {
    /// Puts one at the end of the queue.
    ///
    /// # Errors
    /// [`Invalid`](crate::domain::error::Error::Invalid) at `/revision` or `/environment`, if there is no such one;
    /// [`QueueFull`](crate::domain::error::Error::QueueFull) while [`QUEUED_MAX`](crate::domain::build::QUEUED_MAX) of the
    /// project wait.
    async fn create_build(&self, act: &Act, of: At<SpecId>, new: NewBuild) -> Result<Build>;
    /// One of them, with its diagnostics.
    async fn build(&self, reach: Reach, id: BuildId) -> Result<Build>;
    /// What the compiler said, for people; nothing while it has said nothing.
    async fn build_log(&self, reach: Reach, id: BuildId) -> Result<String>;
    /// Those of a project or a spec, newest first.
    async fn builds(&self, reach: Reach, filter: BuildFilter, page: &PageRequest) -> Result<Page<Build>>;
    /// Cancels one. One that is cancelled already stays so.
    ///
    /// # Errors
    /// [`Conflict`](crate::domain::error::Error::Conflict) if it has ended.
    async fn cancel_build(&self, act: &Act, reach: Reach, id: BuildId) -> Result<Build>;
    /// Removes some of the builds that ended before then, and says so in an event. What an artifact came of stays as long
    /// as the artifact. Returns how many went; 0 where none is left, or where another replica is at it.
    async fn prune_builds(&self, before: Timestamp) -> Result<u64>;
}

/// The queue of builds: each is worked on by one control plane at a time.
///
/// A claim has a lease, by the database's clock. A build whose lease ran out is claimed again; one that this befell
/// [`DEATHS_MAX`](crate::domain::build::DEATHS_MAX) times fails. Nothing but the newest claim changes a build that runs.
#[async_trait]
pub trait BuildQueue: Send + Sync {
    /// Claims a build, if one waits: of the team of which the fewest are worked on, and of those teams, of the one that has
    /// waited longest for its turn; of its builds, the one that has waited longest.
    async fn claim_build(&self, claimant: &str) -> Result<Option<Claim>>;
    /// How many wait, and how many are worked on, by whichever control plane.
    async fn backlog(&self) -> Result<Backlog>;
    /// What is to be compiled.
    async fn build_work(&self, claim: Claim) -> Result<Work>;
    /// Keeps the lease from running out.
    async fn extend_build(&self, claim: Claim) -> Result<Held>;
    /// Says how it ended, with its artifact if there is one.
    async fn finish_build(&self, claim: Claim, ending: Ending) -> Result<Held>;
    /// Puts it back where it was in the queue: whoever claimed it has to stop, for no fault of the build.
    async fn give_back_build(&self, claim: Claim) -> Result<Held>;
    /// Leaves it to its lease: something went wrong that need not go wrong again. The build fails with this text if it
    /// is the last time.
    async fn abandon_build(&self, claim: Claim, why: &str) -> Result<Held>;
    /// Changes when builds may have been queued or cancelled; best effort, so look from time to time as well.
    fn build_changes(&self) -> watch::Receiver<()>;
}
