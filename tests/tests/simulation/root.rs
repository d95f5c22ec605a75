//! Trust roots of a data plane: fetched, and written down.

use std::num::NonZeroU64;
use std::time::Duration;

use fleet::agent::{Event, Failure};

use crate::plane::Plane;
use crate::world::{Happening, Process, World};

impl Plane {
    pub(crate) fn fetches_root(world: &mut World, process: Process, version: NonZeroU64) {
        let failure = if !world.can_reach(process.plane) || world.rng.u8(0..100) < world.luck.lost {
            Some(Failure::unavailable("unreachable", "nobody answers".to_owned()))
        } else if !world.control.database.is_up {
            let retry_after = Some(Duration::from_secs(1));
            Some(Failure { retry_after, ..Failure::unavailable("busy", "no database".to_owned()) })
        } else {
            None
        };
        let pause = world.within(Duration::from_secs(5));
        world.after(pause, Happening::RootFetched(process, version, failure));
    }

    pub(crate) fn root_fetched(world: &mut World, process: Process, (version, failure): (NonZeroU64, Option<Failure>)) {
        let root = world.control.database.root(version).map(|(_, signed)| Box::new(signed.clone()));
        let fetched = match (failure, root) {
            (Some(failure), _) => Err(failure),
            (None, Some(root)) => Ok(root),
            (None, None) => return world.find(|| format!("plane {} asks for root {version}", process.plane)),
        };
        Self::takes(world, process, Event::RootFetched(version, fetched));
    }

    pub(crate) fn persists_root(world: &mut World, process: Process, version: NonZeroU64) {
        let Some((pause, failure)) = Self::writes(world, process) else { return };
        world.after(pause, Happening::RootPersisted(process, version, failure));
    }

    pub(crate) fn root_persisted(
        world: &mut World,
        process: Process,
        (version, failure): (NonZeroU64, Option<Failure>),
    ) {
        let plane = &mut world.planes[process.plane];
        if plane.process.as_ref().is_none_or(|running| running.id != process) {
            return;
        }
        if failure.is_none() {
            plane.disk.root_version = Some(version);
        }
        Self::takes(world, process, Event::RootPersisted(version, failure.map_or(Ok(()), Err)));
    }
}
