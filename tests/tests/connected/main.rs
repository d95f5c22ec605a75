//! A gateway that is connected to a control plane, and every misfortune that it has to survive. Tests are named after the
//! faults; in all of them requests go on being answered, for as long as the gateway's own process lives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod begin;
mod bootstrap_http;
mod crash;
mod deadlines;
mod download;
mod late;
mod peer;
mod pointers;
mod proxies;
mod reload;
mod restarts;
mod slow;
mod state;
mod trust;
mod usage;

use std::fs;
use std::path::PathBuf;

use artifact_format::container::digest;
use rustix::process::Signal;
use tempfile::TempDir;
use tests::gateway::Setup;
use tests::load::Load;
use tests::{Api, Gateway, ScriptedControl, Upstream, wait};

/// A version of the API: all of them serve `/steady`, each one a path of its own.
fn version(upstream: &Upstream, number: usize) -> Vec<u8> {
    let api = Api::at(upstream).get("/steady").get("/stream").get(&format!("/version-{number}"));
    (0..100).fold(api, |api, filler| api.get(&format!("/filler-{number}-{filler}/{{id}}"))).to_bytes()
}

/// A control plane, a gateway that serves version 0 of what it deployed, and somebody who asks all the while.
struct Stage {
    upstream: Upstream,
    control: ScriptedControl,
    gateway: Gateway,
    load: Load,
    state: TempDir,
}

impl Stage {
    async fn set() -> Self {
        Self::before(Upstream::fixed(b"steady").await).await
    }

    async fn before(upstream: Upstream) -> Self {
        Self::before_and_with(upstream, |setup| setup).await
    }

    /// The same, with a gateway that is started like this.
    async fn with(option: impl FnOnce(Setup) -> Setup) -> Self {
        Self::before_and_with(Upstream::fixed(b"steady").await, option).await
    }

    async fn before_and_with(upstream: Upstream, option: impl FnOnce(Setup) -> Setup) -> Self {
        let control = ScriptedControl::start().await;
        let state = tempfile::tempdir().unwrap();
        control.deploys(&version(&upstream, 0));
        let gateway = option(Gateway::connected(&control, state.path())).start().await;
        control.sees_active(&version(&upstream, 0)).await;
        let load = Load::start(2, gateway.address(), "/steady");
        Self { upstream, control, gateway, load, state }
    }

    fn version(&self, number: usize) -> Vec<u8> {
        version(&self.upstream, number)
    }

    async fn runs(&self, number: usize) {
        assert_runs(&self.gateway, &self.version(number)).await;
        assert_eq!(self.gateway.get(&format!("/version-{number}")).await.status, 200);
    }

    /// What is in the state folder under this name.
    fn file(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    fn artifact(&self, number: usize) -> PathBuf {
        self.file("artifacts").join(digest(&self.version(number)).to_string())
    }

    /// Ends without warning. Whoever asks stops before: what is under way then has no answer.
    async fn is_killed(&mut self) {
        self.rests().await;
        self.gateway.signal(Signal::KILL);
        self.gateway.ended().await;
    }

    /// Ends in order.
    async fn is_ended(&mut self) {
        self.rests().await;
        self.gateway.signal(Signal::TERM);
        assert!(self.gateway.ended().await.success());
    }

    /// Starts from what it remembered, and is asked again.
    async fn starts_again(&mut self) {
        self.gateway = Gateway::connected(&self.control, self.state.path()).start().await;
        self.load = Load::start(2, self.gateway.address(), "/steady");
    }

    /// Waits until the disk knows that this serves.
    async fn remembers(&self, file: &[u8]) {
        let current = format!("\"current\":\"{}\"", digest(file));
        let is_written = async || fs::read_to_string(self.file("state")).is_ok_and(|text| text.contains(&current));
        wait::until("it is written down", is_written).await;
    }

    /// Deploys it, and sees it served.
    async fn moves_to(&self, number: usize) {
        self.control.deploys(&self.version(number));
        self.control.sees_active(&self.version(number)).await;
        self.runs(number).await;
    }

    /// Nobody asks any more; until then nobody was refused anything.
    async fn rests(&mut self) {
        let nobody = Load::start(0, self.gateway.address(), "/steady");
        let outcome = std::mem::replace(&mut self.load, nobody).stop().await;
        assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
    }

    /// Nobody was refused anything.
    async fn ends_well(self) {
        wait::until("somebody was answered", async || self.load.answered() > 10).await;
        let outcome = self.load.stop().await;
        assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
    }
}

async fn assert_runs(gateway: &Gateway, file: &[u8]) {
    let expected = digest(file).to_string();
    wait::until(&format!("{expected} runs"), async || gateway.running().await == expected).await;
}

/// The codes of the alarms that `/readyz?verbose` shows.
async fn alarms(gateway: &Gateway) -> Vec<String> {
    let status = gateway.status().await;
    let alarms = status["control_plane"]["alarms"].as_array().cloned().unwrap_or_default();
    alarms.iter().map(|alarm| alarm["code"].as_str().unwrap().to_owned()).collect()
}
