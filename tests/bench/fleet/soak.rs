//! Coming and going: processes end and start, something else is deployed all the while, and what the control plane
//! believes is compared with what is.

use std::time::{Duration, Instant};

use tests::wait;

use super::stage::Stage;

/// How many data planes lose their process between two looks, of a hundred.
const LOST_PERCENT: usize = 2;
/// How often some are lost.
const LOST_EVERY: Duration = Duration::from_secs(10);
/// How often something else is deployed.
const DEPLOYED_EVERY: Duration = Duration::from_mins(2);
/// How long it may take until everybody serves what was deployed last, and the control plane knows: with the pauses of
/// those who were away, and one heartbeat.
const TRUTH_MAX: Duration = Duration::from_secs(90);

/// What was seen.
#[derive(Debug)]
pub(crate) struct Soaked {
    pub(crate) lasted: Duration,
    /// Minutes, and MiB of resident memory.
    pub(crate) rss: Vec<(f64, f64)>,
    pub(crate) processes_lost: usize,
    pub(crate) deployments: usize,
    /// How often the control plane did not come to believe what was true, or somebody did not come to serve what was
    /// deployed.
    pub(crate) wrong_states: usize,
}

pub(super) async fn run(stage: &mut Stage, lasts: Duration) -> Soaked {
    let began = Instant::now();
    let mut soaked = Soaked { lasted: lasts, rss: Vec::new(), processes_lost: 0, deployments: 0, wrong_states: 0 };
    while began.elapsed() < lasts {
        let round = Instant::now();
        let digest = stage.artifacts[soaked.deployments % 2].clone();
        stage.project.deploy(&stage.control, &digest).await;
        soaked.deployments += 1;
        while round.elapsed() < DEPLOYED_EVERY {
            let lost = stage.swarm.len() * LOST_PERCENT / 100;
            stage.swarm.lose(lost);
            soaked.processes_lost += lost;
            wait::pass(LOST_EVERY).await;
            stage.swarm.boots();
            let minutes = began.elapsed().as_secs_f64() / 60.0;
            soaked.rss.push((minutes, stage.rss_bytes() as f64 / f64::from(1 << 20)));
        }
        soaked.wrong_states += usize::from(!comes_true(stage, &digest).await);
        let (minutes, mib) = soaked.rss.last().copied().unwrap_or_default();
        eprintln!("{minutes:.0} min of coming and going: RSS {mib:.0} MiB, {} wrong states", soaked.wrong_states);
    }
    soaked.lasted = began.elapsed();
    soaked
}

/// Whether everybody comes to serve it, and the control plane to know.
async fn comes_true(stage: &Stage, digest: &str) -> bool {
    let began = Instant::now();
    if stage.swarm.serve(digest, began, TRUTH_MAX).await.is_none() {
        eprintln!("somebody does not serve {digest}");
        return false;
    }
    loop {
        match stage.believes(digest).await {
            Ok(()) => return true,
            Err(fleet) if began.elapsed() > TRUTH_MAX => {
                eprintln!("all serve {digest}, and the control plane believes {fleet}");
                return false;
            }
            Err(_) => wait::pass(Duration::from_millis(200)).await,
        }
    }
}
