//! What the command line and the environment say: the only place that reads either.

use std::net::{AddrParseError, IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use artifact_format::model::Listener;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

mod base_url;
mod called;
mod control_plane;
mod secret;

pub use base_url::UrlError;
pub use called::NameError;
use control_plane::StateFolder;
pub use control_plane::{ControlPlane, ControlPlaneOptions, Credential, Tls, UsageError};
pub use secret::{ApiKey, ApiKeyError};

/// The data plane of Portcullis: serves a signed artifact.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve an artifact; reload it when its file changes or on SIGHUP, drain on SIGTERM.
    Serve(Box<Serve>),
    /// Ask a running gateway whether it is ready: exit 0 if it is, 1 if not (for container health checks).
    Health(Health),
}

/// `portcullis serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The artifact to serve. With a control plane: until something was deployed.
    #[arg(long, env = "PORTCULLIS_ARTIFACT", value_name = "FILE")]
    pub artifact: Option<PathBuf>,
    /// Where to listen; with a name, where the artifact's listener of that name is.
    #[arg(
        long,
        env = "PORTCULLIS_LISTEN",
        value_name = "[NAME=]ADDR",
        value_delimiter = ',',
        default_value = "127.0.0.1:8080"
    )]
    pub listen: Vec<ListenAddress>,
    /// Where to answer health checks, metrics and questions about the artifact.
    #[arg(long, env = "PORTCULLIS_ADMIN", value_name = "ADDR", default_value = "127.0.0.1:9901")]
    pub admin: SocketAddr,
    /// A public key whose artifacts are believed, or a file that holds one. May be repeated.
    ///
    /// Without it, the keys in the user's own `portcullis/trusted-keys` folder are believed.
    #[arg(long = "trusted-key", env = "PORTCULLIS_TRUSTED_KEY", value_name = "BASE64|FILE", value_delimiter = ',')]
    pub trusted_keys: Vec<String>,
    /// How many of the trusted keys must have signed.
    #[arg(long, env = "PORTCULLIS_TRUST_THRESHOLD", value_name = "N", default_value = "1")]
    pub trust_threshold: NonZeroUsize,
    /// Serve an artifact that nobody trusted has signed. For experiments.
    #[arg(long)]
    pub allow_unsigned: bool,
    /// Worker threads [default: one per core].
    #[arg(long, env = "PORTCULLIS_WORKERS", value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// How to log.
    #[arg(long, env = "PORTCULLIS_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// What to log: a level, or `target=level` for parts.
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
    /// How much a refusal says: where and why (brief), or with the values and the rules they break (full).
    #[arg(long, env = "PORTCULLIS_ERRORS", value_enum, default_value_t = Errors::Brief)]
    pub errors: Errors,
    /// Proxies in front of this gateway whose `Forwarded`, `X-Forwarded-*` and `X-Request-Id` are believed.
    #[arg(long = "trusted-proxy", env = "PORTCULLIS_TRUSTED_PROXY", value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds on one request and one connection.
    #[command(flatten)]
    pub limits: Limits,
    /// After SIGTERM, how long to go on as before while load balancers notice.
    #[arg(long, env = "PORTCULLIS_DRAIN_DELAY", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "0s")]
    pub drain_delay: Duration,
    /// How long requests under way may take to finish after that.
    #[arg(long, env = "PORTCULLIS_DRAIN_TIMEOUT", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "30s")]
    pub drain_timeout: Duration,
    /// The control plane, as it is written.
    #[command(flatten)]
    pub control_plane_options: ControlPlaneOptions,
    /// Where artifacts come from.
    #[arg(skip)]
    pub source: Source,
    /// The folder of the user's configuration, from which the default trusted keys come.
    #[arg(skip)]
    pub user_folder: Option<PathBuf>,
}

/// Where artifacts come from.
#[derive(Debug, Clone, Default)]
pub enum Source {
    /// Nobody said.
    #[default]
    Unknown,
    /// A file, which is watched.
    File(PathBuf),
    /// A control plane.
    ControlPlane(Box<ControlPlane>),
}

