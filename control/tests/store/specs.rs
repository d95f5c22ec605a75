//! Specs, their revisions and documents.

use control::domain::access::Reach;
use control::domain::error::{Error, Noun};
use control::domain::page::{Cursor, PageRequest};
use control::domain::project::Project;
use control::domain::spec::{NewRevision, NewSpec, Revised, Revision, Spec, SpecUpdate};
use control::domain::store::{Edit, Projects as _, Specs as _};
use control::domain::version::{Expected, Version};
use control::store::sql::sql;
use control::upload::Upload;

use crate::{Kept, act, within};

crate::in_both!(
    what_was_uploaded_is_there,
    a_name_is_taken_once_in_a_project,
    the_same_files_are_no_new_revision,
    another_teams_spec_is_not_there,
    a_change_is_for_one_state,
    revisions_come_in_pages,
    a_content_is_kept_once_in_a_team,
    contents_go_with_their_last_use,
    many_files_are_one_revision,
    writers_number_their_revisions_in_turn,
    uploads_and_deletions_do_not_disturb_each_other,
);

const PETS: &[(&str, &str)] = &[("openapi.yaml", "openapi: 3.1.0"), ("schemas/'pet'; --.yaml", "type: object")];

fn revision(files: &[(&str, &str)]) -> NewRevision {
    let mut upload = Upload::new();
    files.iter().for_each(|(path, content)| upload.add(path, content.as_bytes()).unwrap());
    let documents = upload.finish(&[files[0].0.to_owned()]).unwrap();
    NewRevision { documents, message: "why not".into() }
}

fn new(project: &Project, name: &str, files: &[(&str, &str)]) -> NewSpec {
    let name = name.parse().unwrap();
    NewSpec { project: project.id, name, description: "pets".into(), revision: revision(files) }
}

async fn make(kept: &Kept, project: &Project, name: &str, files: &[(&str, &str)]) -> Spec {
    kept.store.create_spec(&act(), Reach::Everything, new(project, name, files)).await.unwrap()
}

fn any(spec: &Spec) -> Edit<control::domain::id::SpecId> {
    Edit { reach: Reach::Everything, id: spec.id, expected: Expected::Any }
}

async fn revise(kept: &Kept, spec: &Spec, files: &[(&str, &str)]) -> Revised {
    kept.store.revise_spec(&act(), any(spec), revision(files)).await.unwrap()
}

async fn count(kept: &Kept, table: &str) -> i64 {
    let select = match table {
        "documents" => sql("select count(*) as n from documents"),
        _ => sql("select count(*) as n from revision_files"),
    };
    kept.store.database().fetch_all(select).await.unwrap()[0].get("n").unwrap()
}

async fn what_was_uploaded_is_there(kept: Kept) {
    let team = kept.team("red").await;
    let project = kept.project(&team, "shop").await;
    let made = make(&kept, &project, "pets", PETS).await;
    let read = kept.store.revision(within(&team), made.id, 1).await.unwrap();
    assert_eq!(read, made.head);
    assert_eq!((read.message.as_str(), read.author.as_str()), ("why not", "tester"));
    let listed = Spec { head: Revision { files: None, ..read.clone() }, ..made.clone() };
    assert_eq!(kept.store.spec(within(&team), made.id).await.unwrap(), listed);
    assert_eq!(kept.store.specs(within(&team), project.id, &PageRequest::default()).await.unwrap().items, [listed]);
    let documents = kept.store.documents(within(&team), read.id).await.unwrap();
    let contents: Vec<_> = documents.iter().map(|file| (file.path.as_str(), &*file.bytes)).collect();
    assert_eq!(contents, PETS.iter().map(|(path, text)| (*path, text.as_bytes())).collect::<Vec<_>>());
    let one = kept.store.document(within(&team), read.id, PETS[1].0).await.unwrap();
    assert_eq!(one, documents[1]);
    for path in ["openapi.yml", "", "\0"] {
        let missing = kept.store.document(within(&team), read.id, path).await;
        assert!(matches!(missing, Err(Error::NotFound(Noun::File))), "{path:?}");
    }
    assert_eq!(kept.audit().await.last().unwrap(), "spec.create");
}

async fn a_name_is_taken_once_in_a_project(kept: Kept) {
    let team = kept.team("red").await;
    let (shop, bank) = (kept.project(&team, "shop").await, kept.project(&team, "bank").await);
    make(&kept, &shop, "pets", PETS).await;
    let other = make(&kept, &bank, "pets", PETS).await;
    let again = kept.store.create_spec(&act(), Reach::Everything, new(&shop, "pets", &[("a.yaml", "new")])).await;
    assert!(matches!(again, Err(Error::NameTaken { noun: Noun::Spec, .. })));
    // What was refused left nothing behind.
    assert_eq!(count(&kept, "documents").await, 2);
    make(&kept, &bank, "cats", PETS).await;
    let update = SpecUpdate { name: Some("cats".parse().unwrap()), ..SpecUpdate::default() };
    let renamed = kept.store.update_spec(&act(), any(&other), update).await;
    assert!(matches!(renamed, Err(Error::NameTaken { noun: Noun::Spec, .. })));
}

