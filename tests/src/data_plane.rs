//! A data plane that is true to the protocol and serves nothing: what the control plane's side of it is tested with.
//!
//! [`DataPlane`] is one conversation, led by the test; [`Follower`] is one that goes on by itself, as a gateway would: it
//! sends heartbeats, takes what it is to serve, and connects again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use artifact_format::pointer::SignedPointer;
use fleet::message::{
    Alarm, Formats, FromControlPlane, FromDataPlane, Goodbye, Health, Heard, Heartbeat, Hello, Offered, Phase, State,
    Status, Wanted, Welcome, read, write,
};
use fleet::{MESSAGE_MAX_BYTES, SUBPROTOCOL};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use uuid::Uuid;

use crate::wait;

/// A data plane that is to connect.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Which project it serves.
    pub project: String,
    /// Its API key.
    pub key: String,
    /// Who it says that it is.
    pub hello: Hello,
}

/// A conversation.
#[derive(Debug)]
pub struct DataPlane {
    socket: WebSocketStream<TcpStream>,
    /// What it was told first.
    pub welcome: Welcome,
    /// What it says that it has and does.
    pub state: State,
}

/// Why there is no conversation.
#[derive(Debug)]
pub enum Refusal {
    /// HTTP said so, before the upgrade.
    Http {
        /// The status.
        status: u16,
        /// The header fields.
        headers: HeaderMap,
        /// The problem's code.
        code: String,
    },
    /// The control plane said goodbye instead of welcome.
    Goodbye(Goodbye),
    /// The connection failed.
    Broken(Error),
}

impl Identity {
    /// A process of its own, that serves nothing yet.
    pub fn new(name: &str, (project, key): (&str, &str)) -> Self {
        let hello = Hello {
            node_id: Uuid::now_v7(),
            instance_id: Uuid::now_v7(),
            name: name.to_owned(),
            labels: BTreeMap::new(),
            gateway_host: None,
            formats: Formats { oldest: 1, newest: 1 },
            version: "0.1.0".to_owned(),
            state: State { running_digest: None, pointer_serial: None, root_version: None, phase: Phase::Waiting },
        };
        Self { project: project.to_owned(), key: key.to_owned(), hello }
    }

    /// Says this of itself, too.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.hello.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The request that asks for the upgrade.
    pub fn request(&self, address: SocketAddr) -> Request<()> {
        Request::builder()
            .uri(format!("ws://{address}{}?project={}", fleet::PATH, self.project))
            .header("host", address.to_string())
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", generate_key())
            .header("sec-websocket-protocol", SUBPROTOCOL)
            .header("authorization", format!("Bearer {}", self.key))
            .body(())
            .expect("a request")
    }

    /// Opens a socket, and says nothing yet.
    pub async fn open(&self, address: SocketAddr) -> Result<WebSocketStream<TcpStream>, Refusal> {
        open(address, self.request(address)).await
    }

    /// Connects, says who it is, and is welcomed.
    pub async fn connect(&self, address: SocketAddr) -> Result<DataPlane, Refusal> {
        self.register(self.open(address).await?).await
    }

    /// Says who it is over a socket that is open, and is welcomed.
    pub async fn register(&self, mut socket: WebSocketStream<TcpStream>) -> Result<DataPlane, Refusal> {
        let hello = write(&FromDataPlane::Hello(self.hello.clone())).expect("a short message");
        socket.send(Message::text(hello)).await.map_err(Refusal::Broken)?;
        let first = wait::patiently("the answer to hello", next(&mut socket)).await;
        match first.map_err(Refusal::Broken)? {
            Some(FromControlPlane::Welcome(welcome)) => {
                Ok(DataPlane { socket, welcome, state: self.hello.state.clone() })
            }
            Some(FromControlPlane::Goodbye(goodbye)) => Err(Refusal::Goodbye(goodbye)),
            other => panic!("instead of welcome: {other:?}"),
        }
    }

    /// The same, where anything else is a fault.
    pub async fn joins(&self, address: SocketAddr) -> DataPlane {
        self.connect(address).await.expect("it is let in")
    }

    /// Goes on by itself, at whichever of these control planes lets it in.
    pub fn follow(self, addresses: &[SocketAddr]) -> Follower {
        self.follow_after(addresses, AGAIN)
    }

    /// The same; after a connection that it had, it comes back only after so long.
    pub fn follow_after(self, addresses: &[SocketAddr], pause: Duration) -> Follower {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(go_on(self, (addresses.to_vec(), pause), Arc::clone(&seen)));
        Follower { seen, task }
    }
}

