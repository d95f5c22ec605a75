//! Certificates, which may change at any time. A bad one never replaces a good one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::options::Tls;
use crate::watcher::Watcher;

/// How often the files are looked at without a hint: hints are lost on network file systems.
const POLL: Duration = Duration::from_secs(30);

/// Why a certificate cannot be served with.
#[derive(Debug, Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no PEM.
    #[error("`{}` is not the PEM that is expected here: {source}", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// There is no certificate in a file.
    #[error("`{}` holds no certificate; expected `-----BEGIN CERTIFICATE-----`", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// A certificate cannot be read.
    #[error("the certificate in `{}` cannot be read: {source}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// Why.
        source: x509_cert::der::Error,
    },
    /// Certificate and key do not fit each other, or are of a kind that TLS does not use.
    #[error("cannot serve with the certificate in `{}`: {source}", file.display())]
    Refused {
        /// The certificate's file.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// No certificate of clients can be judged by these authorities.
    #[error("cannot judge clients by `{}`: {source}", file.display())]
    ClientAuthority {
        /// The authorities' file.
        file: PathBuf,
        /// Why.
        source: rustls::server::VerifierBuilderError,
    },
}

/// The certificate that is served with, and the files it comes from.
#[derive(Debug)]
pub struct Certificates {
    files: Files,
    current: ArcSwap<Loaded>,
    refused: AtomicU64,
}

#[derive(Debug, Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// What is in the files.
struct Contents {
    cert: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

/// SHA-256 of what was in the files.
type Fingerprint = [u8; 32];

#[derive(Debug)]
struct Loaded {
    fingerprint: Fingerprint,
    config: Arc<ServerConfig>,
    expires_at: Timestamp,
}

impl Certificates {
    /// Reads the files; `None` where the command line names none.
    pub fn load(tls: &Tls) -> Result<Option<Self>, Error> {
        let (Some(cert), Some(key)) = (tls.cert.clone(), tls.key.clone()) else { return Ok(None) };
        let files = Files { cert, key, client_ca: tls.client_ca.clone() };
        let loaded = files.read().and_then(|contents| files.load(&contents))?;
        Ok(Some(Self { files, current: ArcSwap::from_pointee(loaded), refused: AtomicU64::new(0) }))
    }

    /// When the certificate that is served with ends, for `portcullis_tls_cert_expiry_timestamp_seconds`.
    pub fn expires_at(&self) -> Timestamp {
        self.current.load().expires_at
    }

    /// How often what was in the files could not be served with, since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Shakes hands with the certificate of this moment.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load().config.clone())
    }

    /// Reads the files again whenever they change, and on SIGHUP, for ever.
    pub(super) async fn keep_fresh(self: Arc<Self>) {
        let mut watcher = self.watcher();
        let mut hang_up = match signal(SignalKind::hangup()) {
            Ok(hang_up) => hang_up,
            Err(error) => {
                tracing::error!(%error, "certificates are not read again: the operating system refuses");
                return;
            }
        };
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Not what is there now: it may have changed since it was loaded.
        let mut seen = Some(self.current.load().fingerprint);
        loop {
            let cause = tokio::select! {
                _ = hang_up.recv() => Cause::Asked,
                () = changed(watcher.as_mut()) => Cause::MayHaveChanged,
                _ = poll.tick() => Cause::MayHaveChanged,
            };
            let this = self.clone();
            let now = spawn_blocking(move || this.reload(seen, cause)).await;
            seen = now.unwrap_or_default();
        }
    }

    fn watcher(&self) -> Option<Watcher> {
        let watch = || {
            let mut watcher = Watcher::new()?;
            watcher.watch(self.files.folders())?;
            Ok::<_, notify::Error>(watcher)
        };
        watch()
            .inspect_err(
                |error| tracing::warn!(%error, "cannot watch the certificates; they are looked at now and then"),
            )
            .ok()
    }

