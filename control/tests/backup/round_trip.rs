//! What was backed up is there again, on either database, and works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::json;
use tests::client::{self, Client};
use tests::control_plane::ControlPlane;
use tests::{CommandLine, wait};

use crate::site::{Kind, PASSPHRASE, Place, Used, operator, succeeds, text};

#[tokio::test(flavor = "multi_thread")]
async fn with_secrets_from_sqlite_to_sqlite() {
    with_secrets(Kind::Sqlite, Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_secrets_from_sqlite_to_postgres() {
    with_secrets(Kind::Sqlite, Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_secrets_from_postgres_to_sqlite() {
    with_secrets(Kind::Postgres, Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_secrets_from_postgres_to_postgres() {
    with_secrets(Kind::Postgres, Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_secrets_from_sqlite_to_postgres() {
    without_secrets(Kind::Sqlite, Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_secrets_from_postgres_to_sqlite() {
    without_secrets(Kind::Postgres, Kind::Sqlite).await;
}

/// Tokens, API keys and signing keys go on as if nothing had happened, under another master key.
async fn with_secrets(from: Kind, to: Kind) {
    let (from, to) = (Place::of(from).await, Place::of(to).await);
    let mut plane = from.setup.clone().start().await;
    let used = Used::make(&plane).await;
    let root = used.trust_root(&plane).await;
    let operator = operator().with("PORTCULLIS_CONTROL_PASSPHRASE", PASSPHRASE);
    let taken =
        back_up_beside_writers(&plane, &operator, &from.command(&["backup", "-o", "b", "--with-secrets"])).await;
    let bearer = plane.token().to_owned();
    plane.kill();
    contains_no_secret(&operator, &bearer, &used);
    let (restored, said) = succeeds(&operator, &to.command(&["restore", "-i", "b"]));
    assert_eq!((&restored["restored"], &restored["new_signing_keys"]), (&json!(true), &json!([])), "{restored} {said}");
    assert_eq!((&restored["rows"], &restored["artifacts"]), (&taken["rows"], &taken["artifacts"]));
    assert_eq!(from.count(WHOLE).await, 1, "the audit log says that it was written");
    let plane = to.setup.clone().with_token(&bearer).start().await;
    used.is_in(&plane).await;
    assert_eq!(to.installation().await, from.installation().await, "its store of artifacts is its store still");
    assert_eq!(status(&plane, &used.api_key).await, 200);
    // The private key opens: the next root is signed with it, and follows the one that was there.
    assert_eq!(used.trust_root(&plane).await, root);
    let keys = format!("/api/v1/projects/{}/signing-keys", used.project);
    let key = text(&plane.get(&keys).await.json()["items"][0]["id"]);
    let rotated = plane.post(&format!("{keys}/{key}/rotate"), &json!({ "kind": "generated" })).await;
    assert!(rotated.status == 201, "{}", rotated.json());
    assert_eq!(to.count(CONSISTENT).await, 0);
    assert_ne!(
        std::fs::read(from.folder().join("master.key")).unwrap(),
        std::fs::read(to.folder().join("master.key")).unwrap()
    );
}

/// Nobody's token is good any more; projects have new keys, and believe what the old ones signed.
async fn without_secrets(from: Kind, to: Kind) {
    let (from, to) = (Place::of(from).await, Place::of(to).await);
    let mut plane = from.setup.clone().start().await;
    let used = Used::make(&plane).await;
    let operator = operator();
    back_up_beside_writers(&plane, &operator, &from.command(&["backup", "-o", "b"])).await;
    let bearer = plane.token().to_owned();
    plane.kill();
    contains_no_secret(&operator, &bearer, &used);
    let (restored, said) = succeeds(&operator, &to.command(&["restore", "-i", "b"]));
    let new = restored["new_signing_keys"].as_array().unwrap();
    let new = new.iter().find(|key| key["project"] == json!(used.project)).unwrap();
    assert!(said.contains("no token and no API key") && said.contains("new trust root"), "{said}");
    // It starts because it prints a token of its own.
    let plane = to.setup.clone().start().await;
    assert_eq!(status(&plane, &bearer).await, 401);
    assert_eq!(status(&plane, &used.api_key).await, 401);
    used.is_in(&plane).await;
    let keys = format!("/api/v1/projects/{}/signing-keys", used.project);
    let listed = plane.get(&keys).await.json();
    let state = |key_id: &str| {
        let found = listed["items"].as_array().unwrap().iter().find(|key| key["key_id"] == json!(key_id)).unwrap();
        (text(&found["kind"]), text(&found["state"]))
    };
    assert_eq!(state(&used.key_id), ("public".to_owned(), "trusted".to_owned()));
    assert_eq!(state(new["key_id"].as_str().unwrap()), ("generated".to_owned(), "active".to_owned()));
    let root = used.trust_root(&plane).await.to_string();
    assert!(root.contains(new["key_id"].as_str().unwrap()), "{root}");
    let added = plane.post(&keys, &json!({ "kind": "generated" })).await;
    assert_eq!(added.status, 201, "{}", added.json());
    assert_eq!(to.count(CONSISTENT).await, 0);
}

/// Backups that were written whole.
const WHOLE: &str = "select count(*) as n from audit_events where action = 'backup.finish' and actor_kind = 'operator'";

/// What no state of the database ever had: a spec without its newest revision, a revision without a file, a project
/// without an active key.
const CONSISTENT: &str = "select (select count(*) from specs s where not exists (select 1 from revisions r \
     where r.spec_id = s.id and r.number = s.head)) \
     + (select count(*) from revisions r where not exists (select 1 from revision_files f join documents d \
     on d.team_id = f.team_id and d.digest = f.digest where f.revision_id = r.id)) \
     + (select count(*) from projects p where not exists (select 1 from signing_keys k \
     where k.project_id = p.id and k.is_active)) as n";

/// Takes a backup while others write, of which it has all or nothing.
async fn back_up_beside_writers(plane: &ControlPlane, operator: &CommandLine, backup: &[String]) -> serde_json::Value {
    let written = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let (address, token, written) = (plane.address(), plane.token().to_owned(), Arc::clone(&written));
            tokio::spawn(async move {
                let mut client = Client::http1(address).await;
                for number in 0.. {
                    let body = client::full(json!({ "name": format!("w{writer}-{number}") }).to_string());
                    let mut request = client.request("POST", "/api/v1/projects", body);
                    let headers = request.headers_mut();
                    headers.insert("content-type", HeaderValue::from_static("application/json"));
                    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
                    let Ok(answer) = client.try_send(request).await else { return };
                    assert_eq!(answer.status, 201, "{}", answer.json());
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    wait::until("something is written", async || written.load(Ordering::Relaxed) > 10).await;
    let before = written.load(Ordering::Relaxed);
    let (taken, _) = tokio::task::block_in_place(|| succeeds(operator, backup));
    wait::until("writers go on", async || written.load(Ordering::Relaxed) > before + 4).await;
    writers.iter().for_each(tokio::task::JoinHandle::abort);
    taken
}

/// What the backup holds is not the token, the key or their hashes, in whatever way they are written.
fn contains_no_secret(operator: &CommandLine, token: &str, used: &Used) {
    use base64::Engine as _;
    use sha2::Digest as _;
    use std::io::Read as _;
    let mut unpacked = Vec::new();
    let file = std::fs::File::open(operator.path("b")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_end(&mut unpacked).unwrap();
    for secret in [token, &used.api_key] {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(secret));
        for hidden in [secret, &hash] {
            let is_there = unpacked.windows(hidden.len()).any(|window| window == hidden.as_bytes());
            assert!(!is_there, "{hidden} is in the backup");
        }
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(operator.path("b")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

/// What a secret is answered when it asks who it is.
async fn status(plane: &ControlPlane, secret: &str) -> u16 {
    let mut client = Client::http1(plane.address()).await;
    let mut request = client.request("GET", "/api/v1/tokens/self", client::empty());
    request.headers_mut().insert(AUTHORIZATION, format!("Bearer {secret}").parse().unwrap());
    client.send(request).await.status
}
