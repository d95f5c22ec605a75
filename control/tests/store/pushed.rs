//! Artifacts that are pushed to a server that is killed: what it answered for is there, and nothing is half there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use artifact_format::container::{self, Draft};
use artifact_format::model::{
    Artifact, Policies, Provenance, Routes, Schemas, Spec, SpecFormat, SpecRole, Specs, Upstreams,
};
use artifact_format::signature::SigningKey;
use control::domain::artifact::ArtifactBytes as _;
use control::domain::digest::Digest;
use control::key;
use control::store::objects::{Location, Objects};
use control::store::sql::{Database, sql};
use futures_util::TryStreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tests::control_plane::ControlPlane;
use tests::{Client, client};

/// How much of an artifact does not get smaller, in bytes: enough to be in the middle of it.
const BYTES: usize = 512 << 10;

/// Pushes artifacts to one project.
#[derive(Clone)]
pub(crate) struct Pusher {
    key: Arc<SigningKey>,
    project: String,
    answered: Arc<Mutex<BTreeSet<Digest>>>,
}

impl Pusher {
    /// One whose key the project trusts.
    pub(crate) async fn of(control: &ControlPlane, project: &str) -> Self {
        let key = key::generate().unwrap();
        let public = json!({ "kind": "public", "name": "ci", "public_key": key.public().to_base64() });
        let made = control.post(&format!("/projects/{project}/signing-keys"), &public).await;
        assert_eq!(made.status, 201, "{}", made.json());
        Self { key: Arc::new(key), project: project.to_owned(), answered: Arc::default() }
    }

    /// How many were answered for.
    pub(crate) fn total(&self) -> usize {
        self.answered.lock().unwrap().len()
    }

    /// Pushes one after the other until the server is gone.
    pub(crate) async fn push(self, address: std::net::SocketAddr, token: String, mut seed: u64) {
        let Ok(mut client) = Client::try_http1(address).await else { return };
        loop {
            seed = seed.wrapping_add(1);
            let file = self.artifact(seed);
            let digest = Digest(container::digest(&file).0);
            let target = format!("/projects/{}/artifacts", self.project);
            let mut request = client.request("POST", &target, client::full(file));
            request.headers_mut().insert(CONTENT_TYPE, "application/octet-stream".parse().unwrap());
            request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            let Ok(answer) = client.try_send(request).await else { return };
            assert_eq!(answer.status, 201, "{}", answer.json());
            self.answered.lock().unwrap().insert(digest);
        }
    }

    /// Another one for every seed.
    fn artifact(&self, seed: u64) -> Vec<u8> {
        let hashes = (0..BYTES / 32).map(|block| Sha256::digest(format!("{seed} {block}")));
        let text = hashes.fold(String::new(), |text, hash| text + &hex::encode(hash));
        let path = "openapi.yaml".to_owned();
        let artifact = Artifact {
            project: "shop".to_owned(),
            compiler: "tests/0".to_owned(),
            provenance: Provenance::default(),
            routes: Routes::default(),
            schemas: Schemas::default(),
            policies: Policies::default(),
            upstreams: Upstreams::default(),
            specs: Specs { specs: vec![Spec { path, role: SpecRole::Referenced, format: SpecFormat::Yaml, text }] },
        };
        Draft::encode(&artifact).unwrap().sign(&self.key).finish().unwrap()
    }

    /// Those that were answered for have a row, every row has its bytes, and every file that has an artifact's name is
    /// all of it: since the last time, as `checked` has it.
    pub(crate) async fn check(&self, database: &Database, folder: &Path, checked: &mut BTreeSet<Digest>) {
        let rows = database.fetch_all(sql("select digest, size from artifacts")).await.unwrap();
        let rows: Vec<(Digest, i64)> =
            rows.iter().map(|row| (row.get("digest").unwrap(), row.get("size").unwrap())).collect();
        let named: BTreeSet<Digest> = rows.iter().map(|(digest, _)| *digest).collect();
        let lost: Vec<Digest> = self.answered.lock().unwrap().difference(&named).copied().collect();
        assert_eq!(lost, [], "these were answered for");
        let objects = Location::Folder(folder.to_owned()).open(&[]).unwrap();
        for (digest, size) in rows {
            if checked.insert(digest) {
                is_whole(&objects, digest, u64::try_from(size).unwrap()).await;
            }
        }
        for path in files(folder) {
            let Some(digest) = path.file_name().and_then(|name| name.to_str()?.parse::<Digest>().ok()) else {
                continue;
            };
            if !named.contains(&digest) {
                assert_eq!(container::digest(&fs::read(&path).unwrap()).0, digest.0, "half of {}", path.display());
            }
        }
    }
}

async fn is_whole(objects: &Objects, digest: Digest, size: u64) {
    let pieces = objects.read(digest, 0..size).await.unwrap_or_else(|error| panic!("{digest}: {error}"));
    let bytes = pieces.try_fold(0, async |sum, piece| Ok(sum + piece.len() as u64)).await;
    assert_eq!(bytes.unwrap_or_else(|error| panic!("{digest}: {error}")), size);
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
