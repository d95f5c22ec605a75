//! The server, put together: database, API, listener.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::access::upkeep::{Keep, Upkeep};
use crate::api::health::Vitals;
use crate::api::memory::Memory;
use crate::api::{Api, PublicUrl, Served, Turns, router};
use crate::bootstrap::Publisher;
use crate::build::attempt::Workshop;
use crate::build::runner::{Limits, Runner};
use crate::build::worker::Worker;
use crate::config::Config;
use crate::custody::{Keys, References};
use crate::domain;
use crate::domain::access::Role;
use crate::domain::act::Act;
use crate::domain::artifact::ArtifactBytes;
use crate::domain::bootstrap::Shelf;
use crate::domain::name::Name;
use crate::domain::secret::{self, Kind, Secret};
use crate::domain::store::{SigningKeys as _, Store};
use crate::domain::token::{Fingerprint, NewToken};
use crate::fleet::scribe::Scribe;
use crate::fleet::watcher::Watcher;
use crate::fleet::{Bounds, Hub, Times};
use crate::hidden::Hidden;
use crate::key::{self, KeySource, MasterKey, MasterKeyId};
use crate::rollouts::Driver;
use crate::server::{self, Phase, Server};
use crate::store::DatabaseStore;
use crate::store::objects::{Location, LocationError, Objects, OwnerError, sweep};
use crate::store::sql::{self, Database};
use crate::telemetry::Metrics;

/// How many files are taken apart or compared at a time.
const HEAVY: usize = 2;

/// How long the database may take for what is still to be said to it when the last request is answered.
const ENDING: Duration = Duration::from_secs(15);
/// How long data planes have to go elsewhere when this control plane ends, at most.
const FAREWELL_MAX: Duration = Duration::from_secs(10);

/// What the server is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen, as whom, and how to stop.
    pub listener: server::Options,
    /// Where everything is kept that has no place of its own.
    pub data_folder: PathBuf,
    /// The database's URL; absent: SQLite in the data folder.
    pub database_url: Option<Hidden<String>>,
    /// The URL of a PostgreSQL server that follows the database.
    pub database_read_url: Option<Hidden<String>>,
    /// How private keys are kept and found.
    pub keys: KeySettings,
    /// When a token of the whole installation is made.
    pub admin_token: AdminToken,
    /// How many requests a second each credential may make; 0: as many as it likes.
    pub rate_limit: u32,
    /// How long what ended is kept.
    pub keep: Keep,
    /// How data planes are let in and heard of.
    pub fleet: FleetSettings,
    /// Where the bytes of artifacts are kept, and how they come to be.
    pub builds: BuildSettings,
    /// Where data planes find what they start from while no control plane is there.
    pub bootstrap: Option<Location>,
}

/// How data planes are let in and heard of.
#[derive(Debug, Clone, Default)]
pub struct FleetSettings {
    /// Where they find this control plane.
    pub public_url: Option<PublicUrl>,
    /// How often things happen.
    pub times: Times,
    /// How many are let in.
    pub bounds: Bounds,
}

/// When a token of the whole installation is made at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminToken {
    /// Where there is none at all.
    First,
    /// Whatever there is: somebody has lost them all.
    Another,
}

/// How artifacts are made and kept.
#[derive(Debug, Clone)]
pub struct BuildSettings {
    /// Where the bytes of artifacts are kept; absent: in the data folder.
    pub artifacts: Option<Location>,
    /// How many builds are worked on at a time.
    pub at_once: NonZeroUsize,
}

/// How private keys are kept and found.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// Where the master key is; absent: in the data folder, where it is made the first time.
    pub master_key: Option<KeySource>,
    /// Which keys of the server projects may refer to.
    pub references: References,
}

