//! The real `portcullis-control serve`: started, asked and ended.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use http::{HeaderValue, Request};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{self, Answer, Body, Client};
use crate::logs::Logs;
use crate::{config, process, wait};

/// A control plane that serves. Killed when it is dropped.
#[derive(Debug)]
pub struct ControlPlane {
    setup: Setup,
    server: Child,
    logs: Logs,
    output: Logs,
    address: SocketAddr,
}

/// A control plane to be started.
#[derive(Debug, Clone)]
pub struct Setup {
    folder: Arc<TempDir>,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    token: Option<String>,
}

impl ControlPlane {
    /// Is to serve from an empty data folder, which without further options holds everything.
    pub fn empty() -> Setup {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        Setup { folder, arguments: Vec::new(), environment: Vec::new(), token: None }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        self.setup.folder.path()
    }

    /// The token that requests are made with: the one it printed, or was said to have.
    pub fn token(&self) -> &str {
        self.setup.token.as_deref().expect("it does not start without one")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Resident memory in bytes.
    pub fn rss_bytes(&self) -> u64 {
        process::rss_bytes(self.pid())
    }

    /// Its log so far, one entry a line.
    pub fn logs(&self) -> Vec<Value> {
        self.logs.entries()
    }

    /// GET with its token.
    pub async fn get(&self, target: &str) -> Answer {
        self.send("GET", target, None).await
    }

    /// POST of JSON with its token.
    pub async fn post(&self, target: &str, body: &Value) -> Answer {
        self.send("POST", target, Some(body)).await
    }

    /// PATCH of JSON with its token, of whatever state there is.
    pub async fn patch(&self, target: &str, body: &Value) -> Answer {
        let mut client = Client::http1(self.address).await;
        let mut request = client.request("PATCH", target, client::full(body.to_string()));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(IF_MATCH, HeaderValue::from_static("*"));
        self.authorize(&mut request);
        client.send(request).await
    }

    /// A request with its token, on a connection of its own, with a body of JSON if there is one.
    pub async fn send(&self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        let mut client = Client::http1(self.address).await;
        let content = body.map_or_else(client::empty, |json| client::full(json.to_string()));
        let mut request = client.request(method, target, content);
        if body.is_some() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.authorize(&mut request);
        client.send(request).await
    }

    /// POST of a body of this media type with its token.
    pub async fn upload(&self, target: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let mut client = Client::http1(self.address).await;
        let mut request = client.request("POST", target, client::full(body));
        request.headers_mut().insert(CONTENT_TYPE, content_type.parse().expect("a field value"));
        self.authorize(&mut request);
        client.send(request).await
    }

    /// Puts its token into a request.
    pub fn authorize(&self, request: &mut Request<Body>) {
        let bearer = format!("Bearer {}", self.token());
        request.headers_mut().insert(AUTHORIZATION, bearer.parse().expect("a field value"));
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.server), Signal::TERM).expect("it is a child");
        self.ended().await
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = async || self.server.try_wait().expect("it is a child").is_some();
        wait::until("the control plane ends", ended).await;
        self.server.wait().expect("it ended")
    }

    /// Kills it and starts it again with the same data and options; on another port, if it was not told which.
    ///
    /// # Panics
    /// When it ends before it serves, with what it said.
    pub async fn restart(&mut self) {
        self.kill();
        *self = self.setup.clone().start().await;
    }

    async fn is_serving(&mut self) {
        wait::until("the control plane listens", async || {
            let ended = self.server.try_wait().expect("it is a child");
            assert!(ended.is_none(), "it ended with {ended:?}:\n{}", self.logs.text());
            self.setup.token = self.setup.token.take().or_else(|| self.output.after("bootstrap token: "));
            let listening = self.logs.after("listening on ").and_then(|address| address.parse().ok());
            self.address = listening.unwrap_or(self.address);
            listening.is_some() && self.setup.token.is_some()
        })
        .await;
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("--- the control plane's log\n{}", self.logs.text());
        }
    }
}

impl Setup {
    /// The data folder that it is to have.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds an option of `portcullis-control serve` and its value.
    #[must_use]
    pub fn set(mut self, option: &str, value: &str) -> Self {
        self.arguments.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// The same, if the option was not given yet.
    #[must_use]
    pub fn set_unless(self, option: &str, value: &str) -> Self {
        if self.arguments.iter().any(|given| given == option) { self } else { self.set(option, value) }
    }

    /// Keeps what has no place of its own in the folder of another one.
    #[must_use]
    pub fn in_folder_of(self, other: &Self) -> Self {
        Self { folder: Arc::clone(&other.folder), ..self }
    }

    /// Adds variables to its environment, which is empty otherwise.
    #[must_use]
    pub fn with_environment(mut self, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Makes requests with this token. For one whose database others have used: it prints none.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it ends before, with what it said.
    pub async fn start(self) -> ControlPlane {
        let mut command = Command::new(config::control_binary());
        command.args(["serve", "--data-dir"]).arg(self.folder.path());
        if !self.arguments.iter().any(|argument| argument == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.args(&self.arguments).env_clear().env("XDG_CONFIG_HOME", self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = command.spawn().expect("it starts");
        let logs = Logs::read(server.stderr.take().expect("it is piped"));
        let output = Logs::read(server.stdout.take().expect("it is piped"));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut control_plane = ControlPlane { setup: self, server, logs, output, address };
        control_plane.is_serving().await;
        control_plane
    }
}
