//! The disk of a data plane, and what is written to it.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::container::Digest;
use fleet::agent::record::Record;
use fleet::agent::{Event, Failure, Ticket};

use super::Plane;
use crate::control::{Kind, kind_of};
use crate::world::{Happening, Process, World};

/// What outlives the process.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) record: Option<Record>,
    pub(crate) artifacts: BTreeSet<Digest>,
    /// Artifacts that were damaged at some time.
    pub(crate) spoilt: BTreeSet<Digest>,
    /// Artifacts that were ever loaded.
    pub(super) tried: BTreeSet<Digest>,
    /// The version of the trust root that is there.
    pub(crate) root_version: Option<NonZeroU64>,
    /// Writes fail.
    pub(crate) is_full: bool,
    /// When one failed last.
    pub(super) failed_at: Option<Duration>,
}

impl Disk {
    pub(super) fn is_good(&self, digest: Digest) -> bool {
        self.artifacts.contains(&digest) && kind_of(digest) != Kind::Refused
    }

    pub(super) fn writes(&mut self, record: &Record, now: Duration) {
        if self.is_full {
            self.failed_at = Some(now);
        } else {
            self.record = Some(record.clone());
        }
    }

    /// The record of what did not come to be written is written within this time, once that can be.
    pub(super) fn is_behind(&self, now: Duration) -> bool {
        self.failed_at.is_some_and(|failed_at| now <= failed_at + Duration::from_secs(70))
    }
}

impl Plane {
    pub(super) fn persists(world: &mut World, process: Process, (ticket, record): (Ticket, Box<Record>)) {
        let Some((pause, failure)) = Self::writes(world, process) else { return };
        world.after(pause, Happening::Persisted(process, ticket, record, failure));
    }

    /// How long it takes until something is on the disk, after what was to be written before; and why it is not.
    pub(crate) fn writes(world: &mut World, process: Process) -> Option<(Duration, Option<Failure>)> {
        let (now, pause) = (world.now, world.within(Duration::from_millis(60)));
        let plane = &mut world.planes[process.plane];
        let running = plane.process.as_mut()?;
        running.written_at = running.written_at.max(now) + pause;
        if plane.disk.is_full {
            plane.disk.failed_at = Some(now);
        }
        let failure = plane.disk.is_full.then(|| Failure::unavailable("disk", "no space left".to_owned()));
        Some((running.written_at.saturating_sub(now), failure))
    }

    pub(crate) fn persisted(
        world: &mut World,
        process: Process,
        (ticket, record, failure): (Ticket, Record, Option<Failure>),
    ) {
        let now = world.now;
        let is_alive = world.planes[process.plane].process.as_ref().is_some_and(|running| running.id == process);
        if !is_alive {
            return;
        }
        if failure.is_none() {
            let plane = &mut world.planes[process.plane];
            let serial = record.taken.map_or(0, |taken| taken.floor.serial.get());
            let floor = plane.floor;
            plane.floor = floor.max(serial);
            if let Some(running) = &mut plane.process {
                // What is noted is on trial, whether or not it is loaded after that.
                let known = |digest: &Digest| running.trials.get(digest).copied().unwrap_or_default();
                let noted: Vec<_> = record.trials.iter().filter(|(digest, trials)| **trials > known(digest)).collect();
                for (digest, _) in noted {
                    running.at_work.entry(*digest).or_insert(now);
                }
            }
            plane.disk.record = Some(record);
            if serial < floor {
                world.find(|| format!("plane {} writes pointer {serial} after pointer {floor}", process.plane));
            }
        }
        Self::takes(world, process, Event::Persisted(ticket, failure.map_or(Ok(()), Err)));
    }
}
