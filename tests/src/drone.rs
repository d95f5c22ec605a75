//! A data plane that keeps all the rules and serves nothing: the real agent over a real socket, with real downloads.
//! Thousands of them fit into one process.
//!
//! What it lacks is what a gateway does with an artifact: its bytes are compared with the digest and forgotten, its disk is
//! in memory. It outlives its processes: [`Drone::dies`] is a SIGKILL, [`Drone::boots`] the next start.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use artifact_format::container::{self, Digest};
use artifact_format::root::SignedRoot;
use artifact_format::signature::PublicKey;
use artifact_format::trust::Trust;
use fleet::agent::record::Record;
use fleet::agent::{self, Agent, Bootstrap, Damaged, Effect, Ended, Event, Failure, Moment, Start};
use fleet::message::{self, Formats, FromDataPlane, Health, Heard, Heartbeat};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::{FutureExt as _, SinkExt as _};
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use uuid::Uuid;

use crate::client::{self, Client};
use crate::data_plane::{Identity, Refusal};

/// How long the other side may take to take a message, or to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where data planes belong.
#[derive(Debug, Clone)]
pub struct Site {
    /// The control plane.
    pub control_plane: SocketAddr,
    /// The project's id.
    pub project: String,
    /// The API key.
    pub key: String,
    /// Whom they believe.
    pub trusted: PublicKey,
}

/// A data plane.
#[derive(Debug)]
pub struct Drone {
    machine: Arc<Machine>,
    process: Option<Running>,
    /// The process before, which may still be ending.
    before: Option<JoinHandle<()>>,
}

/// What outlives processes.
#[derive(Debug)]
struct Machine {
    site: Arc<Site>,
    name: String,
    node: Uuid,
    seen: Mutex<Seen>,
    disk: Mutex<Record>,
    /// The trust root that is believed, on the same disk.
    root: Mutex<Option<SignedRoot>>,
}

/// A process.
#[derive(Debug)]
struct Running {
    task: JoinHandle<()>,
    stop: Arc<Notify>,
}

/// What can be seen of a data plane from outside.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Since when the control plane knows its process, while it does.
    pub connected_since: Option<Instant>,
    /// How often it was connected.
    pub connections: u32,
    /// The highest serial it was told, and when it first was.
    pub told: Option<(NonZeroU64, Instant)>,
    /// What it serves, and since when.
    pub serves: Option<(Digest, Instant)>,
    /// How often it was asked to come back later.
    pub turned_away: u32,
}

impl Drone {
    /// One that never ran.
    pub fn new(site: &Arc<Site>, name: String) -> Self {
        let (site, disk) = (Arc::clone(site), Mutex::new(Record::new(&site.project)));
        let (seen, root) = (Mutex::default(), Mutex::default());
        let machine = Machine { site, name, node: Uuid::now_v7(), seen, disk, root };
        Self { machine: Arc::new(machine), process: None, before: None }
    }

    /// Starts its process, if none runs. As with a gateway's state folder, it begins when the one before has ended.
    pub fn boots(&mut self) {
        if self.process.is_none() {
            let (machine, before, stop) = (Arc::clone(&self.machine), self.before.take(), Arc::new(Notify::new()));
            let stopped = Arc::clone(&stop);
            let task = tokio::spawn(async move {
                if let Some(before) = before {
                    let _however_it_ended = before.await;
                }
                Process::start(machine).run(stopped).await;
            });
            self.process = Some(Running { task, stop });
        }
    }

    /// Ends its process, as SIGKILL does.
    pub fn dies(&mut self) {
        if let Some(process) = self.process.take() {
            process.task.abort();
            self.machine.is_gone();
            self.before = Some(process.task);
        }
    }

    /// Has its process end in order, as SIGTERM does. It may take a moment.
    pub fn ends(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop.notify_one();
            self.machine.is_gone();
            self.before = Some(process.task);
        }
    }

    /// Whether a process runs.
    pub fn is_alive(&self) -> bool {
        self.process.is_some()
    }

    /// What its disk remembers.
    pub fn record(&self) -> Record {
        self.machine.disk.lock().expect("nobody panics with it").clone()
    }

    /// What can be seen of it now.
    pub fn seen(&self) -> Seen {
        self.machine.seen().clone()
    }
}

