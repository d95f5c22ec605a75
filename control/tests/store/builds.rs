//! Builds, and the queue that they are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use control::domain::access::Reach;
use control::domain::artifact::{Artifact, ArtifactAt, NewArtifact, Provenance, Summary};
use control::domain::build::{
    Build, BuildFilter, BuildsOf, Claim, DEATHS_MAX, Ending, Held, NewBuild, QUEUED_MAX, State, Verdict,
};
use control::domain::digest::Digest;
use control::domain::error::{Error, Noun};
use control::domain::id::{RevisionId, SpecId};
use control::domain::page::PageRequest;
use control::domain::project::Project;
use control::domain::project_update::ProjectUpdate;
use control::domain::report::{Diagnostic, Place, Report, Severity};
use control::domain::store::{Artifacts as _, At, BuildQueue as _, Builds as _, Edit, Fleet as _, Projects as _};
use control::domain::time::now;
use control::domain::version::Expected;
use control::store::sql::sql;
use jiff::SignedDuration;

use crate::{Kept, act, within};

crate::in_both!(
    what_was_asked_for_is_kept,
    what_is_not_there_cannot_be_built,
    another_teams_builds_are_not_there,
    what_is_compiled_is_the_revision_with_the_settings_of_that_time,
    only_the_newest_claim_ends_a_build,
    an_artifact_is_stored_once_with_its_build,
    a_lease_that_ran_out_is_claimed_again_and_not_for_ever,
    what_was_given_back_comes_first,
    what_is_cancelled_is_nobodys,
    each_of_many_claimers_gets_another_build,
    who_waits_is_told,
    no_project_has_too_many_that_wait,
    a_teams_many_keep_no_other_team_waiting,
    many_claimers_share_themselves_among_teams,
    what_ended_long_ago_goes_but_for_what_an_artifact_came_of,
);

/// A spec with two revisions, in a project with an environment.
pub(crate) struct Shop {
    pub(crate) project: Project,
    pub(crate) spec: SpecId,
}

pub(crate) async fn shop(kept: &Kept, team: &str) -> Shop {
    let team = kept.team(team).await;
    let project = kept.project(&team, "shop").await;
    let spec = SpecId::new();
    let insert =
        sql("insert into specs (id, team_id, project_id, name, description, head, version, created_at, updated_at) \
         values ($1, $2, $3, 'api', '', 2, 1, 1, 1)");
    kept.run(insert.bind(spec).bind(project.team).bind(project.id)).await;
    for number in [1_i64, 2] {
        let revision = RevisionId::new();
        let insert =
            sql("insert into revisions (id, team_id, spec_id, number, digest, entries, message, author, created_at) \
             values ($1, $2, $3, $4, $5, $6, '', 'tester', 1)")
            .bind(revision)
            .bind(project.team)
            .bind(spec)
            .bind(number)
            .bind(Digest([0; 32]))
            .bind(serde_json::json!(["api.yaml"]));
        kept.run(insert).await;
        for path in ["api.yaml", "a.yaml"] {
            let content = format!("{path} {number}");
            let digest = Digest(artifact_format::container::digest(content.as_bytes()).0);
            let insert = sql("insert into documents (team_id, digest, size, content) values ($1, $2, $3, $4)");
            let size = i64::try_from(content.len()).unwrap();
            kept.run(insert.bind(project.team).bind(digest).bind(size).bind(content.as_bytes())).await;
            let insert = sql("insert into revision_files (revision_id, team_id, path, digest) values ($1, $2, $3, $4)");
            kept.run(insert.bind(revision).bind(project.team).bind(path).bind(digest)).await;
        }
    }
    // As if they were stored: whoever makes a row of them may.
    for byte in 1..=3 {
        kept.store.keep_bytes(Digest([byte; 32])).await.unwrap();
    }
    Shop { project, spec }
}

impl Shop {
    async fn build(&self, kept: &Kept) -> Build {
        kept.store
            .create_build(&act(), At { reach: Reach::Everything, id: self.spec }, NewBuild::default())
            .await
            .unwrap()
    }

    async fn state(&self, kept: &Kept, build: &Build) -> State {
        kept.store.build(Reach::Team(self.project.team), build.id).await.unwrap().state
    }
}

async fn claim(kept: &Kept) -> Claim {
    kept.store.claim_build("tester").await.unwrap().unwrap()
}

