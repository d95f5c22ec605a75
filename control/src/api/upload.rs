//! Uploads: a document, an archive or a form, and what is said with it.

use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts as _, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::runtime::Handle;

use super::Api;
use super::caller::Caller;
use super::extract::{IfMatch, Query, invalid_parameter, parse};
use super::memory::Held;
use super::problem::{Code, Problem};
use super::receive::{self, Pace};
use crate::domain::error::Error;
use crate::domain::name::Name;
use crate::domain::spec::{NewRevision, name_of};
use crate::domain::version::Expected;
use crate::upload::{Documents, Media, RATIO_FREE_BYTES, RATIO_MAX, TOTAL_BYTES_MAX, UPLOAD_BYTES_MAX, Upload, title};

/// The longest text in a form, in bytes.
const FIELD_BYTES_MAX: usize = 16 << 10;
/// How many entry documents an upload names at most.
const ENTRIES_MAX: usize = 64;

/// What an upload is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A spec that will be, with a name and a description.
    Spec,
    /// A revision of one that is there.
    Revision,
}

/// A form with files, as it is sent.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "for the OpenAPI document: parts are read as they come")]
pub(super) struct Form {
    /// The files; the file name of each part is its path.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<Vec<u8>>,
    /// Instead of the parameter in the query.
    name: Option<String>,
    /// Instead of the parameter in the query.
    description: Option<String>,
    /// Instead of the parameters in the query.
    entry: Option<Vec<String>>,
    /// Instead of the parameter in the query.
    message: Option<String>,
}

/// What is said with an upload, in the query or in fields of the form.
#[derive(Debug)]
struct Said {
    purpose: Purpose,
    name: Option<Name>,
    description: Option<String>,
    message: Option<String>,
    file: Option<String>,
    entries: Vec<String>,
}

/// An upload whose head has arrived: none of its body is read.
#[derive(Debug)]
pub(super) struct Announced {
    /// The state that it is meant for, where that is said.
    pub(super) expected: Expected,
    query: Vec<(String, String)>,
    request: Request,
}

/// An upload that has arrived.
#[derive(Debug)]
pub(super) struct Uploaded {
    said: Said,
    documents: Documents,
    /// Its room, which its documents take until they are stored.
    held: Held,
}

impl<S: Send + Sync> FromRequest<S> for Announced {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Query(query) = Query::from_request_parts(&mut parts, state).await?;
        let expected = Option::<IfMatch>::from_request_parts(&mut parts, state).await?;
        let expected = expected.map_or(Expected::Any, |IfMatch(expected)| expected);
        Ok(Self { expected, query, request: Request::from_parts(parts, body) })
    }
}

impl Said {
    /// What the query says.
    fn of_query(purpose: Purpose, query: Vec<(String, String)>) -> Result<Self, Problem> {
        let said = Self { purpose, name: None, description: None, message: None, file: None, entries: Vec::new() };
        query.into_iter().try_fold(said, |said, (name, text)| said.and(&name, text))
    }

    /// The same, and this.
    fn and(mut self, name: &str, text: String) -> Result<Self, Problem> {
        let is_spec = self.purpose == Purpose::Spec;
        let is_new = match name {
            "name" if is_spec => self.name.replace(parse(name, &text)?).is_none(),
            "description" if is_spec => self.description.replace(text).is_none(),
            "message" => self.message.replace(text).is_none(),
            "file" => self.file.replace(text).is_none(),
            "entry" if self.entries.len() < ENTRIES_MAX => {
                self.entries.push(text);
                true
            }
            "entry" => return Err(invalid_parameter(format!("entry: more than {ENTRIES_MAX} of them"))),
            _ => return Err(invalid_parameter(self.unknown(name))),
        };
        // Each of the two may be fine, in the query and in the form.
        if is_new { Ok(self) } else { Err(Error::invalid(format!("/{name}"), "given twice").into()) }
    }

    fn unknown(&self, name: &str) -> String {
        let known = match self.purpose {
            Purpose::Spec => "name, description, entry, message and file",
            Purpose::Revision => "entry, message and file",
        };
        let name: String = name.chars().take(64).collect();
        format!("`{}` is not known here: {known} are; a file in a form has a file name", name.escape_debug())
    }
}

