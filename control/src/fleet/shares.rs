//! What there is not enough of, and how projects share it.
//!
//! Nobody stands in a queue: whoever is turned away comes back by itself, at a time that nobody knows. So what is kept for
//! a project is as many as are likely to come back within the second, and an equal part at most.

use std::collections::HashMap;
use std::iter;
use std::time::{Duration, Instant};

use super::admission::Bounds;
use crate::domain::id::ProjectId;

/// How many sockets may be open that have not said who they are. Each has ten seconds to.
const STRANGERS_MAX: u64 = 2048;
/// Whoever is refused comes back at a random moment within so many seconds, or twice as many.
pub(super) const RETURN_SECONDS_MAX: u64 = 20;
/// Whoever was turned away so long ago has come back by now, here or elsewhere.
const RETURNED: Duration = Duration::from_secs(2 * RETURN_SECONDS_MAX);
/// In which time it is counted who is let in.
const SECOND: Duration = Duration::from_secs(1);

/// What a data plane that is turned away would have been too many for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bound {
    /// How many are let in each second.
    #[error("too many data planes connect at once")]
    Rate,
    /// How many may be connected that have not said who they are.
    #[error("too many data planes have not said who they are")]
    Strangers,
    /// How many may be connected.
    #[error("as many data planes are connected as may be")]
    Connected,
    /// What its project has beside others that wait.
    #[error("this project has had its part, and others wait")]
    Share,
    /// How many of its project may be connected.
    #[error("as many data planes of this project are connected as may be")]
    ProjectConnected,
}

/// What is in use, and by whom.
#[derive(Debug)]
pub(super) struct Shares {
    bounds: Bounds,
    /// When the second began in which is counted who is let in.
    since: Instant,
    all: Counts,
    /// Those with connections, and those that wait.
    projects: HashMap<ProjectId, Share>,
}

/// What a project uses, and what it was turned away from.
#[derive(Debug, Default)]
struct Share {
    own: Counts,
    /// How many were turned away, and not let in since.
    waiting: u64,
    turned_away_at: Option<Instant>,
}

/// How much is in use.
#[derive(Debug, Default)]
struct Counts {
    /// Let in, in this second.
    admitted: u64,
    /// Connected, without having said who they are.
    strangers: u64,
    connected: u64,
}

/// What a project leaves to others.
#[derive(Debug)]
struct Others {
    /// How many projects wait.
    projects: u64,
    /// How many of their data planes are likely to come in this second, an equal part for each project at most.
    kept: u64,
}

impl Bound {
    /// As metrics name it: whether everybody was too many, or the data planes of one project.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Rate | Self::Strangers | Self::Connected => "busy",
            Self::Share | Self::ProjectConnected => "project_busy",
        }
    }
}

impl Shares {
    /// Nothing is in use.
    pub(super) fn new(bounds: Bounds, now: Instant) -> Self {
        Self { bounds, since: now, all: Counts::default(), projects: HashMap::new() }
    }

    /// Lets in a data plane of this project that has not said who it is.
    pub(super) fn take(&mut self, project: ProjectId, now: Instant) -> Result<(), Bound> {
        self.turn(now);
        let (rate, others) = (self.rate(), self.others(project));
        let share = self.projects.entry(project).or_default();
        // Whoever finds no place has not used up a turn, and nothing is kept for it: that would not help it.
        if self.all.connected >= self.bounds.connected_max {
            return Err(Bound::Connected);
        }
        if share.own.connected >= self.bounds.project_connected_max {
            return Err(Bound::ProjectConnected);
        }
        let room = others
            .leave_room((self.all.strangers, share.own.strangers), STRANGERS_MAX, Bound::Strangers)
            .and_then(|()| others.leave_room((self.all.admitted, share.own.admitted), rate, Bound::Rate));
        if room.is_err() {
            share.waiting += 1;
            share.turned_away_at = Some(now);
            return room;
        }
        share.waiting = share.waiting.saturating_sub(1);
        for counts in [&mut self.all, &mut share.own] {
            counts.admitted += 1;
            counts.strangers += 1;
            counts.connected += 1;
        }
        Ok(())
    }