/// As if the control plane that has it had gone away.
async fn expire(kept: &Kept, claim: Claim) {
    kept.run(sql("update builds set lease_until = 1 where id = $1").bind(claim.build)).await;
}

pub(crate) fn new_artifact(byte: u8) -> NewArtifact {
    let summary = Summary {
        project: "shop".into(),
        compiler: "test/1".into(),
        minimum_gateway: "0.1.0".into(),
        // What PostgreSQL's own JSON would not keep.
        provenance: Provenance { commit: Some("a\0b".into()), source: None, built_at: None },
        apis: Vec::new(),
        operations: 7,
        schemas: 0,
        specs: 1,
        features: vec!["`mock`".into()],
        sections: BTreeMap::from([("ROUTES".into(), 12)]),
    };
    NewArtifact { digest: Digest([byte; 32]), size: 12, signed_by: vec!["ab".into()], summary }
}

fn success(byte: u8) -> Ending {
    let report = Report { diagnostics: Vec::new(), errors: 0, warnings: 0 };
    Ending { verdict: Verdict::Artifact(Box::new(new_artifact(byte))), report: Some(report), log: "fine\n".into() }
}

async fn what_was_asked_for_is_kept(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let first = NewBuild { revision: Some(1), ..NewBuild::default() };
    let made = kept.store.create_build(&act(), At { reach: Reach::Everything, id: shop.spec }, first).await.unwrap();
    assert_eq!((made.revision, made.state, made.author.as_str()), (1, State::Queued, "tester"));
    assert_eq!(kept.store.build(Reach::Everything, made.id).await.unwrap(), made);
    let second = shop.build(&kept).await;
    assert_eq!(second.revision, 2, "the newest");
    let list = async |of, state| {
        let page = kept.store.builds(Reach::Everything, BuildFilter { of, state }, &PageRequest::default()).await;
        page.unwrap().items
    };
    for of in [BuildsOf::Project(shop.project.id), BuildsOf::Spec(shop.spec)] {
        assert_eq!(list(of, None).await, [second.clone(), made.clone()]);
        assert_eq!(list(of, Some(State::Queued)).await.len(), 2);
        assert_eq!(list(of, Some(State::Failed)).await, []);
    }
    assert_eq!(kept.audit().await.iter().filter(|action| *action == "build.create").count(), 2);
}

async fn what_is_not_there_cannot_be_built(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let ask = async |spec, new| {
        kept.store.create_build(&act(), At { reach: Reach::Everything, id: spec }, new).await.unwrap_err()
    };
    let error = ask(shop.spec, NewBuild { revision: Some(3), ..NewBuild::default() }).await;
    assert_eq!(error.to_string(), "/revision: the spec has no revision 3");
    let error = ask(shop.spec, NewBuild { environment: Some("x".parse().unwrap()), ..NewBuild::default() }).await;
    assert!(error.to_string().starts_with("/environment: "), "{error}");
    assert!(matches!(ask(SpecId::new(), NewBuild::default()).await, Error::NotFound(Noun::Spec)));
}

async fn another_teams_builds_are_not_there(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let other = within(&kept.team("blue").await);
    let build = shop.build(&kept).await;
    let missing = kept.store.create_build(&act(), At { reach: other, id: shop.spec }, NewBuild::default()).await;
    assert!(matches!(missing, Err(Error::NotFound(Noun::Spec))));
    assert!(matches!(kept.store.build(other, build.id).await, Err(Error::NotFound(Noun::Build))));
    assert!(matches!(kept.store.build_log(other, build.id).await, Err(Error::NotFound(Noun::Build))));
    assert!(matches!(kept.store.cancel_build(&act(), other, build.id).await, Err(Error::NotFound(Noun::Build))));
    let list = async |of| kept.store.builds(other, BuildFilter { of, state: None }, &PageRequest::default()).await;
    assert!(matches!(list(BuildsOf::Project(shop.project.id)).await, Err(Error::NotFound(Noun::Project))));
    assert!(matches!(list(BuildsOf::Spec(shop.spec)).await, Err(Error::NotFound(Noun::Spec))));
    assert_eq!(shop.state(&kept, &build).await, State::Queued);
}

