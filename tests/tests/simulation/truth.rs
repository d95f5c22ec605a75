//! What must be true when bad luck has ended and everybody had time.

use fleet::message::{Phase, State};

use crate::control::{Kind, data_plane, kind_of, labels};
use crate::plane::Plane;
use crate::withdrawal;
use crate::world::World;

/// Something that is not as it must be.
pub(crate) fn at_the_end(world: &World) -> Option<String> {
    world.planes.iter().find_map(|plane| of_plane(world, plane)).or_else(|| of_control_planes(world))
}

fn of_plane(world: &World, plane: &Plane) -> Option<String> {
    let number = plane.number;
    let Some(running) = &plane.process else { return Some(format!("plane {number} does not run")) };
    if !running.agent.is_connected() {
        return Some(format!("plane {number} is not connected"));
    }
    let state = running.agent.state();
    let newest = world.control.database.root_version();
    if state.root_version != Some(newest) {
        return Some(format!("plane {number} believes root {:?}, and {newest} is the newest", state.root_version));
    }
    if let Some(what) = of_wanted(world, plane, &state) {
        return Some(what);
    }
    let said = plane.instance().and_then(|instance| world.control.database.said.get(&(number, instance)));
    if said != Some(&state) {
        return Some(format!("plane {number} is {state:?}, and the control plane believes {said:?}"));
    }
    None
}

/// It serves what it is to serve, or says why not.
fn of_wanted(world: &World, plane: &Plane, state: &State) -> Option<String> {
    let number = plane.number;
    let running = plane.process.as_ref()?;
    let Some(entry) = world.control.database.plan.wanted(data_plane(number), &labels(&plane.labels)) else {
        return withdrawal::at_the_end(number, (&running.agent, state));
    };
    let artifact = artifact_format::container::Digest(entry.artifact.0);
    let serves = running.serving == Some(artifact);
    if state.pointer_serial != Some(entry.pointer.serial()) {
        let wanted = entry.pointer.serial();
        return Some(format!(
            "plane {number} follows pointer {:?} and is to follow {wanted}: {state:?}",
            state.pointer_serial
        ));
    }
    let set_aside = running.agent.record().is_quarantined(&artifact);
    let is_right = match (&state.phase, kind_of(artifact)) {
        (Phase::Active { .. }, Kind::Good) => serves,
        // Whatever it is, it may have been unlucky twice: that it was, is looked at when it is set aside.
        (Phase::RolledBack { .. }, _) => set_aside && !serves,
        (Phase::Rejected { code, .. }, _) if code == "quarantined" => set_aside && !serves,
        (Phase::Rejected { code, .. }, Kind::Refused) => code == "unsupported" && !serves,
        (
            Phase::Waiting
            | Phase::Downloading { .. }
            | Phase::Verifying { .. }
            | Phase::Loading { .. }
            | Phase::Active { .. }
            | Phase::Rejected { .. },
            _,
        ) => false,
    };
    (!is_right).then(|| format!("plane {number} is to serve {artifact} ({:?}) and is {state:?}", kind_of(artifact)))
}

/// Nobody is believed to be there who is not.
fn of_control_planes(world: &World) -> Option<String> {
    world.control.replicas.iter().flat_map(|replica| &replica.sessions).find_map(|(connection, session)| {
        let plane = &world.planes[session.plane];
        let is_there = plane.process.as_ref().is_some_and(|running| plane.is_at(running.id, *connection));
        (!is_there).then(|| format!("a control plane believes {connection:?} of plane {} to be there", session.plane))
    })
}
