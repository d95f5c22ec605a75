//! An artifact that was built and signed elsewhere arrives.

use artifact_format::trust::Trust;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;

use crate::api::caller::Caller;
use crate::api::extract::Path;
use crate::api::problem::{Code, Problem};
use crate::api::receive::{self, Pace};
use crate::api::reply::Created;
use crate::api::{Api, Turn};
use crate::build::describe::{ARTIFACT_BYTES_MAX, describe};
use crate::domain::artifact::{Artifact, NewArtifact, Novelty, store_bytes};
use crate::domain::id::ProjectId;
use crate::domain::project::Project;
use crate::domain::signing::Signer as _;

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
    if request.headers().get(CONTENT_TYPE).is_none_or(|media| media != "application/octet-stream") {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("send `Content-Type: application/octet-stream`"));
    }
    // Until it is stored.
    let mut held = api.arrivals.nothing(of.reach);
    let file = receive::whole(request, ARTIFACT_BYTES_MAX, Pace::UPLOAD, &mut held).await?;
    let trust = Trust::any_of(api.keys.trusted_keys(id).await?);
    let new = verify(api.heavy.turn().await?, file.clone(), (trust, &project)).await?;
    store_bytes(&*api.store, &*api.artifacts, (new.digest, file)).await?;
    let (artifact, novelty) = api.store.push_artifact(&caller.act, of, new).await?;
    Ok(match novelty {
        Novelty::Known => axum::Json(artifact).into_response(),
        Novelty::New => {
            let location = format!("/api/v1/artifacts/{}", artifact.digest);
            Created { location, version: None, body: artifact }.into_response()
        }
    })
}

/// Reads the artifact as a gateway would.
async fn verify(turn: Turn, file: Bytes, (trust, project): (Trust, &Project)) -> Result<NewArtifact, Problem> {
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
