//! Where a way back leads.

use super::rows::{self, Standing};
use crate::domain::deployment::{Deployment, Kind, State};
use crate::domain::digest::Digest;
use crate::domain::error::Error;
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::label::Selector;
use crate::domain::store::Result;
use crate::store::sql::Transaction;

const FURTHER: &str = "name an artifact or a deployment to go further back";
const SEVERAL: &str = "the data planes served different things before: abort the deployment, and each goes back to its own, \
     or say which artifact they shall serve";
const NOTHING: &str = "nothing else was deployed before: say which artifact they shall serve";

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

/// Which of these is taken back where these data planes go back: the one that started last, of those that decide for all of
/// them.
pub(super) fn taken(standing: &[Standing], selector: Option<&Selector>) -> Option<usize> {
    let deciding = rows::deciding(standing.to_vec());
    let decides = |one: &Deployment| deciding.iter().any(|standing| standing.deployment.id == one.id);
    let is_meant = |one: &Deployment| selector.is_none_or(|selector| one.selector.covers(selector));
    standing.iter().position(|one| is_meant(&one.deployment) && decides(&one.deployment))
}

/// What these data planes served before the first of these deployments, which decides for all of them: where they go
/// back to if nobody says where. Nobody goes back twice without saying so: a gate may have been faster, or somebody
/// else who rolled back or aborted.
pub(super) async fn artifact_before(
    transaction: &mut Transaction,
    standing: &[Standing],
    selector: &Selector,
) -> Result<Digest> {
    let Some(taken) = standing.first() else { return Err(Error::Conflict(NOTHING.to_owned())) };
    if taken.deployment.kind == Kind::Rollback {
        let serial = taken.deployment.serial;
        return Err(Error::Conflict(format!("already rolled back by deployment {serial}: {FURTHER}")));
    }
    if let Some(last) = rows::taken_back_since(transaction, taken, selector).await? {
        let how = if last.state == State::Aborted { "aborted" } else { "rolled back" };
        return Err(Error::Conflict(format!("deployment {} is already {how}: {FURTHER}", last.serial)));
    }
    match beneath(standing, selector) {
        Beneath::One(artifact) => Ok(artifact),
        Beneath::Several => Err(Error::Conflict(SEVERAL.to_owned())),
        Beneath::Nothing => Err(Error::Conflict(NOTHING.to_owned())),
    }
}

/// What another deployment of the project brought.
pub(super) async fn artifact_of(transaction: &mut Transaction, project: ProjectId, id: DeploymentId) -> Result<Digest> {
    let found = rows::get(transaction, id).await?.filter(|deployment| deployment.project == project);
    let missing = || Error::invalid("/deployment", "the project has no such deployment");
    Ok(found.ok_or_else(missing)?.artifact)
}

/// What those that `selector` chooses served before the first of these deployments, which decides for all of them: of what
/// stands, the one that started last first. What a way back went past is none of it.
pub(super) fn beneath(standing: &[Standing], selector: &Selector) -> Beneath {
    let Some((own, older)) = standing.split_first() else { return Beneath::Nothing };
    let own = own.deployment.artifact;
    // A way back to the same thing was met, and what had brought that was not: whatever lies between was taken back.
    let mut is_taken_back = false;
    // Newest first, as far as none of them is for everyone that is meant.
    let mut seen: Vec<&Deployment> = Vec::new();
    for next in older.iter().map(|standing| &standing.deployment) {
        let is_covered = seen.iter().any(|later| later.is_for_everyone() && later.selector.covers(&next.selector));
        if next.wave == 0 || is_covered || !next.selector.overlaps(selector) {
            continue;
        }
        if is_taken_back && next.artifact != own {
            continue;
        }
        seen.push(next);
        if !(next.is_for_everyone() && next.selector.covers(selector)) {
            continue;
        }
        if seen.iter().any(|one| one.artifact != next.artifact) {
            return Beneath::Several;
        }
        if next.artifact != own {
            return Beneath::One(next.artifact);
        }
        // All of them served the same thing already: who deploys it twice means the thing before both.
        seen.clear();
        is_taken_back = next.kind == Kind::Rollback;
    }
    if seen.is_empty() { Beneath::Nothing } else { Beneath::Several }
}

