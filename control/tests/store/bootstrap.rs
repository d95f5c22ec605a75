//! The files that data planes start from while no control plane is there.

use std::sync::Arc;

use bytes::Bytes;
use control::bootstrap::Publisher;
use control::domain::bootstrap::Shelf as _;
use control::domain::signing_key::NewSigningKey;
use control::domain::store::SigningKeys as _;
use control::store::objects::Location;

use crate::fleet::{Fleet, OLD};
use crate::{Kept, act, of};

crate::in_both!(whatever_was_taken_away_is_written_again);

/// A new gateway knows the first key, and follows the roots from the first to the newest.
async fn whatever_was_taken_away_is_written_again(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await.serving(OLD).await;
    let (store, project) = (fleet.kept.store.clone(), fleet.project.id);
    for _ in 0..2 {
        let active = store.active_key(project).await.unwrap();
        fleet.kept.keys.rotate(&act(), (of(&fleet.project), active.id), NewSigningKey::GENERATED).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Location::Folder(folder.path().to_owned()).open(&[]).unwrap());
    // No bytes belong to this digest.
    shelf.write(&format!("{project}/artifacts/{OLD}"), Bytes::from_static(b"1234567")).await.unwrap();
    let publisher = Publisher { store: Arc::new(store), artifacts: shelf.clone(), shelf: shelf.clone() };
    publisher.publish(project).await.unwrap();
    for name in ["roots/1.json", "roots/2.json", "roots/3.json", "pointer.json"] {
        let name = format!("{project}/{name}");
        let written = shelf.file(&name).await.unwrap();
        assert!(written.is_some(), "{name}");
        shelf.erase(&name).await.unwrap();
        publisher.publish(project).await.unwrap();
        assert_eq!(shelf.file(&name).await.unwrap(), written, "{name}");
    }
}
