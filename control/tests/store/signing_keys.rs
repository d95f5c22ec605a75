//! Signing keys and trust roots.

use std::sync::Arc;

use artifact_format::root::{Root, SignedRoot};
use artifact_format::signature::SigningKey as PrivateKey;
use control::custody::{Allowed, References};
use control::domain::access::Reach;
use control::domain::deployment::NewDeployment;
use control::domain::digest::Digest;
use control::domain::error::{Error, Noun};
use control::domain::id::SigningKeyId;
use control::domain::page::PageRequest;
use control::domain::project::Project;
use control::domain::signing::Signer as _;
use control::domain::signing_key::{Deployed, Kind, NewSigningKey, Pem, SigningKey, State};
use control::domain::store::{Deployments as _, Fleet as _, OfProject, Projects as _, Registry as _, SigningKeys as _};
use control::key;
use control::store::DatabaseStore;
use control::store::sql::{Database, sql};

use crate::fleet::{Fleet, NEW, OLD};
use crate::{Kept, act, of, within};

crate::in_both!(
    a_project_begins_with_a_key_and_a_root,
    a_rotation_is_followed_by_whoever_believed,
    the_active_key_is_rotated_and_nothing_else,
    a_retired_key_is_forgotten_and_never_comes_back,
    keys_from_elsewhere,
    a_reference_is_read_as_far_as_is_allowed,
    a_root_names_so_many_keys,
    another_teams_keys_are_not_there,
    a_sealed_key_opens_in_its_own_row,
    keys_go_with_their_project,
    many_that_rotate_at_once_make_one_chain,
    who_waits_is_told_of_a_newer_root,
    what_is_deployed_keeps_the_only_key_that_vouches_for_it,
    what_is_gone_back_to_keeps_its_key_until_the_next_one_is_done,
);

async fn project(kept: &Kept) -> Project {
    kept.project(&kept.team("red").await, "shop").await
}

async fn keys(kept: &Kept, project: &Project) -> Vec<SigningKey> {
    kept.store.signing_keys(of(project), &PageRequest { limit: 200, ..PageRequest::default() }).await.unwrap().items
}

async fn active(kept: &Kept, project: &Project) -> SigningKey {
    let keys = keys(kept, project).await;
    let mut active = keys.into_iter().filter(|key| key.state == State::Active);
    let only = active.next().unwrap();
    assert!(active.next().is_none());
    only
}

async fn rotate(kept: &Kept, project: &Project, from: SigningKeyId) -> Result<SigningKey, Error> {
    kept.keys.rotate(&act(), (of(project), from), NewSigningKey::GENERATED).await
}

/// Every version of the root, oldest first.
async fn chain(kept: &Kept, project: &Project) -> Vec<SignedRoot> {
    let mut roots =
        kept.store.trust_roots(of(project), &PageRequest { limit: 200, ..PageRequest::default() }).await.unwrap().items;
    roots.reverse();
    roots
}

/// What somebody believes in the end who pinned the first root.
async fn followed(kept: &Kept, project: &Project) -> Root {
    let mut chain = chain(kept, project).await.into_iter();
    let mut root = chain.next().unwrap().pinned().unwrap();
    root.follow(chain).unwrap();
    root
}

fn public_keys(root: &Root) -> Vec<String> {
    root.keys().map(artifact_format::signature::PublicKey::to_base64).collect()
}

fn imported(private: &PrivateKey) -> NewSigningKey {
    let text = private.to_pem().unwrap();
    NewSigningKey { kind: Kind::Imported, private_key: Some(Pem(text)), ..NewSigningKey::GENERATED }
}

async fn a_project_begins_with_a_key_and_a_root(kept: Kept) {
    let project = project(&kept).await;
    let key = active(&kept, &project).await;
    assert_eq!((key.kind, key.author.as_str(), key.project), (Kind::Generated, "tester", project.id));
    assert_eq!(key.name.as_str(), &key.key_id.to_string()[..16]);
    assert_eq!(kept.store.signing_key(of(&project), key.id).await.unwrap(), key);
    let root = followed(&kept, &project).await;
    assert_eq!((root.version().get(), root.project()), (1, project.id.to_string().as_str()));
    assert_eq!(public_keys(&root), [key.public_key.as_str()]);
    assert_eq!(kept.keys.signing_key(project.id).await.unwrap().public().to_base64(), key.public_key);
    assert_eq!(kept.keys.trusted_keys(project.id).await.unwrap().len(), 1);
    assert_eq!(kept.audit().await, ["team.create", "project.create"]);
}

