//! Documents of enemies: an answer, in bounded time and memory.

use std::fmt::Write as _;
use std::time::Duration;

use control::build::child::Confinement;
use control::build::runner::{Limits, Runner};

use super::{PETS, PROGRAM, built, codes, job, many_paths};

/// A document that must be refused with one code, which says it all.
async fn check(text: &str, code: &str) {
    let outcome = built(&job(&[("api/openapi.yaml", text)])).await;
    assert_eq!(outcome.artifact, None);
    assert_eq!(codes(&outcome), [code], "{}", outcome.text);
}

#[tokio::test]
async fn an_alias_bomb_is_too_much() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    check(&format!("{PETS}\n{bomb}"), "PC1005").await;
}

#[tokio::test]
async fn a_deep_document_is_too_much() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    check(&format!("{PETS}\nx-deep: {}\n", deep("[", "]")), "PC1005").await;
    check(&format!("{{\"openapi\": \"3.1.0\", \"x-deep\": {}}}", deep("{\"a\":", "}")), "PC1005").await;
}

#[tokio::test]
async fn a_reference_reaches_nothing_but_the_upload() {
    for (reference, code) in [
        ("/etc/passwd", "PC1102"),
        ("../../../../etc/passwd", "PC1102"),
        ("..%2f..%2fetc%2fpasswd", "PC1102"),
        ("file:///etc/passwd", "PC1102"),
        ("http://127.0.0.1:9/a.yaml", "PC1102"),
        ("//127.0.0.1/a.yaml", "PC1102"),
        // Above the folder of the document, and still in the upload, where there is none.
        ("../pet.yaml", "PC1101"),
    ] {
        check(&PETS.replace("pet.yaml", reference), code).await;
    }
}

#[tokio::test]
async fn many_paths_take_bounded_time_and_memory() {
    let confinement = Confinement { memory_bytes: 1 << 30, ..Limits::DEFAULT.confinement };
    // What it computes is bounded; how long it waits for a core, on a machine that runs other tests, is not looked at.
    let limits = Limits { confinement, deadline: Duration::from_mins(3) };
    let outcome = Runner::new(PROGRAM, limits).run(&many_paths(100_000)).await.unwrap();
    assert!(outcome.artifact.is_some(), "{}", outcome.text);
}
