//! Who runs a command that needs no server: somebody on its machine, whom no credential names.

use crate::domain::act::{Act, Actor};

/// What they do, as the audit log has it. The user's number is the system's word; a name would be the environment's.
pub(super) fn act() -> Act {
    let user = format!("uid {}", rustix::process::getuid().as_raw());
    Act { actor: Actor::Operator { user }, request: None, address: None }
}
