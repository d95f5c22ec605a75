//! A server that is killed (SIGKILL) while uploads are under way: what it answered for is there, and all of what is there
//! is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control::domain::access::Reach;
use control::domain::id::{ProjectId, SpecId};
use control::domain::page::{Cursor, PageRequest};
use control::domain::spec::{NewRevision, Revision};
use control::domain::store::Specs as _;
use control::store::DatabaseStore;
use control::store::sql::{Database, sql};
use control::upload::Documents;
use http::header::CONTENT_TYPE;
use sha2::{Digest as _, Sha256};
use tests::control_plane::ControlPlane;
use tests::{Client, client, postgres, wait};

use crate::pushed::Pusher;

const KILLS: usize = 50;
const UPLOADERS: usize = 4;
const PUSHERS: usize = 2;
const FILES: usize = 40;
const FILE_BYTES: usize = 48 << 10;
const BOUNDARY: &str = "between-parts";

/// The numbers of revisions that were answered for, by the spec's id.
type Answered = Arc<Mutex<BTreeMap<String, i64>>>;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_half_there_in_sqlite() {
    let setup = ControlPlane::empty();
    let control = setup.start().await;
    let url = format!("sqlite://{}", control.folder().join("control.db").display());
    kill_often(control, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_half_there_in_postgres() {
    let database = postgres::Database::create().await;
    let control = ControlPlane::empty().set("--database-url", &database.url()).start().await;
    kill_often(control, &database.url()).await;
}

async fn kill_often(mut control: ControlPlane, url: &str) {
    let project = made(&control, "/projects", "application/json", br#"{"name": "shop"}"#.to_vec()).await;
    let mut specs = Vec::new();
    for writer in 0..UPLOADERS {
        let target = format!("/projects/{project}/specs?name=s{writer}&entry=0.yaml");
        specs.push(made(&control, &target, &content_type(), form(random())).await);
    }
    let pusher = Pusher::of(&control, &project).await;
    let (answered, mut checked, mut checked_artifacts) = (Answered::default(), BTreeMap::new(), BTreeSet::new());
    for round in 0..KILLS {
        let (before, pushed_before) = (total(&answered), pusher.total());
        let mut uploaders: Vec<_> =
            specs.iter().map(|spec| tokio::spawn(upload(request_of(&control, spec), Arc::clone(&answered)))).collect();
        uploaders.extend(
            (0..PUSHERS)
                .map(|_| tokio::spawn(pusher.clone().push(control.address(), control.token().to_owned(), random()))),
        );
        // Somewhere in an upload: after a random time, and in every fifth round after one that was answered, so that
        // slow machines get there, too.
        wait::pass(Duration::from_millis(random() % 250)).await;
        if round % 5 == 0 {
            let is_made = async || total(&answered) > before && pusher.total() > pushed_before;
            wait::until("a revision is made, and an artifact kept", is_made).await;
        }
        control.kill();
        for uploader in uploaders {
            // Each was stopped in an upload, none of them by a refusal.
            wait::patiently("uploads end with the server", uploader).await.unwrap();
        }
        check(url, &project, (&answered, &mut checked)).await;
        let database = Database::open(url, None).await.unwrap();
        pusher.check(&database, &control.folder().join("artifacts"), &mut checked_artifacts).await;
        database.close().await;
        control.restart().await;
    }
    assert!(total(&answered) > 0 && pusher.total() > 0, "no upload was ever answered");
}

fn total(answered: &Answered) -> i64 {
    answered.lock().unwrap().values().sum()
}

/// Makes a thing. Returns its id.
async fn made(control: &ControlPlane, target: &str, content_type: &str, body: Vec<u8>) -> String {
    let answer = control.upload(target, content_type, body).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()["id"].as_str().unwrap().to_owned()
}

struct Upload {
    address: std::net::SocketAddr,
    token: String,
    spec: String,
}

fn request_of(control: &ControlPlane, spec: &str) -> Upload {
    Upload { address: control.address(), token: control.token().to_owned(), spec: spec.to_owned() }
}

/// Uploads one revision after the other until the server is gone.
async fn upload(upload: Upload, answered: Answered) {
    let Ok(mut client) = Client::try_http1(upload.address).await else { return };
    loop {
        let target = format!("/specs/{}/revisions?entry=0.yaml", upload.spec);
        let mut request = client.request("POST", &target, client::full(form(random())));
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, content_type().parse().unwrap());
        headers.insert("authorization", format!("Bearer {}", upload.token).parse().unwrap());
        let Ok(answer) = client.try_send(request).await else { return };
        assert_eq!(answer.status, 201, "{}", answer.json());
        let number = answer.json()["number"].as_i64().unwrap();
        answered.lock().unwrap().insert(upload.spec.clone(), number);
    }
}

/// Every revision since the last time is whole, those that were answered for are there, and no content is without a use.
async fn check(url: &str, project: &str, (answered, checked): (&Answered, &mut BTreeMap<SpecId, i64>)) {
    let store = DatabaseStore::new(Database::open(url, None).await.unwrap());
    let project: ProjectId = project.parse().unwrap();
    let specs = store.specs(Reach::Everything, project, &PageRequest::default()).await.unwrap().items;
    assert_eq!(specs.len(), UPLOADERS);
    for spec in specs {
        let last = answered.lock().unwrap().get(&spec.id.to_string()).copied().unwrap_or(1);
        assert!(spec.head.number >= last, "revision {last} was answered for, {} is the head", spec.head.number);
        let after = checked.insert(spec.id, spec.head.number).unwrap_or(0);
        let numbers: Vec<i64> = revisions_of(&store, spec.id).await.iter().map(|revision| revision.number).collect();
        assert_eq!(numbers, (1..=spec.head.number).rev().collect::<Vec<_>>());
        for number in after + 1..=spec.head.number {
            let revision = store.revision(Reach::Everything, spec.id, number).await.unwrap();
            is_whole(&store, &revision).await;
        }
    }
    let unused = sql("select count(*) as n from documents d where not exists (select 1 from revision_files f \
         where f.team_id = d.team_id and f.digest = d.digest)");
    assert_eq!(store.database().fetch_all(unused).await.unwrap()[0].get::<i64>("n").unwrap(), 0);
    let unfinished = sql("select count(*) as n from revisions r join specs s on s.id = r.spec_id \
         where r.number > s.head");
    assert_eq!(store.database().fetch_all(unfinished).await.unwrap()[0].get::<i64>("n").unwrap(), 0);
    store.database().close().await;
}

async fn revisions_of(store: &DatabaseStore, spec: SpecId) -> Vec<Revision> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .revisions(Reach::Everything, spec, &PageRequest { after, limit: 200, ..PageRequest::default() })
            .await
            .unwrap();
        all.extend(page.items);
        let Some(cursor) = page.next_cursor else { return all };
        after = Some(Cursor::parse(&cursor).unwrap());
    }
}

/// Its contents are what their digests say, and its files what its own digest says.
async fn is_whole(store: &DatabaseStore, revision: &Revision) {
    let files = store.documents(Reach::Everything, revision.id).await.unwrap();
    assert_eq!(files.len(), FILES);
    assert!(files.iter().all(|file| Sha256::digest(&file.bytes).as_slice() == file.sha256));
    let documents = Documents { entries: Vec::new(), files, left_out: Vec::new() };
    assert_eq!(NewRevision { documents, message: String::new() }.digest(), revision.digest);
}

fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A folder, another one for every seed.
fn form(seed: u64) -> Vec<u8> {
    let mut form = Vec::new();
    for file in 0..FILES {
        let head =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file}.yaml\"\r\n\r\n");
        form.extend_from_slice(head.as_bytes());
        form.extend(format!("{seed:016x} {file:04} ").bytes().cycle().take(FILE_BYTES));
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    form
}

/// Some number: the keys of hash maps are random.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
