//! What was to be served and is not wanted any more.

use fleet::agent::Agent;
use fleet::message::{Phase, State};

use crate::Planted;
use crate::control::{Kind, kind_of};
use crate::plane::Plane;
use crate::world::{Process, World};

impl Plane {
    /// A download is called off. A late answer to it must not matter: so it is not held back.
    pub(crate) fn calls_off(world: &mut World, process: Process) {
        let Some(running) = &world.planes[process.plane].process else { return };
        let record = running.agent.record();
        let withdrawn = record.taken.filter(|_| record.withdrawn).map(|taken| taken.artifact);
        if world.planted == Planted::WithdrawnFollowed
            && let Some(digest) = withdrawn.filter(|digest| kind_of(*digest) == Kind::Good)
        {
            Self::swaps(world, process, digest);
        }
    }
}

/// Where nothing is wanted, what serves goes on, and nothing is on its way.
pub(crate) fn at_the_end(number: usize, (agent, state): (&Agent, &State)) -> Option<String> {
    let is_settled = match state.phase {
        Phase::Waiting | Phase::Active { .. } => agent.record().wanted().is_none(),
        Phase::Downloading { .. }
        | Phase::Verifying { .. }
        | Phase::Loading { .. }
        | Phase::Rejected { .. }
        | Phase::RolledBack { .. } => false,
    };
    (!is_settled).then(|| format!("plane {number} is to follow nothing and is {state:?}"))
}
