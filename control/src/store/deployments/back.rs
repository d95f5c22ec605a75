//! Where a way back leads.

use super::rows::Standing;
use crate::domain::digest::Digest;

/// What lies under a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beneath {
    /// All of its data planes served this.
    One(Digest),
    /// They served different things: each goes back to its own.
    Several,
    /// Some or all of them served nothing else.
    Nothing,
}

/// What the data planes of the deployment at this place served before it: of what stands, the one that started last first.
pub(super) fn beneath(standing: &[Standing], place: usize) -> Beneath {
    let Some((own, older)) = standing.get(place..).and_then(<[_]>::split_first) else { return Beneath::Nothing };
    let own = &own.deployment;
    let others = older
        .iter()
        .map(|standing| &standing.deployment)
        // Who deploys the same thing twice means the thing before both.
        .filter(|older| older.selector.overlaps(&own.selector) && older.artifact != own.artifact)
        .filter(|older| older.wave > 0);
    let mut found = None;
    for older in others {
        let is_whole = older.is_for_everyone() && older.selector.covers(&own.selector);
        match found {
            None if is_whole => return Beneath::One(older.artifact),
            None => found = Some(older.artifact),
            Some(artifact) if is_whole && older.artifact == artifact => return Beneath::One(artifact),
            Some(_) if is_whole => return Beneath::Several,
            Some(_) => {}
        }
    }
    if found.is_some() { Beneath::Several } else { Beneath::Nothing }
}