async fn a_rotation_is_followed_by_whoever_believed(kept: Kept) {
    let project = project(&kept).await;
    let old = active(&kept, &project).await;
    let new = rotate(&kept, &project, old.id).await.unwrap();
    assert_eq!((new.state, active(&kept, &project).await), (State::Active, new.clone()));
    assert_eq!(kept.keys.signing_key(project.id).await.unwrap().public().to_base64(), new.public_key);
    let root = followed(&kept, &project).await;
    assert_eq!((root.version().get(), root.keys().len()), (2, 2));
    let retired = kept.keys.retire(&act(), of(&project), (old.id, Deployed::Kept)).await.unwrap();
    assert!(retired.state == State::Retired && retired.retired_at.is_some());
    let root = followed(&kept, &project).await;
    assert_eq!((root.version().get(), public_keys(&root)), (3, vec![new.public_key]));
    let newest = kept.store.trust_root(of(&project), None).await.unwrap();
    assert_eq!(newest.version().get(), 3);
    for version in 1..=3_u64 {
        let root = kept.store.trust_root(of(&project), version.try_into().ok()).await.unwrap();
        assert_eq!(root.version().get(), version);
    }
    for missing in [4, u64::MAX] {
        let root = kept.store.trust_root(of(&project), missing.try_into().ok()).await;
        assert!(matches!(root, Err(Error::NotFound(Noun::TrustRoot))));
    }
    assert_eq!(kept.audit().await[2..], ["signing-key.rotate", "signing-key.retire"]);
}

async fn the_active_key_is_rotated_and_nothing_else(kept: Kept) {
    let project = project(&kept).await;
    let first = active(&kept, &project).await;
    assert!(matches!(
        kept.keys.retire(&act(), of(&project), (first.id, Deployed::Kept)).await,
        Err(Error::Conflict(_))
    ));
    let added = kept.keys.add(&act(), of(&project), NewSigningKey::GENERATED).await.unwrap();
    assert_eq!((added.state, active(&kept, &project).await.id), (State::Trusted, first.id));
    assert!(matches!(rotate(&kept, &project, added.id).await, Err(Error::Conflict(_))));
    let public = NewSigningKey { kind: Kind::Public, ..NewSigningKey::GENERATED };
    let refused = kept.keys.rotate(&act(), (of(&project), first.id), public).await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/kind"));
    let missing = rotate(&kept, &project, SigningKeyId::new()).await;
    assert!(matches!(missing, Err(Error::NotFound(Noun::SigningKey))));
    assert_eq!(chain(&kept, &project).await.len(), 2);
    assert_eq!(kept.audit().await[2..], ["signing-key.create"]);
}

async fn a_retired_key_is_forgotten_and_never_comes_back(kept: Kept) {
    let project = project(&kept).await;
    let private = key::generate().unwrap();
    let key = kept.keys.add(&act(), of(&project), imported(&private)).await.unwrap();
    let twice = kept.keys.add(&act(), of(&project), imported(&private)).await;
    assert!(matches!(twice, Err(Error::Conflict(_))));
    let sealed = async || {
        let select =
            sql("select count(*) as count from signing_keys where sealed is not null and id = $1").bind(key.id);
        kept.store.database().fetch_optional(select).await.unwrap().unwrap().get::<i64>("count").unwrap()
    };
    assert_eq!(sealed().await, 1);
    kept.keys.retire(&act(), of(&project), (key.id, Deployed::Kept)).await.unwrap();
    assert_eq!(sealed().await, 0);
    assert!(matches!(kept.keys.retire(&act(), of(&project), (key.id, Deployed::Kept)).await, Err(Error::Conflict(_))));
    let again = kept.keys.add(&act(), of(&project), imported(&private)).await;
    assert!(matches!(again, Err(Error::Conflict(_))));
    assert_eq!(chain(&kept, &project).await.len(), 3);
}