async fn what_is_compiled_is_the_revision_with_the_settings_of_that_time(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let change = async |upstream: &str| {
        let settings =
            serde_json::json!({ "upstream": upstream, "environments": { "live": { "overlays": ["a.yaml"] } } });
        let settings = serde_json::from_value(settings).unwrap();
        let at = Edit { reach: Reach::Everything, id: shop.project.id, expected: Expected::Any };
        let update = ProjectUpdate { settings: Some(settings), ..ProjectUpdate::default() };
        kept.store.update_project(&act(), at, update).await.unwrap();
    };
    change("http://old").await;
    let new = NewBuild {
        revision: Some(1),
        environment: Some("live".parse().unwrap()),
        commit: Some("c0ffee".into()),
        source: None,
    };
    kept.store.create_build(&act(), At { reach: Reach::Everything, id: shop.spec }, new).await.unwrap();
    change("http://new").await;
    let work = kept.store.build_work(claim(&kept).await).await.unwrap();
    assert_eq!(work.entries, ["api.yaml"]);
    assert_eq!(work.files, [("a.yaml".to_owned(), "a.yaml 1".into()), ("api.yaml".to_owned(), "api.yaml 1".into())]);
    assert_eq!((work.options.project.as_str(), work.options.upstream.as_deref()), ("shop", Some("http://old")));
    assert_eq!((work.options.overlays, work.options.commit.as_deref()), (vec!["a.yaml".to_owned()], Some("c0ffee")));
}

async fn only_the_newest_claim_ends_a_build(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let build = shop.build(&kept).await;
    let old = claim(&kept).await;
    assert_eq!(kept.store.extend_build(old).await.unwrap(), Held::Yes);
    expire(&kept, old).await;
    let new = claim(&kept).await;
    assert_eq!((new.build, new.attempt), (build.id, 2));
    assert_eq!(kept.store.extend_build(old).await.unwrap(), Held::No);
    assert_eq!(kept.store.give_back_build(old).await.unwrap(), Held::No);
    assert_eq!(kept.store.abandon_build(old, "late").await.unwrap(), Held::No);
    assert_eq!(kept.store.finish_build(old, success(1)).await.unwrap(), Held::No);
    assert_eq!(shop.state(&kept, &build).await, State::Running);
    let place = Place { file: "api.yaml".into(), pointer: Some("/a\0".into()), line: Some(1), column: Some(2) };
    let diagnostic = Diagnostic {
        code: "PC1003".into(),
        title: "title".into(),
        severity: Severity::Error,
        message: "it's \0".into(),
        place,
        hint: None,
        related: Vec::new(),
        docs: "docs".into(),
    };
    let report = Report { diagnostics: vec![diagnostic.clone()], errors: 1, warnings: 2 };
    let ending = Ending { verdict: Verdict::DoesNotCompile, report: Some(report), log: "a\0b".into() };
    assert_eq!(kept.store.finish_build(new, ending).await.unwrap(), Held::Yes);
    let ended = kept.store.build(Reach::Everything, build.id).await.unwrap();
    assert_eq!((ended.state, ended.errors, ended.warnings), (State::Failed, Some(1), Some(2)));
    assert_eq!((ended.diagnostics, ended.failure), (Some(vec![diagnostic]), None));
    assert_eq!(kept.store.build_log(Reach::Everything, build.id).await.unwrap(), "a\u{fffd}b");
    assert_eq!(kept.store.finish_build(new, success(1)).await.unwrap(), Held::No, "once");
    assert_eq!(kept.store.claim_build("tester").await.unwrap(), None);
    assert_eq!(kept.audit().await.last().map(String::as_str), Some("build.fail"));
}

async fn an_artifact_is_stored_once_with_its_build(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let (first, second) = (shop.build(&kept).await, shop.build(&kept).await);
    for build in [&first, &second] {
        let claim = claim(&kept).await;
        assert_eq!(claim.build, build.id, "in the order they came");
        assert_eq!(kept.store.finish_build(claim, success(1)).await.unwrap(), Held::Yes);
        let ended = kept.store.build(Reach::Everything, build.id).await.unwrap();
        assert_eq!((ended.state, ended.artifact), (State::Succeeded, Some(Digest([1; 32]))));
    }
    let at = ArtifactAt { reach: Reach::Everything, project: None, digest: Digest([1; 32]) };
    let Artifact { build, summary, signed_by, .. } = kept.store.artifact(at).await.unwrap();
    assert_eq!((build, summary, signed_by), (Some(first.id), new_artifact(1).summary, new_artifact(1).signed_by));
}

