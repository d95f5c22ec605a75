//! A control plane that does what a test says: the real protocol over real sockets, with real signatures, and every
//! misfortune that a real one would only have by chance.

mod serve;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use artifact_format::container::{Digest, digest};
use artifact_format::pointer::{Pointer, SignedPointer};
use artifact_format::root::SignedRoot;
use fleet::message::{
    ArtifactAvailable, Drain, FromControlPlane, FromDataPlane, Goodbye, Hello, Phase, Reason, State, Wanted, write,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle};

use crate::api::test_key;
use crate::wait;

/// The project of every test.
pub const PROJECT: &str = "0199e0b4-6d2e-7c3f-9d3a-6f1f5f0a5b11";
/// The key that is let in.
pub const API_KEY: &str = "pdk_test_0123456789";

/// A control plane. Ends when it is dropped.
#[derive(Debug)]
pub struct ScriptedControl {
    address: SocketAddr,
    desk: Arc<Desk>,
    server: Option<JoinHandle<()>>,
}

/// How artifacts are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Whole, and as they are.
    Whole,
    /// Broken off after so many bytes of what was asked for.
    CutAfter(usize),
    /// With one bit of this byte the wrong way round.
    Flipped(usize),
    /// Not now: 503, to come back after so many seconds.
    Busy(u64),
    /// What is asked for is heard and never answered.
    Never,
    /// So many bytes of what was asked for, and the rest when it is to be handed out in another way.
    HeldAfter(usize),
}

/// What is asked of it, and what it answers.
#[derive(Debug)]
pub(crate) struct Desk {
    book: Mutex<Book>,
}

#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) wanted: Option<SignedPointer>,
    pub(crate) serial: u64,
    pub(crate) artifacts: HashMap<Digest, Vec<u8>>,
    pub(crate) roots: Vec<SignedRoot>,
    pub(crate) heartbeat_ms: u64,
    pub(crate) delivery: Delivery,
    /// How many artifacts are held back after their first bytes.
    pub(crate) holding: usize,
    /// How far its clock is ahead of this machine's, in seconds.
    pub(crate) ahead: i64,
    /// Whether it acknowledges heartbeats.
    pub(crate) manners: Manners,
    pub(crate) key: String,
    pub(crate) heard: Vec<FromDataPlane>,
    pub(crate) downloads: Vec<Download>,
    pub(crate) connected: u64,
    pub(crate) peers: Vec<mpsc::UnboundedSender<String>>,
    pub(crate) tasks: Vec<AbortHandle>,
}

/// How it treats whoever is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// It answers.
    Polite,
    /// It takes what it is told and says nothing any more.
    Mute,
    /// It does not even read; what it is to say, it says.
    Deaf,
}

/// An artifact that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Which.
    pub artifact: String,
    /// `Range`.
    pub range: Option<String>,
    /// `If-Range`.
    pub if_range: Option<String>,
}