async fn keys_from_elsewhere(kept: Kept) {
    let project = project(&kept).await;
    let private = key::generate().unwrap();
    let first = active(&kept, &project).await;
    let taken = kept.keys.rotate(&act(), (of(&project), first.id), imported(&private)).await.unwrap();
    assert_eq!((taken.kind, taken.public_key.clone()), (Kind::Imported, private.public().to_base64()));
    assert_eq!(kept.keys.signing_key(project.id).await.unwrap().public(), private.public());
    let offline = key::generate().unwrap().public();
    let new = |text| NewSigningKey { kind: Kind::Public, public_key: Some(text), ..NewSigningKey::GENERATED };
    let public = kept.keys.add(&act(), of(&project), new(offline.to_pem().unwrap())).await.unwrap();
    assert_eq!((public.kind, public.public_key.clone()), (Kind::Public, offline.to_base64()));
    assert_eq!(public_keys(&followed(&kept, &project).await).len(), 3);
    let refused = kept.keys.add(&act(), of(&project), new("no key".into())).await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/public_key"));
    let wrong = Pem::from("-----BEGIN PRIVATE KEY-----\nMC4CAQ\n".to_owned());
    let new = NewSigningKey { kind: Kind::Imported, private_key: Some(wrong), ..NewSigningKey::GENERATED };
    let error = kept.keys.add(&act(), of(&project), new).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(faults) if faults[0].pointer == "/private_key"));
    assert!(!error.to_string().contains("MC4CAQ"));
}

async fn a_reference_is_read_as_far_as_is_allowed(kept: Kept) {
    let project = project(&kept).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    let private = key::generate().unwrap();
    std::fs::write(&path, private.to_pem().unwrap().as_bytes()).unwrap();
    let new = || {
        let reference = Some(format!("file://{}", path.display()));
        NewSigningKey { kind: Kind::Referenced, reference, ..NewSigningKey::GENERATED }
    };
    let everywhere = OfProject { reach: Reach::Everything, project: project.id };
    let refused = kept.keys.add(&act(), everywhere, new()).await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/reference"));

    let allowed = References { allowed: vec![Allowed::Folder(folder.path().to_owned())], ..crate::no_references() };
    let keys = kept.keys.with_references(allowed);
    // A team's own token names no file of the server, whatever the operator allows.
    let refused = keys.add(&act(), of(&project), new()).await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/kind"));
    let first = active(&kept, &project).await;
    let taken = keys.rotate(&act(), (everywhere, first.id), new()).await.unwrap();
    assert_eq!(taken.reference, new().reference);
    assert_eq!(keys.signing_key(project.id).await.unwrap().public(), private.public());
    // Who may not read it any more does not sign, and who reads another key neither.
    assert!(matches!(kept.keys.signing_key(project.id).await, Err(Error::Conflict(_))));
    std::fs::write(&path, key::generate().unwrap().to_pem().unwrap().as_bytes()).unwrap();
    assert!(matches!(keys.signing_key(project.id).await, Err(Error::Conflict(_))));
    assert!(matches!(keys.rotate(&act(), (everywhere, taken.id), new()).await, Err(Error::Conflict(_))));
    std::fs::write(&path, private.to_pem().unwrap().as_bytes()).unwrap();
    keys.rotate(&act(), (of(&project), taken.id), NewSigningKey::GENERATED).await.unwrap();
    followed(&kept, &project).await;
}

async fn a_root_names_so_many_keys(kept: Kept) {
    let project = project(&kept).await;
    let mut last = None;
    for _ in 1..16 {
        last = Some(kept.keys.add(&act(), of(&project), NewSigningKey::GENERATED).await.unwrap());
    }
    let refused = kept.keys.add(&act(), of(&project), NewSigningKey::GENERATED).await.unwrap_err();
    assert!(refused.to_string().contains("at most 16 keys"), "{refused}");
    kept.keys.retire(&act(), of(&project), (last.unwrap().id, Deployed::Kept)).await.unwrap();
    kept.keys.add(&act(), of(&project), NewSigningKey::GENERATED).await.unwrap();
    assert_eq!(followed(&kept, &project).await.keys().len(), 16);
}