    /// A data plane of this project has said who it is.
    pub(super) fn introduce(&mut self, project: ProjectId) {
        self.counts(project).for_each(|counts| counts.strangers = counts.strangers.saturating_sub(1));
    }

    /// A data plane of this project that had said who it is has left.
    pub(super) fn give_back(&mut self, project: ProjectId) {
        self.counts(project).for_each(|counts| counts.connected = counts.connected.saturating_sub(1));
    }

    fn counts(&mut self, project: ProjectId) -> impl Iterator<Item = &mut Counts> {
        iter::once(&mut self.all).chain(self.projects.get_mut(&project).map(|share| &mut share.own))
    }

    fn rate(&self) -> u64 {
        u64::from(self.bounds.admitted_each_second.get())
    }

    /// Begins another second when one is over, and forgets who is not here and waits for nothing.
    fn turn(&mut self, now: Instant) {
        if now.duration_since(self.since) < SECOND {
            return;
        }
        self.since = now;
        self.all.admitted = 0;
        self.projects.retain(|_, share| {
            share.own.admitted = 0;
            if share.turned_away_at.is_none_or(|at| now.duration_since(at) >= RETURNED) {
                share.waiting = 0;
            }
            share.waiting > 0 || share.own.connected > 0
        });
    }

    fn others(&self, project: ProjectId) -> Others {
        let waiting = || self.projects.iter().filter(move |(id, share)| **id != project && share.waiting > 0);
        let projects = u64::try_from(waiting().count()).unwrap_or(u64::MAX);
        let part = equal_part(self.rate(), projects);
        let kept = waiting().map(|(_, share)| {
            let likely = share.waiting.div_ceil(RETURN_SECONDS_MAX);
            likely.min(part).saturating_sub(share.own.admitted)
        });
        Others { projects, kept: kept.sum() }
    }
}

impl Others {
    /// Whether there is one more for a project that has `own` of those that `all` have. Less than an equal part is anybody's;
    /// beyond that, what others are likely to want is kept for them.
    fn leave_room(&self, (all, own): (u64, u64), max: u64, bound: Bound) -> Result<(), Bound> {
        if all >= max {
            return Err(bound);
        }
        if own >= equal_part(max, self.projects) && all + self.kept >= max { Err(Bound::Share) } else { Ok(()) }
    }
}