    /// Says what is in the files now. Said once is enough: nothing is done about what was there before.
    fn reload(&self, before: Option<Fingerprint>, cause: Cause) -> Option<Fingerprint> {
        let contents = match self.files.read() {
            Ok(contents) if cause == Cause::MayHaveChanged && before == Some(contents.fingerprint()) => return before,
            Ok(contents) => contents,
            Err(error) => {
                if cause == Cause::Asked || before.is_some() {
                    self.refuse(&error);
                }
                return None;
            }
        };
        match self.files.load(&contents) {
            Ok(loaded) => {
                tracing::info!(expires_at = %loaded.expires_at, "certificate reloaded");
                self.current.store(Arc::new(loaded));
            }
            Err(error) => self.refuse(&error),
        }
        Some(contents.fingerprint())
    }

    fn refuse(&self, error: &Error) {
        tracing::error!(%error, "certificate refused; the one that is served with stays");
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

impl Contents {
    fn fingerprint(&self) -> Fingerprint {
        // Each with its length, so that nothing moves from one file to the next unseen.
        let parts = [&self.cert[..], &self.key, self.client_ca.as_deref().unwrap_or_default()];
        let add = |hash: Sha256, part: &[u8]| hash.chain_update(part.len().to_be_bytes()).chain_update(part);
        parts.into_iter().fold(Sha256::new(), add).finalize().into()
    }
}

/// Why the files are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Nothing is done if they are as they were.
    MayHaveChanged,
    /// Somebody asked (SIGHUP).
    Asked,
}

async fn changed(watcher: Option<&mut Watcher>) {
    match watcher {
        Some(watcher) => watcher.changed().await,
        None => std::future::pending().await,
    }
}

impl Files {
    fn folders(&self) -> impl Iterator<Item = &Path> {
        let files = [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()];
        files.into_iter().flatten().map(|file| match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        })
    }

    fn read(&self) -> Result<Contents, Error> {
        let read = |file: &PathBuf| fs::read(file).map_err(|source| Error::File { file: file.clone(), source });
        Ok(Contents {
            cert: read(&self.cert)?,
            key: read(&self.key)?.into(),
            client_ca: self.client_ca.as_ref().map(read).transpose()?,
        })
    }

    fn load(&self, contents: &Contents) -> Result<Loaded, Error> {
        let chain = certificates(&self.cert, &contents.cert)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|source| Error::Pem { file: self.key.clone(), source })?;
        let expires_at = self.expiry(&chain)?;
        let refused = |source| Error::Refused { file: self.cert.clone(), source };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().map_err(refused)?;
        let builder = match &self.client_ca {
            Some(file) => {
                let verifier =
                    Self::client_verifier(file, contents.client_ca.as_deref().unwrap_or_default(), provider)?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(refused)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Loaded { fingerprint: contents.fingerprint(), config: Arc::new(config), expires_at })
    }

    fn client_verifier(
        file: &Path,
        contents: &[u8],
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let mut roots = RootCertStore::empty();
        for root in certificates(file, contents)? {
            roots.add(root).map_err(|source| Error::Refused { file: file.to_owned(), source })?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        verifier.map_err(|source| Error::ClientAuthority { file: file.to_owned(), source })
    }

    /// When the first certificate of the chain ends that does.
    fn expiry(&self, chain: &[CertificateDer<'_>]) -> Result<Timestamp, Error> {
        let mut first = Timestamp::MAX;
        for certificate in chain {
            let certificate = Certificate::from_der(certificate)
                .map_err(|source| Error::Certificate { file: self.cert.clone(), source })?;
            let end = certificate.tbs_certificate.validity.not_after.to_unix_duration();
            let end = i64::try_from(end.as_secs()).ok().and_then(|end| Timestamp::from_second(end).ok());
            first = first.min(end.unwrap_or(Timestamp::MAX));
        }
        Ok(first)
    }
}

fn certificates(file: &Path, contents: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(contents).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|source| Error::Pem { file: file.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(Error::NoCertificate { file: file.to_owned() });
    }
    Ok(certificates)
}
