//! One or more control planes that share a database, a store of artifacts and a master key, with a project and its specs.

use std::fmt::Write as _;
use std::time::Duration;

use control::domain::digest::Digest;
use control::domain::id::{ProjectId, RevisionId, SpecId, TeamId};
use control::store::sql::{Database, Statement, sql};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::client::{self, Answer, Client};
use tests::control_plane::{ControlPlane, Setup};
use tests::{postgres, wait};

/// How long a build may take, another one's lease included, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(150);

pub(crate) const PETS: &str = r#"
openapi: 3.1.0
info: { title: Pets, version: 1.0.0 }
paths:
  /pets:
    get:
      operationId: listPets
      responses:
        "200": { description: some, content: { application/json: { schema: { $ref: "pet.yaml" } } } }
"#;

pub(crate) const PET: &str = "{ type: object, properties: { name: { type: string } } }\n";

/// What the control planes share, and the first of them.
pub(crate) struct Site {
    pub(crate) plane: ControlPlane,
    pub(crate) database: Database,
    pub(crate) project: String,
    setup: Setup,
    url: String,
    _shared: TempDir,
    _postgres: Option<postgres::Database>,
}

impl Site {
    pub(crate) async fn on_sqlite() -> Self {
        Self::open(None, |setup| setup).await
    }

    pub(crate) async fn on_postgres() -> Self {
        Self::shared(|setup| setup).await
    }

    /// Where artifacts are kept as `keep` says.
    pub(crate) async fn keeping(keep: impl FnOnce(Setup) -> Setup) -> Self {
        Self::open(None, keep).await
    }

    /// The same, on PostgreSQL.
    pub(crate) async fn shared(keep: impl FnOnce(Setup) -> Setup) -> Self {
        Self::open(Some(postgres::Database::create().await), keep).await
    }

    async fn open(postgres: Option<postgres::Database>, keep: impl FnOnce(Setup) -> Setup) -> Self {
        let shared = tempfile::tempdir().unwrap();
        let folder = shared.path().to_str().unwrap();
        let url = postgres.as_ref().map_or_else(|| format!("sqlite://{folder}/control.db"), postgres::Database::url);
        let key = format!("{folder}/master.key");
        std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let setup = keep(
            ControlPlane::empty()
                .set("--database-url", &url)
                .set("--master-key", &format!("file://{key}"))
                .set("--build-jobs", "1"),
        );
        let setup = setup.set_unless("--artifact-store", &format!("file://{folder}/artifacts"));
        let plane = setup.clone().start().await;
        let database = Database::open(&url, None).await.unwrap();
        let settings = json!({ "security": "off", "upstream": "http://upstream.invalid" });
        let made = plane.post("/api/v1/projects", &json!({ "name": "shop", "settings": settings })).await;
        let project = text(&made.json()["id"]);
        Self { plane, database, project, setup, url, _shared: shared, _postgres: postgres }
    }

    /// Another control plane beside the first.
    pub(crate) async fn replica(&self) -> ControlPlane {
        let folder = ControlPlane::empty();
        self.setup.clone().in_folder_of(&folder).with_token(self.plane.token()).start().await
    }

    /// A spec of these files, of which the first is the entry, as if it had been uploaded.
    pub(crate) async fn spec(&self, files: &[(&str, &str)]) -> String {
        let (spec, revision) = (SpecId::new(), RevisionId::new());
        let project: ProjectId = self.project.parse().unwrap();
        let select = sql("select team_id from projects where id = $1").bind(project);
        let team: TeamId = self.database.fetch_optional(select).await.unwrap().unwrap().get("team_id").unwrap();
        let insert = sql("insert into specs (id, team_id, project_id, name, description, head, version, created_at, \
             updated_at) values ($1, $2, $3, $4, '', 1, 1, 1, 1)");
        self.run(insert.bind(spec).bind(team).bind(project).bind(spec.to_string())).await;
        let insert = sql("insert into revisions (id, team_id, spec_id, number, digest, entries, message, author, \
             created_at) values ($1, $2, $3, 1, $4, $5, '', 'tester', 1)");
        let insert = insert.bind(revision).bind(team).bind(spec).bind(Digest([0; 32])).bind(json!([files[0].0]));
        self.run(insert).await;
        for (path, content) in files {
            let digest = Digest(artifact_format::container::digest(content.as_bytes()).0);
            let insert = sql("insert into documents (team_id, digest, size, content) values ($1, $2, $3, $4) \
                 on conflict do nothing");
            let size = i64::try_from(content.len()).unwrap();
            self.run(insert.bind(team).bind(digest).bind(size).bind(content.as_bytes())).await;
            let insert = sql("insert into revision_files (revision_id, team_id, path, digest) values ($1, $2, $3, $4)");
            self.run(insert.bind(revision).bind(team).bind(*path).bind(digest)).await;
        }
        spec.to_string()
    }

    pub(crate) async fn run(&self, statement: Statement) {
        let mut transaction = self.database.begin().await.unwrap();
        transaction.execute(statement).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// The URL of the database.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// Asks for a build. Returns where to look.
pub(crate) async fn compile(plane: &ControlPlane, spec: &str) -> String {
    let answer = plane.send("POST", &format!("/api/v1/specs/{spec}/compile"), None).await;
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(location, format!("/api/v1/builds/{}", text(&answer.json()["id"])));
    location
}

/// Waits until a build is as it should be.
pub(crate) async fn until(plane: &ControlPlane, location: &str, state: &str) -> Value {
    let mut build = Value::Null;
    let is_so = wait::within(PATIENCE, async || {
        build = plane.get(location).await.json();
        build["state"] == state
    });
    assert!(is_so.await, "it never is {state}: {build}");
    build
}

/// The bytes of a build's artifact.
pub(crate) async fn download(plane: &ControlPlane, build: &Value) -> Answer {
    let answer = plane.get(&format!("/api/v1/artifacts/{}/download", text(&build["artifact"]))).await;
    assert_eq!(answer.status, 200);
    answer
}

/// A request with headers, and a body of whatever kind.
pub(crate) async fn ask(
    plane: &ControlPlane,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut client = Client::http1(plane.address()).await;
    let mut request = client.request(method, target, client::full(body.to_vec()));
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    plane.authorize(&mut request);
    client.send(request).await
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A document that takes a while.
pub(crate) fn large() -> String {
    let mut text = String::from("{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Large\",\"version\":\"1\"},\"paths\":{");
    for number in 0..30_000 {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            "{comma}\"/p{number}/{{id}}\":{{\"get\":{{\"parameters\":[{{\"name\":\"id\",\"in\":\"path\",\"required\":true,\
             \"schema\":{{\"type\":\"string\",\"maxLength\":{number}}}}}],\"responses\":{{\"200\":{{\"description\":\"\"}}}}}}}}"
        )
        .unwrap();
    }
    text.push_str("}}");
    text
}
