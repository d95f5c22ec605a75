//! HTTP to the control plane, and to the place to start from.
//!
//! One library makes every connection, the socket's too, so that proxies (`HTTPS_PROXY`, `NO_PROXY`), private authorities
//! and client certificates hold for all of them.

mod answer;
mod bootstrap;
mod download;
mod http;
mod socket;

use std::path::{Path, PathBuf};
use std::time::Duration;

use artifact_format::root::{self, SignedRoot};
use fleet::agent::Failure;
use fleet::message::Alarm;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Url};
use thiserror::Error;

use self::http::Http;
use crate::config::{ApiKeyError, ControlPlane, Credential};
pub(super) use download::judge;
pub(super) use socket::Link;

/// How long a server may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Why a control plane cannot be asked.
#[derive(Debug, Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a certificate, or not a key.
    #[error("{} is not what is expected ({source}): certificates and keys are in PEM", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// Why.
        source: reqwest::Error,
    },
    /// No authority in the file.
    #[error("{} holds no certificate: the authorities of --control-plane-ca are in PEM", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// No key in the file.
    #[error("{}: {source}", file.display())]
    ApiKey {
        /// The file.
        file: PathBuf,
        /// Why.
        source: ApiKeyError,
    },
    /// The library cannot be set up.
    #[error("no client for HTTP can be made: {}", answer::explain(.0))]
    Client(#[from] reqwest::Error),
}

/// A control plane that can be asked, and perhaps a place to start from.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: Http,
    url: Url,
    project: String,
    credential: Credential,
    bootstrap: Option<Url>,
}

impl Client {
    /// Of a gateway that needs the control plane: files that are of no use are an error, rather now than once a minute.
    pub(super) fn new(control_plane: &ControlPlane) -> Result<Self, Error> {
        let client = Self::over(Http::new(&control_plane.tls)?, control_plane);
        client.authorization()?;
        Ok(client)
    }

    /// Of a gateway that can do without: files that are of no use are read again whenever they are needed, and are
    /// alarms until they are good.
    pub(super) fn lenient(control_plane: &ControlPlane) -> Result<Self, Error> {
        let http = Http::new(&control_plane.tls).or_else(|_| Http::waiting(&control_plane.tls))?;
        Ok(Self::over(http, control_plane))
    }

    fn over(http: Http, control_plane: &ControlPlane) -> Self {
        let client = Self {
            http,
            url: control_plane.url.clone(),
            project: control_plane.project.to_string(),
            credential: control_plane.credential.clone(),
            bootstrap: control_plane.bootstrap.clone(),
        };
        if let ("http", Some(host)) = (client.url.scheme(), client.url.host_str())
            && !is_loopback(host)
        {
            tracing::warn!(
                control_plane = %client.url,
                "the key goes to the control plane unprotected: artifacts are signed, the key is not; use https"
            );
        }
        client
    }

    /// Reads the certificates anew, the system's authorities too. Connections that are open keep theirs.
    pub(super) fn renew(&self) {
        self.http.renew();
    }

    /// That the certificates are of no use, where they are not. Those before stay in use, if there were any.
    pub(super) fn alarm(&self) -> Option<Alarm> {
        let why = self.http.unusable()?;
        let detail = format!("the certificates for the control plane cannot be used: {why}");
        Some(Alarm { code: "certificates_unusable".to_owned(), detail })
    }

    /// A GET with the key.
    fn get(&self, path: &str) -> Result<RequestBuilder, Failure> {
        let authorization = self.authorization().map_err(|error| Failure::unavailable("api_key", error.to_string()))?;
        Ok(self.http.client().get(self.at(path)).header(AUTHORIZATION, authorization))
    }

    fn at(&self, path: &str) -> Url {
        join(&self.url, path)
    }

    fn authorization(&self) -> Result<HeaderValue, Error> {
        let key = match &self.credential {
            Credential::Key(key) => key.clone(),
            Credential::File(file) => {
                let text = read(file)?;
                let text = String::from_utf8_lossy(&text);
                text.parse().map_err(|source| Error::ApiKey { file: file.clone(), source })?
            }
        };
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()));
        if let Ok(value) = &mut value {
            value.set_sensitive(true);
        }
        // A key is visible characters, which header values are made of.
        Ok(value.unwrap_or(HeaderValue::from_static("Bearer")))
    }

    /// A version of the project's trust root.
    pub(super) async fn root(&self, version: u64) -> Result<Box<SignedRoot>, Failure> {
        let path = format!("api/v1/projects/{}/trust-roots/{version}", self.project);
        let response = answer::good(self.get(&path)?).await?;
        let text = answer::bounded(response, root::FILE_MAX_BYTES).await?;
        let root = serde_json::from_slice(&text);
        root.map(Box::new).map_err(|error| Failure::damaged("root_damaged", error.to_string()))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(file).map_err(|source| Error::Read { file: file.to_path_buf(), source })
}

/// A URL that ends in a slash, and what follows upon it.
fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path()));
    url
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
