//! Coming and going: processes end, in order and without warning, and start; something else is deployed all the while; and
//! what the control plane believes is compared with what is.

use std::time::{Duration, Instant};

use tests::wait;

use super::stage::Stage;

/// How many data planes lose their process between two looks, of a hundred.
const LOST_PERCENT: usize = 2;
/// How often some are lost.
const LOST_EVERY: Duration = Duration::from_secs(10);
/// How often something else is deployed.
const DEPLOYED_EVERY: Duration = Duration::from_mins(2);
/// How long it may take until everybody serves what was deployed last, and the control plane knows: the longest pause of
/// those who were away (60 s), and one heartbeat (30 s).
const TRUTH_MAX: Duration = Duration::from_secs(90);
/// How long the control plane may show somebody as offline who is connected: what is heard is written every two seconds.
const OFFLINE_MAX: Duration = Duration::from_secs(10);

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Soaked {
    pub(crate) lasted: Duration,
    /// Minutes, and MiB of resident memory.
    pub(crate) rss: Vec<(f64, f64)>,
    pub(crate) processes_lost: usize,
    /// Of them, those that ended without warning.
    pub(crate) processes_killed: usize,
    pub(crate) deployments: usize,
    /// How often the control plane did not come to believe what was true, or somebody did not come to serve what was
    /// deployed; and how often it was seen meanwhile that somebody served what nobody wanted, or was shown as offline who was
    /// connected.
    pub(crate) wrong_states: usize,
}

pub(super) async fn run(stage: &mut Stage, lasts: Duration) -> Soaked {
    let began = Instant::now();
    let mut soaked = Soaked { lasted: lasts, ..Soaked::default() };
    while began.elapsed() < lasts {
        let round = Instant::now();
        let digest = stage.artifacts[soaked.deployments % 2].clone();
        stage.project.deploy(&stage.control, &digest).await;
        soaked.deployments += 1;
        while round.elapsed() < DEPLOYED_EVERY {
            let lost = stage.swarm.len() * LOST_PERCENT / 100;
            soaked.processes_killed += stage.swarm.lose(lost, &digest);
            soaked.processes_lost += lost;
            wait::pass(LOST_EVERY).await;
            soaked.wrong_states += looks(stage).await;
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

/// How many things are wrong in the middle of it.
async fn looks(stage: &Stage) -> usize {
    let strangers = stage.swarm.serve_else(&stage.artifacts);
    let asked = Instant::now();
    let offline = stage.offline().await;
    let present = stage.swarm.connected_for(OFFLINE_MAX, asked, &offline);
    if strangers > 0 {
        eprintln!("{strangers} serve what was never deployed");
    }
    if present > 0 {
        eprintln!("{present} are shown as offline and were connected for {OFFLINE_MAX:?}");
    }
    usize::from(strangers > 0) + usize::from(present > 0)
}

/// Whether everybody comes to serve it, and the control plane to know.
async fn comes_true(stage: &Stage, digest: &str) -> bool {
    let began = Instant::now();
    if stage.swarm.serve(digest, began, TRUTH_MAX).await.is_none() {
        eprintln!("somebody does not serve {digest}: {:#?}", stage.swarm.others(digest));
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
