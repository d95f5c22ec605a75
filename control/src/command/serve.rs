//! `serve`: the control plane's server.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Error, Outcome};
use crate::app::{BuildSettings, KeySettings, Server, Settings};
use crate::build::worker::Worker;
use crate::custody::{Allowed, References};
use crate::key::KeySource;
use crate::store::objects::{Location, LocationError};

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, env = "PORTCULLIS_CONTROL_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// The folder for everything that has no place of its own. Without it, `portcullis` in the user's data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATA_DIR", value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// `sqlite://FILE` or `postgres://USER@HOST/NAME`. Without it, SQLite in the data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// A PostgreSQL server that follows the database, for reads that are heavy.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATABASE_READ_URL", hide_env_values = true, value_name = "URL")]
    database_read_url: Option<String>,
    /// Where the key is that private keys are sealed under: `env://NAME` or `file:///path`, 32 bytes in base64. Without it,
    /// `master.key` in the data folder, which is made the first time. Control planes with one database have one master
    /// key.
    #[arg(long, env = "PORTCULLIS_CONTROL_MASTER_KEY", value_name = "REFERENCE")]
    master_key: Option<KeySource>,
    /// Lets tokens of the whole installation refer to signing keys of this server: in variables whose names begin so
    /// (`env://PREFIX`), or in the files of a folder (`file:///FOLDER`). Repeatable, or several with commas between them.
    #[arg(long, env = "PORTCULLIS_CONTROL_ALLOW_KEY_REFERENCES", value_delimiter = ',', value_name = "PREFIX")]
    allow_key_references: Vec<Allowed>,
    /// Where the bytes of artifacts are kept: `file:///FOLDER`, or `s3://BUCKET/PREFIX` with the usual `AWS_*` variables.
    /// Without it, a folder in the data folder. Control planes with one database have one store of artifacts.
    #[arg(long, env = "PORTCULLIS_CONTROL_ARTIFACT_STORE", value_name = "URL")]
    artifact_store: Option<String>,
    /// Where the S3 server is, if it is not Amazon's: `https://HOST:PORT`.
    #[arg(long, env = "PORTCULLIS_CONTROL_ARTIFACT_STORE_ENDPOINT", value_name = "URL", requires = "artifact_store")]
    artifact_store_endpoint: Option<String>,
    /// How many builds are worked on at a time. Without it, as many as there are cores, and two at most.
    #[arg(long, env = "PORTCULLIS_CONTROL_BUILD_JOBS", value_name = "COUNT")]
    build_jobs: Option<NonZeroUsize>,
}

/// Runs `serve`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let data_folder =
        args.data_dir.clone().or_else(|| context.config.data_folder.clone()).ok_or(Error::NoDataFolder)?;
    let settings = Settings {
        listen: args.listen,
        data_folder,
        database_url: args.database_url.clone(),
        database_read_url: args.database_read_url.clone(),
        keys: KeySettings {
            master_key: args.master_key.clone(),
            references: References { allowed: args.allow_key_references.clone(), config: context.config.clone() },
        },
        builds: BuildSettings {
            artifacts: args.artifact_location().map_err(crate::app::Error::from)?,
            at_once: args.build_jobs.unwrap_or_else(Worker::usual_at_once),
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(crate::app::Error::Serve)?;
    runtime.block_on(serve(&settings, context))?;
    Ok(Outcome::Done)
}

impl Args {
    fn artifact_location(&self) -> Result<Option<Location>, LocationError> {
        let parse = |url: &String| Location::parse(url, self.artifact_store_endpoint.as_deref());
        self.artifact_store.as_ref().map(parse).transpose()
    }
}

async fn serve(settings: &Settings, context: &Context) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(crate::app::Error::Serve)?;
    let server = Server::start(settings).await?;
    if let Some(secret) = &server.bootstrap_token {
        // Shown once: it is kept as a hash.
        context.console.data(format!("bootstrap token: {secret}\n").as_bytes())?;
    }
    context.console.note(format_args!("listening on {}", server.address()?));
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    Ok(server.run(stop).await?)
}
