//! The files that data planes start from while no control plane is there.

use std::num::NonZeroU64;
use std::sync::Arc;

use artifact_format::container;
use bytes::Bytes;
use control::bootstrap::{Look, Publisher};
use control::domain::artifact::ArtifactBytes as _;
use control::domain::bootstrap::Shelf as _;
use control::domain::deployment::NewDeployment;
use control::domain::digest::Digest;
use control::domain::signing_key::NewSigningKey;
use control::domain::store::{Fleet as _, SigningKeys as _};
use control::store::objects::{Location, Objects};
use control::store::sql::sql;
use tests::wait;
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, NEW, OLD, artifact_of};
use crate::{Kept, act, of};

crate::in_both!(
    whatever_was_taken_away_is_written_again,
    whatever_was_spoilt_is_written_again,
    what_belongs_to_others_is_written_over,
    what_another_control_plane_wrote_since_is_left_alone,
);

/// A folder of files.
fn objects(folder: &tempfile::TempDir) -> Arc<Objects> {
    Arc::new(Location::Folder(folder.path().to_owned()).open(&[]).unwrap())
}

/// A new gateway knows the first key, and follows the roots from the first to the newest.
async fn whatever_was_taken_away_is_written_again(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let (store, project) = (fleet.kept.store.clone(), fleet.project.id);
    for _ in 0..2 {
        let active = store.active_key(project).await.unwrap();
        fleet.kept.keys.rotate(&act(), (of(&fleet.project), active.id), NewSigningKey::GENERATED).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let shelf = objects(&folder);
    // No bytes belong to this digest.
    shelf.write(&format!("{project}/artifacts/{OLD}"), Bytes::from_static(b"1234567")).await.unwrap();
    let publisher = Publisher { store: Arc::new(store), artifacts: shelf.clone(), shelf: shelf.clone() };
    publisher.publish(project, Look::Quick).await.unwrap();
    for name in ["roots/1.json", "roots/2.json", "roots/3.json", "pointer.json"] {
        let name = format!("{project}/{name}");
        let written = shelf.file(&name).await.unwrap();
        assert!(written.is_some(), "{name}");
        shelf.erase(&name).await.unwrap();
        publisher.publish(project, Look::Quick).await.unwrap();
        assert_eq!(shelf.file(&name).await.unwrap(), written, "{name}");
    }
}

/// Whoever could write there once keeps no new gateway from starting for longer than until it is looked at.
async fn whatever_was_spoilt_is_written_again(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let bytes = Bytes::from_static(b"1234567");
    let digest = Digest(container::digest(&bytes).0);
    artifact_of(&fleet.kept, &fleet.project, digest).await;
    let fleet = fleet.serving(digest).await;
    let (store, project) = (fleet.kept.store.clone(), fleet.project.id);
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (artifacts, shelf) = (objects(&here), objects(&there));
    artifacts.put(digest, bytes).await.unwrap();
    let publisher = Publisher { store: Arc::new(store), artifacts, shelf: shelf.clone() };
    publisher.publish(project, Look::Quick).await.unwrap();
    let (root, artifact) = ("roots/1.json".to_owned(), format!("artifacts/{digest}"));
    let cases: [(&str, &str, &str, Look); 7] = [
        // Newer than whatever comes, and nobody signed it.
        ("pointer.json", "\"serial\":1,", "\"serial\":18446744073709551615,", Look::Quick),
        // As new, and nobody signed it.
        ("pointer.json", "\"length\":7", "\"length\":8", Look::Quick),
        ("pointer.json", "}", "", Look::Quick),
        (artifact.as_str(), "67", "", Look::Quick),
        (artifact.as_str(), "67", "76", Look::Whole),
        (root.as_str(), "\"threshold\":1", "\"threshold\":2", Look::Whole),
        (root.as_str(), "}", "", Look::Whole),
    ];
    for (name, from, to, look) in cases {
        let name = format!("{project}/{name}");
        let written = shelf.file(&name).await.unwrap().unwrap();
        let spoilt = std::str::from_utf8(&written).unwrap().replace(from, to);
        assert_ne!(spoilt.as_bytes(), &written[..], "{name}: {from}");
        shelf.write(&name, spoilt.into()).await.unwrap();
        publisher.publish(project, look).await.unwrap();
        assert_eq!(shelf.file(&name).await.unwrap(), Some(written), "{name}: {from}");
    }
    // It is not even read, however long it is.
    let name = format!("{project}/pointer.json");
    let written = shelf.file(&name).await.unwrap();
    shelf.write(&name, vec![b' '; 1 << 20].into()).await.unwrap();
    assert_eq!(shelf.file(&name).await.unwrap(), None);
    publisher.publish(project, Look::Quick).await.unwrap();
    assert_eq!(shelf.file(&name).await.unwrap(), written);
    // Whoever starts looks at every byte.
    let name = format!("{project}/{artifact}");
    let written = shelf.file(&name).await.unwrap();
    shelf.write(&name, Bytes::from_static(b"1234576")).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(publisher.run(stop.clone()));
    wait::until("it is put right", async || shelf.file(&name).await.unwrap() == written).await;
    stop.cancel();
    running.await.unwrap();
}

/// It is signed, and newer than the one that belongs there.
async fn what_belongs_to_others_is_written_over(kept: Kept) {
    let fleet = Fleet::of(kept, &["env=prod", "env=dev"]).await;
    for (selector, artifact) in [("env=prod", OLD), ("env=dev", NEW)] {
        fleet.deploy(NewDeployment { selector: selector.parse().unwrap(), ..NewDeployment::of(artifact) }).await;
        fleet.pass().await;
    }
    let (folder, project) = (tempfile::tempdir().unwrap(), fleet.project.id);
    let shelf = objects(&folder);
    for (group, artifact) in [("prod", OLD), ("dev", NEW)] {
        let name = format!("{project}/env={group}/artifacts/{artifact}");
        shelf.write(&name, Bytes::from_static(b"1234567")).await.unwrap();
    }
    let store = Arc::new(fleet.kept.store.clone());
    let publisher = Publisher { store, artifacts: shelf.clone(), shelf: shelf.clone() };
    publisher.publish(project, Look::Quick).await.unwrap();
    let [prod, dev] = ["prod", "dev"].map(|group| format!("{project}/env={group}/pointer.json"));
    let written = shelf.file(&prod).await.unwrap();
    shelf.write(&prod, shelf.file(&dev).await.unwrap().unwrap()).await.unwrap();
    publisher.publish(project, Look::Quick).await.unwrap();
    assert_eq!(shelf.file(&prod).await.unwrap(), written);
}

/// A control plane whose plan is a moment old brings nothing old back.
async fn what_another_control_plane_wrote_since_is_left_alone(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let (store, project) = (fleet.kept.store.clone(), fleet.project.id);
    let folder = tempfile::tempdir().unwrap();
    let shelf = objects(&folder);
    shelf.write(&format!("{project}/artifacts/{OLD}"), Bytes::from_static(b"1234567")).await.unwrap();
    let publisher = Publisher { store: Arc::new(store.clone()), artifacts: shelf.clone(), shelf: shelf.clone() };
    let entry = fleet.wanted(&fleet.gateways[0]).await.unwrap();
    let (older, name) = (serde_json::to_string(&*entry.pointer).unwrap(), format!("{project}/pointer.json"));
    store.raise_floor(entry.deployment, NonZeroU64::new(41).unwrap()).await.unwrap();
    fleet.pass().await;
    publisher.publish(project, Look::Quick).await.unwrap();
    let newer = shelf.file(&name).await.unwrap();
    // As it was seen a moment ago.
    fleet.kept.run(sql("update pointers set document = $1").bind(older)).await;
    let seen = store.plan(project).await.unwrap().entries[0].pointer.serial();
    assert_eq!(seen, NonZeroU64::MIN);
    publisher.publish(project, Look::Quick).await.unwrap();
    assert_eq!(shelf.file(&name).await.unwrap(), newer);
    let text = String::from_utf8(newer.unwrap().to_vec()).unwrap();
    assert!(text.contains("\"serial\":42,"), "{text}");
}
