//! `serve`: the control plane's server.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Error, Outcome};
use crate::app::{KeySettings, Server, Settings};
use crate::custody::{Allowed, References};
use crate::key::KeySource;

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
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(crate::app::Error::Serve)?;
    runtime.block_on(serve(&settings, context))?;
    Ok(Outcome::Done)
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
