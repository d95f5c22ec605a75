//! Looks for what changed, whenever somebody says that something may have, and every few seconds whether anybody does or not.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error as _;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::{Instant as Clock, sleep};
use tokio_util::sync::CancellationToken;

use super::Times;
use super::hub::{Group, Hub};
use super::orders::{Basis, Orders};
use super::seat::{End, Seat};
use crate::domain::error::Error;
use crate::domain::id::ProjectId;
use crate::domain::plan::Plan;
use crate::domain::registry::{Member, Terms};
use crate::setbacks::{News, Setbacks};

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
    /// Projects whose plans cannot be read.
    unread_plans: Setbacks<ProjectId>,
    /// Projects of which it cannot be read which data planes they have.
    unread_members: Setbacks<ProjectId>,
}

impl Watcher {
    /// Of a hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        let unread = || Setbacks::new(EVERY);
        let (unread_plans, unread_members) = (unread(), unread());
        Self { hub, plans_seen: None, whole_at: Instant::now(), unread_plans, unread_members }
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
                // One that only does not do what it was asked is no other than before.
                if matches!(error, Error::Unavailable { .. }) {
                    self.hub.doubt();
                }
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
        for unread in [&self.unread_plans, &self.unread_members] {
            unread.retain(|project| groups.iter().any(|group| group.project == project));
        }
        // Plans before terms: whoever signed a pointer that is there is named by a root that is there by then.
        let mut plans = HashMap::new();
        for group in &groups {
            // Where all are asked for, one that is not there has no revision.
            let revision = revisions.get(&group.project).copied().or(since.is_none().then_some(Plan::NOTHING));
            let is_another = revision.is_some_and(|revision| revision != group.orders.borrow().revision());
            if is_to_be_read(&self.unread_plans, (group.project, is_another), Clock::now()) {
                let plan = self.hub.store.plan(group.project).await;
                plans.extend(note(&self.unread_plans, group.project, plan)?.map(|plan| (group.project, plan)));
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
            let before = std::mem::replace(&mut *group.terms(), terms.clone());
            group.ends_what_is_not_to_stay(&terms, began);
            let is_another = before.members != terms.members;
            if is_to_be_read(&self.unread_members, (group.project, is_another), Clock::now()) {
                note(&self.unread_members, group.project, self.hub.hold_to(group, &before, began).await)?;
            }
        }
        // Only now: what failed is looked at again. What cannot be read of one project is looked at again by itself.
        if since.is_none() {
            self.whole_at = Instant::now();
        }
        self.plans_seen = Some(seen);
        Ok(())
    }
}

/// Whether something of a project is to be read: because it is another one, or because it could not be read, and was
/// left alone since.
fn is_to_be_read(unread: &Setbacks<ProjectId>, (project, is_another): (ProjectId, bool), now: Clock) -> bool {
    if unread.has_failed(project) { unread.is_due(project, now) } else { is_another }
}

/// What cannot be read of one project keeps no other from its own, and is said once; a database that is away has
/// nothing for anybody.
fn note<T>(unread: &Setbacks<ProjectId>, project: ProjectId, outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(read) => {
            unread.succeeded(project);
            Ok(Some(read))
        }
        Err(error @ Error::Unavailable { .. }) => Err(error),
        Err(error) => {
            if unread.failed(project, Clock::now()) == News::Yes {
                let cause = error.source().map(tracing::field::display);
                tracing::error!(%error, cause, %project, "cannot read this project's data planes, or what they are to serve");
            }
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

    /// Tells those that are connected what they are called by now.
    async fn hold_to(&self, group: &Group, before: &Terms, began: Instant) -> Result<(), Error> {
        let members = self.store.members(group.project).await;
        group.hold_to(members.inspect_err(|_| group.terms().members = before.members)?, began);
        Ok(())
    }

    /// Whoever came while the database was away is what a replica knew of them, and the database may be another one: all are
    /// compared at the next look.
    fn doubt(&self) {
        self.groups().values().for_each(|group| group.terms().members = Terms::default().members);
    }
}

impl Group {
    /// Ends the connections that are not to stay.
    fn ends_what_is_not_to_stay(&self, terms: &Terms, began: Instant) {
        let secrets: HashSet<_> = terms.secrets.iter().collect();
        for seat in self.everybody() {
            if terms.root_version.is_none() {
                // The project is gone, with all that was in it.
                seat.end(End::REMOVED);
            } else if !secrets.contains(&seat.secret) && seat.since < began {
                seat.end(End::UNAUTHORIZED);
            }
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::Noun;

    #[test]
    fn what_cannot_be_read_of_one_project_is_looked_at_again_alone() {
        let unread = Setbacks::new(EVERY);
        let (damaged, sound) = (ProjectId::new(), ProjectId::new());
        let began = Clock::now();
        let is_read = |project, is_another, at| is_to_be_read(&unread, (project, is_another), at);
        assert!(is_read(damaged, true, began) && !is_read(damaged, false, began));
        let refused = Err::<(), _>(Error::Damaged(Noun::Deployment));
        assert!(matches!(note(&unread, damaged, refused), Ok(None)));
        // Whether it changes meanwhile or not; and the other one only where it does.
        assert_eq!([true, false].map(|is_another| is_read(damaged, is_another, began)), [false, false]);
        assert_eq!([true, false].map(|is_another| is_read(sound, is_another, began)), [true, false]);
        let later = Clock::now() + EVERY;
        assert!(is_read(damaged, false, later) && !is_read(sound, false, later));
        assert!(matches!(note(&unread, damaged, Ok(())), Ok(Some(()))));
        assert!(!is_read(damaged, false, later));
        // A database that is away is no project's fault.
        let away = Err::<(), _>(Error::database("it is away"));
        assert!(note(&unread, damaged, away).is_err() && !unread.has_failed(damaged));
    }
}