impl ScriptedControl {
    /// On a port of its own, with a heartbeat of 200 ms.
    pub async fn start() -> Self {
        let book = Book {
            wanted: None,
            serial: 0,
            artifacts: HashMap::new(),
            roots: Vec::new(),
            heartbeat_ms: 200,
            delivery: Delivery::Whole,
            holding: 0,
            ahead: 0,
            manners: Manners::Polite,
            key: API_KEY.to_owned(),
            heard: Vec::new(),
            downloads: Vec::new(),
            connected: 0,
            peers: Vec::new(),
            tasks: Vec::new(),
        };
        let desk = Arc::new(Desk { book: Mutex::new(book) });
        let mut control = Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), desk, server: None };
        control.comes_back().await;
        control
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends at once, with every connection.
    pub fn dies(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
        let mut book = self.desk.book();
        book.peers.clear();
        book.tasks.drain(..).for_each(|task| task.abort());
    }

    /// Is there again, where it was.
    pub async fn comes_back(&mut self) {
        let mut listener = TcpListener::bind(self.address).await;
        wait::until("the port is free", async || {
            if listener.is_err() {
                listener = TcpListener::bind(self.address).await;
            }
            listener.is_ok()
        })
        .await;
        let listener = listener.expect("it was bound");
        self.address = listener.local_addr().expect("it is bound");
        let desk = self.desk.clone();
        self.server = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                desk.keep(tokio::spawn(answer(stream, desk.clone())).abort_handle());
            }
        }));
    }

    /// Has a pointer to this artifact made, and everybody told.
    pub fn deploys(&self, artifact: &[u8]) -> SignedPointer {
        let pointer = self.points_to(artifact);
        self.wants(&pointer);
        self.announces(&pointer);
        pointer
    }

    /// The next pointer, to this artifact, which is then to be had. Nobody is told.
    pub fn points_to(&self, artifact: &[u8]) -> SignedPointer {
        let mut book = self.desk.book();
        book.serial += 1;
        book.artifacts.insert(digest(artifact), artifact.to_vec());
        let (serial, ahead) = (book.serial, book.ahead);
        drop(book);
        let pointer = pointer(serial, artifact);
        let (issued_at, expires_at) =
            (pointer.issued_at.saturating_add_signed(ahead), pointer.expires_at.saturating_add_signed(ahead));
        signed(Pointer { issued_at, expires_at, ..pointer })
    }

    /// From now on this is wanted of whoever asks.
    pub fn wants(&self, pointer: &SignedPointer) {
        self.desk.book().wanted = Some(pointer.clone());
    }

    /// From now on nothing is wanted of whoever asks.
    pub fn wants_nothing(&self) {
        self.desk.book().wanted = None;
    }

    /// Tells everybody, as a hint.
    pub fn announces(&self, pointer: &SignedPointer) {
        let root_version = self.desk.book().root_version();
        let available = ArtifactAvailable { pointer: pointer.clone().into(), root_version, fetch_within_ms: 0 };
        self.says(&FromControlPlane::ArtifactAvailable(available));
    }

    /// Says this to everybody.
    pub fn says(&self, message: &FromControlPlane) {
        let frame = write(message).expect("a message");
        self.desk.book().peers.retain(|peer| peer.send(frame.clone()).is_ok());
    }

    /// Says that it ends.
    pub fn drains(&self, within_ms: u64) {
        self.says(&FromControlPlane::Drain(Drain { within_ms }));
    }

    /// Dismisses everybody.
    pub fn dismisses(&self, reason: Reason) {
        self.says(&FromControlPlane::Goodbye(Goodbye { reason, detail: "the test says so".to_owned() }));
    }

    /// Publishes a trust root.
    pub fn publishes(&self, root: SignedRoot) {
        self.desk.book().roots.push(root);
    }

    /// Knows of no trust root any more.
    pub fn forgets_roots(&self) {
        self.desk.book().roots.clear();
    }

    /// Hands artifacts out like this from now on.
    pub fn delivers(&self, delivery: Delivery) {
        self.desk.book().delivery = delivery;
    }

    /// Whether the first bytes of an artifact were handed out, and the rest is held back.
    pub fn is_holding(&self) -> bool {
        self.desk.book().holding > 0
    }

    /// Its clock is so many seconds ahead of this machine's from now on: in welcomes, and in the pointers that it makes.
    pub fn clock_ahead(&self, seconds: i64) {
        self.desk.book().ahead = seconds;
    }

    /// Treats whoever is connected like this from now on.
    pub fn is(&self, manners: Manners) {
        self.desk.book().manners = manners;
    }

    /// Lets in whoever has this key from now on.
    pub fn lets_in(&self, key: &str) {
        key.clone_into(&mut self.desk.book().key);
    }

    /// Asks for heartbeats this often from now on.
    pub fn beats_every(&self, heartbeat_ms: u64) {
        self.desk.book().heartbeat_ms = heartbeat_ms;
    }

    /// How many times somebody was welcomed.
    pub fn connected(&self) -> u64 {
        self.desk.book().connected
    }

    /// What was asked for.
    pub fn downloads(&self) -> Vec<Download> {
        self.desk.book().downloads.clone()
    }

    /// Everything that was said to it.
    pub fn heard(&self) -> Vec<FromDataPlane> {
        self.desk.book().heard.clone()
    }

    /// The introductions that it heard.
    pub fn hellos(&self) -> Vec<Hello> {
        let hello = |message| match message {
            FromDataPlane::Hello(hello) => Some(hello),
            FromDataPlane::Heartbeat(_) | FromDataPlane::Status(_) => None,
        };
        self.heard().into_iter().filter_map(hello).collect()
    }

    /// The states that it was told, in order.
    pub fn states(&self) -> Vec<State> {
        let state = |message| match message {
            FromDataPlane::Hello(hello) => hello.state,
            FromDataPlane::Heartbeat(heartbeat) => heartbeat.state,
            FromDataPlane::Status(status) => status.state,
        };
        self.heard().into_iter().map(state).collect()
    }

    /// The state that it was told last.
    pub fn state(&self) -> Option<State> {
        self.desk.book().heard.last().map(|message| match message {
            FromDataPlane::Hello(hello) => hello.state.clone(),
            FromDataPlane::Heartbeat(heartbeat) => heartbeat.state.clone(),
            FromDataPlane::Status(status) => status.state.clone(),
        })
    }

    /// The alarms of the last heartbeat.
    pub fn alarms(&self) -> Vec<String> {
        let alarms = self.heard().into_iter().rev().find_map(|message| match message {
            FromDataPlane::Heartbeat(heartbeat) => Some(heartbeat.alarms),
            FromDataPlane::Hello(_) | FromDataPlane::Status(_) => None,
        });
        alarms.unwrap_or_default().into_iter().map(|alarm| alarm.code).collect()
    }

    /// Waits until it is told that this is served.
    pub async fn sees_active(&self, artifact: &[u8]) {
        let digest = digest(artifact).to_string();
        let active = Phase::Active { digest: digest.clone() };
        wait::until(&format!("{digest} is active"), async || self.state().is_some_and(|state| state.phase == active))
            .await;
    }

    /// Waits until it is told that something was rejected with this code.
    pub async fn sees_rejected(&self, expected: &str) {
        let is_it = |state: State| matches!(&state.phase, Phase::Rejected { code, .. } if code == expected);
        wait::until(&format!("something is rejected with {expected}"), async || self.state().is_some_and(is_it)).await;
    }
}