async fn a_lease_that_ran_out_is_claimed_again_and_not_for_ever(kept: Kept) {
    for why in [None, Some("the store of artifacts is away")] {
        let shop = shop(&kept, if why.is_some() { "red" } else { "blue" }).await;
        let build = shop.build(&kept).await;
        for death in 1..=DEATHS_MAX {
            let claim = claim(&kept).await;
            assert_eq!((claim.build, claim.attempt), (build.id, death));
            assert_eq!(kept.store.claim_build("tester").await.unwrap(), None, "it has a lease");
            if let Some(why) = why {
                assert_eq!(kept.store.abandon_build(claim, why).await.unwrap(), Held::Yes);
            }
            expire(&kept, claim).await;
        }
        assert_eq!(kept.store.claim_build("tester").await.unwrap(), None);
        let ended = kept.store.build(Reach::Everything, build.id).await.unwrap();
        assert_eq!((ended.state, ended.artifact), (State::Failed, None));
        let failure = ended.failure.unwrap();
        let why = why.unwrap_or("each time the control plane that built it went away");
        assert_eq!(failure, format!("given up after {DEATHS_MAX} attempts: {why}"));
    }
}

async fn what_was_given_back_comes_first(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let build = shop.build(&kept).await;
    shop.build(&kept).await;
    // However often control planes are stopped, it is not held against the build.
    for attempt in 1..=5 {
        let claim = claim(&kept).await;
        assert_eq!((claim.build, claim.attempt), (build.id, attempt));
        assert_eq!(kept.store.give_back_build(claim).await.unwrap(), Held::Yes);
    }
}

async fn what_is_cancelled_is_nobodys(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let (queued, running) = (shop.build(&kept).await, shop.build(&kept).await);
    let cancel = async |build: &Build| kept.store.cancel_build(&act(), Reach::Everything, build.id).await;
    assert_eq!(cancel(&queued).await.unwrap().state, State::Cancelled);
    let claim = claim(&kept).await;
    assert_eq!(claim.build, running.id);
    cancel(&running).await.unwrap();
    assert_eq!(kept.store.extend_build(claim).await.unwrap(), Held::No);
    assert_eq!(kept.store.finish_build(claim, success(1)).await.unwrap(), Held::No);
    assert_eq!(cancel(&running).await.unwrap().state, State::Cancelled, "twice is as good as once");
    let done = shop.build(&kept).await;
    kept.store.finish_build(crate::builds::claim(&kept).await, success(1)).await.unwrap();
    assert!(matches!(cancel(&done).await, Err(Error::Conflict(_))));
    assert_eq!(shop.state(&kept, &done).await, State::Succeeded);
    assert_eq!(kept.audit().await.iter().filter(|action| *action == "build.cancel").count(), 2);
}

/// 32 at once, who take builds until there are none, some of which are left to their leases.
async fn each_of_many_claimers_gets_another_build(kept: Kept) {
    let shop = shop(&kept, "red").await;
    for _ in 0..64 {
        shop.build(&kept).await;
    }
    let claims: Arc<Mutex<Vec<Claim>>> = Arc::default();
    let claimers = (0..32).map(|number| {
        let (store, claims) = (kept.store.clone(), Arc::clone(&claims));
        tokio::spawn(async move {
            while let Some(claim) = store.claim_build(&number.to_string()).await.unwrap() {
                claims.lock().unwrap().push(claim);
                assert_eq!(store.finish_build(claim, success(1)).await.unwrap(), Held::Yes);
            }
        })
    });
    futures_util::future::join_all(claimers).await.into_iter().for_each(|claimer| claimer.unwrap());
    let claims = claims.lock().unwrap();
    let mut builds: Vec<_> = claims.iter().map(|claim| claim.build).collect();
    builds.sort();
    builds.dedup();
    assert_eq!((builds.len(), claims.len()), (64, 64));
}

/// In this process, and in another one if they share a database.
async fn who_waits_is_told(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let mut changes = kept.store.build_changes();
    shop.build(&kept).await;
    tests::wait::patiently("the change", changes.changed()).await.unwrap();
    if let Some(database) = &kept.postgres {
        let url = database.url();
        let other = control::store::DatabaseStore::new(control::store::sql::Database::open(&url, None).await.unwrap());
        let mut changes = other.build_changes();
        let hearing = {
            let other = other.clone();
            tokio::spawn(async move { other.hear_of_changes().await })
        };
        // It says so when it begins to listen.
        tests::wait::patiently("the first word", changes.changed()).await.unwrap();
        changes.borrow_and_update();
        shop.build(&kept).await;
        tests::wait::patiently("the change", changes.changed()).await.unwrap();
        hearing.abort();
    }
}

