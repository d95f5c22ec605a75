//! Lets deployments go on. Every control plane does, all the time: what comes next is found by
//! [`domain::rollout`](crate::domain::rollout), and taken by whoever is first. There is no leader whose death would stop
//! a rollout.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::domain::deployment::{Reason, ReasonCode, State};
use crate::domain::error::Error;
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::pointer::Issuer;
use crate::domain::rollout::{Rollout, Step};
use crate::domain::signing::Signer;
use crate::domain::store::Store;

/// How often it is looked whether anything comes next, whether anybody says so or not.
const POLL: Duration = Duration::from_secs(1);
/// How long it is left alone after it was looked at: what data planes say comes in crowds.
const PAUSE: Duration = Duration::from_millis(100);
/// How often old traces are looked for.
const UPKEEP: Duration = Duration::from_mins(15);
/// How many steps of one deployment are taken before others have their turn.
const STEPS: usize = 16;

/// Lets deployments go on.
pub struct Driver {
    /// Where they are.
    pub store: Arc<dyn Store>,
    /// Who signs what data planes are to follow.
    pub signer: Arc<dyn Signer>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl Driver {
    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let (mut plans, mut nodes) = (self.store.plan_changes(), self.store.node_changes());
        let mut upkeep = interval(UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            let began = Instant::now();
            if let Err(error) = self.pass().await {
                tracing::warn!(%error, "cannot look after deployments");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Ok(()) = plans.changed() => {}
                Ok(()) = nodes.changed() => {}
                _ = upkeep.tick() => self.tidy().await,
                () = tokio::time::sleep(POLL) => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep_until(began + PAUSE) => {}
            }
        }
    }

    /// Every deployment and every pointer, once: as far as they go now.
    ///
    /// # Errors
    /// The database is away.
    pub async fn pass(&self) -> Result<(), Error> {
        for (project, deployment) in self.store.rollouts_to_do().await? {
            match self.drive(project, deployment).await {
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) => tracing::error!(%error, %deployment, "a deployment cannot go on"),
                Ok(()) => {}
            }
        }
        for project in self.store.renewals_due().await? {
            match self.renew(project).await {
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) => tracing::error!(%error, %project, "pointers cannot be issued anew"),
                Ok(count) => tracing::info!(%project, count, "issued pointers anew"),
            }
        }
        Ok(())
    }

    /// Takes the steps of a deployment that are to be taken now.
    async fn drive(&self, project: ProjectId, deployment: DeploymentId) -> Result<(), Error> {
        for _ in 0..STEPS {
            let Some(rollout) = self.store.rollout(deployment).await? else { return Ok(()) };
            let Some(step) = rollout.next() else { return Ok(()) };
            tracing::info!(%deployment, step = step.name(), wave = rollout.deployment.wave, "a deployment goes on");
            match self.step(project, &rollout, step).await {
                // Somebody else took it, or steered: look again.
                Err(Error::Stale { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn step(&self, project: ProjectId, rollout: &Rollout, step: Step) -> Result<(), Error> {
        let at = (rollout.deployment.id, rollout.deployment.version);
        if !step.is_signed() {
            return self.store.advance(at, step, None).await.map(|_| ());
        }
        match (self.issuer(project).await, step) {
            (Ok(issuer), step) => self.store.advance(at, step, Some(&issuer)).await.map(|_| ()),
            // It may be back soon.
            (Err(error @ Error::Unavailable { .. }), _) => Err(error),
            (Err(error), Step::RollBack(breach)) => {
                // There is no way back that anybody would follow; but it need not go on.
                tracing::error!(%error, deployment = %at.0, "a deployment cannot be rolled back: {breach}");
                if rollout.deployment.state == State::Paused {
                    return Ok(());
                }
                self.store.advance(at, Step::Pause(breach), None).await.map(|_| ())
            }
            (Err(error), _) => {
                let reason = Reason { code: ReasonCode::CannotSign, detail: error.to_string() };
                self.store.fail_deployment(at, reason).await.map(|_| ())
            }
        }
    }

    async fn renew(&self, project: ProjectId) -> Result<u64, Error> {
        let issuer = self.issuer(project).await?;
        self.store.renew_pointers(project, &issuer).await
    }

    async fn issuer(&self, project: ProjectId) -> Result<Issuer, Error> {
        Ok(Issuer::new(self.signer.signing_key(project).await?))
    }

    async fn tidy(&self) {
        if let Err(error) = self.store.forget_traces().await {
            tracing::warn!(%error, "cannot forget old traces of data planes");
        }
    }
}