impl Drop for ScriptedControl {
    fn drop(&mut self) {
        self.dies();
    }
}

/// A pointer of the project, in good order.
pub fn pointer(serial: u64, artifact: &[u8]) -> Pointer {
    let now = now();
    Pointer {
        project: PROJECT.to_owned(),
        group: String::new(),
        serial: NonZeroU64::new(serial).expect("from 1"),
        previous: None,
        artifact: digest(artifact),
        length: NonZeroU64::new(artifact.len() as u64).expect("some bytes"),
        issued_at: now - 60,
        expires_at: now + 14 * 24 * 3600,
    }
}

/// A pointer, signed with the key of tests.
pub fn signed(pointer: Pointer) -> SignedPointer {
    SignedPointer::new(pointer).expect("a pointer").sign(&test_key())
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

async fn answer(stream: TcpStream, desk: Arc<Desk>) {
    serve::connection(stream, desk).await;
}

impl Desk {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics over it")
    }

    /// Ends it when the control plane dies.
    pub(crate) fn keep(&self, task: AbortHandle) {
        let mut book = self.book();
        book.tasks.retain(|task| !task.is_finished());
        book.tasks.push(task);
    }
}

impl Book {
    pub(crate) fn wanted(&self) -> Wanted {
        let (heartbeat_ms, pointer) = (self.heartbeat_ms, self.wanted.clone().map(Into::into));
        Wanted { heartbeat_ms, pointer, root_version: self.root_version(), fetch_within_ms: 0 }
    }

    fn root_version(&self) -> Option<NonZeroU64> {
        self.roots.iter().map(SignedRoot::version).max()
    }
}
