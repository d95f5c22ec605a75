//! The library's client, and the certificates that it was made of.
//!
//! A client keeps what it was made of to its end, and certificates of a day are common: it is made anew when the files
//! are others, whoever asks next. That is seen before each request, and whenever the gateway says how it is; a `stat`
//! is nothing beside either.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, Identity, redirect};

use super::{Error, answer, read};
use crate::config::Tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client, for everybody who has a clone of this.
#[derive(Debug, Clone)]
pub(super) struct Http {
    tls: Tls,
    made: Arc<Mutex<Made>>,
}

#[derive(Debug)]
struct Made {
    client: reqwest::Client,
    /// What the files were when it was made, or when that was tried last.
    of: Files,
    /// Why they are of no use, where they are not, and what they were before stays in use.
    unusable: Option<String>,
}

/// What tells one state of the files from another: device, inode, length, and when it changed (also where only
/// permissions did); none where there is no file.
type Files = Vec<Option<(u64, u64, u64, i64, i64)>>;

impl Http {
    pub(super) fn new(tls: &Tls) -> Result<Self, Error> {
        // Looked at before they are read: what changes in between is seen.
        let of = files(tls);
        let client = match (builder(tls)?.build(), &tls.authorities) {
            // An image of nothing but this program, say. What served last does not need any, nor does `http://`.
            (Err(error), None) => {
                let error = answer::explain(&error);
                tracing::warn!(
                    error,
                    "no certificate authorities, so nobody is reached over https: see --control-plane-ca"
                );
                builder(tls)?.tls_certs_only([]).build()?
            }
            (made, _) => made?,
        };
        Ok(Self { tls: tls.clone(), made: Arc::new(Mutex::new(Made { client, of, unusable: None })) })
    }

    /// For files that are of no use yet: it believes nobody and shows nothing, and they are read again for whoever asks
    /// first, and then as ever.
    pub(super) fn waiting(tls: &Tls) -> Result<Self, Error> {
        let client = builder(&Tls::default())?.tls_certs_only([]).build()?;
        let made = Made { client, of: Files::new(), unusable: None };
        Ok(Self { tls: tls.clone(), made: Arc::new(Mutex::new(made)) })
    }

    /// A client that knows the certificates that there are now, or were when they could last be read.
    pub(super) fn client(&self) -> reqwest::Client {
        self.current().client.clone()
    }

    /// Why the files are of no use as they are now. The system's authorities are in none of them.
    pub(super) fn unusable(&self) -> Option<String> {
        self.current().unusable.clone()
    }

    /// Makes it anew whatever the files are: the system's authorities may be others.
    pub(super) fn renew(&self) {
        self.make(&mut self.made(), files(&self.tls));
    }

    /// Where that fails, it is tried again when the files are others: a certificate may come before its key.
    fn make(&self, made: &mut Made, of: Files) {
        made.of = of;
        match builder(&self.tls).and_then(|builder| builder.build().map_err(Error::Client)) {
            Ok(client) => {
                (made.client, made.unusable) = (client, None);
                tracing::info!("the certificates for the control plane were read anew");
            }
            Err(error) => {
                tracing::warn!(%error, "the certificates for the control plane cannot be used; those before stay in use");
                made.unusable = (!made.of.is_empty()).then(|| error.to_string());
            }
        }
    }

    /// Made anew where the files are others.
    fn current(&self) -> MutexGuard<'_, Made> {
        let mut made = self.made();
        let of = files(&self.tls);
        if made.of != of {
            self.make(&mut made, of);
        }
        made
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn files(tls: &Tls) -> Files {
    let state = |file: &Path| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.dev(), metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec()))
    };
    tls.authorities.iter().chain(tls.identity.iter().flatten()).map(|file| state(file)).collect()
}

fn builder(tls: &Tls) -> Result<ClientBuilder, Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        // A socket is an upgrade of HTTP/1.1, and a second protocol for the rest would be a second connection.
        .http1_only()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(15));
    if let Some(file) = &tls.authorities {
        let pem = |source| Error::Pem { file: file.clone(), source };
        let authorities = Certificate::from_pem_bundle(&read(file)?).map_err(pem)?;
        // A file that is being written has none for a moment.
        if authorities.is_empty() {
            return Err(Error::NoCertificate { file: file.clone() });
        }
        builder = builder.tls_certs_merge(authorities);
    }
    if let Some([certificate, key]) = &tls.identity {
        let pem = |source| Error::Pem { file: certificate.clone(), source };
        let both = [read(certificate)?, b"\n".to_vec(), read(key)?].concat();
        builder = builder.identity(Identity::from_pem(&both).map_err(pem)?);
    }
    Ok(builder)
}
