//! An artifact is replaced under load, in every way in which files are replaced, and nobody notices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use artifact_format::container::digest;
use rustix::process::Signal;
use tests::api::key;
use tests::load::Load;
use tests::{Api, Client, Gateway, Upstream, client, process, wait};

/// How much a process may seem to grow for reasons of its allocator alone.
const SLACK_BYTES: u64 = 8 << 20;

/// A version of the API: all of them serve `/steady`, each one a path of its own, and enough besides that a leak shows.
fn version(upstream: &Upstream, number: usize) -> Api {
    let api = Api::at(upstream).get("/steady").get(&format!("/version-{number}"));
    (0..200).fold(api, |api, filler| api.get(&format!("/filler-{filler}/{{id}}")))
}

/// Overwrites it where it stands, as `cp` does.
fn overwrite(gateway: &Gateway, file: &[u8]) {
    fs::write(gateway.artifact(), file).unwrap();
}

/// Swaps the `..data` link, as Kubernetes does for a `ConfigMap`, and removes the old folder.
fn swap_data(gateway: &Gateway, file: &[u8], number: usize) {
    let (folder, new) = (gateway.folder(), format!("..{number}"));
    let old = fs::read_link(folder.join("..data")).unwrap();
    fs::create_dir(folder.join(&new)).unwrap();
    fs::write(folder.join(&new).join("api.bca"), file).unwrap();
    symlink(&new, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    fs::remove_dir_all(folder.join(old)).unwrap();
}

async fn assert_runs(gateway: &Gateway, file: &[u8], what: &str) {
    let expected = digest(file).to_string();
    wait::until(&format!("{what} runs"), async || gateway.running().await == expected).await;
}

async fn assert_rejects(gateway: &Gateway, file: &[u8], what: &str) {
    let expected = digest(file).to_string();
    wait::until(&format!("{what} is rejected"), async || gateway.rejected().await == expected).await;
}

/// Files that nobody may serve: cut short, tampered with, signed by nobody that is trusted, not an artifact at all.
fn bad(good: &[u8], number: usize) -> Vec<u8> {
    match number % 4 {
        0 => good[..good.len() - 1 - number].to_vec(),
        1 => {
            let mut tampered = good.to_vec();
            let position = good.len() - 1 - number;
            tampered[position] ^= 1;
            tampered
        }
        2 => Api::nowhere().get(&format!("/evil-{number}")).signed_by(&[&key(1)]),
        _ => format!("openapi: 3.1.{number}").into_bytes(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_reloads_under_load_lose_no_request_and_keep_no_memory() {
    let upstream = Upstream::fixed(b"steady").await;
    let gateway = Gateway::serving(&version(&upstream, 0)).start().await;
    let mapped = Gateway::serving(&version(&upstream, 0)).in_config_map().start().await;
    let loads = [Load::start(6, gateway.address(), "/steady"), Load::start(2, mapped.address(), "/steady")];

    let mut warm = (0, 0);
    for number in 1..=200 {
        let file = version(&upstream, number).to_bytes();
        let what = format!("version {number}");
        match number % 4 {
            0 => {
                swap_data(&mapped, &file, number);
                assert_runs(&mapped, &file, &what).await;
                assert_eq!(mapped.get(&format!("/version-{number}")).await.status, 200);
                continue;
            }
            1 => gateway.replace(&file),
            2 => overwrite(&gateway, &file),
            _ => {
                gateway.replace(&file);
                gateway.signal(Signal::HUP);
            }
        }
        assert_runs(&gateway, &file, &what).await;
        assert_eq!(gateway.get(&format!("/version-{number}")).await.status, 200);
        assert_eq!(gateway.get(&format!("/version-{}", number - 1)).await.status, 404, "{number}");
        if number % 5 == 0 {
            let bad = bad(&file, number);
            if number % 2 == 0 {
                overwrite(&gateway, &bad);
            } else {
                gateway.replace(&bad);
            }
            assert_rejects(&gateway, &bad, &format!("the bad file after {what}")).await;
            assert_eq!(gateway.running().await, digest(&file).to_string(), "the last good file serves");
        }
        if number == 41 {
            warm = (gateway.rss_bytes(), mapped.rss_bytes());
        }
    }

    let grown = (gateway.rss_bytes().saturating_sub(warm.0), mapped.rss_bytes().saturating_sub(warm.1));
    println!("after 41 reloads {warm:?} bytes resident, after 200 {grown:?} more");
    for load in loads {
        let outcome = load.stop().await;
        println!("{} requests answered", outcome.answered);
        assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
        assert!(outcome.answered > 500);
    }
    assert!(grown.0 < SLACK_BYTES && grown.1 < SLACK_BYTES, "{grown:?} bytes more than after 41 reloads");
}

/// How long a replacement may take to be seen: less than it takes to be found by looking.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// Each of them is seen as it happens, and read.
#[tokio::test(flavor = "multi_thread")]
async fn artifact_replaced_by_rename_by_in_place_write_and_by_a_config_map_swap_three_times_each() {
    let upstream = Upstream::fixed(b"steady").await;
    let gateway = Gateway::serving(&version(&upstream, 0)).start().await;
    let mapped = Gateway::serving(&version(&upstream, 0)).in_config_map().start().await;
    let loads = [Load::start(1, gateway.address(), "/steady"), Load::start(1, mapped.address(), "/steady")];
    for number in 1..=9 {
        let file = version(&upstream, number).to_bytes();
        let gateway = match number % 3 {
            0 => {
                swap_data(&mapped, &file, number);
                &mapped
            }
            1 => {
                gateway.replace(&file);
                &gateway
            }
            _ => {
                overwrite(&gateway, &file);
                &gateway
            }
        };
        let expected = digest(&file).to_string();
        let is_seen = wait::within(SEEN_WITHIN, async || gateway.running().await == expected).await;
        assert!(is_seen, "version {number} is not seen");
        assert_eq!(gateway.get(&format!("/version-{number}")).await.status, 200);
    }
    for load in loads {
        let outcome = load.stop().await;
        assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
        assert!(outcome.answered > 0);
    }
}

/// Nothing happens in the folder that is watched: a link on the way there leads elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_cannot_be_seen_is_found_by_looking() {
    let upstream = Upstream::fixed(b"steady").await;
    let gateway = Gateway::serving(&version(&upstream, 0)).in_linked_folder().start().await;
    let load = Load::start(1, gateway.address(), "/steady");
    let file = version(&upstream, 1).to_bytes();
    swap_folder(&gateway, &file);
    assert_runs(&gateway, &file, "the file behind the new link").await;
    let outcome = load.stop().await;
    assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
}

/// Has the link to the artifact's folder lead to another folder.
fn swap_folder(gateway: &Gateway, file: &[u8]) {
    fs::create_dir(gateway.folder().join("1")).unwrap();
    fs::write(gateway.folder().join("1/api.bca"), file).unwrap();
    symlink("1", gateway.folder().join("next")).unwrap();
    fs::rename(gateway.folder().join("next"), gateway.folder().join("current")).unwrap();
}

/// A file of a gibibyte, which is not read to its end.
#[tokio::test(flavor = "multi_thread")]
async fn oversize_artifact_is_bounded_at_load() {
    let upstream = Upstream::fixed(b"steady").await;
    let good = version(&upstream, 0);
    let gateway = Gateway::serving(&good).start().await;
    let load = Load::start(2, gateway.address(), "/steady");
    let large = gateway.folder().join("large");
    let mut begin = good.to_bytes();
    // How long it is, as it says itself.
    begin[16..24].copy_from_slice(&(1_u64 << 30).to_le_bytes());
    fs::write(&large, begin).unwrap();
    // It takes no room on the disk.
    fs::OpenOptions::new().write(true).open(&large).unwrap().set_len(1 << 30).unwrap();
    let work = async {
        fs::rename(&large, gateway.artifact()).unwrap();
        let is_refused = async || gateway.status().await["rejected"]["code"] == "too_large";
        assert!(wait::within(2 * wait::PATIENCE, is_refused).await, "{}", gateway.status().await);
    };
    let grown = process::growth_bytes(gateway.pid(), work).await;
    // Of the 256 MiB that are read, what the growth of their buffer leaves behind included.
    assert!(grown < 768 << 20, "{grown} bytes more");
    assert_eq!(gateway.running().await, digest(&good.to_bytes()).to_string());
    let better = version(&upstream, 1).to_bytes();
    gateway.replace(&better);
    assert_runs(&gateway, &better, "the next good file").await;
    let outcome = load.stop().await;
    assert_eq!((outcome.failures, outcome.refused), (Vec::new(), 0));
    assert!(outcome.answered > 0);
}

#[tokio::test]
async fn a_signal_reloads_a_file_whose_replacement_cannot_be_seen() {
    let upstream = Upstream::fixed(b"steady").await;
    let gateway = Gateway::serving(&version(&upstream, 0)).in_linked_folder().start().await;
    let file = version(&upstream, 1).to_bytes();
    swap_folder(&gateway, &file);
    gateway.signal(Signal::HUP);
    assert_runs(&gateway, &file, "the file behind the new link").await;
}

#[tokio::test]
async fn a_file_that_goes_away_and_comes_back_changes_nothing_until_it_is_back() {
    let upstream = Upstream::fixed(b"steady").await;
    let gateway = Gateway::serving(&version(&upstream, 0)).start().await;
    fs::remove_file(gateway.artifact()).unwrap();
    gateway.signal(Signal::HUP);
    assert_eq!(gateway.get("/version-0").await.status, 200);
    let file = version(&upstream, 1).to_bytes();
    overwrite(&gateway, &file);
    assert_runs(&gateway, &file, "the file that came back").await;
}

#[tokio::test]
async fn a_bad_file_shows_everywhere_and_a_good_one_clears_it() {
    let upstream = Upstream::fixed(b"steady").await;
    let good = version(&upstream, 0);
    let gateway = Gateway::serving(&good).start().await;
    let reloaded = gateway.metric("portcullis_reload_success_timestamp_seconds").await;
    let bad = bad(&good.to_bytes(), 1);
    gateway.replace(&bad);
    assert_rejects(&gateway, &bad, "the tampered file").await;

    assert_eq!(gateway.admin_get("/readyz").await.status, 200, "the last good file serves");
    let status = gateway.status().await.to_string();
    assert!(status.contains("section_mismatch") || status.contains("not the one that was signed"), "{status}");
    let rejected = digest(&bad).to_string();
    assert!(gateway.logs().iter().any(|entry| entry.to_string().contains(&rejected)), "the log names the file");
    let running = format!("portcullis_artifact_info{{sha256=\"{}\"}}", digest(&good.to_bytes()));
    assert!((gateway.metric(&running).await - 1.0).abs() < f64::EPSILON);

    let better = version(&upstream, 1).to_bytes();
    gateway.replace(&better);
    assert_runs(&gateway, &better, "the next good file").await;
    assert_eq!(gateway.rejected().await, "", "nothing is rejected any more");
    assert!(gateway.metric("portcullis_reload_success_timestamp_seconds").await >= reloaded);
}

#[tokio::test]
async fn a_request_under_way_ends_with_the_artifact_it_began_with() {
    let (upstream, gate) = Upstream::held().await;
    let gateway = Gateway::serving(&version(&upstream, 0)).start().await;
    let mut client = Client::http1(gateway.address()).await;
    let request = client.request("GET", "/version-0", client::empty());
    let under_way = tokio::spawn(async move { client.send(request).await });
    wait::until("the request is under way", async || upstream.requests() == 1).await;

    let file = version(&upstream, 1).to_bytes();
    gateway.replace(&file);
    assert_runs(&gateway, &file, "the next version").await;
    assert_eq!(gateway.get("/version-0").await.status, 404);
    gate.open();
    assert_eq!(under_way.await.unwrap().status, 200);
}
