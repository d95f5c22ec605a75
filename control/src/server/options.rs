//! What the command line says of the listener.

use std::net::{AddrParseError, IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;

/// Where to listen, as whom, and how to stop.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where to listen. May be repeated.
    #[arg(
        long,
        env = "PORTCULLIS_CONTROL_LISTEN",
        value_name = "ADDR",
        value_delimiter = ',',
        default_value = "127.0.0.1:9090"
    )]
    pub listen: Vec<SocketAddr>,
    /// Whom to be, over TLS.
    #[command(flatten)]
    pub tls: Tls,
    /// Proxies in front of this server whose `Forwarded` and `X-Forwarded-For` are believed. May be repeated.
    #[arg(long, env = "PORTCULLIS_CONTROL_TRUSTED_PROXIES", value_name = "ADDR|CIDR", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// After SIGTERM, how long to go on as before, but not ready, while load balancers notice.
    #[arg(long, env = "PORTCULLIS_CONTROL_DRAIN_DELAY", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "0s")]
    pub drain_delay: Duration,
    /// How long requests under way may take to finish after that.
    #[arg(long, env = "PORTCULLIS_CONTROL_DRAIN_TIMEOUT", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "30s")]
    pub drain_timeout: Duration,
    /// Bounds on one connection, and on all of them.
    #[command(flatten)]
    pub limits: Limits,
}

/// The files of TLS, each PEM. They are read again when they change and on SIGHUP.
#[derive(Debug, Clone, Default, Args)]
pub struct Tls {
    /// The certificate to serve with, and those between it and its root.
    #[arg(long = "tls-cert", env = "PORTCULLIS_CONTROL_TLS_CERT", value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its private key.
    #[arg(long = "tls-key", env = "PORTCULLIS_CONTROL_TLS_KEY", value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Only clients with a certificate that one of these signed are let in.
    #[arg(long = "tls-client-ca", env = "PORTCULLIS_CONTROL_TLS_CLIENT_CA", value_name = "FILE", requires = "cert")]
    pub client_ca: Option<PathBuf>,
}

/// Bounds on one connection, and on all of them.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// The most connections at a time; more wait to be accepted.
    #[arg(long, env = "PORTCULLIS_CONTROL_CONNECTIONS_MAX", value_name = "N", default_value = "1024", value_parser = connections)]
    pub connections_max: NonZeroUsize,
    /// The largest request head, in bytes.
    #[arg(long, env = "PORTCULLIS_CONTROL_HEADER_MAX_BYTES", value_name = "BYTES", default_value = "32768", value_parser = clap::value_parser!(u32).range(8192..=1_048_576))]
    pub header_max_bytes: u32,
    /// How long a client may take to send a request's head, and to shake hands.
    #[arg(long, env = "PORTCULLIS_CONTROL_HEADER_READ_TIMEOUT", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "10s")]
    pub header_read_timeout: Duration,
    /// How long a connection may stay open between requests, and how long a client may leave a body unsent or a
    /// response unread.
    #[arg(long, env = "PORTCULLIS_CONTROL_IDLE_TIMEOUT", value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "60s")]
    pub idle_timeout: Duration,
}

fn network(text: &str) -> Result<IpNet, AddrParseError> {
    match text.parse() {
        Ok(network) => Ok(network),
        Err(_) => text.parse::<IpAddr>().map(IpNet::from),
    }
}

/// Why a number of connections is none.
#[derive(Debug, thiserror::Error)]
#[error("expected a number from 1 to {}", tokio::sync::Semaphore::MAX_PERMITS)]
pub struct ConnectionsError;

fn connections(text: &str) -> Result<NonZeroUsize, ConnectionsError> {
    let number = text.parse().ok().and_then(NonZeroUsize::new);
    number.filter(|number| number.get() <= tokio::sync::Semaphore::MAX_PERMITS).ok_or(ConnectionsError)
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    pub(in crate::server) fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        Command::try_parse_from([&["serve"], arguments].concat()).map(|command| command.options)
    }

    #[test]
    fn what_is_said_is_taken() {
        let options = parse(&["--trusted-proxies", "10.0.0.0/8,::1", "--drain-timeout", "5s"]).unwrap();
        assert_eq!(options.listen, ["127.0.0.1:9090".parse().unwrap()]);
        assert_eq!(options.trusted_proxies, ["10.0.0.0/8".parse::<IpNet>().unwrap(), "::1/128".parse().unwrap()]);
        assert_eq!(options.drain_timeout, Duration::from_secs(5));
        let options = parse(&["--listen", "127.0.0.1:1", "--listen", "[::1]:2"]).unwrap();
        assert_eq!(options.listen.len(), 2);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for arguments in [
            &["--tls-cert", "cert.pem"][..],
            &["--tls-key", "key.pem"],
            &["--tls-client-ca", "ca.pem"],
            &["--connections-max", "0"],
            &["--header-max-bytes", "100"],
            &["--trusted-proxies", "10.0.0.0/40"],
            &["--listen", "localhost"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
