//! The place to start from while there is no control plane: a folder, or whatever serves one over HTTP.
//!
//! ```text
//! pointer.json          what to serve, signed
//! artifacts/SHA-256     the artifact
//! roots/VERSION.json    trust roots, each of them
//! ```

use std::num::NonZeroU64;

use artifact_format::pointer;
use artifact_format::root::{self, SignedRoot};
use fleet::agent::{Failure, Offer};
use reqwest::Url;

use super::download::{blocking, folder_of};
use super::{Client, answer, join};

/// How many versions of the root are followed at once.
const ROOTS_MAX: usize = 64;

impl Client {
    /// What is there, with the trust roots after a version.
    pub(in crate::connected) async fn bootstrap(&self, after: Option<NonZeroU64>) -> Result<Box<Offer>, Failure> {
        let Some(from) = &self.bootstrap else {
            return Err(Failure::unavailable("not_found", "there is no place to start from".to_owned()));
        };
        let text = self.read_from(from, "pointer.json", pointer::DOCUMENT_MAX_BYTES as u64).await?;
        let pointer = serde_json::from_slice(&text);
        let pointer = pointer.map_err(|error| Failure::damaged("pointer_damaged", error.to_string()))?;
        let roots = self.roots_from(from, after).await;
        Ok(Box::new(Offer { pointer, roots }))
    }

    /// As many as there are. Where they end is not told apart from where something goes wrong: a bucket that may not be
    /// listed says 403 of what it does not have. Whoever is not believed for that is asked again later.
    async fn roots_from(&self, from: &Url, after: Option<NonZeroU64>) -> Vec<SignedRoot> {
        let mut roots = Vec::new();
        let first = after.map_or(1, |after| after.get().saturating_add(1));
        for version in (first..).take(ROOTS_MAX) {
            match self.root_from(from, version).await {
                Ok(root) => roots.push(root),
                Err(Failure { code: "not_found", .. }) => break,
                Err(Failure { code, detail, .. }) => {
                    tracing::info!(version, code, detail, "no more trust roots to start from");
                    break;
                }
            }
        }
        roots
    }

    async fn root_from(&self, from: &Url, version: u64) -> Result<SignedRoot, Failure> {
        let text = self.read_from(from, &format!("roots/{version}.json"), root::FILE_MAX_BYTES).await?;
        serde_json::from_slice(&text).map_err(|error| Failure::damaged("root_damaged", error.to_string()))
    }

    async fn read_from(&self, from: &Url, name: &str, max_bytes: u64) -> Result<Vec<u8>, Failure> {
        if from.scheme() == "file" {
            let path = folder_of(from)?.join(name);
            return blocking(move || read(&path, max_bytes)).await;
        }
        // Without the key: it is the control plane's alone.
        let response = answer::good(self.http.client().get(join(from, name))).await?;
        answer::bounded(response, max_bytes).await
    }
}

fn read(path: &std::path::Path, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let failure = |error: std::io::Error| {
        let code = if error.kind() == std::io::ErrorKind::NotFound { "not_found" } else { "unreachable" };
        Failure::unavailable(code, format!("{}: {error}", path.display()))
    };
    let mut contents = Vec::new();
    let file = std::fs::File::open(path).map_err(failure)?;
    file.take(max_bytes).read_to_end(&mut contents).map_err(failure)?;
    Ok(contents)
}