/// Why the server does not run.
#[derive(Debug, Error)]
pub enum Error {
    /// The data folder cannot be made.
    #[error("{}: cannot make the data folder: {source}", path.display())]
    DataFolder {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database: {0}")]
    Database(#[from] sql::Error),
    /// The master key cannot be had.
    #[error("the master key: {0}")]
    MasterKey(#[from] key::Error),
    /// The database's private keys are sealed under another master key.
    #[error(
        "the private keys in this database are sealed under master key {sealed_by}, and the master key here is {given}: \
         give the other one with --master-key"
    )]
    OtherMasterKey {
        /// The one that opens them.
        sealed_by: MasterKeyId,
        /// The one that was given.
        given: MasterKeyId,
    },
    /// The store of artifacts cannot be used.
    #[error(transparent)]
    ArtifactStore(#[from] LocationError),
    /// The store of artifacts is another installation's.
    #[error(transparent)]
    ArtifactStoreOwner(#[from] OwnerError),
    /// What must be there at the start could not be made.
    #[error(transparent)]
    Domain(#[from] domain::error::Error),
    /// No secret could be made.
    #[error(transparent)]
    Secret(#[from] secret::Error),
    /// Nothing is listened to.
    #[error(transparent)]
    Listener(#[from] server::Error),
    /// There is no runtime, or there are no signals.
    #[error("the operating system refuses: {0}")]
    System(#[from] std::io::Error),
}

/// A control plane that is ready to serve.
#[derive(Debug)]
pub struct App {
    server: Server,
    store: Arc<dyn Store>,
    keys: Keys,
    database: Database,
    artifacts: Arc<dyn ArtifactBytes>,
    worker: Worker,
    metrics: Arc<Metrics>,
    access: Arc<Access>,
    keep: Keep,
    hub: Arc<Hub>,
    public_url: Option<PublicUrl>,
    /// How long data planes have to go elsewhere.
    farewell: Duration,
    bootstrap: Option<Arc<dyn Shelf>>,
    /// The first token's secret, where there was none: to be shown once.
    pub bootstrap_token: Option<Secret>,
}

impl App {
    /// Opens the database and the listener. Needs a runtime.
    pub async fn start(settings: &Settings) -> Result<Self, Error> {
        let database = open(settings).await?;
        let store = DatabaseStore::new(database.clone());
        let keys = keys(settings, &store).await?;
        let objects = objects(settings)?;
        // Before anything is swept.
        objects.claim(store.installation().await?).await?;
        let artifacts: Arc<dyn ArtifactBytes> = Arc::new(objects);
        let store: Arc<dyn Store> = Arc::new(store);
        let metrics = Arc::new(Metrics::default());
        let workshop = Workshop {
            store: Arc::clone(&store),
            artifacts: Arc::clone(&artifacts),
            signer: Arc::new(keys.clone()),
            runner: Runner::of_this_program(Limits::DEFAULT)?,
            metrics: Arc::clone(&metrics),
        };
        let worker = Worker::new(workshop, settings.builds.at_once);
        let server = Server::bind(&settings.listener).await?;
        if let Some(certificates) = server.certificates() {
            metrics.show_certificates(Arc::clone(certificates));
        }
        let access = Arc::new(Access::new(settings.rate_limit));
        let keep = settings.keep;
        let FleetSettings { public_url, times, bounds } = settings.fleet.clone();
        let hub = Hub::new(Arc::clone(&store), Arc::clone(&metrics), times, bounds);
        let farewell = FAREWELL_MAX.min(settings.listener.drain_timeout);
        let bootstrap_store =
            settings.bootstrap.as_ref().map(|place| place.open(&settings.keys.references.config.aws()));
        let bootstrap_store = bootstrap_store.transpose()?.map(|place| Arc::new(place) as Arc<dyn Shelf>);
        // Last: whatever fails after it would lose a secret that is shown once.
        let bootstrap_token = bootstrap(&*store, settings.admin_token).await?;
        Ok(Self {
            server,
            store,
            keys,
            database,
            artifacts,
            worker,
            metrics,
            access,
            keep,
            hub,
            public_url,
            farewell,
            bootstrap: bootstrap_store,
            bootstrap_token,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.server.addresses()
    }

    /// Serves until `stop` is ready, then drains.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let phase = watch::Sender::new(Phase::Serving);
        let (stopping, served) = (CancellationToken::new(), CancellationToken::new());
        let vitals = Vitals::new(Arc::clone(&self.store), Arc::clone(&self.artifacts), self.worker.pulse());
        let working = tokio::spawn(self.worker.run(stopping.clone()));
        let store = Arc::clone(&self.store);
        let hearing = tokio::spawn(async move { store.hear_of_changes().await });
        let (store, artifacts) = (Arc::clone(&self.store), Arc::clone(&self.artifacts));
        let sweeping = tokio::spawn(async move { sweep::run(&*store, &*artifacts).await });
        let driver = Driver::new(Arc::clone(&self.store), Arc::new(self.keys.clone()));
        let driver = driver.counting_in(self.metrics.fleet.pointers_overdue.clone());
        let driving = tokio::spawn(driver.run(stopping.clone()));
        let publishing = self.bootstrap.map(|shelf| {
            let publisher = Publisher { store: Arc::clone(&self.store), artifacts: Arc::clone(&self.artifacts), shelf };
            tokio::spawn(publisher.run(stopping.clone()))
        });
        let upkeep = Upkeep { store: Arc::clone(&self.store), access: Arc::clone(&self.access), keep: self.keep };
        let upkeep = tokio::spawn(upkeep.run(served.clone().cancelled_owned()));
        let watching = tokio::spawn(Watcher::new(Arc::clone(&self.hub)).run(served.clone()));
        let writing = tokio::spawn(Scribe::new(Arc::clone(&self.hub)).run(served.clone()));
        let hub = Arc::clone(&self.hub);
        let served_bytes = Served::new(Arc::clone(&self.artifacts), Arc::clone(&self.metrics));
        let api = Api {
            store: self.store,
            keys: self.keys,
            arrivals: Memory::for_arrivals(),
            memory: Memory::for_work(),
            access: self.access,
            artifacts: self.artifacts,
            served: served_bytes,
            hub: self.hub,
            public_url: self.public_url,
            heavy: Turns::of(HEAVY),
            metrics: self.metrics,
            vitals: Arc::new(vitals),
            phase: phase.subscribe(),
        };
        let stop = async {
            stop.await;
            // Builds are given back while requests are still answered.
            stopping.cancel();
        };
        let (mut leaving, patience) = (phase.subscribe(), self.farewell);
        let farewell = async {
            // The sender outlives this.
            let _never_dropped = leaving.wait_for(|phase| *phase > Phase::Serving).await.is_err();
            hub.drain(patience).await;
        };
        tokio::join!(self.server.serve(router::router(api), &phase, stop), farewell);
        sweeping.abort();
        // What it writes is written whole, or not at all.
        publishing.inspect(tokio::task::JoinHandle::abort);
        hearing.abort();
        // After the last request, so that what it noted is written, too.
        served.cancel();
        let ending = async {
            let _ = tokio::join!(working, driving, upkeep, sweeping, watching, writing);
            self.database.close().await;
        };
        if tokio::time::timeout(ENDING, ending).await.is_err() {
            tracing::warn!("stopping without a last word to the database, which does not answer");
        }
    }
}

/// The database that is named, or the data folder's, with what reads from a replica.
async fn open(settings: &Settings) -> Result<Database, Error> {
    let named = settings.database_url.as_ref().map(|url| url.reveal().as_str());
    let replica = settings.database_read_url.as_ref().map(|url| url.reveal().as_str());
    Ok(Database::open(&url_of(&settings.data_folder, named)?, replica).await?)
}

/// Where the bytes of artifacts are.
fn objects(settings: &Settings) -> Result<Objects, Error> {
    open_artifacts(&settings.data_folder, settings.builds.artifacts.clone(), &settings.keys.references.config)
}

/// The store of artifacts that is named, or the data folder's.
pub fn open_artifacts(folder: &Path, named: Option<Location>, config: &Config) -> Result<Objects, Error> {
    let location = named.unwrap_or_else(|| Location::Folder(folder.join("artifacts")));
    Ok(location.open(&config.aws())?)
}

/// The database that is named, or the data folder's.
pub async fn open_database(folder: &Path, named: Option<&str>) -> Result<Database, Error> {
    Ok(Database::open(&url_of(folder, named)?, None).await?)
}

/// The same, if it is there and its schema is this program's.
pub async fn open_existing_database(folder: &Path, named: Option<&str>) -> Result<Database, Error> {
    let url = named.map_or_else(|| sqlite_in(folder), str::to_owned);
    Ok(Database::open_existing(&url).await?)
}

fn url_of(folder: &Path, named: Option<&str>) -> Result<String, Error> {
    if let Some(url) = named {
        return Ok(url.to_owned());
    }
    make_folder(folder)?;
    Ok(sqlite_in(folder))
}

fn sqlite_in(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("control.db").display())
}

/// The private keys, under the master key that everything in the database is sealed under.
async fn keys(settings: &Settings, store: &DatabaseStore) -> Result<Keys, Error> {
    let KeySettings { master_key, references } = &settings.keys;
    let master = master_key_of(&settings.data_folder, master_key.as_ref(), &references.config)?;
    let (sealed_by, given) = (store.master_key(master.id()).await?, master.id());
    if sealed_by != given {
        return Err(Error::OtherMasterKey { sealed_by, given });
    }
    Ok(Keys::new(Arc::new(store.clone()), master, references.clone()))
}

/// The master key that is named, or the data folder's, where it is made the first time.
pub fn master_key_of(folder: &Path, named: Option<&KeySource>, config: &Config) -> Result<MasterKey, Error> {
    if let Some(source) = named {
        return Ok(MasterKey::resolve(source, config)?);
    }
    make_folder(folder)?;
    Ok(MasterKey::of_folder(folder, config)?)
}

/// The master key that is named, or the data folder's, which is there.
pub fn existing_master_key_of(folder: &Path, named: Option<&KeySource>, config: &Config) -> Result<MasterKey, Error> {
    Ok(match named {
        Some(source) => MasterKey::resolve(source, config)?,
        None => MasterKey::existing_in(folder, config)?,
    })
}

fn make_folder(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| Error::DataFolder { path: path.to_owned(), source })
}

/// The team `default`, and a first token if there is none.
async fn bootstrap(store: &dyn Store, tokens: AdminToken) -> Result<Option<Secret>, Error> {
    store.default_team().await?;
    let secret = Secret::generate(Kind::AccessToken)?;
    let name: Name = "bootstrap".parse().map_err(|_| domain::error::Error::Damaged(domain::error::Noun::Token))?;
    let new = NewToken { name, team: None, role: Role::Admin, scopes: None, expires_at: None };
    let fingerprint = Fingerprint::of(&secret);
    let made = match tokens {
        AdminToken::First => store.create_first_token(&Act::SYSTEM, new, fingerprint).await?,
        AdminToken::Another => Some(store.create_token(&Act::SYSTEM, new, fingerprint).await?),
    };
    Ok(made.map(|_| secret))
}
