//! Artifacts, from the network or a folder to the state folder.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use artifact_format::container::{self, Digest};
use artifact_format::limits::Limits;
use artifact_format::trust::Trust;
use bytes::Bytes;
use fleet::agent::{Failure, Source};
use reqwest::header::{CONTENT_RANGE, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Client, SILENCE_MAX, answer, join};
use crate::connected::disk::{Cached, Folder, Partial};

/// What is collected before it is written.
const PIECE_BYTES: usize = 256 << 10;

impl Client {
    /// Has an artifact in the state folder, whole. What came of it before is not asked for again.
    pub(in crate::connected) async fn fetch(
        &self,
        folder: Arc<Folder>,
        (artifact, length): (Digest, NonZeroU64),
        source: Source,
    ) -> Result<(), Failure> {
        let cached = blocking(move || Ok(folder.cached(artifact, length)?)).await?;
        let partial = match cached {
            Cached::Whole => return Ok(()),
            Cached::Partial(partial) => *partial,
        };
        let partial = match (partial.is_complete(), source, &self.bootstrap) {
            (true, _, _) => partial,
            (false, Source::Bootstrap, Some(from)) if from.scheme() == "file" => {
                let path = folder_of(from)?.join("artifacts").join(artifact.to_string());
                blocking(move || copy(&path, partial)).await?
            }
            (false, Source::Bootstrap, Some(from)) => {
                let url = join(from, &format!("artifacts/{artifact}"));
                self.receive(self.http.client().get(url), artifact, partial).await?
            }
            (false, Source::Bootstrap | Source::ControlPlane, _) => {
                let request = self.get(&format!("api/v1/artifacts/{artifact}/download"))?;
                let request = match partial.received() {
                    0 => request,
                    // The rest of the same, or all of something else (RFC 9110 section 13.1.5).
                    _ => request.header(IF_RANGE, format!("\"{artifact}\"")),
                };
                self.receive(request, artifact, partial).await?
            }
        };
        blocking(move || partial.finish()).await
    }

    async fn receive(
        &self,
        request: reqwest::RequestBuilder,
        artifact: Digest,
        mut partial: Partial,
    ) -> Result<Partial, Failure> {
        let received = partial.received();
        let request = match received {
            0 => request,
            _ => request.header(RANGE, format!("bytes={received}-")),
        };
        let mut response = answer::to(request).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(received) => {
                tracing::info!(sha256 = %artifact, received, "goes on with an artifact that came in part");
            }
            StatusCode::OK => partial.restart()?,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.restart()?;
                let detail = format!("{} answered with another range than the one asked for", response.url());
                return Err(Failure::unavailable("unexpected_answer", detail));
            }
            _ => return Err(answer::refusal(&response)),
        }
        let mut pieces = Vec::new();
        loop {
            let piece = next(&mut response).await;
            if let Ok(Some(piece)) = &piece {
                pieces.extend_from_slice(piece);
            }
            // What came is kept, also where nothing more comes.
            if pieces.len() >= PIECE_BYTES || !matches!(piece, Ok(Some(_))) {
                let full = std::mem::take(&mut pieces);
                partial = blocking(move || partial.append(&full).map(|()| partial)).await?;
            }
            match piece {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(partial),
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// The next piece of a body; none at its end.
pub(super) async fn next(response: &mut Response) -> Result<Option<Bytes>, Failure> {
    match timeout(SILENCE_MAX, response.chunk()).await {
        Ok(piece) => piece.map_err(|error| answer::unreachable(&error)),
        Err(_) => Err(answer::silent()),
    }
}

/// Where the part begins (RFC 9110 section 14.4).
fn begins_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Where a `file:` URL leads.
pub(super) fn folder_of(url: &Url) -> Result<PathBuf, Failure> {
    url.to_file_path().map_err(|()| Failure::unavailable("not_found", format!("{url} is no folder of this machine")))
}

fn copy(from: &std::path::Path, mut partial: Partial) -> Result<Partial, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::unavailable("unreachable", format!("{}: {error}", from.display()));
    let mut file = File::open(from).map_err(unreadable)?;
    file.seek(SeekFrom::Start(partial.received())).map_err(unreadable)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(partial),
            read => partial.append(&piece[..read])?,
        }
    }
}

/// Whether an artifact in the state folder is believed.
pub(in crate::connected) async fn judge(folder: Arc<Folder>, digest: Digest, trust: Trust) -> Result<(), Failure> {
    blocking(move || {
        let bytes = folder.read_artifact(digest)?;
        let verified = container::open(&bytes, &trust, &Limits::DEFAULT);
        verified.map(drop).map_err(|error| Failure::refused(error.code(), error.to_string()))
    })
    .await
}

/// Does it on a thread that may wait for a disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::unavailable("internal", error.to_string())))
}