impl Uploaded {
    /// Receives one: its size, its speed, and the room that all uploads take together are bounded.
    pub(super) async fn receive(
        api: &Api,
        caller: &Caller,
        (purpose, announced): (Purpose, Announced),
    ) -> Result<Self, Problem> {
        let Announced { query, request, .. } = announced;
        let said = Said::of_query(purpose, query)?;
        let content_type = content_type(request.headers())?;
        let media = Media::of(content_type.as_deref(), said.file.as_deref())?;
        let mut arrived = api.arrivals.nothing(caller.reach());
        let body = receive::whole(request, UPLOAD_BYTES_MAX, Pace::UPLOAD, &mut arrived).await?;
        let held = api.memory.hold(caller.reach(), room(&media, body.len())).await?;
        let runtime = Handle::current();
        // Its room goes with it, whether its client does or not.
        let read = move || {
            let _arrived = arrived;
            let (said, documents) = runtime.block_on(read(media, body, content_type, said))?;
            Ok(Self { said, documents, held })
        };
        api.heavy.turn().await?.work(read).await?
    }

    /// What the spec is called: as was said, else by the title of its API, else by the name of its file.
    pub(super) fn name(&self) -> Result<Name, Problem> {
        if let Some(name) = &self.said.name {
            return Ok(name.clone());
        }
        let entry = self.documents.entries.first().map(String::as_str).unwrap_or_default();
        let document = self.documents.files.iter().find(|file| file.path == entry);
        let title = document.and_then(|document| title(&document.bytes));
        let file = entry.rsplit('/').next().unwrap_or_default();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let found = title.as_deref().and_then(name_of).or_else(|| name_of(stem));
        found.ok_or_else(|| invalid_parameter("name: neither title nor file name comes to one: give `?name=`"))
    }

    /// Its description, its documents, and its room.
    pub(super) fn into_parts(self) -> (String, NewRevision, Held) {
        let message = self.said.message.unwrap_or_default();
        let revision = NewRevision { documents: self.documents, message };
        (self.said.description.unwrap_or_default(), revision, self.held)
    }
}

fn content_type(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let value = headers.get(CONTENT_TYPE).map(|value| value.to_str().map(str::to_owned)).transpose();
    value.map_err(|_| Problem::new(Code::UnsupportedMediaType).detail("`Content-Type` is not ASCII"))
}

/// What an upload of this length comes to: its documents, and what is on its way to the database.
fn room(media: &Media, length: usize) -> usize {
    match media {
        Media::Document(_) | Media::Form => 2 * length,
        Media::Archive => 2 * length.saturating_mul(RATIO_MAX).clamp(RATIO_FREE_BYTES, TOTAL_BYTES_MAX),
    }
}

async fn read(
    media: Media,
    body: Bytes,
    content_type: Option<String>,
    said: Said,
) -> Result<(Said, Documents), Problem> {
    let mut upload = Upload::new();
    let said = match media {
        Media::Document(path) => {
            upload.add(&path, &body)?;
            said
        }
        Media::Archive => {
            upload.unpack(&body)?;
            said
        }
        Media::Form => read_form(body, content_type, (said, &mut upload)).await?,
    };
    let documents = upload.finish(&said.entries)?;
    Ok((said, documents))
}

/// Reads `multipart/form-data` (RFC 7578): a part with a file name is a file, any other one says something.
async fn read_form(
    body: Bytes,
    content_type: Option<String>,
    (mut said, upload): (Said, &mut Upload),
) -> Result<Said, Problem> {
    let mut request = Request::new(Body::from(body));
    // Its length was judged.
    DefaultBodyLimit::disable().apply(&mut request);
    let content_type = content_type.and_then(|text| text.parse().ok());
    content_type.map(|value| request.headers_mut().insert(CONTENT_TYPE, value));
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| Problem::new(Code::Malformed).detail(error.body_text()))?;
    while let Some(mut part) = form.next_field().await.map_err(broken)? {
        if let Some(path) = part.file_name().map(str::to_owned) {
            let mut file = upload.begin(&path)?;
            while let Some(chunk) = part.chunk().await.map_err(broken)? {
                file.push(&chunk)?;
            }
            file.finish();
        } else {
            let name = part.name().unwrap_or_default().to_owned();
            if name == "file" {
                return Err(invalid_parameter("file: a part with a file has a file name, which is its path"));
            }
            said = said.and(&name, text(&name, part).await?)?;
        }
    }
    Ok(said)
}

async fn text(name: &str, mut part: Field<'_>) -> Result<String, Problem> {
    let mut text = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(broken)? {
        text.extend_from_slice(&chunk);
        if text.len() > FIELD_BYTES_MAX {
            let name: String = name.chars().take(64).collect();
            let message = format!("the field `{}` has more than {FIELD_BYTES_MAX} bytes", name.escape_debug());
            return Err(invalid_parameter(message));
        }
    }
    String::from_utf8(text).map_err(|_| Problem::new(Code::Malformed).detail("a field of the form is not UTF-8"))
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn broken(error: MultipartError) -> Problem {
    Problem::new(Code::Malformed).detail(format!("the form cannot be read: {}", error.body_text()))
}
