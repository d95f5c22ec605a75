//! Where artifacts are kept: `file:///folder` or `s3://bucket/prefix`.

use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, RetryConfig};
use thiserror::Error;

use super::Objects;
use super::outgoing::Traced;

/// How often what failed is tried again, and for how long altogether.
const RETRIES: usize = 4;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one answer may take; artifacts are small.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// A place for artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder, made if it is not there.
    Folder(PathBuf),
    /// A bucket of S3.
    Bucket {
        /// Its name.
        bucket: String,
        /// What stands before every object's name; may be empty.
        prefix: String,
        /// Where the server is, if it is not Amazon's: `https://minio.example:9000`.
        endpoint: Option<String>,
    },
}

/// Why a place is none.
#[derive(Debug, Error)]
pub enum LocationError {
    /// Not a URL of either kind.
    #[error("{0}: not a store of artifacts: give file:///FOLDER or s3://BUCKET/PREFIX")]
    Url(String),
    /// An endpoint for a folder.
    #[error("an endpoint is for s3://BUCKET/PREFIX; a folder has none")]
    EndpointOfFolder,
    /// The folder cannot be made.
    #[error("{}: cannot make the folder of artifacts: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What the environment says does not reach it.
    #[error("cannot set up the store of artifacts: {0}")]
    SetUp(#[from] object_store::Error),
}

impl Location {
    /// Reads a URL. `endpoint` is where an S3 server is that is not Amazon's.
    pub fn parse(url: &str, endpoint: Option<&str>) -> Result<Self, LocationError> {
        if let Some(path) = url.strip_prefix("file://").map(Path::new).filter(|path| path.is_absolute()) {
            return match endpoint {
                None => Ok(Self::Folder(path.to_owned())),
                Some(_) => Err(LocationError::EndpointOfFolder),
            };
        }
        let rest = url.strip_prefix("s3://").ok_or_else(|| LocationError::Url(url.to_owned()))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['@', '?', '#']) {
            // It may hold a password.
            return Err(LocationError::Url("s3://...".to_owned()));
        }
        let prefix = prefix.trim_matches('/').to_owned();
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix, endpoint: endpoint.map(str::to_owned) })
    }

    /// Opens it. `aws` holds the `AWS_*` variables in small letters, as S3's own tools read them.
    pub fn open(&self, aws: &[(String, String)]) -> Result<Objects, LocationError> {
        let (bucket, prefix, endpoint) = match self {
            Self::Folder(path) => {
                let place = self.to_string();
                return Ok(Objects { store: Arc::new(folder(path)?), place, folder: Some(path.clone()) });
            }
            Self::Bucket { bucket, prefix, endpoint } => (bucket, prefix, endpoint),
        };
        let options = ClientOptions::new().with_timeout(ANSWER_TIMEOUT);
        let mut builder = AmazonS3Builder::new().with_client_options(options).with_http_connector(Traced);
        for (name, value) in aws {
            // What it does not know is for other tools.
            if let Ok(key) = name.parse() {
                builder = builder.with_config(key, value);
            }
        }
        if let Some(endpoint) = endpoint {
            // Named by the operator, so it may be in the clear.
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
        let bucket = builder.with_bucket_name(bucket).with_retry(retry).build()?;
        let store = Arc::new(PrefixStore::new(bucket, prefix.as_str()));
        Ok(Objects { store, place: self.to_string(), folder: None })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "file://{}", path.display()),
            Self::Bucket { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// A folder that only this user looks into, whose files survive a crash.
fn folder(path: &Path) -> Result<LocalFileSystem, LocationError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| LocationError::Folder { path: path.to_owned(), source })?;
    Ok(LocalFileSystem::new_with_prefix(path)?.with_fsync(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        let parse = |url| Location::parse(url, None).map_err(|error| error.to_string());
        let bucket = |prefix: &str| Location::Bucket { bucket: "b".into(), prefix: prefix.into(), endpoint: None };
        assert_eq!(parse("file:///var/artifacts"), Ok(Location::Folder("/var/artifacts".into())));
        assert_eq!(parse("s3://b"), Ok(bucket("")));
        assert_eq!(parse("s3://b/a/c/"), Ok(bucket("a/c")));
        for wrong in ["file://relative", "/var/artifacts", "s3://", "s3:///a", "gs://b", "s3://id:secret@b/a"] {
            let error = parse(wrong).unwrap_err();
            assert!(error.contains("s3://BUCKET/PREFIX") && !error.contains("secret"), "{wrong}: {error}");
        }
        assert!(Location::parse("file:///a", Some("http://localhost")).is_err());
    }
}
