//! What one artifact does that another one did not.

use artifact_format::container;
use artifact_format::limits::Limits;
use artifact_format::model;
use artifact_format::trust::{Trust, Unsigned};
use axum::extract::State;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use super::at;
use crate::api::Api;
use crate::api::caller::Caller;
use crate::api::extract::{Path, Query};
use crate::api::problem::Problem;
use crate::diff::{self, Change, Diff, Severity};
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};

/// With which artifact.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct With {
    /// The older artifact's digest.
    #[param(value_type = Digest)]
    with: Digest,
}

/// What changed from one artifact to another, for those who call the API and for its security.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Comparison {
    /// Whether anything changed that touches a request, a response or who may call.
    different: bool,
    /// How many changes may break calls that worked.
    breaking: usize,
    /// How many changes somebody must look at.
    review: usize,
    /// How many changes break no call.
    compatible: usize,
    /// The changes: of the artifact as a whole first, then operation by operation.
    changes: Vec<Change>,
}

/// Compare an artifact with an older one.
#[utoipa::path(
    get, path = "/artifacts/{artifact}/diff", tag = "artifacts", params(("artifact" = Digest, Path), With),
    responses((status = 200, body = Comparison))
)]
pub(crate) async fn compare(
    State(api): State<Api>,
    caller: Caller,
    Path(digest): Path<Digest>,
    Query(With { with }): Query<With>,
) -> Result<axum::Json<Comparison>, Problem> {
    let (new, old) = (api.store.artifact(at(&caller, digest)).await?, api.store.artifact(at(&caller, with)).await?);
    let turn = api.heavy.turn().await?;
    let (new, old) = (load(&api, new.digest, new.size).await?, load(&api, old.digest, old.size).await?);
    let diff = turn.work(move || Ok::<_, Error>(diff::compare(&decode(&old)?, &decode(&new)?))).await??;
    let diff = diff.map_err(|error| {
        tracing::error!(%error, "artifacts cannot be compared");
        Error::Damaged(Noun::Artifact)
    })?;
    Ok(axum::Json(Comparison::from(diff)))
}

async fn load(api: &Api, digest: Digest, size: i64) -> Result<Bytes, Error> {
    let size = u64::try_from(size).map_err(|_| Error::Damaged(Noun::Artifact))?;
    let stream = api.artifacts.read(digest, 0..size).await?;
    let whole = stream.try_fold(BytesMut::new(), |mut whole, piece| {
        whole.extend_from_slice(&piece);
        std::future::ready(Ok(whole))
    });
    Ok(whole.await?.freeze())
}

/// It was judged when it arrived, and is the same still: its digest says so. The keys may have been retired since.
fn decode(file: &[u8]) -> Result<model::Artifact, Error> {
    let anyone = Trust::any_of([]).with_unsigned(Unsigned::Allow);
    let decoded = container::open(file, &anyone, &Limits::DEFAULT).and_then(|verified| verified.decode_for_serving());
    decoded.map_err(|error| {
        tracing::error!(%error, "a stored artifact cannot be read");
        Error::Damaged(Noun::Artifact)
    })
}

impl From<Diff> for Comparison {
    fn from(diff: Diff) -> Self {
        Self {
            different: !diff.is_empty(),
            breaking: diff.count(Severity::Breaking),
            review: diff.count(Severity::Review),
            compatible: diff.count(Severity::Compatible),
            changes: diff.changes,
        }
    }
}
