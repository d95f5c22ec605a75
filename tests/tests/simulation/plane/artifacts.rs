//! Artifacts of a data plane: fetched, loaded, and put to work.

use std::time::Duration;

use artifact_format::container::Digest;
use fleet::agent::{Event, Failure, Ticket};

use super::Plane;
use crate::control::{Kind, kind_of};
use crate::world::{Happening, Process, World};

impl Plane {
    pub(super) fn fetches(world: &mut World, process: Process, (ticket, digest): (Ticket, Digest)) {
        let failure = if world.planes[process.plane].disk.is_full {
            Some(Failure::unavailable("disk", "no space left".to_owned()))
        } else if !world.can_reach(process.plane) || world.rng.u8(0..100) < world.luck.lost {
            Some(Failure::unavailable("unreachable", "nobody answers".to_owned()))
        } else if world.rng.u8(0..100) < world.luck.repeated {
            Some(Failure::damaged("digest_mismatch", "other bytes came".to_owned()))
        } else {
            None
        };
        let pause = world.within(Duration::from_secs(5));
        world.after(pause, Happening::Fetched(process, ticket, digest, failure));
    }

    pub(crate) fn fetched(
        world: &mut World,
        process: Process,
        (ticket, digest, failure): (Ticket, Digest, Option<Failure>),
    ) {
        if failure.is_none() {
            world.planes[process.plane].disk.artifacts.insert(digest);
        }
        Self::takes(world, process, Event::Fetched(ticket, failure.map_or(Ok(()), Err)));
    }

    pub(super) fn loads(world: &mut World, process: Process, (ticket, digest): (Ticket, Digest)) {
        let plane = &mut world.planes[process.plane];
        let is_there = plane.disk.artifacts.contains(&digest);
        let is_spoilt = plane.disk.spoilt.contains(&digest);
        let trials = plane.disk.record.as_ref().and_then(|record| record.trials.get(&digest)).copied();
        plane.disk.tried.insert(digest);
        let now = world.now;
        let Some(running) = &mut plane.process else { return };
        running.at_work.insert(digest, now);
        let before = running.loading.replace(ticket);
        if before.is_some() {
            world.find(|| format!("plane {} loads two artifacts at once", process.plane));
        }
        if !is_there && !is_spoilt {
            world.find(|| format!("plane {} loads {digest}, which is not on its disk", process.plane));
        }
        if trials.is_none() {
            world.find(|| format!("plane {} tries {digest}, and its disk does not know", process.plane));
        }
        let pause = world.within(Duration::from_secs(2));
        if kind_of(digest) == Kind::PoisonAtLoad {
            world.after(pause, Happening::Dies(process));
        } else {
            world.after(pause, Happening::Loaded(process, ticket, digest));
        }
    }

    pub(crate) fn loaded(world: &mut World, process: Process, (ticket, digest): (Ticket, Digest)) {
        let Some(running) = &mut world.planes[process.plane].process else { return };
        if running.id != process {
            return;
        }
        running.loading = None;
        let is_there = world.planes[process.plane].disk.artifacts.contains(&digest);
        let loaded = match kind_of(digest) {
            _ if !is_there => Err(Failure::damaged("unreadable", "the file is damaged".to_owned())),
            Kind::Refused => Err(Failure::refused("unsupported", "a newer gateway is needed".to_owned())),
            Kind::Good | Kind::Poison | Kind::PoisonAtLoad => Ok(()),
        };
        Self::takes(world, process, Event::Loaded(ticket, loaded));
    }

    pub(crate) fn swaps(world: &mut World, process: Process, digest: Digest) {
        let now = world.now;
        let Some(running) = &mut world.planes[process.plane].process else { return };
        running.serving = Some(digest);
        running.at_work.insert(digest, now);
        let record = running.agent.record().clone();
        let number = process.plane;
        world.tell(|| format!("plane {number} serves {digest}"));
        let wanted = record.wanted().map(|taken| taken.artifact);
        if wanted != Some(digest) {
            world.find(|| format!("plane {number} serves {digest} and was told to serve {wanted:?}"));
        }
        if record.is_quarantined(&digest) {
            world.find(|| format!("plane {number} serves {digest}, which it has set aside"));
        }
        match kind_of(digest) {
            Kind::Good => {}
            Kind::Poison => {
                let pause = world.within(Duration::from_secs(4));
                world.after(pause, Happening::Dies(process));
            }
            Kind::Refused | Kind::PoisonAtLoad => {
                world.find(|| format!("plane {number} serves {digest}, which cannot be loaded"));
            }
        }
    }
}
