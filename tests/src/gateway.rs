//! The real `portcullis` binary: started, watched and ended.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use artifact_format::signature::PublicKey;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::{Api, Destination, test_key};
use crate::client::{Answer, Client};
use crate::logs::{Logs, field};
use crate::scripted_control::{API_KEY, PROJECT, ScriptedControl};
use crate::{compiled, config, process, wait};

/// A gateway that serves. Killed when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    logs: Logs,
    folder: TempDir,
    path: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
}

/// A gateway to be started.
#[derive(Debug)]
pub struct Setup {
    artifact: Option<Vec<u8>>,
    path: PathBuf,
    folder: TempDir,
    arguments: Vec<String>,
    trusted: Vec<PublicKey>,
    variables: Vec<(String, String)>,
    /// Whether a write beyond its file size limit fails, and does not end it.
    minds_limits: bool,
}

/// A gateway that ended by itself before it served.
#[derive(Debug)]
pub struct Refusal {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to standard error.
    pub said: String,
}

impl Gateway {
    /// Is to serve this API, signed with the key of tests, on ports of its own.
    pub fn serving(api: &Api) -> Setup {
        Self::serving_file(api.to_bytes())
    }

    /// Is to serve what this description says, as the real compiler reads it.
    pub fn compiled(description: &str, destination: impl Into<Destination>) -> Setup {
        Self::serving_file(compiled::signed(&compiled::text(description, destination)))
    }

    /// Is to serve this artifact file.
    pub fn serving_file(artifact: Vec<u8>) -> Setup {
        Setup { artifact: Some(artifact), ..Self::serving_nothing() }
    }

    /// Is to be connected to this control plane, and to remember in this folder.
    pub fn connected(control: &ScriptedControl, state: &Path) -> Setup {
        let setup = Self::serving_nothing().set("--control-plane", &control.url()).set("--project-id", PROJECT);
        setup.set("--api-key", API_KEY).set("--state-dir", &state.display().to_string())
    }

    /// Is to be started as a control plane says, with this secret in the file that the command names.
    ///
    /// # Panics
    /// Where that is no command to serve.
    pub fn as_told(command: &str, secret: &str) -> Setup {
        let arguments = command.strip_prefix("portcullis serve ").unwrap_or_else(|| panic!("{command}"));
        let setup = Self::serving_nothing().trusting(&[]);
        fs::write(setup.folder.path().join("data-plane.key"), secret).expect("a writable folder");
        arguments.split(' ').fold(setup, Setup::with)
    }

    /// Is to serve nothing that the command line names.
    pub fn serving_nothing() -> Setup {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("api.bca");
        let (arguments, variables) = (Vec::new(), Vec::new());
        let trusted = vec![test_key().public()];
        Setup { artifact: None, path, folder, arguments, trusted, variables, minds_limits: false }
    }

    /// The address of its first listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a listener.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let lines = self.logs.messages("listening");
        let line = lines.iter().find(|line| field(line, "listener") == Some(name));
        line.and_then(address_of).unwrap_or_else(|| panic!("no listener {name}:\n{}", self.logs.text()))
    }

    /// The address of its admin port.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The artifact file it watches.
    pub fn artifact(&self) -> &Path {
        &self.path
    }

    /// The folder of that file.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub fn rss_bytes(&self) -> u64 {
        process::rss_bytes(self.pid())
    }

    /// Its log so far, one entry a line.
    pub fn logs(&self) -> Vec<Value> {
        self.logs.entries()
    }

    /// The entries of its log with this message.
    pub fn messages(&self, message: &str) -> Vec<Value> {
        self.logs.messages(message)
    }

    /// Replaces its artifact file by an atomic rename, as editors and deployment tools do.
    pub fn replace(&self, file: &[u8]) {
        let temporary = self.folder().join("api.bca.new");
        fs::write(&temporary, file).expect("a writable folder");
        fs::rename(temporary, self.artifact()).expect("a writable folder");
    }

    /// GET, on a connection of its own.
    pub async fn get(&self, target: &str) -> Answer {
        Client::http1(self.address).await.get(target).await
    }

    /// GET on the admin port.
    pub async fn admin_get(&self, target: &str) -> Answer {
        Client::http1(self.admin).await.get(target).await
    }

    /// The value of one sample of `/metrics`, named with its labels as they stand there; 0 where it is absent.
    pub async fn metric(&self, sample: &str) -> f64 {
        let metrics = self.admin_get("/metrics").await;
        let text = String::from_utf8_lossy(&metrics.body).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// What `/readyz?verbose` says.
    pub async fn status(&self) -> Value {
        self.admin_get("/readyz?verbose").await.json()
    }

    /// The digest that `/readyz?verbose` says is running.
    pub async fn running(&self) -> String {
        digest(&self.status().await["running"])
    }

    /// The digest that `/readyz?verbose` says was rejected last, empty where none was.
    pub async fn rejected(&self) -> String {
        digest(&self.status().await["rejected"])
    }

    /// Lets none of its files grow beyond so many bytes from now on; none: as it was.
    pub fn files_at_most(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(self.process()), Resource::Fsize, limit).expect("the gateway runs");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).expect("the gateway runs");
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        ended(&mut self.child).await
    }

    fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        end(&mut self.child);
        if std::thread::panicking() {
            println!("--- the gateway's log\n{}", self.logs.text());
        }
    }
}

impl Setup {
    /// Adds an argument to `portcullis serve`.
    #[must_use]
    pub fn with(mut self, flag: &str) -> Self {
        self.arguments.push(flag.to_owned());
        self
    }

