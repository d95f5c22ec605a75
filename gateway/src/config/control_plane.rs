//! What the command line says of a control plane.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use reqwest::Url;
use thiserror::Error;
use uuid::Uuid;

use super::base_url::{self, Schemes, UrlError};
use super::called::{LABELS_MAX, Label, Name, NameError};
use super::secret::{ApiKey, ApiKeyError, Secret};

/// Options that connect a gateway to a control plane.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Control plane")]
pub struct ControlPlaneOptions {
    /// The control plane to connect to. The gateway serves with or without it.
    #[arg(
        long = "control-plane",
        env = "PORTCULLIS_CONTROL_PLANE",
        value_name = "URL",
        hide_env_values = true,
        requires = "project_id"
    )]
    url: Option<Secret>,
    /// Whose data plane this is.
    #[arg(long, env = "PORTCULLIS_PROJECT_ID", value_name = "UUID", requires = "url")]
    project_id: Option<Uuid>,
    /// The key to connect with. It is better kept in a file: others see command lines.
    #[arg(
        long,
        env = "PORTCULLIS_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        requires = "url",
        conflicts_with = "api_key_file"
    )]
    api_key: Option<Secret>,
    /// A file that holds the key. Read anew on SIGHUP and for every connection.
    #[arg(long, env = "PORTCULLIS_API_KEY_FILE", value_name = "FILE", requires = "url")]
    api_key_file: Option<PathBuf>,
    /// What to call this data plane [default: the host's name].
    #[arg(long, env = "PORTCULLIS_NAME", value_name = "NAME", requires = "url")]
    name: Option<Name>,
    /// A label, by which deployments select data planes. May be repeated.
    #[arg(
        long = "label",
        env = "PORTCULLIS_LABELS",
        value_name = "KEY=VALUE",
        value_delimiter = ',',
        requires = "url"
    )]
    labels: Vec<Label>,
    /// Where clients find this gateway, for people: a host, with a port if it is not the scheme's.
    #[arg(long, env = "PORTCULLIS_GATEWAY_HOST", value_name = "HOST", requires = "url")]
    gateway_host: Option<String>,
    /// The folder that this gateway, and no other one, remembers in [default: `$STATE_DIRECTORY`, else one of the
    /// user's own, by project].
    #[arg(long, env = "PORTCULLIS_STATE_DIR", value_name = "DIR", requires = "url")]
    state_dir: Option<PathBuf>,
    /// Where to start from while there is nothing to serve and no control plane: `file:///DIR` or `https://HOST/PREFIX`.
    #[arg(long, env = "PORTCULLIS_BOOTSTRAP", value_name = "URL", hide_env_values = true, requires = "url")]
    bootstrap: Option<Secret>,
    /// Certificates of authorities that the control plane's may be issued by, besides the system's (PEM).
    #[arg(long, env = "PORTCULLIS_CONTROL_PLANE_CA", value_name = "FILE", requires = "url")]
    control_plane_ca: Option<PathBuf>,
    /// A certificate to show to the control plane, and those that issued it (PEM).
    #[arg(long, env = "PORTCULLIS_CONTROL_PLANE_CERT", value_name = "FILE", requires = "control_plane_key")]
    control_plane_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, env = "PORTCULLIS_CONTROL_PLANE_KEY", value_name = "FILE", requires = "control_plane_cert")]
    control_plane_key: Option<PathBuf>,
}

/// A control plane, and who this data plane is to it.
#[derive(Debug, Clone)]
pub struct ControlPlane {
    /// Where it is.
    pub url: Url,
    /// Whose data plane this is.
    pub project: Uuid,
    /// What to show.
    pub credential: Credential,
    /// What this data plane is called.
    pub name: String,
    /// For selectors.
    pub labels: BTreeMap<String, String>,
    /// Where clients find it.
    pub gateway_host: Option<String>,
    /// What it remembers in.
    pub state_folder: PathBuf,
    /// Where to start from.
    pub bootstrap: Option<Url>,
    /// How to know it, and be known to it.
    pub tls: Tls,
}

/// How a control plane is known, and how it knows this data plane.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Authorities besides the system's, in PEM.
    pub authorities: Option<PathBuf>,
    /// A certificate and its key, in PEM.
    pub identity: Option<[PathBuf; 2]>,
}

/// Where the key comes from.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The command line or the environment.
    Key(ApiKey),
    /// A file.
    File(PathBuf),
}