impl Drop for Drone {
    fn drop(&mut self) {
        self.dies();
    }
}

impl Machine {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics with it")
    }

    fn is_gone(&self) {
        let mut seen = self.seen();
        (seen.connected_since, seen.serves) = (None, None);
    }
}

type Socket = WebSocketStream<TcpStream>;
type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What came of something that took time.
enum Done {
    /// A socket was opened, or not; of which attempt.
    Dialed(u64, Result<Box<Socket>, Ended>),
    /// Something else.
    Happened(Event),
}

/// What the socket said.
enum Said {
    Text(Utf8Bytes),
    Alive,
    Over,
}

struct Process {
    machine: Arc<Machine>,
    identity: Identity,
    agent: Agent,
    began: Instant,
    socket: Option<Box<Socket>>,
    attempts: u64,
    work: FuturesUnordered<Work>,
    events: VecDeque<Event>,
}

impl Process {
    fn start(machine: Arc<Machine>) -> Self {
        let Machine { site, name, node, disk, root, .. } = &*machine;
        let began = Instant::now();
        let mut boot = disk.lock().expect("nobody panics with it").clone().boot();
        let running = boot.candidates.first().copied();
        running.into_iter().for_each(|running| boot.record.boots(running));
        boot.record.booted(running);
        *disk.lock().expect("nobody panics with it") = boot.record.clone();
        let root = root.lock().expect("nobody panics with it").clone();
        let root = root.map(|root| root.pinned().expect("it was believed"));
        machine.seen().serves = running.map(|digest| (digest, began));
        let mut identity = Identity::new(name, (&site.project, &site.key));
        identity.hello.node_id = *node;
        let start = Start {
            identity: agent::Identity {
                node_id: *node,
                instance_id: identity.hello.instance_id,
                name: name.clone(),
                labels: BTreeMap::new(),
                gateway_host: None,
                formats: Formats { oldest: 1, newest: 1 },
                version: identity.hello.version.clone(),
            },
            record: boot.record,
            unwritten: None,
            set_aside: boot.set_aside,
            running,
            pinned: Trust::any_of([site.trusted.clone()]),
            root,
            bootstrap: Bootstrap::Absent,
            alarms: Vec::new(),
            damaged: Damaged::default(),
        };
        let agent = Agent::new(start, moment(began));
        let (work, events) = (FuturesUnordered::new(), VecDeque::from([Event::Tick]));
        Self { machine, identity, agent, began, socket: None, attempts: 0, work, events }
    }

