//! Several control planes with one queue, some of which go away.

use std::collections::BTreeSet;
use std::time::Duration;

use control::store::sql::{Database, sql};
use serde_json::json;
use tests::control_plane::ControlPlane;
use tests::{process, wait};

use crate::site::{PET, PETS, Site, compile, large, until};

/// Waits until one of them compiles. Returns which.
async fn at_work(planes: &[&ControlPlane]) -> usize {
    let mut who = None;
    wait::until("one of them compiles", async || {
        who = planes.iter().position(|plane| !process::children(plane.pid()).is_empty());
        who.is_some()
    })
    .await;
    who.unwrap()
}

#[tokio::test]
async fn two_build_each_of_forty_once() {
    let site = Site::on_postgres().await;
    let other = site.replica().await;
    let spec = site.spec(&[("openapi.yaml", PETS), ("pet.yaml", PET)]).await;
    let mut places = Vec::new();
    for number in 0..40 {
        places.push(compile(if number % 2 == 0 { &site.plane } else { &other }, &spec).await);
    }
    let mut artifacts = BTreeSet::new();
    for place in &places {
        let build = until(&other, place, "succeeded").await;
        assert_eq!(build["attempt"], 1, "{place}");
        artifacts.insert(build["artifact"].as_str().unwrap().to_owned());
    }
    assert_eq!(artifacts.len(), 1, "both have the same key, and so make the same artifact");
    let begun = sql("select action from audit_events where action = 'build.succeed'");
    assert_eq!(site.database.fetch_all(begun).await.unwrap().len(), 40);
    let who = sql("select distinct claimed_by from builds");
    assert_eq!(site.database.fetch_all(who).await.unwrap().len(), 2, "both were at work");
}

#[tokio::test]
async fn what_a_killed_one_was_building_is_finished_by_the_other() {
    let mut site = Site::on_postgres().await;
    let mut other = site.replica().await;
    let spec = site.spec(&[("openapi.json", &large())]).await;
    let place = compile(&site.plane, &spec).await;
    let left = if at_work(&[&site.plane, &other]).await == 0 {
        site.plane.kill();
        &other
    } else {
        other.kill();
        &site.plane
    };
    let build = until(left, &place, "succeeded").await;
    assert_eq!(build["attempt"], 2);
}

#[tokio::test]
async fn what_a_stopped_one_was_building_is_taken_over_at_once() {
    let mut site = Site::on_postgres().await;
    let spec = site.spec(&[("openapi.json", &large())]).await;
    let place = compile(&site.plane, &spec).await;
    at_work(&[&site.plane]).await;
    assert!(site.plane.terminate().await.success());
    // Nobody has to wait for a lease: it is in the queue again when the process has ended.
    let select = sql("select state, deaths from builds");
    let row = Database::open(site.url(), None).await.unwrap().fetch_optional(select).await.unwrap().unwrap();
    assert_eq!((row.get::<String>("state").unwrap(), row.get::<i64>("deaths").unwrap()), ("queued".to_owned(), 0));
    let other = site.replica().await;
    assert_eq!(until(&other, &place, "succeeded").await["attempt"], 2);
}

#[tokio::test]
async fn a_restart_loses_no_build() {
    let mut site = Site::on_sqlite().await;
    let spec = site.spec(&[("openapi.json", &large())]).await;
    let (first, second) = (compile(&site.plane, &spec).await, compile(&site.plane, &spec).await);
    at_work(&[&site.plane]).await;
    site.plane.restart().await;
    let (first, second) =
        (until(&site.plane, &first, "succeeded").await, until(&site.plane, &second, "succeeded").await);
    assert_eq!((&first["attempt"], &second["attempt"]), (&json!(2), &json!(1)));
    assert_eq!(first["artifact"], second["artifact"]);
}

#[tokio::test]
async fn a_killed_one_leaves_nobody_compiling() {
    let mut site = Site::on_sqlite().await;
    let spec = site.spec(&[("openapi.json", &large())]).await;
    compile(&site.plane, &spec).await;
    let mut child = 0;
    wait::until("it has read the job, and compiles", async || {
        child = process::children(site.plane.pid()).first().copied().unwrap_or_default();
        child != 0 && process::processor_time(child) >= Duration::from_millis(200)
    })
    .await;
    assert!(process::is_running(child));
    site.plane.kill();
    let is_gone = wait::within(Duration::from_secs(2), async || !process::is_running(child)).await;
    assert!(is_gone, "it goes on for nobody");
}