/// What cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UsageError {
    /// Neither a file nor a control plane.
    #[error("nothing to serve: give --artifact FILE, or --control-plane URL with --project-id and --api-key-file")]
    NoSource,
    /// A control plane takes nobody without a key.
    #[error("--control-plane needs a key: give --api-key-file FILE, or PORTCULLIS_API_KEY")]
    NoKey,
    /// What was given is no key. It is not repeated: it may be most of one.
    #[error("--api-key: {0}")]
    Key(#[from] ApiKeyError),
    /// What was given is no URL that is of use here.
    #[error("{option}: {error}")]
    Url {
        /// Where it was given.
        option: &'static str,
        /// Why it is of no use.
        error: UrlError,
    },
    /// The host's name is none that a control plane takes.
    #[error("the host is called `{name}`: give --name, as that is {error}")]
    HostName {
        /// The host's name.
        name: String,
        /// Why not.
        error: NameError,
    },
    /// More labels than a control plane takes.
    #[error("{labels} labels; at most {LABELS_MAX}")]
    Labels {
        /// How many.
        labels: usize,
    },
    /// A label twice, with two values.
    #[error("the label `{key}` has two values")]
    LabelTwice {
        /// Its key.
        key: String,
    },
    /// There is no folder of the user's.
    #[error("no folder to remember in: give --state-dir DIR (neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME is set)")]
    NoStateFolder,
}

impl ControlPlaneOptions {
    /// The control plane, if there is to be one. `state_folder` is the default one, before the project's name.
    pub(super) fn resolve(&self, state_folder: Option<StateFolder>) -> Result<Option<ControlPlane>, UsageError> {
        let (Some(url), Some(project)) = (&self.url, self.project_id) else { return Ok(None) };
        let url = url_of("--control-plane", url, &["https", "http"])?;
        let bootstrap = self.bootstrap.as_ref().map(|url| url_of("--bootstrap", url, &["https", "http", "file"]));
        let bootstrap = bootstrap.transpose()?;
        let credential = match (&self.api_key, &self.api_key_file) {
            (Some(key), None) => Credential::Key(key.expose().parse()?),
            (_, Some(file)) => Credential::File(file.clone()),
            (None, None) => return Err(UsageError::NoKey),
        };
        let mut labels = BTreeMap::new();
        if self.labels.len() > LABELS_MAX {
            return Err(UsageError::Labels { labels: self.labels.len() });
        }
        for Label { key, value } in &self.labels {
            if labels.insert(key.clone(), value.clone()).is_some_and(|before| before != *value) {
                return Err(UsageError::LabelTwice { key: key.clone() });
            }
        }
        let state_folder = match (self.state_dir.clone(), state_folder) {
            (Some(folder), _) | (None, Some(StateFolder::Own(folder))) => folder,
            (None, Some(StateFolder::Shared(folder))) => folder.join(project.to_string()),
            (None, None) => return Err(UsageError::NoStateFolder),
        };
        let certificate = self.control_plane_cert.clone().zip(self.control_plane_key.clone());
        Ok(Some(ControlPlane {
            url,
            project,
            credential,
            name: self.name.clone().map_or_else(host_name, Ok)?.into(),
            labels,
            gateway_host: self.gateway_host.clone(),
            state_folder,
            bootstrap,
            tls: Tls { authorities: self.control_plane_ca.clone(), identity: certificate.map(<[PathBuf; 2]>::from) },
        }))
    }
}

/// A folder to remember in where none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StateFolder {
    /// This service's own.
    Own(PathBuf),
    /// One that all gateways of a user share.
    Shared(PathBuf),
}

fn host_name() -> Result<Name, UsageError> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() {
        return Ok(Name::default());
    }
    name.parse().map_err(|error| UsageError::HostName { name, error })
}

fn url_of(option: &'static str, given: &Secret, schemes: Schemes) -> Result<Url, UsageError> {
    base_url::read(given.expose(), schemes).map_err(|error| UsageError::Url { option, error })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: ControlPlaneOptions,
    }

    /// What is said of a command line that is refused.
    fn refusal(arguments: &[&str]) -> String {
        let project = ["portcullis", "--project-id", "00000000-0000-0000-0000-000000000001"];
        match Line::try_parse_from(project.iter().chain(arguments)) {
            Ok(line) => line.options.resolve(Some(StateFolder::Own(PathBuf::new()))).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_may_be_secret_is_refused_without_being_shown() {
        let check = |arguments: &[&str], what: &str| {
            let said = refusal(arguments);
            assert!(said.contains(what) && !said.contains("letmein"), "{said}");
        };
        let url = ["--control-plane", "https://there"];
        check(&[&url[..], &["--api-key", "letmein key"]].concat(), "--api-key: a key has");
        check(&["--control-plane", "https://user:letmein@there", "--api-key", "k"], "--control-plane: a URL with a");
        check(
            &["--control-plane", "https://user:letmein@there:port", "--api-key", "k"],
            "--control-plane: invalid port",
        );
        check(&["--control-plane", "https://there?key=letmein", "--api-key", "k"], "no `?`");
        let bootstrap = ["--api-key", "k", "--bootstrap", "s3://id:letmein@there"];
        check(&[&url[..], &bootstrap].concat(), "--bootstrap: expected a URL of https or http or file");
    }
}
