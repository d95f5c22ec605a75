//! Builds in the metrics.

use std::collections::BTreeMap;

use tests::control_plane::ControlPlane;
use tests::wait;

use crate::site::{PET, PETS, Site, compile, until};

/// Every series, with its value.
async fn scrape(plane: &ControlPlane) -> BTreeMap<String, f64> {
    let body = String::from_utf8(plane.get("/metrics").await.body.to_vec()).unwrap();
    let series = body.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    series.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

async fn in_state(plane: &ControlPlane, state: &str) -> u64 {
    let value = scrape(plane).await[&format!("portcullis_builds{{state=\"{state}\"}}")];
    format!("{value:.0}").parse().unwrap()
}

#[tokio::test]
async fn builds_are_counted_by_state_and_by_how_they_ended() {
    let site = Site::on_postgres().await;
    let plane = &site.plane;
    assert_eq!((in_state(plane, "queued").await, in_state(plane, "running").await), (0, 0));
    let good = site.spec(&[("openapi.yaml", PETS), ("pet.yaml", PET)]).await;
    let bad = site.spec(&[("openapi.yaml", PETS)]).await;
    let mut places = Vec::new();
    for spec in [&good, &good, &bad, &good] {
        places.push(compile(plane, spec).await);
    }
    // One is worked on at a time.
    wait::until("some wait while one is worked on", async || {
        in_state(plane, "running").await == 1 && in_state(plane, "queued").await > 0
    })
    .await;
    // Another control plane says the same of the database that they share, but has built nothing.
    until(plane, &places[3], "succeeded").await;
    let other = site.replica().await;
    for plane in [plane, &other] {
        assert_eq!((in_state(plane, "queued").await, in_state(plane, "running").await), (0, 0));
    }
    let ended = scrape(plane).await;
    for (state, count) in [("succeeded", 3.0), ("failed", 1.0)] {
        let name = format!("portcullis_build_duration_seconds_count{{state=\"{state}\"}}");
        assert!((ended[&name] - count).abs() < f64::EPSILON, "{name}: {}", ended[&name]);
    }
    assert!(scrape(&other).await.keys().all(|name| !name.starts_with("portcullis_build_duration_seconds_count")));
}
