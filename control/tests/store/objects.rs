//! Where the bytes of artifacts are: a folder, or a server that speaks S3.

use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use control::domain::artifact::{ArtifactBytes, ArtifactStream, NewArtifact, store_bytes};
use control::domain::digest::Digest;
use control::domain::error::{Dependency, Error};
use control::domain::id::InstallationId;
use control::domain::store::{Artifacts as _, Store};
use control::store::objects::sweep::sweep;
use control::store::objects::{Location, Objects, OwnerError};
use control::store::sql::sql;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use jiff::{SignedDuration, Timestamp};
use tests::s3::S3;
use tokio::sync::Notify;

use crate::builds::{new_artifact, shop};
use crate::{Kept, act, of};

crate::in_both!(
    what_is_stored_while_it_is_swept_is_there,
    what_is_about_to_be_named_is_not_swept,
    what_cannot_be_removed_keeps_nothing_else,
    replicas_that_start_at_once_are_one_installation,
);

fn content() -> (Digest, Bytes) {
    // More than one piece, however it is read.
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    (Digest(artifact_format::container::digest(&bytes).0), bytes.into())
}

async fn read(objects: &Objects, digest: Digest, range: Range<u64>) -> Result<Vec<u8>, Error> {
    let pieces: Vec<Bytes> = objects.read(digest, range).await?.try_collect().await?;
    Ok(pieces.concat())
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

async fn keeps_what_it_is_given(objects: Objects) {
    let (digest, bytes) = content();
    let size = bytes.len() as u64;
    assert!(matches!(read(&objects, digest, 0..size).await, Err(Error::Damaged(_))), "it is not there");
    for _ in 0..2 {
        objects.put(digest, bytes.clone()).await.unwrap();
        assert_eq!(read(&objects, digest, 0..size).await.unwrap(), bytes);
    }
    assert_eq!(read(&objects, digest, 70_000..70_010).await.unwrap(), bytes[70_000..70_010]);
    assert_eq!(read(&objects, digest, size - 1..size).await.unwrap(), bytes[bytes.len() - 1..]);

    let before = Timestamp::now() - SignedDuration::from_hours(1);
    let old = async |before| objects.older_than(before).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!((old(before).await, old(in_an_hour()).await), (vec![], vec![digest]));
    objects.remove(digest, before).await.unwrap();
    assert_eq!(read(&objects, digest, 0..size).await.unwrap(), bytes, "it is too young to be removed");
    objects.remove(digest, in_an_hour()).await.unwrap();
    assert!(read(&objects, digest, 0..size).await.is_err());
    objects.remove(digest, in_an_hour()).await.unwrap();
}

/// Whoever comes first, and nobody else.
async fn belongs_to_one_installation(objects: Objects, place: &str) {
    let own = InstallationId::new();
    for claimed in futures_util::future::join_all((0..8).map(|_| objects.claim(own))).await {
        claimed.unwrap();
    }
    let stranger = InstallationId::new();
    let error = objects.claim(stranger).await.unwrap_err();
    assert!(matches!(error, OwnerError::Other { theirs, own: given, .. } if (theirs, given) == (own, stranger)));
    let error = error.to_string();
    assert!(error.contains(place) && error.contains("remove the object `installation`"), "{error}");
    objects.claim(own).await.unwrap();
    // It is no artifact.
    let old: Vec<_> = objects.older_than(in_an_hour()).try_collect().await.unwrap();
    assert_eq!(old, []);
}

#[tokio::test]
async fn a_folder_keeps_what_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("artifacts");
    let objects = Location::Folder(place.clone()).open(&[]).unwrap();
    keeps_what_it_is_given(objects.clone()).await;
    belongs_to_one_installation(objects, &format!("file://{}", place.display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_installations_that_come_at_once_a_folder_belongs_to_one() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let objects = Location::Folder(folder.path().to_owned()).open(&[]).unwrap();
        let claims = (0..4).map(|_| {
            let (objects, id) = (objects.clone(), InstallationId::new());
            tokio::spawn(async move { (id, objects.claim(id).await) })
        });
        let claims: Vec<_> = futures_util::future::try_join_all(claims).await.unwrap();
        let winners: Vec<_> = claims.iter().filter(|(_, claimed)| claimed.is_ok()).map(|(id, _)| *id).collect();
        let [winner] = winners[..] else { panic!("it belongs to {winners:?}") };
        objects.claim(winner).await.unwrap();
    }
}

/// Nobody knows whose it is.
#[tokio::test]
async fn a_folder_whose_owner_cannot_be_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("installation"), "somebody").unwrap();
    let objects = Location::Folder(folder.path().to_owned()).open(&[]).unwrap();
    let refused = objects.claim(InstallationId::new()).await;
    assert!(matches!(refused, Err(OwnerError::Unreadable { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_bucket_keeps_what_it_is_given() {
    let Some(s3) = S3::start().await else { return };
    let variables: Vec<_> = s3.environment().map(|(name, value)| (name.to_ascii_lowercase(), value)).into();
    // Where the server is, as the environment says it.
    keeps_what_it_is_given(Location::parse(&s3.url(), None).unwrap().open(&variables).unwrap()).await;
    // Under a prefix, where the server is as the operator says it.
    let location = Location::parse(&format!("{}/a/prefix", s3.url()), Some(&s3.endpoint())).unwrap();
    let variables: Vec<_> = variables.into_iter().filter(|(name, _)| !name.contains("endpoint")).collect();
    let objects = location.open(&variables).unwrap();
    keeps_what_it_is_given(objects.clone()).await;
    belongs_to_one_installation(objects, &format!("{}/a/prefix", s3.url())).await;
    // With a key that opens nothing.
    let wrong: Vec<_> = variables
        .into_iter()
        .map(|(name, value)| if name.contains("secret") { (name, "wrong".to_owned()) } else { (name, value) })
        .collect();
    let (digest, bytes) = content();
    let refused = location.open(&wrong).unwrap().put(digest, bytes).await;
    assert!(matches!(refused, Err(Error::Unavailable { dependency: Dependency::ArtifactStore, .. })), "{refused:?}");
}

#[tokio::test]
async fn what_was_changed_in_the_folder_is_not_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Location::Folder(folder.path().to_owned()).open(&[]).unwrap();
    let (digest, bytes) = content();
    objects.put(digest, bytes.clone()).await.unwrap();
    let name = digest.to_string();
    let path = folder.path().join(&name[..2]).join(&name);
    let mut changed = bytes.to_vec();
    changed[5] ^= 1;
    fs::write(&path, changed).unwrap();
    let size = bytes.len() as u64;
    assert!(matches!(read(&objects, digest, 0..size).await, Err(Error::Damaged(_))));
    assert!(matches!(read(&objects, digest, 100..200).await, Err(Error::Damaged(_))), "in no part of it");
    objects.put(digest, bytes.clone()).await.unwrap();
    assert_eq!(read(&objects, digest, 0..size).await.unwrap(), bytes, "whoever has it can put it right");
}

#[tokio::test]
async fn what_no_row_names_is_swept() {
    let kept = Kept::in_sqlite().await;
    let project = shop(&kept, "red").await.project;
    let folder = tempfile::tempdir().unwrap();
    let objects = Location::Folder(folder.path().to_owned()).open(&[]).unwrap();
    for byte in [1, 2] {
        objects.put(Digest([byte; 32]), Bytes::from_static(b"whatever")).await.unwrap();
    }
    kept.store.push_artifact(&act(), of(&project), new_artifact(1)).await.unwrap();
    // As if that were long ago.
    kept.run(sql("update artifact_bytes set lease_until = 1")).await;
    let now = Timestamp::now() - SignedDuration::from_hours(1);
    assert_eq!(sweep(&kept.store, &objects, now).await.unwrap(), 0, "none of them is old");
    assert_eq!(sweep(&kept.store, &objects, in_an_hour()).await.unwrap(), 1);
    let left: Vec<_> = objects.older_than(in_an_hour()).try_collect().await.unwrap();
    assert_eq!(left, [Digest([1; 32])]);
}

/// What a kill in the middle of `put` leaves.
#[tokio::test]
async fn what_was_never_finished_is_swept() {
    let kept = Kept::in_sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let objects = Location::Folder(folder.path().to_owned()).open(&[]).unwrap();
    let (digest, bytes) = content();
    kept.store.keep_bytes(digest).await.unwrap();
    objects.put(digest, bytes).await.unwrap();
    let name = digest.to_string();
    let beside = |suffix: &str| folder.path().join(&name[..2]).join(format!("{name}{suffix}"));
    for suffix in ["#1", "#23", "#", "#a", ".old"] {
        fs::write(beside(suffix), "half").unwrap();
    }
    let before = Timestamp::now() - SignedDuration::from_hours(1);
    assert_eq!(sweep(&kept.store, &objects, before).await.unwrap(), 0, "somebody may write them now");
    assert_eq!(sweep(&kept.store, &objects, in_an_hour()).await.unwrap(), 2);
    let is_there = ["", "#1", "#23", "#", "#a", ".old"].map(|suffix| beside(suffix).exists());
    assert_eq!(is_there, [true, false, false, true, true, true], "what nobody here writes is not ours");
}

/// As control planes do at their start.
async fn replicas_that_start_at_once_are_one_installation(kept: Kept) {
    let folder = tempfile::tempdir().unwrap();
    let starting = (0..8).map(|_| {
        let (store, location) = (kept.store.clone(), Location::Folder(folder.path().to_owned()));
        tokio::spawn(async move {
            let id = store.installation().await.unwrap();
            location.open(&[]).unwrap().claim(id).await.unwrap();
            id
        })
    });
    let ids = futures_util::future::try_join_all(starting).await.unwrap();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(kept.store.installation().await.unwrap(), ids[0]);
}

/// A store of objects that does not remove one of them.
#[derive(Debug)]
struct Stubborn {
    objects: Objects,
    keeps: Digest,
}

#[async_trait]
impl ArtifactBytes for Stubborn {
    async fn put(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        self.objects.put(digest, bytes).await
    }

    async fn reach(&self) -> Result<(), Error> {
        self.objects.reach().await
    }

    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ArtifactStream, Error> {
        self.objects.read(digest, range).await
    }

    fn older_than(&self, before: Timestamp) -> BoxStream<'static, Result<Digest, Error>> {
        self.objects.older_than(before)
    }

    async fn remove_unfinished(&self, _: Timestamp) -> Result<usize, Error> {
        Err(Error::artifact_store("not today"))
    }

    async fn remove(&self, digest: Digest, before: Timestamp) -> Result<(), Error> {
        if digest == self.keeps {
            return Err(Error::artifact_store("not this one"));
        }
        self.objects.remove(digest, before).await
    }
}

/// Wherever it stands among the others.
async fn what_cannot_be_removed_keeps_nothing_else(kept: Kept) {
    let store: &dyn Store = &kept.store;
    for keeps in [1, 2, 3].map(|byte| Digest([byte; 32])) {
        let folder = tempfile::tempdir().unwrap();
        let objects = Location::Folder(folder.path().to_owned()).open(&[]).unwrap();
        for byte in 1..=3 {
            objects.put(Digest([byte; 32]), Bytes::from_static(b"whatever")).await.unwrap();
        }
        let stubborn = Stubborn { objects, keeps };
        assert_eq!(sweep(store, &stubborn, in_an_hour()).await.unwrap(), 2);
        let left: Vec<_> = stubborn.older_than(in_an_hour()).try_collect().await.unwrap();
        assert_eq!(left, [keeps]);
        // Nobody says that it is removed: its lease is still there, and ends by itself.
        let leases = kept.store.database().fetch_all(sql("select digest from artifact_bytes")).await.unwrap();
        let leases: Vec<Digest> = leases.iter().map(|row| row.get("digest").unwrap()).collect();
        assert_eq!(leases, [keeps]);
        kept.run(sql("delete from artifact_bytes")).await;
    }
}

/// A store of objects that takes its time to remove one: it has looked how old it is, and is about to.
#[derive(Debug)]
struct Slow {
    objects: Objects,
    reached: Notify,
    go: Notify,
}

#[async_trait]
impl ArtifactBytes for Slow {
    async fn put(&self, digest: Digest, bytes: Bytes) -> Result<(), Error> {
        self.objects.put(digest, bytes).await
    }

    async fn reach(&self) -> Result<(), Error> {
        self.objects.reach().await
    }

    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ArtifactStream, Error> {
        self.objects.read(digest, range).await
    }

    fn older_than(&self, before: Timestamp) -> BoxStream<'static, Result<Digest, Error>> {
        self.objects.older_than(before)
    }

    async fn remove_unfinished(&self, before: Timestamp) -> Result<usize, Error> {
        self.objects.remove_unfinished(before).await
    }

    async fn remove(&self, digest: Digest, _: Timestamp) -> Result<(), Error> {
        self.reached.notify_one();
        self.go.notified().await;
        self.objects.remove(digest, in_an_hour()).await
    }
}

/// However the two meet, a row has its bytes.
async fn what_is_stored_while_it_is_swept_is_there(kept: Kept) {
    let project = shop(&kept, "red").await.project;
    let folder = tempfile::tempdir().unwrap();
    let (digest, bytes) = content();
    let objects = Location::Folder(folder.path().to_owned()).open(&[]).unwrap();
    objects.put(digest, bytes.clone()).await.unwrap();
    let slow = Arc::new(Slow { objects, reached: Notify::new(), go: Notify::new() });
    let sweeping = tokio::spawn({
        let (store, slow) = (kept.store.clone(), Arc::clone(&slow));
        async move { sweep(&store, &*slow, in_an_hour()).await }
    });
    slow.reached.notified().await;
    let pushing = {
        let (store, slow, bytes) = (kept.store.clone(), Arc::clone(&slow), bytes.clone());
        async move {
            store_bytes(&store, &*slow, (digest, bytes)).await.unwrap();
            let new = NewArtifact { digest, ..new_artifact(1) };
            store.push_artifact(&act(), of(&project), new).await.unwrap();
        }
    };
    let mut pushing = Box::pin(pushing);
    // It has all the time that it wants to be faster.
    let is_done = tokio::time::timeout(Duration::from_secs(1), &mut pushing).await.is_ok();
    slow.go.notify_one();
    if !is_done {
        pushing.await;
    }
    assert_eq!(sweeping.await.unwrap().unwrap(), 1);
    assert_eq!(read(&slow.objects, digest, 0..bytes.len() as u64).await.unwrap(), bytes);
}

/// From when it is about to be stored, for as long as that may take.
async fn what_is_about_to_be_named_is_not_swept(kept: Kept) {
    let project = shop(&kept, "red").await.project;
    let folder = tempfile::tempdir().unwrap();
    let objects = Location::Folder(folder.path().to_owned()).open(&[]).unwrap();
    let (digest, bytes) = content();
    store_bytes(&kept.store, &objects, (digest, bytes)).await.unwrap();
    assert_eq!(sweep(&kept.store, &objects, in_an_hour()).await.unwrap(), 0);
    // Whoever took too long has to store it again before a row may name it.
    kept.run(sql("update artifact_bytes set lease_until = 1")).await;
    let late = NewArtifact { digest, ..new_artifact(1) };
    let refused = kept.store.push_artifact(&act(), of(&project), late).await;
    assert!(matches!(refused, Err(Error::Unavailable { dependency: Dependency::ArtifactStore, .. })), "{refused:?}");
    assert_eq!(sweep(&kept.store, &objects, in_an_hour()).await.unwrap(), 1);
}