    /// Adds an option and its value.
    #[must_use]
    pub fn set(self, option: &str, value: &str) -> Self {
        self.with(option).with(value)
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sees an error where a file grows beyond [`Gateway::files_at_most`], and is not ended by a signal.
    #[must_use]
    pub fn minding_limits(mut self) -> Self {
        self.minds_limits = true;
        self
    }

    /// Trusts these keys, and not the one of tests.
    #[must_use]
    pub fn trusting(mut self, keys: &[PublicKey]) -> Self {
        self.trusted = keys.to_vec();
        self
    }

    /// Has the artifact under a path of links, as Kubernetes mounts a `ConfigMap`: `api.bca` leads to
    /// `..data/api.bca`, and `..data` to the folder `..0`.
    #[must_use]
    pub fn in_config_map(self) -> Self {
        let folder = self.folder.path();
        fs::create_dir(folder.join("..0")).expect("a writable folder");
        symlink("..0", folder.join("..data")).expect("links");
        symlink("..data/api.bca", folder.join("api.bca")).expect("links");
        self
    }

    /// Has the artifact in the folder `current`, which is a link to the folder `0`.
    #[must_use]
    pub fn in_linked_folder(mut self) -> Self {
        let folder = self.folder.path();
        fs::create_dir(folder.join("0")).expect("a writable folder");
        symlink("0", folder.join("current")).expect("links");
        self.path = folder.join("current/api.bca");
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it ends before, with what it said.
    pub async fn start(self) -> Gateway {
        let mut gateway = self.start_unready().await;
        wait::until("the gateway is ready", async || {
            let ended = gateway.child.try_wait().expect("it is a child");
            assert!(ended.is_none(), "the gateway ended with {ended:?}:\n{}", gateway.logs.text());
            match Client::try_http1(gateway.admin).await {
                Ok(mut client) => client.get("/readyz").await.status == 200,
                Err(_) => false,
            }
        })
        .await;
        gateway
    }

    /// Adds an artifact that the command line names.
    #[must_use]
    pub fn and_file(mut self, artifact: Vec<u8>) -> Self {
        self.artifact = Some(artifact);
        self
    }

    /// Starts it and waits until it listens, whether or not there is anything to serve.
    ///
    /// # Panics
    /// When it ends before, with what it said.
    pub async fn start_unready(self) -> Gateway {
        let path = self.path.clone();
        let (child, logs, folder) = self.spawn();
        let mut starting = Starting { child: Some(child), logs };
        wait::until("the gateway listens", async || {
            starting.assert_running();
            addresses(&starting.logs).is_some()
        })
        .await;
        let (address, admin) = addresses(&starting.logs).expect("it listens");
        let (child, logs) = starting.done();
        Gateway { child, logs, folder, path, address, admin }
    }

    /// Starts it and waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start_refused(self) -> Refusal {
        let (child, logs, _folder) = self.spawn();
        let mut starting = Starting { child: Some(child), logs };
        let status = ended(starting.child.as_mut().expect("it was started")).await;
        wait::until("the log ends", async || starting.logs.is_complete()).await;
        Refusal { status, said: starting.logs.text() }
    }

    fn spawn(self) -> (Child, Logs, TempDir) {
        let Self { artifact, path, folder, arguments, trusted, variables, minds_limits } = self;
        let mut command = if minds_limits {
            // Who is told of SIGXFSZ ends of it; who ignores it sees the error that a full disk would be.
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(config::gateway_binary());
            shell
        } else {
            Command::new(config::gateway_binary())
        };
        command.arg("serve");
        if let Some(artifact) = artifact {
            fs::write(&path, artifact).expect("a writable folder");
            command.arg("--artifact").arg(&path);
        }
        if !arguments.iter().any(|argument| argument == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.args(["--admin", "127.0.0.1:0", "--log-format", "json"]).args(arguments);
        trusted.iter().for_each(|key| {
            command.arg("--trusted-key").arg(key.to_base64());
        });
        // A developer's own keys are not trusted by accident, and no variable of theirs sets an option.
        command.env_clear().env("XDG_CONFIG_HOME", folder.path()).envs(variables).current_dir(folder.path());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let logs = Logs::read(child.stderr.take().expect("it is piped"));
        (child, logs, folder)
    }
}

/// A child that is killed where the test fails before it serves.
struct Starting {
    child: Option<Child>,
    logs: Logs,
}

impl Starting {
    fn assert_running(&mut self) {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("it is a child"));
        assert!(ended.is_none(), "the gateway ended with {ended:?}:\n{}", self.logs.text());
    }

    fn done(mut self) -> (Child, Logs) {
        (self.child.take().expect("it was started"), self.logs.clone())
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

async fn ended(child: &mut Child) -> ExitStatus {
    wait::until("the gateway ends", async || child.try_wait().expect("it is a child").is_some()).await;
    child.wait().expect("it ended")
}

/// The first listener's address and the admin port's, once both are logged.
fn addresses(logs: &Logs) -> Option<(SocketAddr, SocketAddr)> {
    let first = |message| logs.messages(message).first().and_then(address_of);
    Some((first("listening")?, first("admin listening")?))
}

fn address_of(entry: &Value) -> Option<SocketAddr> {
    field(entry, "address")?.parse().ok()
}

/// A digest in `/readyz?verbose`: alone, or in an object beside what else is said of the artifact.
fn digest(value: &Value) -> String {
    let text = value.as_str().or_else(|| ["sha256", "digest"].iter().find_map(|key| value.get(key)?.as_str()));
    text.unwrap_or_default().to_owned()
}