async fn another_teams_keys_are_not_there(kept: Kept) {
    let project = project(&kept).await;
    let key = active(&kept, &project).await;
    let other = OfProject { reach: within(&kept.team("blue").await), project: project.id };
    assert!(matches!(kept.store.signing_key(other, key.id).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.store.signing_keys(other, &PageRequest::default()).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.store.trust_root(other, None).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.store.trust_roots(other, &PageRequest::default()).await, Err(Error::NotFound(_))));
    assert!(matches!(kept.keys.add(&act(), other, NewSigningKey::GENERATED).await, Err(Error::NotFound(_))));
    let rotated = kept.keys.rotate(&act(), (other, key.id), NewSigningKey::GENERATED).await;
    assert!(matches!(rotated, Err(Error::NotFound(_))));
    assert!(matches!(kept.keys.retire(&act(), other, (key.id, Deployed::Kept)).await, Err(Error::NotFound(_))));
    // Nor is a key of one project a key of another one of the same team.
    let second = kept.project(&kept.team("green").await, "other").await;
    let crossed = OfProject { reach: Reach::Everything, project: second.id };
    assert!(matches!(kept.store.signing_key(crossed, key.id).await, Err(Error::NotFound(_))));
    assert_eq!(chain(&kept, &project).await.len(), 1);
}

async fn a_sealed_key_opens_in_its_own_row(kept: Kept) {
    let project = project(&kept).await;
    let other = kept.project(&kept.team("blue").await, "shop").await;
    let steal = sql("update signing_keys set sealed = (select sealed from signing_keys where project_id = $1) \
         where project_id = $2");
    kept.run(steal.bind(other.id).bind(project.id)).await;
    assert!(matches!(kept.keys.signing_key(project.id).await, Err(Error::Damaged(Noun::SigningKey))));
    assert!(kept.keys.signing_key(other.id).await.is_ok());
}

async fn keys_go_with_their_project(kept: Kept) {
    let project = project(&kept).await;
    kept.store.delete_project(&act(), of(&project).any()).await.unwrap();
    assert!(matches!(kept.keys.signing_key(project.id).await, Err(Error::NotFound(Noun::Project))));
    let count = sql("select count(*) as count from trust_roots");
    let row = kept.store.database().fetch_optional(count).await.unwrap().unwrap();
    assert_eq!(row.get::<i64>("count").unwrap(), 0);
}

