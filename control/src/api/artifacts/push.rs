//! An artifact that was built and signed elsewhere arrives.

use std::time::Duration;

use artifact_format::trust::Trust;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt as _, Limited};

use crate::api::caller::Caller;
use crate::api::extract::Path;
use crate::api::problem::{Code, Problem};
use crate::api::reply::Created;
use crate::api::{Api, Heavy};
use crate::build::describe::{ARTIFACT_BYTES_MAX, describe};
use crate::domain::artifact::{Artifact, NewArtifact, Novelty};
use crate::domain::id::ProjectId;
use crate::domain::project::Project;
use crate::domain::signing::Signer as _;

/// How long an artifact may take to arrive: others wait for its place.
const PATIENCE: Duration = Duration::from_mins(2);

/// Upload an artifact that was signed elsewhere. It is verified as a gateway would verify it, against the project's newest
/// trust root. One that the project has already is answered with 200.
#[utoipa::path(
    post, path = "/projects/{project}/artifacts", tag = "artifacts", params(("project" = ProjectId, Path)),
    request_body(content = inline(Vec<u8>), content_type = "application/octet-stream"),
    responses(
        (status = 200, body = Artifact),
        (status = 201, body = Artifact, headers(("Location" = String)))
    )
)]
pub(crate) async fn push(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<ProjectId>,
    request: Request,
) -> Result<Response, Problem> {
    let of = caller.within(id);
    let project = api.store.project(of.reach, id).await?;
    check_headers(request.headers())?;
    // From here on it is in memory, until it is stored.
    let _turn = api.pushes.turn().await;
    let received = tokio::time::timeout(PATIENCE, receive(request.into_body())).await;
    let file =
        received.map_err(|_| Problem::new(Code::Malformed).detail(format!("not there after {PATIENCE:?}")))??;
    let trust = Trust::any_of(api.keys.trusted_keys(id).await?);
    let new = verify(&api.heavy.turn().await, file.clone(), (trust, &project)).await?;
    api.artifacts.put(new.digest, file).await?;
    let (artifact, novelty) = api.store.push_artifact(&caller.act, of, new).await?;
    Ok(match novelty {
        Novelty::Known => axum::Json(artifact).into_response(),
        Novelty::New => {
            let location = format!("/api/v1/artifacts/{}", artifact.digest);
            Created { location, version: None, body: artifact }.into_response()
        }
    })
}

fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(CONTENT_TYPE).is_none_or(|media| media != "application/octet-stream") {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("send `Content-Type: application/octet-stream`"));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > ARTIFACT_BYTES_MAX) { Err(too_large()) } else { Ok(()) }
}

async fn receive(body: Body) -> Result<Bytes, Problem> {
    let read = Limited::new(body, ARTIFACT_BYTES_MAX).collect().await;
    read.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            too_large()
        } else {
            Problem::new(Code::Malformed).detail("the body did not arrive whole")
        }
    })
}

fn too_large() -> Problem {
    Problem::new(Code::TooLarge).detail(format!("an artifact has at most {ARTIFACT_BYTES_MAX} bytes"))
}

/// Reads the artifact as a gateway would.
async fn verify(turn: &Heavy<'_>, file: Bytes, (trust, project): (Trust, &Project)) -> Result<NewArtifact, Problem> {
    let described = turn.work(move || describe(&file, &trust)).await?;
    let refused = |why: String| Problem::new(Code::Invalid).detail(why);
    let new = described.map_err(|error| refused(format!("the artifact is refused: {error}")))?;
    let meant = &new.summary.project;
    if *meant != project.name.as_str() && *meant != project.id.to_string() {
        let name = &project.name;
        return Err(refused(format!("the artifact is for the project `{meant}`, and this one is `{name}`")));
    }
    Ok(new)
}
