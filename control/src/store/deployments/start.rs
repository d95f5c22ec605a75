//! A deployment starts: from then on it decides what is served.

use super::back;
use super::pins;
use super::pointers;
use super::rows::{self, Standing};
use crate::domain::act::{Act, Action};
use crate::domain::deployment::{Deployment, Happened, Kind, Pin, Reason, ReasonCode, State};
use crate::domain::pointer::Issuer;
use crate::domain::rollout::Wave;
use crate::domain::store::Result;
use crate::store::audit::record;
use crate::store::fleet;
use crate::store::sql::{Transaction, sql};

/// Starts a deployment, with a wave if there is one. Whoever calls holds the project.
pub(super) async fn start(
    transaction: &mut Transaction,
    act: &Act,
    (deployment, wave): (&mut Deployment, Option<Wave>),
    by: &Issuer,
) -> Result<()> {
    if deployment.manner.unpin {
        lift(transaction, act, deployment).await?;
    }
    if deployment.started_by.is_automation() && pins::is_pinned(transaction, deployment).await? {
        let detail = "some of its data planes were pinned in the meantime: unpin them, or deploy by hand".to_owned();
        return fail(transaction, act, (deployment, Reason { code: ReasonCode::Pinned, detail })).await;
    }
    if let Some(id) = deployment.takes_back {
        take_back(transaction, act, (deployment, id)).await?;
    }
    supersede(transaction, act, deployment, by).await?;
    let number = sql("update deployments set precedence = (select coalesce(max(precedence), 0) + 1 from deployments \
         where project_id = $1) where id = $2");
    transaction.execute(number.bind(deployment.project).bind(deployment.id)).await?;
    deployment.pointer_serial = Some(pointers::issue(transaction, deployment, by).await?);
    deployment.state = State::InProgress;
    deployment.started_at = Some(fleet::now(transaction).await?);
    rows::update(transaction, deployment).await?;
    rows::happened(transaction, act, deployment, Happened::Started).await?;
    record(transaction, act, Action::DeploymentStart, rows::target(deployment)).await?;
    match wave {
        Some(wave) => begin(transaction, act, (deployment, wave)).await,
        None => Ok(()),
    }
}

/// Takes away the pins on what a deployment is for that there were when it was asked for: what was taken back since is
/// another matter.
async fn lift(transaction: &mut Transaction, act: &Act, deployment: &Deployment) -> Result<()> {
    let is_meant = |pin: &Pin| pin.selector.overlaps(&deployment.selector) && pin.created_at <= deployment.created_at;
    let gone = pins::unpin(transaction, deployment.project, is_meant).await?;
    if gone.is_empty() {
        return Ok(());
    }
    let target = rows::target(deployment).with(serde_json::json!({ "selectors": gone }));
    Ok(record(transaction, act, Action::DeploymentUnpin, target).await?)
}

/// Begins a wave.
pub(super) async fn begin(
    transaction: &mut Transaction,
    act: &Act,
    (deployment, wave): (&mut Deployment, Wave),
) -> Result<()> {
    rows::remarked(transaction, act, deployment, &wave.remarks).await?;
    deployment.wave = wave.number;
    let now = fleet::now(transaction).await?;
    deployment.wave_began_at = Some(now);
    deployment.baking_since = None;
    rows::update(transaction, deployment).await?;
    // To the microsecond: who joins later is somebody who came later.
    rows::join(transaction, (deployment, now), &wave.joining).await?;
    rows::happened(transaction, act, deployment, Happened::WaveBegan).await?;
    if deployment.is_for_everyone() {
        pointers::forget_covered(transaction, deployment.project).await?;
    }
    fleet::revise(transaction, deployment.project).await
}

/// It cannot start, or came to nothing.
pub(super) async fn fail(
    transaction: &mut Transaction,
    act: &Act,
    (deployment, reason): (&mut Deployment, Reason),
) -> Result<()> {
    deployment.state = State::Failed;
    deployment.reason = Some(reason);
    rows::update(transaction, deployment).await?;
    pointers::withdraw(transaction, deployment.id).await?;
    rows::happened(transaction, act, deployment, Happened::Ended).await?;
    Ok(record(transaction, act, Action::DeploymentFail, rows::target(deployment)).await?)
}