async fn the_same_files_are_no_new_revision(kept: Kept) {
    let team = kept.team("red").await;
    let spec = make(&kept, &kept.project(&team, "shop").await, "pets", PETS).await;
    assert_eq!(revise(&kept, &spec, PETS).await, Revised::Same(Version(1), spec.head.clone()));
    let Revised::New(Version(2), second) = revise(&kept, &spec, &PETS[..1]).await else { panic!("another state") };
    assert_eq!(second.number, 2);
    // The same files, and another place where the API begins.
    let elsewhere: Vec<_> = PETS.iter().rev().copied().collect();
    assert!(matches!(revise(&kept, &spec, &elsewhere).await, Revised::New(Version(3), _)));
    // What was there before, and is not the head.
    let Revised::New(Version(4), fourth) = revise(&kept, &spec, PETS).await else { panic!("another state") };
    assert_eq!((fourth.number, fourth.digest), (4, spec.head.digest));
    let head = kept.store.spec(Reach::Everything, spec.id).await.unwrap().head;
    assert_eq!(head, Revision { files: None, ..fourth });
    assert_eq!(kept.audit().await.iter().filter(|action| *action == "spec.revise").count(), 3);
}

async fn another_teams_spec_is_not_there(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    let shop = kept.project(&red, "shop").await;
    let spec = make(&kept, &shop, "pets", PETS).await;
    let (own, at) = (within(&blue), Edit { reach: within(&blue), ..any(&spec) });
    let page = PageRequest::default();
    let store = &kept.store;
    let gone = |error: Error| assert!(matches!(error, Error::NotFound(_)), "{error}");
    gone(store.create_spec(&act(), own, new(&shop, "cats", PETS)).await.unwrap_err());
    gone(store.spec(own, spec.id).await.unwrap_err());
    gone(store.specs(own, shop.id, &page).await.unwrap_err());
    gone(store.update_spec(&act(), at, SpecUpdate::default()).await.unwrap_err());
    gone(store.delete_spec(&act(), at).await.unwrap_err());
    gone(store.revise_spec(&act(), at, revision(PETS)).await.unwrap_err());
    gone(store.revisions(own, spec.id, &page).await.unwrap_err());
    gone(store.revision(own, spec.id, 1).await.unwrap_err());
    gone(store.document(own, spec.head.id, "openapi.yaml").await.unwrap_err());
    gone(store.documents(own, spec.head.id).await.unwrap_err());
    assert_eq!(kept.audit().await.last().unwrap(), "spec.create");
}

async fn a_change_is_for_one_state(kept: Kept) {
    let team = kept.team("red").await;
    let spec = make(&kept, &kept.project(&team, "shop").await, "pets", PETS).await;
    let first = Edit { expected: Expected::Exactly(Version(1)), ..any(&spec) };
    let update = || SpecUpdate { description: Some("cats".into()), ..SpecUpdate::default() };
    let changed = kept.store.update_spec(&act(), first, update()).await.unwrap();
    assert_eq!((changed.version, changed.description.as_str()), (Version(2), "cats"));
    assert_eq!(kept.store.spec(Reach::Everything, spec.id).await.unwrap(), changed);
    let stale = |error: Error| assert!(matches!(error, Error::Stale { current: Version(2) }), "{error}");
    stale(kept.store.update_spec(&act(), first, update()).await.unwrap_err());
    stale(kept.store.revise_spec(&act(), first, revision(&PETS[..1])).await.unwrap_err());
    stale(kept.store.delete_spec(&act(), first).await.unwrap_err());
}

async fn revisions_come_in_pages(kept: Kept) {
    let team = kept.team("red").await;
    let spec = make(&kept, &kept.project(&team, "shop").await, "pets", PETS).await;
    for number in 2..=5 {
        revise(&kept, &spec, &[("openapi.yaml", &format!("version {number}"))]).await;
    }
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = kept
            .store
            .revisions(within(&team), spec.id, &PageRequest { after, limit: 2, ..PageRequest::default() })
            .await
            .unwrap();
        numbers.extend(page.items.iter().map(|revision| revision.number));
        let Some(cursor) = page.next_cursor else { break };
        after = Some(Cursor::parse(&cursor).unwrap());
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
}

