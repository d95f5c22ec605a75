//! The audit log.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Result;
use crate::domain::audit::{Event, EventFilter, Refusal};
use crate::domain::id::EventId;
use crate::domain::page::{Page, PageRequest};

/// The audit log. Changes write into it themselves; here are what was refused, and everybody who reads.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Writes down what was refused.
    async fn record_refusals(&self, refusals: Vec<Refusal>) -> Result<()>;
    /// The events of the filter, newest first.
    async fn events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<Event>>;
    /// The next `limit` events of the filter after this one, oldest first.
    async fn events_after(&self, filter: &EventFilter, after: Option<EventId>, limit: u16) -> Result<Vec<Event>>;
    /// Removes some of the events from before then, and says so in an event of its own. Returns how many went; 0 where
    /// none is left, or where another replica is at it.
    async fn prune_events(&self, before: Timestamp) -> Result<u64>;
}