/// 32 that rotate, each until it succeeds, and retire the key that was active before.
async fn many_that_rotate_at_once_make_one_chain(kept: Kept) {
    let project = project(&kept).await;
    let rotations = (0..32).map(|_| {
        let (store, keys, of) = (kept.store.clone(), kept.keys.clone(), of(&project));
        tokio::spawn(async move {
            let replaced = loop {
                let active = store.active_key(of.project).await.unwrap().id;
                match keys.rotate(&act(), (of, active), NewSigningKey::GENERATED).await {
                    Ok(_) => break active,
                    // Somebody else rotated it, or there are 16 keys: the others retire theirs.
                    Err(Error::Conflict(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            };
            keys.retire(&act(), of, (replaced, Deployed::Kept)).await.unwrap();
        })
    });
    futures_util::future::join_all(rotations).await.into_iter().for_each(|rotation| rotation.unwrap());
    let root = followed(&kept, &project).await;
    assert_eq!(root.version().get(), 65);
    assert_eq!(public_keys(&root), [active(&kept, &project).await.public_key]);
    assert_eq!(keys(&kept, &project).await.len(), 33);
    let audit = kept.audit().await;
    assert_eq!(audit.iter().filter(|action| *action == "signing-key.rotate").count(), 32);
    assert_eq!(audit.iter().filter(|action| *action == "signing-key.retire").count(), 32);
}

/// In this process, and in another one if they share a database.
async fn who_waits_is_told_of_a_newer_root(kept: Kept) {
    let project = project(&kept).await;
    let mut changes = kept.store.registry_changes();
    rotate(&kept, &project, active(&kept, &project).await.id).await.unwrap();
    tests::wait::patiently("the change", changes.changed()).await.unwrap();
    let Some(database) = &kept.postgres else { return };
    let other = DatabaseStore::new(Database::open(&database.url(), None).await.unwrap());
    let mut changes = other.registry_changes();
    let hearing = tokio::spawn(async move { other.hear_of_changes().await });
    tests::wait::patiently("the first word", changes.changed()).await.unwrap();
    changes.borrow_and_update();
    rotate(&kept, &project, active(&kept, &project).await.id).await.unwrap();
    tests::wait::patiently("the change", changes.changed()).await.unwrap();
    hearing.abort();
}

async fn what_is_deployed_keeps_the_only_key_that_vouches_for_it(kept: Kept) {
    let project = project(&kept).await;
    let old = active(&kept, &project).await;
    let new = rotate(&kept, &project, old.id).await.unwrap();
    let other = kept.keys.add(&act(), of(&project), NewSigningKey::GENERATED).await.unwrap();
    crate::fleet::artifact(&kept, &project, 1).await;
    let are_signed_by = async |keys: &[&SigningKey]| {
        let ids: Vec<String> = keys.iter().map(|key| key.key_id.to_string()[..16].to_owned()).collect();
        kept.run(sql("update artifacts set signed_by = $1").bind(serde_json::json!(ids))).await;
    };
    let retire = async |key: &SigningKey, deployed| kept.keys.retire(&act(), of(&project), (key.id, deployed)).await;
    are_signed_by(&[&old]).await;
    kept.store.create_deployment(&act(), of(&project), NewDeployment::of(Digest([1; 32]))).await.unwrap();
    // Before it has begun, and after that.
    for _ in 0..2 {
        let refused = retire(&old, Deployed::Kept).await.unwrap_err();
        let Error::Conflict(why) = &refused else { panic!("{refused}") };
        assert!(why.contains("serve: 1.") && why.contains("abandoned"), "{why}");
        let driver = control::rollouts::Driver::new(Arc::new(kept.store.clone()), Arc::new(kept.keys.clone()));
        driver.pass().await.unwrap();
    }
    // Others vouch for it, too; or nobody needs this one to.
    are_signed_by(&[&other, &new]).await;
    retire(&other, Deployed::Kept).await.unwrap();
    are_signed_by(&[&old, &other]).await;
    assert!(retire(&old, Deployed::Kept).await.is_err(), "a retired one vouches for nothing");
    assert_eq!(retire(&old, Deployed::Abandoned).await.unwrap().state, State::Retired);
}

/// Whoever has not taken the next one yet serves the one before, and may have to go back to it.
async fn what_is_gone_back_to_keeps_its_key_until_the_next_one_is_done(kept: Kept) {
    let fleet = Fleet::of(kept, &["a=1"]).await;
    let (kept, project) = (&fleet.kept, &fleet.project);
    let old = active(kept, project).await;
    let new = rotate(kept, project, old.id).await.unwrap();
    for (key, artifact) in [(&old, OLD), (&new, NEW)] {
        let ids = serde_json::json!([key.key_id.to_string()[..16]]);
        let signs = sql("update artifacts set signed_by = $1 where digest = $2");
        kept.run(signs.bind(ids).bind(artifact)).await;
    }
    let fleet = fleet.serving(OLD).await;
    let retire = async || fleet.kept.keys.retire(&act(), of(&fleet.project), (old.id, Deployed::Kept)).await;
    fleet.deploy(NewDeployment::of(NEW)).await;
    fleet.pass().await;
    let refused = retire().await.unwrap_err();
    let Error::Conflict(why) = &refused else { panic!("{refused}") };
    assert!(why.contains("serve: 1."), "{why}");
    fleet.obey().await;
    fleet.pass().await;
    assert_eq!(retire().await.unwrap().state, State::Retired);
}