/// Opens a socket with this request.
pub async fn open(address: SocketAddr, request: Request<()>) -> Result<WebSocketStream<TcpStream>, Refusal> {
    let stream = TcpStream::connect(address).await.map_err(|error| Refusal::Broken(Error::Io(error)))?;
    stream.set_nodelay(true).map_err(|error| Refusal::Broken(Error::Io(error)))?;
    upgrade(stream, request).await
}

/// The same, over a connection that is there.
pub async fn upgrade(stream: TcpStream, request: Request<()>) -> Result<WebSocketStream<TcpStream>, Refusal> {
    let config = WebSocketConfig::default()
        .read_buffer_size(2 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MESSAGE_MAX_BYTES)
        .max_message_size(Some(MESSAGE_MAX_BYTES));
    match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], SUBPROTOCOL);
            Ok(socket)
        }
        Err(Error::Http(response)) => {
            let (head, body) = response.into_parts();
            let problem: serde_json::Value =
                serde_json::from_slice(&body.unwrap_or_default()).unwrap_or(serde_json::Value::Null);
            let code = problem["code"].as_str().unwrap_or_default().to_owned();
            Err(Refusal::Http { status: head.status.as_u16(), headers: head.headers, code })
        }
        Err(error) => Err(Refusal::Broken(error)),
    }
}

/// The next message; none after the last.
pub async fn next(socket: &mut WebSocketStream<TcpStream>) -> Result<Option<FromControlPlane>, Error> {
    while let Some(received) = socket.next().await {
        match received? {
            Message::Text(text) => match read(text.as_str()).expect("a message of the protocol") {
                Heard::Message(message) => return Ok(Some(message)),
                Heard::Unknown { kind } => panic!("nobody sends `{kind}`"),
            },
            Message::Close(_) => return Ok(None),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Frame(_) => panic!("messages are text"),
        }
    }
    Ok(None)
}

impl Refusal {
    /// The status and code, where HTTP refused.
    pub fn http(&self) -> (u16, &str) {
        match self {
            Self::Http { status, code, .. } => (*status, code),
            other => panic!("not by HTTP: {other:?}"),
        }
    }
}

impl DataPlane {
    /// Says something.
    pub async fn say(&mut self, message: &FromDataPlane) {
        self.try_say(message).await.expect("the connection lasts");
    }

    async fn try_say(&mut self, message: &FromDataPlane) -> Result<(), Error> {
        self.socket.send(Message::text(write(message).expect("a short message"))).await
    }

    /// What the control plane says next; none after its last word.
    pub async fn hear(&mut self) -> Option<FromControlPlane> {
        wait::patiently("the control plane says something", next(&mut self.socket)).await.ok().flatten()
    }

    /// Waits for a goodbye, whatever comes before it.
    pub async fn goodbye(&mut self) -> Goodbye {
        loop {
            match self.hear().await {
                Some(FromControlPlane::Goodbye(goodbye)) => return goodbye,
                Some(_) => {}
                None => panic!("it closed without a goodbye"),
            }
        }
    }

    /// Sends a heartbeat, and waits for what is wanted.
    pub async fn heartbeat(&mut self, health: Health) -> Wanted {
        self.heartbeat_with(health, Vec::new()).await
    }

    /// The same, with alarms.
    pub async fn heartbeat_with(&mut self, health: Health, alarms: Vec<Alarm>) -> Wanted {
        let state = self.state.clone();
        self.say(&FromDataPlane::Heartbeat(Heartbeat { state, health, alarms })).await;
        loop {
            match self.hear().await {
                Some(FromControlPlane::HeartbeatAck(ack)) => return ack.wanted,
                Some(FromControlPlane::ArtifactAvailable(_)) => {}
                other => panic!("instead of an answer: {other:?}"),
            }
        }
    }

    /// Says that its phase is another one.
    pub async fn is_in(&mut self, phase: Phase) {
        self.state.phase = phase;
        let state = self.state.clone();
        self.say(&FromDataPlane::Status(Status { state })).await;
    }

    /// Takes a pointer, and serves what it names.
    pub async fn takes(&mut self, offered: &Offered) {
        take(&mut self.state, offered.pointer().expect("a pointer that can be read"));
        let state = self.state.clone();
        self.say(&FromDataPlane::Status(Status { state })).await;
    }

