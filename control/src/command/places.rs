//! Where a control plane keeps what it keeps: the same settings as those of `serve`, for commands that need no server.

use std::path::{Path, PathBuf};

use super::{Context, Error};
use crate::app;
use crate::key::{KeySource, MasterKey};
use crate::store::objects::{Location, Objects};
use crate::store::sql::Database;

/// Where everything is.
#[derive(Debug, clap::Args)]
pub(super) struct Places {
    /// The folder for everything that has no place of its own. Without it, `portcullis` in the user's data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATA_DIR", value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// `sqlite://FILE` or `postgres://USER@HOST/NAME`. Without it, SQLite in the data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// Where the key is that private keys are sealed under: `env://NAME` or `file:///path`, 32 bytes in base64. Without it,
    /// `master.key` in the data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_MASTER_KEY", value_name = "REFERENCE")]
    master_key: Option<KeySource>,
    /// Where the bytes of artifacts are kept: `file:///FOLDER`, or `s3://BUCKET/PREFIX` with the usual `AWS_*` variables.
    /// Without it, a folder in the data folder.
    #[arg(long, env = "PORTCULLIS_CONTROL_ARTIFACT_STORE", value_name = "URL")]
    artifact_store: Option<String>,
    /// Where the S3 server is, if it is not Amazon's: `https://HOST:PORT`.
    #[arg(long, env = "PORTCULLIS_CONTROL_ARTIFACT_STORE_ENDPOINT", value_name = "URL", requires = "artifact_store")]
    artifact_store_endpoint: Option<String>,
}

impl Places {
    /// The database, which is there and stays as it is.
    pub(super) async fn existing_database(&self, context: &Context) -> Result<Database, Error> {
        Ok(app::open_existing_database(&self.folder(context)?, self.database_url.as_deref()).await?)
    }

    /// The database, which is made if it is not there.
    pub(super) async fn database(&self, context: &Context) -> Result<Database, Error> {
        Ok(app::open_database(&self.folder(context)?, self.database_url.as_deref()).await?)
    }

    /// The bytes of artifacts.
    pub(super) fn artifacts(&self, context: &Context) -> Result<Objects, Error> {
        let parse = |url: &String| Location::parse(url, self.artifact_store_endpoint.as_deref());
        let location = self.artifact_store.as_ref().map(parse).transpose().map_err(app::Error::from)?;
        Ok(app::open_artifacts(&self.folder(context)?, location, &context.config)?)
    }

    /// The master key, which is made if it is the data folder's and is not there.
    pub(super) fn master_key(&self, context: &Context) -> Result<MasterKey, Error> {
        Ok(app::master_key_of(&self.folder(context)?, self.master_key.as_ref(), &context.config)?)
    }

    /// The master key, which is there.
    pub(super) fn existing_master_key(&self, context: &Context) -> Result<MasterKey, Error> {
        Ok(app::existing_master_key_of(&self.folder(context)?, self.master_key.as_ref(), &context.config)?)
    }

    fn folder(&self, context: &Context) -> Result<PathBuf, Error> {
        let given = self.data_dir.as_deref().or(context.config.data_folder.as_deref());
        given.map(Path::to_owned).ok_or(Error::NoDataFolder)
    }
}