/// What a project has at least beside so many others.
fn equal_part(max: u64, others: u64) -> u64 {
    (max / others.saturating_add(1)).max(1)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// Shares, and a clock that is set by hand.
    struct Setup {
        shares: Shares,
        now: Instant,
    }

    impl Setup {
        fn of(rate: u32) -> Self {
            let bounds = Bounds { admitted_each_second: NonZeroU32::new(rate).unwrap(), ..Bounds::default() };
            let now = Instant::now();
            Self { shares: Shares::new(bounds, now), now }
        }

        fn take(&mut self, project: ProjectId) -> Result<(), Bound> {
            self.shares.take(project, self.now)
        }

        /// How many of ten thousand are let in, and what the others were too many for.
        fn storm(&mut self, project: ProjectId) -> (usize, Vec<Bound>) {
            let taken: Vec<_> = (0..10_000).map(|_| self.take(project)).collect();
            let mut bounds: Vec<_> = taken.iter().copied().filter_map(Result::err).collect();
            bounds.dedup();
            (taken.iter().filter(|taken| taken.is_ok()).count(), bounds)
        }

        fn passes(&mut self, time: Duration) {
            self.now += time;
        }
    }

    #[test]
    fn a_project_has_all_there_is_while_no_other_waits() {
        let mut setup = Setup::of(8);
        let (alone, other) = (ProjectId::new(), ProjectId::new());
        assert_eq!(setup.take(other), Ok(()));
        assert_eq!(setup.storm(alone), (7, vec![Bound::Rate]));
        for _ in 0..3 {
            setup.passes(SECOND);
            assert_eq!(setup.storm(alone), (8, vec![Bound::Rate]));
        }
    }

    #[test]
    fn what_others_were_turned_away_from_is_kept_for_them() {
        let mut setup = Setup::of(8);
        let (storming, other) = (ProjectId::new(), ProjectId::new());
        assert_eq!(setup.storm(storming).0, 8);
        assert_eq!(setup.take(other), Err(Bound::Rate));
        for _ in 0..3 {
            setup.passes(SECOND);
            assert_eq!(setup.storm(storming), (7, vec![Bound::Share]));
        }
        assert_eq!(setup.take(other), Ok(()));
        // It waits no longer.
        setup.passes(SECOND);
        assert_eq!(setup.storm(storming), (8, vec![Bound::Rate]));
    }

    #[test]
    fn what_nobody_comes_back_for_is_kept_no_longer() {
        let mut setup = Setup::of(8);
        let (storming, other) = (ProjectId::new(), ProjectId::new());
        assert_eq!(setup.storm(storming).0, 8);
        assert_eq!(setup.take(other), Err(Bound::Rate));
        setup.passes(RETURNED);
        assert_eq!(setup.storm(storming).0, 8);
    }

    #[test]
    fn of_several_that_storm_each_has_its_part_and_one_that_does_not_is_let_in() {
        let mut setup = Setup::of(9);
        let (first, second, third) = (ProjectId::new(), ProjectId::new(), ProjectId::new());
        assert_eq!([setup.storm(first).0, setup.storm(second).0], [9, 0]);
        assert_eq!(setup.take(third), Err(Bound::Rate));
        setup.passes(SECOND);
        // Three are kept for the second, one for the third, and one was left over.
        assert_eq!([setup.storm(first).0, setup.storm(second).0], [5, 3]);
        assert_eq!(setup.take(third), Ok(()));
    }

    #[test]
    fn more_projects_than_are_let_in_do_not_keep_all_for_each_other() {
        let mut setup = Setup::of(2);
        let all: Vec<_> = (0..10).map(|_| ProjectId::new()).collect();
        for project in &all {
            let _some_are_let_in = setup.take(*project);
        }
        setup.passes(SECOND);
        assert_eq!(all.iter().filter(|project| setup.take(**project).is_ok()).count(), 2);
    }

    #[test]
    fn a_project_that_says_nothing_leaves_room_for_others() {
        let mut setup = Setup::of(9_000);
        let (silent, other) = (ProjectId::new(), ProjectId::new());
        assert_eq!(setup.storm(silent), (2048, vec![Bound::Strangers]));
        assert_eq!(setup.take(other), Err(Bound::Strangers));
        for _ in 0..10 {
            setup.shares.introduce(silent);
            setup.shares.give_back(silent);
        }
        assert_eq!(setup.storm(silent), (9, vec![Bound::Share]));
        assert_eq!(setup.take(other), Ok(()));
    }

    #[test]
    fn places_have_a_maximum_for_each_project_and_for_all() {
        let mut setup = Setup::of(100);
        (setup.shares.bounds.connected_max, setup.shares.bounds.project_connected_max) = (3, 2);
        let (first, second) = (ProjectId::new(), ProjectId::new());
        assert_eq!([setup.take(first), setup.take(first)], [Ok(()), Ok(())]);
        assert_eq!(setup.take(first), Err(Bound::ProjectConnected));
        assert_eq!([setup.take(second), setup.take(second)], [Ok(()), Err(Bound::Connected)]);
        setup.shares.introduce(first);
        setup.shares.give_back(first);
        assert_eq!([setup.take(second), setup.take(second)], [Ok(()), Err(Bound::Connected)]);
    }

    #[test]
    fn who_has_left_and_does_not_wait_is_forgotten() {
        let mut setup = Setup::of(8);
        let (here, gone) = (ProjectId::new(), ProjectId::new());
        assert_eq!(setup.storm(gone).0, 8);
        for _ in 0..8 {
            setup.shares.introduce(gone);
            setup.shares.give_back(gone);
        }
        setup.passes(RETURNED);
        assert_eq!(setup.take(here), Ok(()));
        assert_eq!(setup.shares.projects.keys().collect::<Vec<_>>(), [&here]);
    }
}