    /// Its socket.
    pub fn socket(&mut self) -> &mut WebSocketStream<TcpStream> {
        &mut self.socket
    }
}

fn take(state: &mut State, pointer: &SignedPointer) {
    // It believes everything: that is not what is tested with it.
    let document = serde_json::to_value(pointer).expect("a document");
    let digest = document["artifact"].as_str().expect("a digest").to_owned();
    state.running_digest = Some(digest.clone());
    state.pointer_serial = Some(pointer.serial());
    state.phase = Phase::Active { digest };
}

/// A data plane that goes on by itself, until it is dropped.
#[derive(Debug)]
pub struct Follower {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What a follower went through.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// How often it was welcomed.
    pub welcomes: u32,
    /// At which address it is connected, while it is.
    pub connected_to: Option<SocketAddr>,
    /// The serial of the pointer that it took last.
    pub serial: Option<NonZeroU64>,
    /// How many heartbeats were answered.
    pub acks: u32,
    /// Goodbyes, and how they were explained.
    pub goodbyes: Vec<Goodbye>,
    /// How often it was asked to go elsewhere.
    pub drains: u32,
    /// How often HTTP refused it.
    pub refusals: u32,
}

impl Follower {
    /// What it went through so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long a follower waits before it connects again: shorter than a gateway would, so that tests are short.
const AGAIN: Duration = Duration::from_millis(50);

async fn go_on(mut identity: Identity, (addresses, pause): (Vec<SocketAddr>, Duration), seen: Arc<Mutex<Seen>>) {
    let mut turn = usize::from(identity.hello.instance_id.as_bytes()[15]);
    loop {
        let address = addresses[turn % addresses.len()];
        turn = turn.wrapping_add(1);
        match identity.connect(address).await {
            Ok(mut plane) => {
                welcomed(&seen, address);
                // However it ended, it connects again.
                let _ended = converse(&mut plane, &seen).await;
                identity.hello.state = plane.state;
                seen.lock().unwrap().connected_to = None;
                wait::pass(pause).await;
                continue;
            }
            Err(Refusal::Http { .. }) => seen.lock().unwrap().refusals += 1,
            Err(Refusal::Goodbye(goodbye)) => seen.lock().unwrap().goodbyes.push(goodbye),
            Err(Refusal::Broken(_)) => {}
        }
        wait::pass(AGAIN).await;
    }
}

fn welcomed(seen: &Mutex<Seen>, address: SocketAddr) {
    let mut seen = seen.lock().unwrap();
    seen.welcomes += 1;
    seen.connected_to = Some(address);
}

async fn converse(plane: &mut DataPlane, seen: &Mutex<Seen>) -> Result<(), Error> {
    let mut wanted = plane.welcome.wanted.clone();
    let mut beat = tokio::time::Instant::now();
    loop {
        let offered = wanted.pointer.take();
        let pointer = offered.as_ref().and_then(Offered::pointer);
        if let Some(pointer) = pointer.filter(|new| Some(new.serial()) > plane.state.pointer_serial) {
            take(&mut plane.state, pointer);
            seen.lock().unwrap().serial = Some(pointer.serial());
            plane.try_say(&FromDataPlane::Status(Status { state: plane.state.clone() })).await?;
        }
        let said = tokio::select! {
            said = next(&mut plane.socket) => said?,
            () = tokio::time::sleep_until(beat) => {
                let state = plane.state.clone();
                let heartbeat = Heartbeat { state, health: Health::default(), alarms: Vec::new() };
                plane.try_say(&FromDataPlane::Heartbeat(heartbeat)).await?;
                beat = tokio::time::Instant::now() + Duration::from_millis(wanted.heartbeat_ms);
                continue;
            }
        };
        match said {
            Some(FromControlPlane::HeartbeatAck(ack)) => {
                seen.lock().unwrap().acks += 1;
                wanted = ack.wanted;
                beat = beat.min(tokio::time::Instant::now() + Duration::from_millis(wanted.heartbeat_ms));
            }
            Some(FromControlPlane::ArtifactAvailable(available)) => wanted.pointer = Some(available.pointer),
            Some(FromControlPlane::Drain(_)) => {
                seen.lock().unwrap().drains += 1;
                return Ok(());
            }
            Some(FromControlPlane::Goodbye(goodbye)) => {
                seen.lock().unwrap().goodbyes.push(goodbye);
                return Ok(());
            }
            Some(FromControlPlane::Welcome(_)) => panic!("one is welcomed once"),
            None => return Ok(()),
        }
    }
}