/// However many ask at once.
async fn no_project_has_too_many_that_wait(kept: Kept) {
    let (shop, other) = (shop(&kept, "red").await, self::shop(&kept, "blue").await);
    let asking = (0..QUEUED_MAX + 20).map(|_| {
        let (store, spec) = (kept.store.clone(), shop.spec);
        tokio::spawn(async move {
            store.create_build(&act(), At { reach: Reach::Everything, id: spec }, NewBuild::default()).await
        })
    });
    let answers = futures_util::future::join_all(asking).await;
    let refused = answers.into_iter().filter_map(|answer| answer.unwrap().err());
    let refused: Vec<_> = refused.map(|error| matches!(error, Error::QueueFull { limit: QUEUED_MAX })).collect();
    assert_eq!(refused, [true; 20]);
    other.build(&kept).await;
    // One that is worked on waits no more.
    claim(&kept).await;
    shop.build(&kept).await;
}

async fn a_teams_many_keep_no_other_team_waiting(kept: Kept) {
    let (many, few) = (shop(&kept, "red").await, shop(&kept, "blue").await);
    for _ in 0..5 {
        many.build(&kept).await;
    }
    let first = claim(&kept).await;
    for _ in 0..2 {
        few.build(&kept).await;
    }
    let whose = |claim: Claim| if claim.project == many.project.id { "many" } else { "few" };
    // As long as they have their leases, a team has no more of them than another one that waits.
    let taken = [claim(&kept).await, claim(&kept).await, claim(&kept).await];
    assert_eq!(taken.map(whose), ["few", "many", "few"]);
    for claim in taken.into_iter().chain([first]) {
        kept.store.finish_build(claim, success(1)).await.unwrap();
    }
    // One at a time, they take turns.
    for _ in 0..2 {
        few.build(&kept).await;
    }
    let mut turns = Vec::new();
    while let Some(claim) = kept.store.claim_build("tester").await.unwrap() {
        turns.push(whose(claim));
        kept.store.finish_build(claim, success(1)).await.unwrap();
    }
    assert_eq!(turns, ["many", "few", "many", "few", "many"]);
}

/// Each sees what the others have taken.
async fn many_claimers_share_themselves_among_teams(kept: Kept) {
    let shops = [shop(&kept, "red").await, shop(&kept, "blue").await, shop(&kept, "green").await];
    for shop in &shops {
        for _ in 0..16 {
            shop.build(&kept).await;
        }
    }
    let claimers = (0..24).map(|number| {
        let store = kept.store.clone();
        tokio::spawn(async move { store.claim_build(&number.to_string()).await.unwrap().unwrap() })
    });
    let claims = futures_util::future::join_all(claimers).await;
    let of = |shop: &Shop| claims.iter().filter(|claim| claim.as_ref().unwrap().project == shop.project.id).count();
    assert_eq!(shops.each_ref().map(of), [8; 3]);
}

async fn what_ended_long_ago_goes_but_for_what_an_artifact_came_of(kept: Kept) {
    let shop = shop(&kept, "red").await;
    let mut builds = Vec::new();
    for _ in 0..4 {
        builds.push(shop.build(&kept).await);
    }
    let failed = Ending { verdict: Verdict::DoesNotCompile, report: None, log: "no".into() };
    for ending in [success(1), success(1), failed] {
        assert_eq!(kept.store.finish_build(claim(&kept).await, ending).await.unwrap(), Held::Yes);
    }
    assert_eq!(kept.store.prune_builds(now() - SignedDuration::from_secs(60)).await.unwrap(), 0, "they are new");
    let later = now() + SignedDuration::from_secs(60);
    assert_eq!(kept.store.prune_builds(later).await.unwrap(), 2);
    let mut is_there = Vec::new();
    for build in &builds {
        is_there.push(kept.store.build(Reach::Everything, build.id).await.is_ok());
    }
    assert_eq!(is_there, [true, false, false, true], "the artifact's, and the one that waits");
    let last = kept.audit().await.pop();
    assert_eq!(last.as_deref(), Some("build.prune"));
    let at = crate::of(&shop.project);
    kept.store.delete_artifact(&act(), at, Digest([1; 32])).await.unwrap();
    assert_eq!(kept.store.prune_builds(later).await.unwrap(), 1, "nothing is there any more that came of it");
    assert_eq!(kept.store.prune_builds(later).await.unwrap(), 0);
}