/// Ends the deployment that another one takes back. Where the other one is for all of its data planes, and at once, nothing
/// beneath it is wanted again. Where it is for some of them, the others go on with it. A way back stays: without the other
/// one, too, what it took back is not wanted.
async fn take_back(
    transaction: &mut Transaction,
    act: &Act,
    (by, id): (&Deployment, crate::domain::id::DeploymentId),
) -> Result<()> {
    let Some(mut taken) = rows::get(transaction, id).await? else { return Ok(()) };
    // A gate was faster, or somebody who aborted it.
    if matches!(taken.state, State::RolledBack | State::Aborted | State::Failed) {
        return Ok(());
    }
    pins::pin(transaction, (&taken, &by.selector), &by.author).await?;
    if taken.kind == Kind::Rollback || taken.selector != by.selector {
        return Ok(());
    }
    taken.state = State::RolledBack;
    taken.reason = taken.reason.or_else(|| Some(Reason::by_hand(&by.author)));
    rows::update(transaction, &mut taken).await?;
    pointers::withdraw(transaction, taken.id).await?;
    rows::happened(transaction, act, &taken, Happened::Ended).await
}

/// Ends what is under way for any of the same data planes. Nobody judges it any more: what has not reached everyone is taken
/// away, and whom it had reached goes back. What was told to everyone stays, with those that the other one is not for.
async fn supersede(transaction: &mut Transaction, act: &Act, by: &Deployment, issuer: &Issuer) -> Result<()> {
    let mut taken_away = Vec::new();
    for Standing { mut deployment, .. } in rows::standing(transaction, by.project).await? {
        if deployment.state.is_final() || !deployment.selector.overlaps(&by.selector) {
            continue;
        }
        let is_for_everyone = deployment.is_for_everyone();
        let others =
            if is_for_everyone { "the others go on, held to no gate" } else { "whom it had reached goes back" };
        let detail = format!("deployment {} is for some of the same data planes; {others}", by.serial);
        let reason = Reason { code: ReasonCode::Superseded, detail };
        if is_for_everyone {
            deployment.state = State::Superseded;
            deployment.reason = Some(reason);
            rows::update(transaction, &mut deployment).await?;
            rows::happened(transaction, act, &deployment, Happened::Ended).await?;
        } else {
            taken_away.extend(end(transaction, act, (&mut deployment, State::Superseded, reason)).await?);
        }
    }
    for taken in taken_away {
        pointers::reissue_beneath(transaction, &taken, issuer).await?;
    }
    Ok(())
}

/// What is said of a deployment that is taken away from data planes that had nothing before it.
const GO_ON: &str = "; whoever served nothing before goes on serving it until another deployment is for it";

/// Ends a deployment that has started, and takes it away: whom it had reached goes back. Whoever had nothing to go back to
/// serves on, and the reason says so.
pub(super) async fn end(
    transaction: &mut Transaction,
    act: &Act,
    (deployment, state, mut reason): (&mut Deployment, State, Reason),
) -> Result<Option<Standing>> {
    let standing = rows::standing(transaction, deployment.project).await?;
    let place = standing.iter().position(|standing| standing.deployment.id == deployment.id);
    let has_reached_some = deployment.wave > 0;
    if place.is_some_and(|place| has_reached_some && back::leaves_some(&standing[place..], &deployment.selector)) {
        reason.detail.push_str(GO_ON);
    }
    let own = place.and_then(|place| standing.into_iter().nth(place));
    deployment.state = state;
    deployment.reason = Some(reason);
    rows::update(transaction, deployment).await?;
    pointers::withdraw(transaction, deployment.id).await?;
    rows::happened(transaction, act, deployment, Happened::Ended).await?;
    Ok(own)
}
