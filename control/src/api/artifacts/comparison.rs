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
use crate::api::caller::Caller;
use crate::api::extract::{Path, Query};
use crate::api::memory::Memory;
use crate::api::problem::Problem;
use crate::api::{Api, Turns};
use crate::diff::{self, Change, Diff, Severity};
use crate::domain::access::Reach;
use crate::domain::artifact::{Artifact, ArtifactBytes};
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

/// How much room artifacts that are compared take, for each of their bytes: what they are when they are unpacked, more or
/// less.
const UNPACKED_RATIO: usize = 8;

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
    let means = Means { memory: &api.memory, turns: &api.heavy, objects: &*api.artifacts };
    Ok(axum::Json(means.compare(caller.reach(), &[(&old).into(), (&new).into()]).await?))
}

/// What is compared: bytes in the store.
#[derive(Debug, Clone, Copy)]
struct Stored {
    digest: Digest,
    size: i64,
}

impl From<&Artifact> for Stored {
    fn from(artifact: &Artifact) -> Self {
        Self { digest: artifact.digest, size: artifact.size }
    }
}

/// What a comparison takes.
#[derive(Debug, Clone, Copy)]
struct Means<'a> {
    memory: &'a Memory,
    turns: &'a Turns,
    objects: &'a dyn ArtifactBytes,
}

impl Means<'_> {
    /// Reads both and compares them, in room of the team's that they hold until that is done.
    async fn compare(self, whose: Reach, both: &[Stored; 2]) -> Result<Comparison, Problem> {
        let held = self.memory.hold(whose, room(both)).await?;
        let turn = self.turns.turn().await?;
        let [old, new] = both;
        let (old, new) = (self.load(old).await?, self.load(new).await?);
        let compare = move || {
            // As long as the work, whether somebody waits for it or not.
            let _held = held;
            Ok::<_, Error>(diff::compare(&decode(&old)?, &decode(&new)?))
        };
        let diff = turn.work(compare).await??.map_err(|error| {
            tracing::error!(%error, "artifacts cannot be compared");
            Error::Damaged(Noun::Artifact)
        })?;
        Ok(Comparison::from(diff))
    }

    async fn load(self, stored: &Stored) -> Result<Bytes, Error> {
        let size = u64::try_from(stored.size).map_err(|_| Error::Damaged(Noun::Artifact))?;
        let stream = self.objects.read(stored.digest, 0..size).await?;
        let whole = stream.try_fold(BytesMut::new(), |mut whole, piece| {
            whole.extend_from_slice(&piece);
            std::future::ready(Ok(whole))
        });
        Ok(whole.await?.freeze())
    }
}

/// The room that they take.
fn room(both: &[Stored; 2]) -> usize {
    let sizes = both.iter().map(|stored| usize::try_from(stored.size).unwrap_or(0));
    sizes.fold(0_usize, usize::saturating_add).saturating_mul(UNPACKED_RATIO)
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

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::time::Duration;

    use async_trait::async_trait;
    use futures_util::stream::{self, BoxStream, StreamExt as _};
    use jiff::Timestamp;

    use super::*;
    use crate::api::problem::Code;
    use crate::domain::artifact::ArtifactStream;

    /// A store that has lost everything.
    #[derive(Debug)]
    struct Empty;

    #[async_trait]
    impl ArtifactBytes for Empty {
        async fn put(&self, _: Digest, _: Bytes) -> Result<(), Error> {
            Ok(())
        }

        async fn reach(&self) -> Result<(), Error> {
            Ok(())
        }

        async fn read(&self, _: Digest, _: Range<u64>) -> Result<ArtifactStream, Error> {
            Err(Error::Damaged(Noun::Artifact))
        }

        fn older_than(&self, _: Timestamp) -> BoxStream<'static, Result<Digest, Error>> {
            stream::empty().boxed()
        }

        async fn remove_unfinished(&self, _: Timestamp) -> Result<usize, Error> {
            Ok(0)
        }

        async fn remove(&self, _: Digest, _: Timestamp) -> Result<(), Error> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn artifacts_are_read_when_there_is_room_for_them() {
        let memory = Memory::of(64 << 10, 64 << 10).with_patience(Duration::from_millis(20));
        let means = Means { memory: &memory, turns: &Turns::of(1), objects: &Empty };
        let both = [1, 2].map(|byte| Stored { digest: Digest([byte; 32]), size: 3 << 10 });
        let compare = async || means.compare(Reach::Everything, &both).await.map_err(|problem| problem.code()).err();
        // They come to 48 KiB.
        let others = memory.hold(Reach::Everything, 20 << 10).await.unwrap();
        assert_eq!(compare().await, Some(Code::Busy));
        drop(others);
        // None of them is there.
        assert_eq!(compare().await, Some(Code::Internal));
        memory.hold(Reach::Everything, 64 << 10).await.expect("it is given back");
    }
}