    async fn run(mut self, stop: Arc<Notify>) {
        loop {
            while let Some(event) = self.events.pop_front() {
                for effect in self.agent.handle(event, moment(self.began)) {
                    self.perform(effect).await;
                }
                self.publish();
            }
            let wakes_at = self.agent.wakes_at().unwrap_or(Duration::from_hours(1));
            tokio::select! {
                Some(done) = self.work.next(), if !self.work.is_empty() => self.take(done),
                said = listen(&mut self.socket) => self.hear(said),
                () = sleep_until((self.began + wakes_at).into()) => self.events.push_back(Event::Tick),
                () = stop.notified() => break,
            }
        }
        self.machine.is_gone();
        self.events.push_back(Event::Stop);
        while let Some(event) = self.events.pop_front() {
            for effect in self.agent.handle(event, moment(self.began)) {
                self.perform(effect).await;
            }
        }
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Dialed(attempt, dialed) if attempt == self.attempts => match dialed {
                Ok(socket) => {
                    self.socket = Some(socket);
                    self.events.push_back(Event::Connected);
                }
                Err(ended) => {
                    if matches!(ended, Ended::Unavailable { retry_after: Some(_) }) {
                        self.machine.seen().turned_away += 1;
                    }
                    self.events.push_back(Event::Disconnected(ended));
                }
            },
            // Nobody waits for it any more.
            Done::Dialed(..) => {}
            Done::Happened(event) => self.events.push_back(event),
        }
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Alive => self.events.push_back(Event::Heard),
            Said::Over => self.lost(),
            Said::Text(text) => {
                // Before all of it is read: there is not a processor for each of them.
                if let Some(serial) = told(&text) {
                    self.is_told(serial);
                }
                self.read(&text);
            }
        }
    }

    fn is_told(&self, serial: NonZeroU64) {
        let mut seen = self.machine.seen();
        if seen.told.is_none_or(|(before, _)| before < serial) {
            seen.told = Some((serial, Instant::now()));
        }
    }

    fn read(&mut self, text: &str) {
        match message::read(text) {
            Ok(Heard::Message(message)) => self.events.push_back(Event::Received(Box::new(message))),
            Ok(Heard::Unknown { .. }) => self.events.push_back(Event::Heard),
            Err(error) => panic!("the control plane does not keep to the protocol: {error}"),
        }
    }

    fn lost(&mut self) {
        self.socket = None;
        self.events.push_back(Event::Disconnected(Ended::Unavailable { retry_after: None }));
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Connect => {
                self.attempts += 1;
                let (attempt, identity, address) =
                    (self.attempts, self.identity.clone(), self.machine.site.control_plane);
                let dial = async move { Done::Dialed(attempt, dial(&identity, address).await) };
                self.work.push(dial.boxed());
            }
            Effect::Disconnect => {
                self.attempts += 1;
                self.socket = None;
            }
            Effect::Send(message) => self.say(&message).await,
            Effect::Heartbeat { state, alarms } => {
                let health = Health { window_ms: 1000, memory_bytes: 1 << 24, ..Health::default() };
                self.say(&FromDataPlane::Heartbeat(Heartbeat { state, health, alarms })).await;
            }
            Effect::Fetch { ticket, digest, length, .. } => {
                let site = Arc::clone(&self.machine.site);
                let fetch = async move { Done::Happened(Event::Fetched(ticket, fetch(&site, digest, length).await)) };
                self.work.push(fetch.boxed());
            }
            Effect::Load { ticket, .. } => self.events.push_back(Event::Loaded(ticket, Ok(()))),
            Effect::Swap { digest } => self.machine.seen().serves = Some((digest, Instant::now())),
            Effect::Persist { ticket, record } => {
                *self.machine.disk.lock().expect("nobody panics with it") = *record;
                self.events.push_back(Event::Persisted(ticket, Ok(())));
            }
            Effect::FetchRoot { version } => {
                let site = Arc::clone(&self.machine.site);
                let root = async move { Done::Happened(Event::RootFetched(version, root(&site, version).await)) };
                self.work.push(root.boxed());
            }
            Effect::PersistRoot { root } => {
                let version = root.version();
                *self.machine.root.lock().expect("nobody panics with it") = Some(*root);
                self.events.push_back(Event::RootPersisted(version, Ok(())));
            }
            // Late answers are told from those that are waited for; there are no files to remove, and no other place.
            Effect::CancelFetch { .. }
            | Effect::Judge { .. }
            | Effect::AskBootstrap { .. }
            | Effect::Collect { .. } => {}
        }
    }

    async fn say(&mut self, message: &FromDataPlane) {
        let Some(socket) = &mut self.socket else { return };
        let frame = message::write(message).expect("a short message");
        if !matches!(timeout(PATIENCE, socket.send(Message::text(frame))).await, Ok(Ok(()))) {
            self.lost();
        }
    }

    fn publish(&self) {
        let mut seen = self.machine.seen();
        match (self.agent.is_connected(), seen.connected_since) {
            (true, None) => {
                seen.connected_since = Some(Instant::now());
                seen.connections += 1;
            }
            (false, Some(_)) => seen.connected_since = None,
            (true, Some(_)) | (false, None) => {}
        }
    }
}

/// The serial of the pointer in a message, without reading all of it.
fn told(text: &str) -> Option<NonZeroU64> {
    let (_, rest) = text.split_once("\"serial\":")?;
    let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// What the socket says next; nothing ever where there is none.
async fn listen(socket: &mut Option<Box<Socket>>) -> Said {
    let Some(socket) = socket else { return std::future::pending().await };
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Said::Text(text),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Said::Alive,
        Some(Ok(Message::Binary(_) | Message::Frame(_))) => panic!("messages are text"),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Said::Over,
    }
}

