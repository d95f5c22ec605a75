//! Not one byte of an artifact can be changed without it being refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::net::SocketAddr;

use artifact_format::container::{Error, digest, open};
use artifact_format::limits::Limits;
use artifact_format::model::Artifact;
use artifact_format::signature::SigningKey;
use artifact_format::trust::Trust;
use tests::api::{key, test_key};
use tests::{Api, Gateway, Upstream, compiled};

fn small() -> Api {
    Api::nowhere().get("/pets/{id}")
}

fn large() -> Api {
    (0..5_000).fold(small(), |api, number| api.get(&format!("/collection-{number}/{{id}}")))
}

fn read(file: &[u8]) -> Result<Artifact, Error> {
    open(file, &Trust::any_of([test_key().public()]), &Limits::DEFAULT)?.decode()
}

/// What is said of files that were changed. Whether something decodes is not among it.
const CODES: [&str; 12] = [
    "bad_signature",
    "damaged",
    "format_too_new",
    "format_too_old",
    "not_an_artifact",
    "repeated_key",
    "section_mismatch",
    "too_large",
    "trailing_bytes",
    "truncated",
    "unsigned",
    "untrusted",
];

/// Asserts that the file is refused before anything of it is decoded, and returns why.
fn refused(file: &[u8]) -> &'static str {
    let opened = open(file, &Trust::any_of([test_key().public()]), &Limits::DEFAULT);
    let code = opened.expect_err("a changed artifact").code();
    assert!(CODES.contains(&code), "{code}");
    code
}

/// Numbers that look random and are the same in every run (splitmix64).
fn scattered(count: u64, below: usize) -> impl Iterator<Item = usize> {
    (1..=count).map(move |number| {
        let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    })
}

#[test]
fn every_bit_of_every_byte_of_a_small_artifact_counts() {
    let mut file = small().to_bytes();
    assert!(read(&file).is_ok());
    for position in 0..file.len() {
        for bit in 0..8 {
            file[position] ^= 1 << bit;
            refused(&file);
            file[position] ^= 1 << bit;
        }
    }
}

fn check_bytes_all_over(mut file: Vec<u8>, count: u64) {
    assert!(read(&file).is_ok());
    for position in scattered(count, file.len()) {
        file[position] ^= 0xFF;
        refused(&file);
        file[position] ^= 0xFF;
    }
    println!("{count} of {} bytes", file.len());
}

#[test]
fn bytes_all_over_a_large_artifact_count() {
    check_bytes_all_over(large().to_bytes(), 500);
}

#[test]
fn bytes_all_over_the_artifact_of_a_public_api_count() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    if let Some(artifact) = compiled::compile("github-api-2022-07.oas30.json", nowhere) {
        check_bytes_all_over(compiled::signed(&artifact), 2_000);
    }
}

#[test]
fn every_truncation_and_anything_appended_is_refused() {
    let file = small().to_bytes();
    (0..file.len()).for_each(|length| {
        refused(&file[..length]);
    });
    assert_eq!(refused(&[&file[..], &[0]].concat()), "trailing_bytes");
    assert_eq!(refused(&[&file[..], &[0; 64]].concat()), "trailing_bytes");
    assert_eq!(refused(&[&file[..], &file[..]].concat()), "trailing_bytes");
}

#[test]
fn a_section_of_another_validly_signed_artifact_is_refused() {
    let (one, other) = (small().to_bytes(), Api::nowhere().get("/cats/{id}").to_bytes());
    assert_eq!(one.len(), other.len(), "they differ in content only");
    let sections_at = one.len() - sections_length(&one);
    assert_eq!(refused(&[&one[..sections_at], &other[sections_at..]].concat()), "section_mismatch");
}

/// How long the sections are, by the manifest.
fn sections_length(file: &[u8]) -> usize {
    let verified = open(file, &Trust::any_of([test_key().public()]), &Limits::DEFAULT).unwrap();
    let last = verified.manifest().sections.last().unwrap();
    usize::try_from(last.offset + last.length).unwrap()
}

#[test]
fn only_a_trusted_signature_is_believed() {
    assert_eq!(refused(&small().signed_by(&[])), "unsigned");
    assert_eq!(refused(&small().signed_by(&[&key(1)])), "untrusted");
    assert!(read(&small().signed_by(&[&key(1), &test_key()])).is_ok());
}

#[tokio::test]
async fn below_threshold_or_one_key_twice() {
    let upstream = Upstream::echo().await;
    let api = Api::at(&upstream).get("/pets/{id}");
    let serving = |keys: &[&SigningKey]| {
        let setup = Gateway::serving_file(api.signed_by(keys)).trusting(&[test_key().public(), key(2).public()]);
        setup.set("--trust-threshold", "2")
    };
    let (one, two, stranger) = (test_key(), key(2), key(9));
    for (keys, says) in [
        (vec![&one], "1 of the 2 signatures needed are by trusted keys"),
        (vec![&two, &stranger], "1 of the 2 signatures needed are by trusted keys"),
        (vec![&one, &one], "signed more than once"),
    ] {
        let refusal = serving(&keys).start_refused().await;
        assert!(!refusal.status.success() && refusal.said.contains(says), "{says} is not said in:\n{}", refusal.said);
    }
    let gateway = serving(&[&one, &stranger, &two]).start().await;
    assert_eq!(gateway.get("/pets/1").await.status, 200);
}

async fn check_started(file: Vec<u8>, says: &str) {
    let refusal = Gateway::serving_file(file).start_refused().await;
    assert!(!refusal.status.success());
    assert_eq!(refusal.said.matches(says).count(), 1, "{says} is not said once in:\n{}", refusal.said);
}

#[tokio::test]
async fn the_gateway_does_not_start_on_what_it_does_not_believe() {
    let file = small().to_bytes();
    let mut flipped = file.clone();
    *flipped.last_mut().unwrap() ^= 1;
    check_started(flipped, "not the one that was signed").await;
    check_started(file[..file.len() - 1].to_vec(), "cut short").await;
    check_started([&file[..], b"more"].concat(), "appended").await;
    check_started(small().signed_by(&[]), "it carries no signature").await;
    check_started(small().signed_by(&[&key(1)]), "signatures needed are by trusted keys").await;
    check_started(b"{}".to_vec(), "not a Portcullis artifact").await;
}

#[tokio::test]
async fn the_gateway_says_whose_artifact_it_serves() {
    let upstream = Upstream::echo().await;
    let api = Api::at(&upstream).get("/pets/{id}");
    let gateway = Gateway::serving(&api).start().await;
    let artifact = gateway.admin_get("/artifact").await;
    let said = String::from_utf8_lossy(&artifact.body).into_owned();
    assert!(said.contains(&digest(&api.to_bytes()).to_string()), "{said}");
    assert!(said.contains(&test_key().public().id().to_string()), "{said}");
}

#[tokio::test]
async fn unsigned_artifacts_are_served_only_where_that_was_asked_for() {
    let upstream = Upstream::echo().await;
    let file = Api::at(&upstream).get("/pets/{id}").signed_by(&[]);
    let gateway = Gateway::serving_file(file).with("--allow-unsigned").start().await;
    assert_eq!(gateway.get("/pets/1").await.status, 200);
}
