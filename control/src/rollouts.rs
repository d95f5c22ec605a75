//! Lets deployments go on. Every control plane does, all the time: what comes next is found by
//! [`domain::rollout`](crate::domain::rollout), and taken by whoever is first. There is no leader whose death would stop
//! a rollout.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::domain::deployment::{Reason, ReasonCode, State};
use crate::domain::error::Error;
use crate::domain::id::{DeploymentId, ProjectId};
use crate::domain::pointer::Issuer;
use crate::domain::registry::Terms;
use crate::domain::rollout::{Rollout, Step};
use crate::domain::signing::Signer;
use crate::domain::store::Store;
use crate::setbacks::{News, Setbacks};

/// How often it is looked whether anything comes next, whether anybody says so or not.
const POLL: Duration = Duration::from_secs(1);
/// How long it is left alone after it was looked at: what data planes say comes in crowds.
const PAUSE: Duration = Duration::from_millis(100);
/// And for how many times as long as that took: a look at ten thousand data planes is not free.
const PAUSES: u32 = 3;
/// But no longer: what took so long may have been a database that was away.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long it takes to tell a data plane that it is to serve something else: all are told before anybody looks how they do.
const TELLING: Duration = Duration::from_micros(100);
/// How often old traces are looked for.
const UPKEEP: Duration = Duration::from_mins(15);
/// How many steps of one deployment are taken before others have their turn.
const STEPS: usize = 16;
/// For how long what cannot be signed here is left to another control plane, which may have the key.
const OTHERS_SIGN: Duration = Duration::from_secs(30);
/// How long a deployment is left alone that cannot go on: others have their turn meanwhile.
const GOES_ON_AGAIN: Duration = Duration::from_secs(5);
/// How long a project is left alone whose pointers cannot be issued anew: there are days left to do so.
const RENEWED_AGAIN: Duration = Duration::from_mins(1);

/// Lets deployments go on.
pub struct Driver {
    store: Arc<dyn Store>,
    /// Who signs what data planes are to follow.
    signer: Arc<dyn Signer>,
    others_sign: Duration,
    /// Since when which deployments have waited for another control plane to sign their next step.
    unsigned: Mutex<BTreeMap<DeploymentId, Instant>>,
    /// Until when deployments are left alone whose data planes are being told.
    telling: Mutex<BTreeMap<DeploymentId, Instant>>,
    /// Deployments that cannot go on.
    stuck: Setbacks<DeploymentId>,
    /// Projects whose pointers cannot be issued anew.
    overdue: Setbacks<ProjectId>,
    /// How many these are.
    overdue_count: Gauge,
}

/// Whether the next step of a deployment was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It was, here or elsewhere.
    Yes,
    /// It is for somebody else, or for later.
    NotHere,
}