/// Bounds on one request and one connection.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// The largest request head, in bytes.
    #[arg(long, env = "PORTCULLIS_HEADER_MAX_BYTES", value_name = "BYTES", default_value = "32768", value_parser = clap::value_parser!(u32).range(8192..=1_048_576))]
    pub header_max_bytes: u32,
    /// The most header fields of a request.
    #[arg(long, env = "PORTCULLIS_HEADERS_MAX", value_name = "N", default_value = "100", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub headers_max: u16,
    /// The longest path and query, in bytes.
    #[arg(long, env = "PORTCULLIS_URI_MAX_BYTES", value_name = "BYTES", default_value = "8192", value_parser = clap::value_parser!(u16).range(1..=32768))]
    pub uri_max_bytes: u16,
    /// The largest request body, in bytes; an operation may set a lower limit.
    #[arg(long, env = "PORTCULLIS_BODY_MAX_BYTES", value_name = "BYTES", default_value = "10485760")]
    pub body_max_bytes: u64,
    /// How long a client may take to send a request's head.
    #[arg(long, env = "PORTCULLIS_HEADER_READ_TIMEOUT", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "10s")]
    pub header_read_timeout: Duration,
    /// How long a connection may stay open between requests.
    #[arg(long, env = "PORTCULLIS_IDLE_TIMEOUT", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "60s")]
    pub idle_timeout: Duration,
    /// The longest silence of a client in a request: it neither sends the body it announced nor takes the response.
    /// How long an upstream may take to answer is its own `timeouts.request` (60s).
    #[arg(long, env = "PORTCULLIS_REQUEST_TIMEOUT", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "60s")]
    pub request_timeout: Duration,
    /// The most client connections at a time; more wait to be accepted.
    #[arg(long, env = "PORTCULLIS_CONNECTIONS_MAX", value_name = "N", default_value = "16384")]
    pub connections_max: NonZeroUsize,
}

/// `portcullis health`.
#[derive(Debug, Args)]
pub struct Health {
    /// The gateway's admin address.
    #[arg(long, env = "PORTCULLIS_ADMIN", value_name = "ADDR", default_value = "127.0.0.1:9901")]
    pub admin: SocketAddr,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// How much a refusal says of what is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Errors {
    /// Where and why, without values of the request or of schemas: for production.
    Brief,
    /// What was expected and what was there: for development.
    Full,
}

impl From<Errors> for contract::Detail {
    fn from(errors: Errors) -> Self {
        match errors {
            Errors::Brief => Self::Brief,
            Errors::Full => Self::Full,
        }
    }
}

/// `[NAME=]ADDR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// The artifact's listener.
    pub listener: String,
    /// Where it is.
    pub address: SocketAddr,
}

impl std::str::FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (listener, address) = text.split_once('=').unwrap_or((Listener::DEFAULT, text));
        let address = match address.strip_prefix(':') {
            Some(port) => port.parse().ok().map(|port| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)),
            None => address.parse().ok(),
        };
        let address = address.ok_or_else(|| ListenAddressError { text: text.to_owned() })?;
        Ok(Self { listener: listener.to_owned(), address })
    }
}

/// Not a `[NAME=]ADDR`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an address: write IP:PORT such as 0.0.0.0:8080, :8080 for every IPv4 interface, or NAME=IP:PORT"
)]
pub struct ListenAddressError {
    text: String,
}

impl Cli {
    /// Reads the command line and the environment; ends the process on `--help`, `--version` and bad usage (2).
    pub fn read() -> Self {
        let mut cli = Self::parse();
        if let Command::Serve(serve) = &mut cli.command {
            serve.user_folder = user_folder();
            match serve.find_source(state_folder()) {
                Ok(source) => serve.source = source,
                Err(error) => Self::command().error(ErrorKind::MissingRequiredArgument, error).exit(),
            }
        }
        cli
    }
}

impl Serve {
    fn find_source(&self, state_folder: Option<StateFolder>) -> Result<Source, UsageError> {
        match (self.control_plane_options.resolve(state_folder)?, &self.artifact) {
            (Some(control_plane), _) => Ok(Source::ControlPlane(Box::new(control_plane))),
            (None, Some(file)) => Ok(Source::File(file.clone())),
            (None, None) => Err(UsageError::NoSource),
        }
    }
}

/// A network, or the network of one address.
fn network(text: &str) -> Result<IpNet, AddrParseError> {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
}

/// `$XDG_CONFIG_HOME/portcullis`, else `~/.config/portcullis` (XDG Base Directory Specification).
fn user_folder() -> Option<PathBuf> {
    let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(config.join("portcullis"))
}

/// The first folder of `$STATE_DIRECTORY` (systemd.exec), else `$XDG_STATE_HOME/portcullis`, else
/// `~/.local/state/portcullis` (XDG Base Directory Specification).
fn state_folder() -> Option<StateFolder> {
    let of_service = absolute("STATE_DIRECTORY").and_then(|folders| std::env::split_paths(&folders).next());
    let of_user = || absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    of_service.map(StateFolder::Own).or_else(|| Some(StateFolder::Shared(of_user()?.join("portcullis"))))
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
fn absolute(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn listen_addresses() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let parsed = text.parse::<ListenAddress>().ok().map(|parsed| (parsed.listener, parsed.address.to_string()));
            assert_eq!(parsed, expected.map(|(listener, address)| (listener.to_owned(), address.to_owned())), "{text}");
        };
        check("127.0.0.1:80", Some(("default", "127.0.0.1:80")));
        check(":80", Some(("default", "0.0.0.0:80")));
        check("internal=[::1]:0", Some(("internal", "[::1]:0")));
        check("localhost", None);
        check("a=b=c", None);
    }
}
