//! `/specs/{spec}/revisions`.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde::Deserialize;

use super::Api;
use super::caller::Caller;
use super::extract::{Paging, Path, Query};
use super::problem::{Code, Problem};
use super::reply::Created;
use super::upload::{Announced, Form, Purpose, Uploaded};
use crate::domain::error::{Error, Noun};
use crate::domain::id::SpecId;
use crate::domain::page::Page;
use crate::domain::revision_diff::{self, Change, DIFF_BYTES_MAX, FileDiff, LINES_MAX, RevisionDiff, Unified};
use crate::domain::spec::{Revised, Revision};
use crate::domain::store::Edit;
use crate::upload::pack;

/// How long revisions are compared before the rest is left out.
const COMPARING: Duration = Duration::from_secs(5);
/// What is kept of a line while it is compared, in bytes.
const LINE_BYTES: usize = 64;

/// List a spec's revisions, newest first, without their files.
#[utoipa::path(
    get, path = "/specs/{spec}/revisions", tag = "revisions", params(("spec" = SpecId, Path), Paging),
    responses((status = 200, body = Page<Revision>))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(spec): Path<SpecId>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<Revision>>, Problem> {
    Ok(axum::Json(api.store.revisions(caller.reach(), spec, &paging.request()?).await?))
}

/// Upload a new state of a spec. One that is the same as its head makes none: 200 with the head.
#[utoipa::path(
    post, path = "/specs/{spec}/revisions", tag = "revisions",
    params(
        ("spec" = SpecId, Path),
        ("If-Match" = Option<String>, Header, description = "Where only one state of the spec may be revised."),
        ("entry" = Option<Vec<String>>, Query, description = "The path of a document where the API begins. Without \
            it, the only one that has a field `openapi`."),
        ("message" = Option<String>, Query, description = "Why, at most 4096 bytes."),
        ("file" = Option<String>, Query, description = "The path of a document that is sent by itself."),
    ),
    request_body(content(
        (String = "application/yaml"), (Object = "application/json"), (Vec<u8> = "application/zip"),
        (Form = "multipart/form-data"),
    )),
    responses((status = 200, body = Revision), (status = 201, body = Revision, headers(("Location" = String))))
)]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Path(spec): Path<SpecId>,
    announced: Announced,
) -> Result<Response, Problem> {
    let expected = announced.expected;
    // Before anything is received.
    expected.check(api.store.spec(caller.reach(), spec).await?.version)?;
    let uploaded = Uploaded::receive(&api, &caller, (Purpose::Revision, announced)).await?;
    let (_, new, _held) = uploaded.into_parts();
    new.check()?;
    let at = Edit { reach: caller.reach(), id: spec, expected };
    Ok(match api.store.revise_spec(&caller.act, at, new).await? {
        Revised::New(_, body) => Created { location: location(&body), version: None, body }.into_response(),
        Revised::Same(_, head) => axum::Json(head).into_response(),
    })
}

fn location(revision: &Revision) -> String {
    format!("/api/v1/specs/{}/revisions/{}", revision.spec, revision.number)
}

/// One revision, with its files.
#[utoipa::path(
    get, path = "/specs/{spec}/revisions/{number}", tag = "revisions",
    params(("spec" = SpecId, Path), ("number" = i64, Path, minimum = 1)), responses((status = 200, body = Revision))
)]
pub(super) async fn get(
    State(api): State<Api>,
    caller: Caller,
    Path((spec, number)): Path<(SpecId, i64)>,
) -> Result<axum::Json<Revision>, Problem> {
    Ok(axum::Json(api.store.revision(caller.reach(), spec, number).await?))
}

