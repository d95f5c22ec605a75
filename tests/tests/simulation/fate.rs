//! Whoever deploys, and whatever goes wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use artifact_format::container::Digest;
use control::domain::plan::Reached;
use fleet::message::{ArtifactAvailable, FromControlPlane};

use crate::Planted;
use crate::control::{Control, data_plane};
use crate::plane::Plane;
use crate::world::{Happening, Luck, World};

const YEAR_SECONDS: i64 = 365 * 24 * 3600;

/// Everything starts.
pub(crate) fn begin(world: &mut World) {
    for plane in 0..world.planes.len() {
        let pause = world.within(Duration::from_secs(10));
        world.after(pause, Happening::Boots(plane));
    }
    for replica in 0..world.control.replicas.len() {
        let pause = world.within(Duration::from_secs(2));
        world.after(pause, Happening::Polls(replica));
    }
    world.after(Duration::from_secs(5), Happening::Operates);
    world.after(Duration::from_secs(20), Happening::Strikes);
}

/// Bad luck ends: everything is put right that can be.
pub(crate) fn relent(world: &mut World) {
    world.tell(|| "bad luck ends".to_owned());
    world.luck = Luck { latency_ms: 50, ..Luck::default() };
    world.control.database.is_up = true;
    for replica in 0..world.control.replicas.len() {
        Control::starts(world, replica);
    }
    for plane in 0..world.planes.len() {
        world.planes[plane].disk.is_full = false;
        world.planes[plane].clock_ahead = 0;
        if world.planes[plane].process.is_none() {
            Plane::boots(world, plane);
        }
    }
}

/// Somebody deploys, goes on, or goes back.
pub(crate) fn operate(world: &mut World) {
    let pause = Duration::from_secs(5) + world.within(Duration::from_secs(110));
    world.after(pause, Happening::Operates);
    if !world.control.database.is_up {
        return;
    }
    match world.rng.u8(0..11) {
        0..5 => deploy(world),
        5..7 => {
            if let Some(deployment) = world.control.database.deployments.last_mut() {
                deployment.reached = Reached::Everyone;
                Control::changed(world);
            }
        }
        7..9 => withdraw(world),
        9 => {
            if !world.control.database.deployments.is_empty() {
                let at = world.rng.usize(0..world.control.database.deployments.len());
                Control::issues_anew(world, at, 0);
                Control::changed(world);
            }
        }
        _ => {
            Control::rotates(world);
            // Nobody waits between the two.
            if world.rng.bool() {
                deploy(world);
            }
        }
    }
}

fn deploy(world: &mut World) {
    let artifact = Digest([world.rng.u8(1..=24); 32]);
    let selector = *world.rng.choice(&["", "ring=a", "ring=b", "ring!=a"]).unwrap();
    let reached = if world.rng.bool() { Reached::Everyone } else { Reached::Only(some(world)) };
    Control::deploys(world, artifact, selector, reached);
    if world.rng.u8(0..4) == 0 {
        // While data planes are on their way to it.
        let pause = world.within(Duration::from_secs(10));
        world.after(pause, Happening::Withdraws);
    }
}

fn some(world: &mut World) -> BTreeSet<control::domain::id::DataPlaneId> {
    (0..world.planes.len()).filter(|_| world.rng.bool()).map(data_plane).collect()
}

/// The newest deployment is taken back: what is in effect again gets new pointers.
pub(crate) fn withdraw(world: &mut World) {
    if !world.control.database.is_up {
        return;
    }
    let Some(newest) = world.control.database.deployments.iter().rposition(|deployment| !deployment.is_withdrawn)
    else {
        return;
    };
    world.control.database.deployments[newest].is_withdrawn = true;
    if world.planted != Planted::OldPointerOffered {
        for at in 0..newest {
            if !world.control.database.deployments[at].is_withdrawn {
                Control::issues_anew(world, at, 0);
            }
        }
    }
    Control::changed(world);
}

/// Something goes wrong, or is put right.
pub(crate) fn strike(world: &mut World) {
    let pause = world.within(Duration::from_secs(30));
    world.after(pause, Happening::Strikes);
    let plane = world.rng.usize(0..world.planes.len());
    let replica = world.rng.usize(0..world.control.replicas.len());
    match world.rng.u8(0..14) {
        0 => {
            if let Some(id) = world.planes[plane].process.as_ref().map(|running| running.id) {
                Plane::dies(world, id);
            }
        }
        1 => Control::dies(world, replica),
        2..4 => Control::starts(world, replica),
        4 => world.control.database.is_up ^= true,
        5 => world.control.database.is_up = true,
        6 => {
            if !world.luck.apart.contains(&(plane, replica)) {
                world.luck.apart.push((plane, replica));
            }
        }
        7 => world.luck.apart.retain(|_| false),
        8 => {
            let apart = std::mem::take(&mut world.luck.apart);
            let latency_ms = *world.rng.choice(&[5, 50, 500, 4000]).unwrap();
            world.luck = Luck { lost: world.rng.u8(0..30), repeated: world.rng.u8(0..20), latency_ms, apart };
        }
        9 => world.planes[plane].clock_ahead = *world.rng.choice(&[0, 0, YEAR_SECONDS, -YEAR_SECONDS]).unwrap(),
        10 => world.planes[plane].disk.is_full ^= true,
        11 => spoil(world, plane),
        12 => sever(world),
        _ => repeat(world),
    }
}

/// An artifact on a disk is damaged.
fn spoil(world: &mut World, plane: usize) {
    let kept: Vec<Digest> = world.planes[plane].disk.artifacts.iter().copied().collect();
    if let Some(digest) = world.rng.choice(&kept).copied() {
        world.planes[plane].disk.artifacts.remove(&digest);
        world.planes[plane].disk.spoilt.insert(digest);
    }
}

/// A connection breaks: one side hears of it, or both.
fn sever(world: &mut World) {
    let all: Vec<_> = world.connections.keys().copied().collect();
    let Some(connection) = world.rng.choice(&all).copied() else { return };
    if world.rng.bool() {
        Control::breaks(world, connection);
    }
    if world.rng.bool() {
        world.after(Duration::from_millis(50), Happening::LostByControl(connection));
    }
}

/// Somebody says again what a control plane once said.
fn repeat(world: &mut World) {
    let connections: Vec<_> = world.connections.keys().copied().collect();
    let (Some(connection), Some((pointer, root_version))) =
        (world.rng.choice(&connections).copied(), world.rng.choice(&world.control.database.issued).cloned())
    else {
        return;
    };
    let (pointer, root_version) = (pointer.into(), Some(root_version));
    let available = ArtifactAvailable { pointer, root_version, fetch_within_ms: 0 };
    let message = FromControlPlane::ArtifactAvailable(available);
    world.after(Duration::from_millis(10), Happening::Told(connection, Box::new(message)));
}