/// Whether a deployment is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Yes,
    No,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl Driver {
    /// Of what this store keeps, signed by this signer.
    pub fn new(store: Arc<dyn Store>, signer: Arc<dyn Signer>) -> Self {
        Self {
            store,
            signer,
            others_sign: OTHERS_SIGN,
            unsigned: Mutex::default(),
            telling: Mutex::default(),
            stuck: Setbacks::new(GOES_ON_AGAIN),
            overdue: Setbacks::new(RENEWED_AGAIN),
            overdue_count: Gauge::default(),
        }
    }

    /// The same, where it is shown how many projects' pointers cannot be issued anew.
    #[must_use]
    pub fn counting_in(self, overdue_count: Gauge) -> Self {
        Self { overdue_count, ..self }
    }

    /// The same, where what cannot be signed here is left to others for that long.
    #[must_use]
    pub fn leaving_to_others(self, others_sign: Duration) -> Self {
        Self { others_sign, ..self }
    }

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
            let took = began.elapsed();
            tokio::select! {
                () = stop.cancelled() => {}
                Ok(()) = plans.changed() => {}
                Ok(()) = nodes.changed() => {}
                _ = upkeep.tick() => self.tidy().await,
                () = tokio::time::sleep(POLL) => {}
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep((took * PAUSES).clamp(PAUSE, PAUSE_MAX)) => {}
            }
        }
    }

    /// Every deployment and every pointer, once: as far as they go now. What fails about one keeps no other from going on.
    ///
    /// # Errors
    /// The database is away.
    pub async fn pass(&self) -> Result<(), Error> {
        let all = self.store.rollouts_to_do().await?;
        self.stuck.retain(|id| all.iter().any(|(_, deployment)| *deployment == id));
        self.unsigned().retain(|id, _| all.iter().any(|(_, deployment)| deployment == id));
        let now = Instant::now();
        self.telling().retain(|_, until| *until > now);
        for (project, deployment) in all {
            if self.telling().contains_key(&deployment) || !self.stuck.is_due(deployment, Instant::now()) {
                continue;
            }
            match self.drive(project, deployment).await {
                Err(error @ (Error::Unavailable { .. } | Error::Unsettled(_))) => return Err(error),
                Err(error) => {
                    if self.stuck.failed(deployment, Instant::now()) == News::Yes {
                        let cause = error.source().map(tracing::field::display);
                        tracing::error!(%error, cause, %deployment, "a deployment cannot go on");
                    }
                }
                Ok(()) => self.stuck.succeeded(deployment),
            }
        }
        self.renew_all().await
    }

    async fn renew_all(&self) -> Result<(), Error> {
        let due = self.store.renewals_due().await?;
        self.overdue.retain(|project| due.contains(&project));
        for project in due {
            if !self.overdue.is_due(project, Instant::now()) {
                continue;
            }
            match self.renew(project).await {
                Err(error @ (Error::Unavailable { .. } | Error::Unsettled(_))) => return Err(error),
                Err(error) => {
                    if self.overdue.failed(project, Instant::now()) == News::Yes {
                        let cause = error.source().map(tracing::field::display);
                        tracing::error!(%error, cause, %project, "pointers cannot be issued anew");
                    }
                }
                Ok(count) => {
                    self.overdue.succeeded(project);
                    tracing::info!(%project, count, "issued pointers anew");
                }
            }
        }
        self.overdue_count.set(i64::try_from(self.overdue.count()).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Takes the steps of a deployment that are to be taken now.
    async fn drive(&self, project: ProjectId, deployment: DeploymentId) -> Result<(), Error> {
        for _ in 0..STEPS {
            let Some(rollout) = self.store.rollout(deployment).await? else { return Ok(()) };
            let next = rollout.next();
            if !next.as_ref().is_some_and(Step::is_signed) {
                self.unsigned().remove(&deployment);
            }
            let Some(step) = next else { return Ok(()) };
            let (name, wave, tells_everyone) = (step.name(), rollout.deployment.wave, step.tells_everyone());
            match self.step(project, &rollout, step).await {
                Ok(Taken::Yes) => {
                    tracing::info!(%deployment, step = name, wave, "a deployment goes on");
                    if tells_everyone && self.leaves_alone(project, deployment).await? == Left::Yes {
                        return Ok(());
                    }
                }
                // Somebody else took it, or steered: look again.
                Err(Error::Stale { .. }) => {}
                Ok(Taken::NotHere) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Leaves the database and the processors to those who tell a deployment's data planes, where there are many.
    async fn leaves_alone(&self, project: ProjectId, deployment: DeploymentId) -> Result<Left, Error> {
        let terms = self.store.terms(&[project]).await?;
        let takes = TELLING.saturating_mul(terms.get(&project).map_or(0, Terms::data_planes));
        if takes < PAUSE {
            return Ok(Left::No);
        }
        self.telling().insert(deployment, Instant::now() + takes);
        Ok(Left::Yes)
    }

    async fn step(&self, project: ProjectId, rollout: &Rollout, step: Step) -> Result<Taken, Error> {
        let at = (rollout.deployment.id, rollout.deployment.version);
        if !step.is_signed() {
            return self.store.advance(at, step, None).await.map(|_| Taken::Yes);
        }
        let error = match self.issuer(project).await {
            Ok(issuer) => return self.store.advance(at, step, Some(&issuer)).await.map(|_| Taken::Yes),
            // It may be back soon.
            Err(error @ (Error::Unavailable { .. } | Error::Unsettled(_) | Error::Refused(_))) => return Err(error),
            Err(error) => error,
        };
        if self.is_left_to_others(at.0, &error) {
            return Ok(Taken::NotHere);
        }
        let Step::RollBack(breach) = step else {
            let reason = Reason { code: ReasonCode::CannotSign, detail: error.to_string() };
            return self.store.fail_deployment(at, reason).await.map(|_| Taken::Yes);
        };
        // There is no way back that anybody would follow; but it need not go on.
        if rollout.deployment.state == State::Paused {
            return Ok(Taken::NotHere);
        }
        tracing::error!(%error, deployment = %at.0, "a deployment cannot be rolled back: {breach}");
        self.store.advance(at, Step::Pause(breach), None).await.map(|_| Taken::Yes)
    }

    /// Whether another control plane still has time to sign the next step of a deployment that cannot be signed here.
    fn is_left_to_others(&self, deployment: DeploymentId, error: &Error) -> bool {
        let mut unsigned = self.unsigned();
        let since = *unsigned.entry(deployment).or_insert_with(|| {
            tracing::warn!(%error, %deployment, "cannot sign what comes next for a deployment; another control plane may");
            Instant::now()
        });
        since.elapsed() < self.others_sign
    }

    fn telling(&self) -> MutexGuard<'_, BTreeMap<DeploymentId, Instant>> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsigned(&self) -> MutexGuard<'_, BTreeMap<DeploymentId, Instant>> {
        self.unsigned.lock().unwrap_or_else(PoisonError::into_inner)
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