/// The content of a file. Its path may have its slashes as they are.
#[utoipa::path(
    get, path = "/specs/{spec}/revisions/{number}/files/{*path}", tag = "revisions",
    params(("spec" = SpecId, Path), ("number" = i64, Path, minimum = 1), ("path" = String, Path)),
    responses((status = 200, content((String = "application/yaml"), (serde_json::Value = "application/json"))))
)]
pub(super) async fn file(
    State(api): State<Api>,
    caller: Caller,
    Path((spec, number, path)): Path<(SpecId, i64, String)>,
) -> Result<Response, Problem> {
    let revision = api.store.revision(caller.reach(), spec, number).await?;
    let file = revision.files.iter().flatten().find(|file| file.path == path);
    let size = file.ok_or(Error::NotFound(Noun::File))?.size;
    let held = api.memory.hold(caller.reach(), 2 * usize::try_from(size).unwrap_or_default()).await?;
    let document = api.store.document(caller.reach(), revision.id, &path).await?;
    let media_type = if path.to_ascii_lowercase().ends_with(".json") { "application/json" } else { "application/yaml" };
    // Somebody's text: a browser shows it, and runs nothing of it.
    let headers = [
        (CONTENT_TYPE, media_type),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    Ok((headers, held.with(document.bytes)).into_response())
}

/// All files in a zip archive, which can be uploaded again as it is.
#[utoipa::path(
    get, path = "/specs/{spec}/revisions/{number}/archive", tag = "revisions",
    params(("spec" = SpecId, Path), ("number" = i64, Path, minimum = 1)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"))
)]
pub(super) async fn archive(
    State(api): State<Api>,
    caller: Caller,
    Path((spec, number)): Path<(SpecId, i64)>,
) -> Result<Response, Problem> {
    let spec = api.store.spec(caller.reach(), spec).await?;
    let revision = api.store.revision(caller.reach(), spec.id, number).await?;
    let held = api.memory.hold(caller.reach(), 3 * bytes_of(&revision)).await?;
    let documents = api.store.documents(caller.reach(), revision.id).await?;
    let archive = api.heavy.turn().await?.work(move || pack(&documents)).await?.map_err(|error| {
        tracing::error!(%error, "an archive was not written");
        Problem::new(Code::Internal)
    })?;
    let disposition = format!("attachment; filename=\"{}-{number}.zip\"", spec.name);
    let headers = [
        (CONTENT_TYPE, "application/zip"),
        (CONTENT_DISPOSITION, disposition.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((StatusCode::OK, headers, held.with(archive)).into_response())
}

fn bytes_of(revision: &Revision) -> usize {
    let bytes: i64 = revision.files.iter().flatten().map(|file| file.size).sum();
    usize::try_from(bytes).unwrap_or_default()
}

/// Which revisions are compared.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Sides {
    /// The number of the one; without it, the one before the other.
    #[param(minimum = 1)]
    from: Option<i64>,
    /// The number of the other; without it, the head.
    #[param(minimum = 1)]
    to: Option<i64>,
}

/// What changed between two revisions, file by file.
#[utoipa::path(
    get, path = "/specs/{spec}/revisions/diff", tag = "revisions", params(("spec" = SpecId, Path), Sides),
    responses((status = 200, body = RevisionDiff))
)]
pub(super) async fn diff(
    State(api): State<Api>,
    caller: Caller,
    Path(spec): Path<SpecId>,
    Query(sides): Query<Sides>,
) -> Result<axum::Json<RevisionDiff>, Problem> {
    let head = api.store.spec(caller.reach(), spec).await?.head.number;
    let to = sides.to.unwrap_or(head);
    // The first one has none before it: nothing changed.
    let from = sides.from.unwrap_or(to.saturating_sub(1).max(1));
    let (from, to) =
        (api.store.revision(caller.reach(), spec, from).await?, api.store.revision(caller.reach(), spec, to).await?);
    let mut files = revision_diff::changes(&from, &to);
    compare(&api, &caller, (&from, &to), &mut files).await?;
    Ok(axum::Json(RevisionDiff { from: from.number, to: to.number, files }))
}

/// Adds the diffs of the files that changed, as many as there is room and time for.
async fn compare(
    api: &Api,
    caller: &Caller,
    (from, to): (&Revision, &Revision),
    files: &mut [FileDiff],
) -> Result<(), Problem> {
    let (end, mut room) = (Instant::now() + COMPARING, DIFF_BYTES_MAX);
    for file in files.iter_mut().filter(|file| file.change == Change::Changed) {
        file.truncated = true;
        if room == 0 || Instant::now() > end {
            continue;
        }
        let size = |revision: &Revision| {
            let found = revision.files.iter().flatten().find(|other| other.path == file.path);
            found.and_then(|file| usize::try_from(file.size).ok()).unwrap_or_default()
        };
        let lines = (size(from) + size(to)).min(2 * LINES_MAX);
        let held = api.memory.hold(caller.reach(), 2 * (size(from) + size(to)) + lines * LINE_BYTES).await?;
        let old = api.store.document(caller.reach(), from.id, &file.path).await?;
        let new = api.store.document(caller.reach(), to.id, &file.path).await?;
        let compare = move || (revision_diff::unified(&old.bytes, &new.bytes, room), held);
        let compared = api.heavy.turn().await?.work(compare).await?;
        let (Unified { text, is_cut }, _held) = compared;
        room -= text.as_deref().map_or(0, str::len);
        (file.diff, file.truncated) = (text, is_cut);
        if is_cut && file.diff.is_some() {
            room = 0;
        }
    }
    Ok(())
}