async fn a_content_is_kept_once_in_a_team(kept: Kept) {
    let (red, blue) = (kept.team("red").await, kept.team("blue").await);
    let shop = kept.project(&red, "shop").await;
    let spec = make(&kept, &shop, "pets", &[("a.yaml", "same"), ("b.yaml", "same"), ("c.yaml", "other")]).await;
    revise(&kept, &spec, &[("d.yaml", "same")]).await;
    make(&kept, &shop, "cats", &[("a.yaml", "other")]).await;
    assert_eq!((count(&kept, "documents").await, count(&kept, "revision_files").await), (2, 5));
    // Whether another team has it is nobody's business.
    make(&kept, &kept.project(&blue, "shop").await, "pets", &[("a.yaml", "same")]).await;
    assert_eq!(count(&kept, "documents").await, 3);
}

async fn contents_go_with_their_last_use(kept: Kept) {
    let team = kept.team("red").await;
    let (shop, bank) = (kept.project(&team, "shop").await, kept.project(&team, "bank").await);
    let pets = make(&kept, &shop, "pets", &[("a.yaml", "shared"), ("b.yaml", "own")]).await;
    revise(&kept, &pets, &[("a.yaml", "shared"), ("b.yaml", "later")]).await;
    make(&kept, &shop, "cats", &[("c.yaml", "shared"), ("d.yaml", "cats'")]).await;
    make(&kept, &bank, "cats", &[("c.yaml", "shared")]).await;
    assert_eq!(count(&kept, "documents").await, 4);
    kept.store.delete_spec(&act(), any(&pets)).await.unwrap();
    assert_eq!(count(&kept, "documents").await, 2);
    let at = |project: &Project| Edit { reach: Reach::Everything, id: project.id, expected: Expected::Any };
    kept.store.delete_project(&act(), at(&shop)).await.unwrap();
    assert_eq!((count(&kept, "documents").await, count(&kept, "revision_files").await), (1, 1));
    kept.store.delete_project(&act(), at(&bank)).await.unwrap();
    assert_eq!((count(&kept, "documents").await, count(&kept, "revision_files").await), (0, 0));
}

async fn many_files_are_one_revision(kept: Kept) {
    let team = kept.team("red").await;
    let files: Vec<_> = (0..1234).map(|number| (format!("{number:04}.yaml"), format!("number: {number}"))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let spec = make(&kept, &kept.project(&team, "shop").await, "pets", &files).await;
    assert_eq!(kept.store.revision(within(&team), spec.id, 1).await.unwrap(), spec.head);
    let documents = kept.store.documents(within(&team), spec.head.id).await.unwrap();
    let contents: Vec<_> = documents.iter().map(|file| (file.path.as_str(), &*file.bytes)).collect();
    assert_eq!(contents, files.iter().map(|(path, text)| (*path, text.as_bytes())).collect::<Vec<_>>());
}

async fn writers_number_their_revisions_in_turn(kept: Kept) {
    let team = kept.team("red").await;
    let spec = make(&kept, &kept.project(&team, "shop").await, "pets", PETS).await;
    let writers = (0..32).map(|writer| {
        let (store, at) = (kept.store.clone(), any(&spec));
        tokio::spawn(async move {
            let new = revision(&[("openapi.yaml", &format!("writer: {writer}"))]);
            let Revised::New(_, made) = store.revise_spec(&act(), at, new).await.unwrap() else { panic!("its own") };
            made.number
        })
    });
    let numbers = futures_util::future::join_all(writers).await;
    let mut numbers: Vec<_> = numbers.into_iter().map(Result::unwrap).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=33).collect::<Vec<_>>());
    assert_eq!(kept.store.spec(Reach::Everything, spec.id).await.unwrap().version, Version(33));
}

/// Each writer makes a spec of the same two documents and deletes it, so that each removes what another one counts on.
async fn uploads_and_deletions_do_not_disturb_each_other(kept: Kept) {
    let team = kept.team("red").await;
    let projects = [kept.project(&team, "shop").await, kept.project(&team, "bank").await];
    let writers = (0..16).map(|writer| {
        let (store, project) = (kept.store.clone(), projects[writer % 2].clone());
        tokio::spawn(async move {
            for round in 0..4 {
                let files = if writer < 8 { [PETS[0], PETS[1]] } else { [PETS[1], PETS[0]] };
                let new = new(&project, &format!("s{writer}-{round}"), &files);
                let spec = store.create_spec(&act(), Reach::Everything, new).await.unwrap();
                assert_eq!(store.documents(Reach::Everything, spec.head.id).await.unwrap().len(), 2);
                store.delete_spec(&act(), any(&spec)).await.unwrap();
            }
        })
    });
    futures_util::future::join_all(writers).await.into_iter().for_each(|writer| writer.unwrap());
    assert_eq!((count(&kept, "documents").await, count(&kept, "revision_files").await), (0, 0));
}