async fn dial(identity: &Identity, address: SocketAddr) -> Result<Box<Socket>, Ended> {
    let unavailable = Ended::Unavailable { retry_after: None };
    match timeout(PATIENCE, identity.open(address)).await {
        Ok(Ok(socket)) => Ok(Box::new(socket)),
        Ok(Err(Refusal::Http { status: 401 | 403 | 404, code, .. })) => {
            Err(Ended::Unwanted { code: "unauthorized", detail: code })
        }
        Ok(Err(Refusal::Http { headers, .. })) => Err(Ended::Unavailable { retry_after: retry_after(&headers) }),
        Ok(Err(Refusal::Broken(_) | Refusal::Goodbye(_))) | Err(_) => Err(unavailable),
    }
}

async fn fetch(site: &Site, digest: Digest, length: NonZeroU64) -> Result<(), Failure> {
    let body = get(site, &format!("/api/v1/artifacts/{digest}/download")).await?;
    if body.len() as u64 != length.get() {
        return Err(Failure::damaged("length_mismatch", format!("{} bytes", body.len())));
    }
    let came = container::digest(&body);
    if came == digest { Ok(()) } else { Err(Failure::damaged("digest_mismatch", format!("{came} came"))) }
}

async fn root(site: &Site, version: NonZeroU64) -> Result<Box<SignedRoot>, Failure> {
    let body = get(site, &format!("/api/v1/projects/{}/trust-roots/{version}", site.project)).await?;
    let root = serde_json::from_slice(&body);
    root.map(Box::new).map_err(|error| Failure::damaged("root_damaged", error.to_string()))
}

/// What the control plane has there, over a connection of its own.
async fn get(site: &Site, target: &str) -> Result<bytes::Bytes, Failure> {
    let broken = |detail: String| Failure::unavailable("unreachable", detail);
    let asking = async {
        let mut client = Client::try_http1(site.control_plane).await.map_err(|error| broken(error.to_string()))?;
        let mut request: Request<_> = client.request("GET", target, client::empty());
        let bearer = format!("Bearer {}", site.key).parse().expect("a field value");
        request.headers_mut().insert(AUTHORIZATION, bearer);
        client.try_send(request).await.map_err(|error| broken(error.to_string()))
    };
    let answer = timeout(6 * PATIENCE, asking).await.map_err(|_| broken("no answer".to_owned()))??;
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let busy = Failure::unavailable("busy", format!("status {}", answer.status));
    Err(Failure { retry_after: retry_after(&answer.headers), ..busy })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

fn moment(began: Instant) -> Moment {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { now: began.elapsed(), unix_seconds: unix.as_secs(), random: random() }
}

/// Evenly spread.
pub fn random() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    // Both halves have bits that say which kind of UUID this is.
    high.rotate_left(32) ^ low
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use artifact_format::root::{Root, Terms};
    use artifact_format::signature::SigningKey;
    use zeroize::Zeroizing;

    use super::*;

    /// As a gateway's does: its next process asks for no root that it has.
    #[tokio::test]
    async fn a_trust_root_outlives_the_process_that_believed_it() {
        let key = SigningKey::from_seed(&Zeroizing::new([1; 32]));
        let project = Uuid::now_v7().to_string();
        let terms = Terms { threshold: NonZeroU16::MIN, keys: vec![key.public()], issued_at: 1 };
        let root = SignedRoot::new(Root::first(&project, terms).unwrap()).sign(&key);
        let (control_plane, trusted) = (SocketAddr::from(([127, 0, 0, 1], 9)), key.public());
        let site = Arc::new(Site { control_plane, project, key: "none".to_owned(), trusted });
        let drone = Drone::new(&site, "edge-1".to_owned());

        let mut process = Process::start(Arc::clone(&drone.machine));
        process.perform(Effect::PersistRoot { root: Box::new(root) }).await;
        assert!(matches!(process.events.back(), Some(Event::RootPersisted(version, Ok(()))) if version.get() == 1));
        drop(process);
        let next = Process::start(Arc::clone(&drone.machine));
        assert_eq!(next.agent.state().root_version, Some(NonZeroU64::MIN));
    }
}
