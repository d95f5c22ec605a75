//! What the agent wants done, done: whatever takes its time is somebody else's, and its outcome comes back as an event.

use std::time::Instant;

use artifact_format::container::Digest;
use artifact_format::trust::Trust;
use fleet::agent::{Effect, Ended, Event, Failure, Ticket};
use fleet::message::{self, Alarm, FromDataPlane, Heartbeat, State};
use tokio::task::{AbortHandle, spawn_blocking};

use super::client::{self, Link};
use super::{Connected, Signal, writer};
use crate::snapshot::load_trusting;

impl Connected {
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Connect => {
                self.links += 1;
                self.link = Some(Link::open(self.client.clone(), self.links, self.signals.clone()));
            }
            Effect::Disconnect => {
                if let Some(link) = self.link.take() {
                    tokio::spawn(link.close());
                }
                self.links += 1;
            }
            Effect::Send(message) => self.send(&message),
            Effect::Heartbeat { state, alarms } => self.beat(state, alarms),
            Effect::Fetch { ticket, digest, length, source } => {
                let (client, folder) = (self.client.clone(), self.folder.clone());
                let fetching =
                    async move { Event::Fetched(ticket, client.fetch(folder, (digest, length), source).await) };
                self.fetch = Some((ticket, self.ask(fetching)));
            }
            Effect::CancelFetch { ticket } => {
                if let Some((_, fetch)) = self.fetch.take_if(|(fetching, _)| *fetching == ticket) {
                    fetch.abort();
                }
            }
            Effect::Load { ticket, digest, trust } => self.load(ticket, digest, trust),
            Effect::Judge { ticket, digest, trust } => {
                let folder = self.folder.clone();
                let judging = async move { Event::Judged(ticket, client::judge(folder, digest, trust).await) };
                self.ask(judging);
            }
            Effect::Swap { digest } => self.put_to_work(digest),
            Effect::Persist { ticket, record } => self.writer.write(writer::Order::Remember(ticket, record)),
            Effect::PersistRoot { root } => self.writer.write(writer::Order::KeepRoot(root)),
            Effect::Collect { needed } => self.writer.write(writer::Order::Collect(needed)),
            Effect::FetchRoot { version } => {
                let client = self.client.clone();
                self.ask(async move {
                    let fetched = client.root(version.get()).await;
                    if let Err(Failure { code, detail, .. }) = &fetched {
                        tracing::warn!(version = version.get(), code, detail, "a trust root did not come");
                    }
                    Event::RootFetched(version, fetched)
                });
            }
            Effect::AskBootstrap { after } => {
                let client = self.client.clone();
                self.ask(async move {
                    let answer = client.bootstrap(after).await;
                    if let Err(Failure { code, detail, .. }) = &answer {
                        tracing::warn!(code, detail, "there is nothing to start from");
                    }
                    Event::Bootstrapped(answer)
                });
            }
        }
    }

    /// Has somebody else wait for it.
    fn ask(&self, event: impl Future<Output = Event> + Send + 'static) -> AbortHandle {
        let signals = self.signals.clone();
        let asking = async move { drop(signals.send(Signal::Happened(event.await)).await) };
        tokio::spawn(asking).abort_handle()
    }

    fn send(&mut self, message: &FromDataPlane) {
        let Some(link) = &self.link else { return };
        match message::write(message) {
            Ok(frame) => {
                if link.send(frame).is_err() {
                    tracing::warn!("the control plane does not take what it is told: connecting anew");
                    self.link = None;
                    self.links += 1;
                    let signals = self.signals.clone();
                    let (number, ended) = (self.links, Ended::Unavailable { retry_after: None });
                    tokio::spawn(async move { signals.send(Signal::Socket(number, Event::Disconnected(ended))).await });
                }
            }
            Err(error) => tracing::error!(%error, "the control plane cannot be told"),
        }
    }

    fn beat(&mut self, state: State, mut alarms: Vec<Alarm>) {
        alarms.extend(self.client.alarm());
        let health = self.health.take();
        self.send(&FromDataPlane::Heartbeat(Heartbeat { state, health, alarms }));
    }

    /// Verifies and builds, on a thread that does nothing else.
    fn load(&self, ticket: Ticket, digest: Digest, trust: Trust) {
        let (folder, environment, signals) = (self.folder.clone(), self.environment.clone(), self.signals.clone());
        let loading = spawn_blocking(move || {
            let bytes = folder.read_artifact(digest)?;
            let loaded = load_trusting(digest, &bytes, (&trust, &*environment));
            loaded.map(Box::new).map_err(|error| Failure::refused(error.code(), error.to_string()))
        });
        tokio::spawn(async move {
            let loaded = loading.await;
            let loaded = loaded.unwrap_or_else(|error| Err(Failure::refused("internal", error.to_string())));
            drop(signals.send(Signal::Loaded(ticket, loaded)).await);
        });
    }

    fn put_to_work(&mut self, digest: Digest) {
        match self.candidate.take() {
            Some(snapshot) if snapshot.digest() == Some(digest) => {
                self.swap.accept(*snapshot, Instant::now());
                self.health.is_of(self.swap.traffic());
            }
            Some(_) | None => tracing::error!(%digest, "what is to be served was not loaded"),
        }
    }
}