/// Whether any of those that `selector` chooses may have served nothing before the first of these deployments. They go on with
/// what it brought.
pub(super) fn leaves_some(standing: &[Standing], selector: &Selector) -> bool {
    let mut older = standing.iter().skip(1).map(|standing| &standing.deployment);
    !older.any(|one| one.is_for_everyone() && one.selector.covers(selector))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deployment::deployed;
    use crate::domain::rollout::{Gates, GatesWanted, Manner, OnFailure, Promotion, Share, Strategy};

    /// What was deployed, in the order in which it started, as in `env=prod->2`; with `~` it has reached only some, with `<`
    /// it is a way back. The last one is taken back.
    fn check(deployed: &[&str], expected: Beneath) {
        let all = deployed.iter().enumerate().rev();
        let all: Vec<Standing> = all.map(|(place, text)| standing(i64::try_from(place).unwrap(), text)).collect();
        assert_eq!(beneath(&all, &all[0].deployment.selector), expected, "{deployed:?}");
    }

    fn standing(precedence: i64, text: &str) -> Standing {
        let (selector, artifact) = text.split_once("->").unwrap();
        let (selector, wave) = selector.strip_prefix('~').map_or((selector, 2), |selector| (selector, 1));
        let way_back = selector.strip_prefix('<').map(|selector| (selector, Kind::Rollback));
        let (selector, kind) = way_back.unwrap_or((selector, Kind::Deploy));
        let strategy = Strategy::Canary { size: Share::Count(1) };
        let gates = Gates::of(&GatesWanted::default(), &strategy);
        let (promotion, on_failure) = (Promotion::Automatic, OnFailure::Rollback);
        let manner = Manner { strategy, promotion, gates, on_failure, unpin: false };
        let mut deployment = deployed(digest(artifact), manner);
        (deployment.selector, deployment.wave) = (selector.parse().unwrap(), wave);
        deployment.kind = kind;
        Standing { deployment, precedence }
    }

    fn digest(byte: &str) -> Digest {
        Digest([byte.parse().unwrap(); 32])
    }

    fn one(byte: &str) -> Beneath {
        Beneath::One(digest(byte))
    }

    #[test]
    fn it_leads_to_what_was_there_before() {
        check(&["->1"], Beneath::Nothing);
        check(&["->1", "->2"], one("1"));
        check(&["->1", "env=prod->2"], one("1"));
        check(&["env=prod->1", "env=prod->2"], one("1"));
        check(&["env=dev->1", "env=prod->2"], Beneath::Nothing);
        check(&["env=prod->1", "->2"], Beneath::Several);
        check(&["->1", "env=prod->3", "->2"], Beneath::Several);
        check(&["env=prod->1", "env=dev->1", "->2"], Beneath::Several);
        check(&["->1", "env=prod->1", "->2"], one("1"));
        // What reached only some is only theirs.
        check(&["->1", "~->3", "->2"], Beneath::Several);
        check(&["->1", "->3", "~->2"], one("3"));
        // What another one covered is nobody's.
        check(&["env=prod->9", "->1", "->2"], one("1"));
        check(&["->1", "env=prod->9", "env=prod->1", "->2"], one("1"));
    }

    /// Whether what was deployed last leaves some with nothing to go back to.
    fn check_left(deployed: &[&str], expected: bool) {
        let all = deployed.iter().enumerate().rev();
        let all: Vec<Standing> = all.map(|(place, text)| standing(i64::try_from(place).unwrap(), text)).collect();
        assert_eq!(leaves_some(&all, &all[0].deployment.selector), expected, "{deployed:?}");
    }

    #[test]
    fn who_served_nothing_is_left_with_it() {
        check_left(&["->2"], true);
        check_left(&["->1", "->2"], false);
        check_left(&["env=prod->1", "env=prod->2"], false);
        check_left(&["->1", "env=prod->2"], false);
        check_left(&["env=prod->1", "->2"], true);
        check_left(&["~->1", "->2"], true);
        // The same, and it still stands.
        check_left(&["->2", "->2"], false);
    }

    /// Of what was deployed, in order, the place from the end of what is taken back.
    fn check_taken(deployed: &[&str], selector: Option<&str>, expected: Option<usize>) {
        let all = deployed.iter().enumerate().rev();
        let all: Vec<Standing> = all.map(|(place, text)| standing(i64::try_from(place).unwrap(), text)).collect();
        let selector = selector.map(|text| text.parse().unwrap());
        assert_eq!(taken(&all, selector.as_ref()), expected, "{deployed:?}");
    }

    #[test]
    fn what_decides_is_taken_back() {
        check_taken(&[], None, None);
        check_taken(&["->1", "env=prod->2"], None, Some(0));
        check_taken(&["->1", "env=prod->2", "env=dev->3"], Some("env=prod"), Some(1));
        check_taken(&["->1", "env=prod->2"], Some(""), Some(1));
        // What is covered decides nothing.
        check_taken(&["env=prod->1", "env=prod->2", "->3"], Some("env=prod"), Some(0));
        check_taken(&["env=prod->1", "env=prod->2"], Some("env=dev"), None);
        check_taken(&["env=prod->1", "env=prod->2", "~->3"], Some("env=prod"), Some(0));
    }

    #[test]
    fn the_same_thing_twice_is_one_thing_to_go_back_from() {
        check(&["->2", "->2"], Beneath::Nothing);
        check(&["->1", "->2", "->2"], one("1"));
        check(&["->1", "env=prod->2", "env=prod->2"], one("1"));
        check(&["->1", "->2", "env=prod->2", "->2"], one("1"));
    }

    /// Somebody deploys again what a way back led to, and that fails, too.
    #[test]
    fn what_was_taken_back_is_not_gone_back_to() {
        // 2 was taken back from production, and stands for the others.
        check(&["->1", "->2", "<env=prod->1", "env=prod->3"], one("1"));
        check(&["->1", "->2", "<env=prod->1", "env=prod->1"], Beneath::Nothing);
        check(&["->9", "->1", "->2", "<env=prod->1", "env=prod->1"], one("9"));
        check(&["->1", "->2", "<env=prod->1", "<env=prod->1", "env=prod->1"], Beneath::Nothing);
        // It was deployed twice, and a third thing in between.
        check(&["->1", "->3", "->2", "->2", "<->1", "->1"], Beneath::Nothing);
        // Nothing here had brought where the way back led.
        check(&["->1", "->2", "<->4", "->4"], Beneath::Nothing);
        // For all of them together it is not what they had.
        check(&["->1", "->2", "<env=prod->1", "->3"], Beneath::Several);
    }

    /// Three different things, of which one is what the whole fleet had first.
    #[test]
    fn whoever_served_something_else_goes_back_to_that() {
        check(&["->2", "env=dev->5", "env=prod->2", "->6"], Beneath::Several);
        check(&["->2", "env=dev->5", "env=prod->4", "->6"], Beneath::Several);
    }

    /// Some served it already: they do not go further back.
    #[test]
    fn who_served_the_same_thing_before_goes_on_serving_it() {
        check(&["->1", "env=staging->2", "->2"], Beneath::Several);
        check(&["->1", "~->2", "->2"], Beneath::Several);
        check(&["env=staging->2", "->2"], Beneath::Several);
    }
}
