//! The master key: one for the whole database.

use std::sync::Arc;

use control::custody::Keys;
use control::domain::error::Error;
use control::domain::project::{NewProject, Settings};
use control::domain::signing::Signer as _;
use control::domain::store::{Projects as _, SigningKeys as _};
use control::key::MasterKey;

use crate::{Kept, act, no_references};

crate::in_both!(
    the_first_master_key_stays,
    nobody_seals_under_another_one,
    everything_is_sealed_anew,
    what_does_not_open_changes_nothing,
);

fn new(name: &str) -> NewProject {
    NewProject { team: None, name: name.parse().unwrap(), description: String::new(), settings: Settings::default() }
}

fn keys_under(kept: &Kept, master: MasterKey) -> Keys {
    Keys::new(Arc::new(kept.store.clone()), master, no_references())
}

async fn the_first_master_key_stays(kept: Kept) {
    let (one, two) = (MasterKey::generate().unwrap().id(), MasterKey::generate().unwrap().id());
    assert_eq!(kept.store.master_key(one).await.unwrap(), one);
    assert_eq!(kept.store.master_key(two).await.unwrap(), one);
    assert_eq!(kept.store.master_key(one).await.unwrap(), one);
}

async fn nobody_seals_under_another_one(kept: Kept) {
    let team = kept.team("red").await;
    kept.project(&team, "shop").await;
    let other = keys_under(&kept, MasterKey::generate().unwrap());
    let refused = other.found(&act(), team.id, new("other")).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(text) if text.contains("master key")), "{refused}");
    let everything = control::domain::access::Reach::Everything;
    let projects = kept.store.projects(everything, &control::domain::page::PageRequest::default()).await.unwrap();
    assert_eq!(projects.items.len(), 1);
}

async fn everything_is_sealed_anew(kept: Kept) {
    let team = kept.team("red").await;
    let projects = [kept.project(&team, "one").await, kept.project(&team, "two").await];
    let (old, new_key) = (kept.keys.master(), MasterKey::generate().unwrap());
    let reseal = |purpose, sealed: &_| new_key.reseal(old, sealed, purpose).map_err(Error::secrets);
    let count = kept.store.replace_master_key(&act(), new_key.id(), &reseal).await.unwrap();
    assert_eq!(count, 2);
    assert_eq!(kept.store.master_key(old.id()).await.unwrap(), new_key.id());
    // One that runs on with the old one neither opens nor seals.
    let error = kept.keys.signing_key(projects[0].id).await.unwrap_err();
    assert!(matches!(&error, Error::Conflict(text) if text.contains("master key")), "{error}");
    assert!(matches!(kept.keys.found(&act(), team.id, new("three")).await, Err(Error::Conflict(_))));
    let keys = keys_under(&kept, new_key);
    for project in projects {
        assert!(keys.signing_key(project.id).await.is_ok());
    }
    keys.found(&act(), team.id, new("three")).await.unwrap();
    assert!(kept.audit().await.contains(&"master-key.replace".to_owned()));
}

async fn what_does_not_open_changes_nothing(kept: Kept) {
    let project = kept.project(&kept.team("red").await, "shop").await;
    let (wrong, new_key) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
    let reseal = |purpose, sealed: &_| new_key.reseal(&wrong, sealed, purpose).map_err(Error::secrets);
    kept.store.replace_master_key(&act(), new_key.id(), &reseal).await.unwrap_err();
    assert!(kept.keys.signing_key(project.id).await.is_ok());
    assert_eq!(kept.store.master_key(new_key.id()).await.unwrap(), kept.keys.master().id());
    assert!(!kept.audit().await.contains(&"master-key.replace".to_owned()));
}
