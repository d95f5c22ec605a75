//! A server that serves, and requests to it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use bytes::Bytes;
use clap::{Args as _, Command, FromArgMatches as _};
use control::access::upkeep::{Keep, Retention};
use control::app::{AdminToken, App, BuildSettings, FleetSettings, KeySettings, Settings};
use control::config::Config;
use control::custody::References;
use control::hidden::Hidden;
use control::server::Options;
use control::store::sql::Database;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::client::{self, Answer, Client};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server of its own, on SQLite. It ends when it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    /// The first token: it may do everything, everywhere.
    pub(crate) token: String,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    folder: TempDir,
}

/// A request to be sent.
pub(crate) struct Ask<'a> {
    served: &'a Served,
    method: String,
    target: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Bytes>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::limited(0).await
    }

    /// Each credential may make so many requests a second.
    pub(crate) async fn limited(rate_limit: u32) -> Self {
        Self::set(|folder| settings(folder, rate_limit)).await
    }

    /// It keeps everything but artifacts in this database.
    pub(crate) async fn on(url: &str) -> Self {
        Self::set(|folder| Settings { database_url: Some(Hidden::new(url.to_owned())), ..settings(folder, 0) }).await
    }

    async fn set(settings: impl FnOnce(PathBuf) -> Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (address, secret, running) = serve(&settings(folder.path().to_owned())).await;
        Self { address, token: secret.unwrap(), running: Some(running), folder }
    }

    /// Ends it as SIGTERM does, and starts it again.
    pub(crate) async fn restart(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        drop(stop);
        task.await.unwrap();
        let (address, _, running) = serve(&settings(self.folder.path().to_owned(), 0)).await;
        (self.address, self.running) = (address, Some(running));
    }

    /// What it keeps everything in.
    pub(crate) async fn database(&self) -> Database {
        let file = self.folder.path().join("control.db");
        Database::open(&format!("sqlite://{}", file.display()), None).await.unwrap()
    }

    /// Where it keeps artifacts.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.folder.path().join("artifacts")
    }

    /// The files that it keeps things in, but for the master key.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file() && !path.ends_with("master.key")).collect()
    }

    /// A request with the first token.
    pub(crate) fn ask(&self, method: &str, target: &str) -> Ask<'_> {
        Ask {
            served: self,
            method: method.to_owned(),
            target: target.to_owned(),
            token: Some(self.token.clone()),
            headers: Vec::new(),
            body: None,
        }
    }

    /// What a GET with the first token answers.
    pub(crate) async fn get(&self, target: &str) -> Value {
        let answer = self.ask("GET", target).send().await;
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// What a POST with the first token answers that makes something.
    pub(crate) async fn make(&self, target: &str, body: &Value) -> Value {
        let answer = self.ask("POST", target).json(body).send().await;
        assert!((200..300).contains(&answer.status), "{target}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// A new team's id.
    pub(crate) async fn team(&self, name: &str) -> String {
        text(&self.make("/api/v1/teams", &json!({ "name": name })).await["id"])
    }

    /// A new project's id.
    pub(crate) async fn project(&self, team: &str, name: &str) -> String {
        text(&self.make("/api/v1/projects", &json!({ "team": team, "name": name })).await["id"])
    }

    /// The secret of a new token.
    pub(crate) async fn token(&self, new: &Value) -> String {
        text(&self.make("/api/v1/tokens", new).await["secret"])
    }
}

/// Everything in this folder.
pub(crate) fn settings(data_folder: PathBuf, rate_limit: u32) -> Settings {
    Settings {
        listener: listener(),
        data_folder,
        database_url: None,
        database_read_url: None,
        keys: KeySettings {
            master_key: None,
            references: References { allowed: Vec::new(), config: Config::from_environment() },
        },
        admin_token: AdminToken::First,
        rate_limit,
        keep: Keep { events: Retention::Forever, builds: Retention::Forever },
        bootstrap: None,
        fleet: FleetSettings::default(),
        builds: BuildSettings { artifacts: None, at_once: NonZeroUsize::MIN },
    }
}

async fn serve(settings: &Settings) -> (SocketAddr, Option<String>, (oneshot::Sender<()>, JoinHandle<()>)) {
    let server = App::start(settings).await.unwrap();
    let address = server.addresses()[0];
    let secret = server.bootstrap_token.as_ref().map(|secret| secret.reveal().to_owned());
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        server.run(async move { drop(stopped.await) }).await;
    });
    (address, secret, (stop, task))
}

/// A free port, and otherwise what the command line says that says nothing.
fn listener() -> Options {
    let command = Options::augment_args(Command::new("serve"));
    Options::from_arg_matches(&command.get_matches_from(["serve", "--listen", "127.0.0.1:0"])).unwrap()
}

impl Ask<'_> {
    /// With another credential.
    pub(crate) fn with(mut self, secret: &str) -> Self {
        self.token = Some(secret.to_owned());
        self
    }

    /// Without a credential.
    pub(crate) fn unknown(mut self) -> Self {
        self.token = None;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", media_type)
    }

    pub(crate) async fn send(self) -> Answer {
        let mut client = Client::http1(self.served.address).await;
        let body = self.body.map_or_else(client::empty, client::full);
        let mut request = client.request(&self.method, &self.target, body);
        let authorization = self.token.map(|token| ("authorization".to_owned(), format!("Bearer {token}")));
        for (name, value) in self.headers.into_iter().chain(authorization) {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        client.send(request).await
    }

    pub(crate) async fn status(self) -> u16 {
        self.send().await.status
    }
}

/// A JSON text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The status and code of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, text(&answer.json()["code"]))
}
