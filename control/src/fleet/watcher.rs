//! Looks for what changed, whenever somebody says that something may have, and every few seconds whether anybody does or not.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error as _;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Times;
use super::hub::{Group, Hub};
use super::orders::{Basis, Orders};
use super::seat::{End, Seat};
use crate::domain::error::Error;
use crate::domain::plan::Plan;
use crate::domain::registry::{Member, Terms};

/// How often it is looked, for what nobody told of: what is revoked is refused within as much.
const EVERY: Duration = Duration::from_secs(3);
/// How often every plan is compared, whenever it changed: a database that took over may have an older one.
const WHOLE: Duration = Duration::from_mins(1);
/// How long to gather: what changes often is looked at seldom.
const GATHERED_FOR: Duration = Duration::from_millis(20);

/// Looks for what changed, and tells sessions.
#[derive(Debug)]
pub struct Watcher {
    hub: Arc<Hub>,
    /// When plans were last looked at, by the database's clock; none: all are to be compared.
    plans_seen: Option<Timestamp>,
    whole_at: Instant,
}

impl Watcher {
    /// Of a hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub, plans_seen: None, whole_at: Instant::now() }
    }

    /// Looks until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let store = Arc::clone(&self.hub.store);
        let (mut plans, mut registry) = (store.plan_changes(), store.registry_changes());
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = plans.changed() => {}
                Ok(()) = registry.changed() => {}
                () = sleep(EVERY) => {}
            }
            // What is known is said meanwhile: a database that is away changes nothing.
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "cannot look what data planes are to serve; they are told what was known before");
                self.plans_seen = None;
                self.hub.doubt();
            }
            sleep(GATHERED_FOR).await;
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        self.hub.forget_empty();
        if self.whole_at.elapsed() >= WHOLE {
            self.plans_seen = None;
        }
        let since = self.plans_seen;
        let (seen, revisions) = self.hub.store.plan_revisions(since).await?;
        let revisions: HashMap<_, _> =
            revisions.into_iter().map(|changed| (changed.project, changed.revision)).collect();
        let groups: Vec<_> = self.hub.groups().values().cloned().collect();
        let mut failed = None;
        // Plans before terms: whoever signed a pointer that is there is named by a root that is there by then.
        let mut plans = HashMap::new();
        for group in &groups {
            // Where all are asked for, one that is not there has no revision.
            let revision = revisions.get(&group.project).copied().or(since.is_none().then_some(Plan::NOTHING));
            if revision.is_some_and(|revision| revision != group.orders.borrow().revision()) {
                let plan = self.hub.store.plan(group.project).await;
                plans.extend(note(&mut failed, group, plan)?.map(|plan| (group.project, plan)));
            }
        }
        let began = Instant::now();
        let projects: Vec<_> = groups.iter().map(|group| group.project).collect();
        let mut terms = if projects.is_empty() { BTreeMap::new() } else { self.hub.store.terms(&projects).await? };
        // First what is to be served: seconds count there.
        for group in &groups {
            let root_version = terms.get(&group.project).and_then(|terms| terms.root_version);
            group.announces(plans.remove(&group.project), root_version, self.hub.times);
        }
        for group in &groups {
            let terms = terms.remove(&group.project).unwrap_or_default();
            note(&mut failed, group, self.hub.hold_to(group, terms, began).await)?;
        }
        // Only now: what failed is looked at again.
        if let Some(error) = failed {
            return Err(error);
        }
        if since.is_none() {
            self.whole_at = Instant::now();
        }
        self.plans_seen = Some(seen);
        Ok(())
    }
}

/// What cannot be read of one project keeps no other from its own; a database that is away has nothing for anybody.
fn note<T>(failed: &mut Option<Error>, group: &Group, outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(read) => Ok(Some(read)),
        Err(error @ Error::Unavailable { .. }) => Err(error),
        Err(error) => {
            let cause = error.source().map(tracing::field::display);
            let project = group.project;
            tracing::error!(%error, cause, %project, "cannot look what this project's data planes are to serve");
            *failed = Some(error);
            Ok(None)
        }
    }
}

impl Hub {
    /// Projects that nobody is connected for.
    fn forget_empty(&self) {
        // Whoever was let in and has not said who it is holds its own.
        self.groups().retain(|_, group| Arc::strong_count(group) > 1 || !group.seats().by_number.is_empty());
    }

    /// Ends the connections that are not to stay, and tells the others what they are called by now.
    async fn hold_to(&self, group: &Group, terms: Terms, began: Instant) -> Result<(), Error> {
        let before = std::mem::replace(&mut *group.terms(), terms.clone());
        let secrets: HashSet<_> = terms.secrets.iter().collect();
        for seat in group.everybody() {
            if terms.root_version.is_none() {
                // The project is gone, with all that was in it.
                seat.end(End::REMOVED);
            } else if !secrets.contains(&seat.secret) && seat.since < began {
                seat.end(End::UNAUTHORIZED);
            }
        }
        if before.members != terms.members {
            let members = self.store.members(group.project).await;
            let members = members.inspect_err(|_| group.terms().members = before.members)?;
            group.hold_to(members, began);
        }
        Ok(())
    }

    /// Whoever came while the database was away is what a replica knew of them, and the database may be another one: all are
    /// compared at the next look.
    fn doubt(&self) {
        self.groups().values().for_each(|group| group.terms().members = Terms::default().members);
    }
}

impl Group {
    /// Has sessions say what is to be served, and which root is the newest: where there is another plan, or another root; and
    /// has it written anew for twice or half as many.
    fn announces(&self, plan: Option<Plan>, root_version: Option<NonZeroU64>, times: Times) {
        let data_planes = self.expected(times.return_time);
        let plan = {
            let before = self.orders.borrow();
            let plan = plan.unwrap_or_else(|| before.plan().clone());
            if before.is_of(plan.revision, root_version) && before.are_for(data_planes) {
                return;
            }
            plan
        };
        tracing::debug!(project = %self.project, revision = plan.revision, "what is to be served has changed");
        let basis = Basis { plan, root_version, data_planes, calm: times.heartbeat };
        self.orders.send_replace(Arc::new(Orders::new(basis)));
    }

    fn everybody(&self) -> Vec<Arc<Seat>> {
        self.seats().by_number.values().cloned().collect()
    }

    /// Ends the connections of data planes that are not there any more, and tells the others what they are called by now.
    fn hold_to(&self, members: Vec<Member>, began: Instant) {
        let members: HashMap<_, _> = members.into_iter().map(|member| (member.id, member)).collect();
        for seat in self.everybody() {
            let Some(member) = members.get(&seat.key.data_plane) else {
                // Who came after it was looked need not be in what was seen.
                if seat.since < began {
                    seat.end(End::REMOVED);
                }
                continue;
            };
            if member.disconnects > seat.disconnects {
                seat.end(End::DISCONNECTED);
            }
            seat.standing.send_if_modified(|standing| {
                let is_new = member.version > standing.version;
                if is_new {
                    standing.labels = Arc::new(member.labels.clone());
                    standing.version = member.version;
                }
                is_new
            });
        }
    }
}
