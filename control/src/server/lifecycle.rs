//! From the first connection to the last.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// What the server is doing. It only ever goes on to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves, and is ready for more.
    Serving,
    /// It serves whoever comes, but is not ready: load balancers are to look elsewhere.
    Leaving,
    /// It lets nobody in, and finishes what is under way.
    Draining,
    /// Its time is up.
    Closing,
}

impl Phase {
    /// Whether `/readyz` says yes.
    pub fn is_ready(self) -> bool {
        self == Self::Serving
    }
}

/// Waits until a phase is reached, or nobody is left who could say so. Cancel-safe.
pub(super) async fn reached(phases: &mut watch::Receiver<Phase>, phase: Phase) {
    let _nobody_left = phases.wait_for(|current| *current >= phase).await.is_err();
}

/// The signals that end the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    _hang_up: Signal,
}

impl Signals {
    /// From now on SIGTERM and SIGINT are orders, not ends, and SIGHUP ends nothing. Needs a runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT. Cancel-safe.
    pub async fn terminated(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// How to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drain {
    pub(super) delay: Duration,
    pub(super) timeout: Duration,
}

impl Drain {
    /// Goes on for a while, then lets nobody in, then waits for whoever is there.
    pub(super) async fn run(self, phase: &watch::Sender<Phase>, mut serving: JoinHandle<()>) {
        tracing::info!(delay = ?self.delay, timeout = ?self.timeout, "draining");
        phase.send_replace(Phase::Leaving);
        sleep(self.delay).await;
        phase.send_replace(Phase::Draining);
        if timeout(self.timeout, &mut serving).await.is_err() {
            tracing::warn!("requests were still under way at the end of the drain timeout");
            phase.send_replace(Phase::Closing);
            let _ended = serving.await;
        }
        tracing::info!("drained");
    }
}
