//! Deployment pointers: what is believed, what is refused, and that their JSON stays what it is.
//!
//! `PORTCULLIS_UPDATE_GOLDEN=1 cargo nextest run -p artifact-format --test pointer` writes the vector anew: only ever
//! together with another format.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use artifact_format::container::Digest;
use artifact_format::pointer::{Error, Floor, Pointer, PointerHash, SignedPointer};
use artifact_format::signature::SigningKey;
use artifact_format::trust::{Trust, TrustError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn trust(seeds: &[u8]) -> Trust {
    Trust::any_of(seeds.iter().map(|seed| key(*seed).public()))
}

fn number(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).unwrap()
}

fn pointer(serial: u64) -> Pointer {
    Pointer {
        project: "shop".into(),
        group: "env=prod".into(),
        serial: number(serial),
        previous: (serial > 1).then_some(PointerHash([9; 32])),
        artifact: Digest([7; 32]),
        length: number(4096),
        issued_at: 1_700_000_000,
        expires_at: 1_701_000_000,
    }
}

fn signed(pointer: Pointer) -> SignedPointer {
    SignedPointer::new(pointer).unwrap().sign(&key(1))
}

#[test]
fn whoever_trusts_the_key_believes_what_the_pointer_says() {
    let text = serde_json::to_string(&signed(pointer(3))).unwrap();
    let read: SignedPointer = serde_json::from_str(&text).unwrap();
    assert_eq!(read.verify(&trust(&[1, 2]), "shop"), Ok(pointer(3)));
}

#[test]
fn one_key_is_enough_where_an_artifact_needs_two() {
    let two = trust(&[1, 2]).with_threshold(NonZeroUsize::new(2).unwrap());
    assert!(signed(pointer(1)).verify(&two, "shop").is_ok());
}

#[test]
fn strangers_and_other_projects_are_refused() {
    let unknown = signed(pointer(1)).verify(&trust(&[2]), "shop").unwrap_err();
    assert!(matches!(unknown, Error::Trust(TrustError::Untrusted { .. })), "{unknown}");
    let unsigned = SignedPointer::new(pointer(1)).unwrap().verify(&trust(&[1]), "shop").unwrap_err();
    assert_eq!(unsigned, Error::Trust(TrustError::Unsigned));
    let other = signed(pointer(1)).verify(&trust(&[1]), "bank").unwrap_err();
    assert!(matches!(other, Error::OtherProject { .. }), "{other}");
}

/// Every member is signed: whichever is changed, the signature no longer fits or there is none.
#[test]
fn nothing_of_a_pointer_can_be_changed() {
    let text = serde_json::to_value(signed(pointer(3))).unwrap();
    let changes = [
        ("format", json!(2)),
        ("project", json!("shoq")),
        ("group", json!("env=prod ")),
        ("group", json!("")),
        ("serial", json!(4)),
        ("serial", json!(0)),
        ("previous", Value::Null),
        ("previous", json!("08".repeat(32))),
        ("previous", json!("00".repeat(32))),
        ("artifact", json!("08".repeat(32))),
        ("artifact", json!("0A".repeat(32))),
        ("length", json!(4097)),
        ("length", json!(0)),
        ("issued_at", json!(1_699_999_999)),
        ("issued_at", json!(1_701_000_000)),
        ("expires_at", json!(1_701_000_001)),
        ("signatures", json!([])),
        ("signatures", json!([text["signatures"][0], text["signatures"][0]])),
        ("more", json!(1)),
    ];
    for (member, value) in changes {
        let mut other = text.clone();
        other[member] = value.clone();
        let read = serde_json::from_value::<SignedPointer>(other);
        let believed = read.ok().and_then(|read| read.verify(&trust(&[1]), "shop").ok());
        assert_eq!(believed, None, "{member}: {value}");
    }
    // The project's name ends where its length says, and the group's begins there.
    let mut moved = text;
    moved["project"] = json!("shopenv");
    moved["group"] = json!("=prod");
    let read: SignedPointer = serde_json::from_value(moved).unwrap();
    assert!(read.verify(&trust(&[1]), "shopenv").is_err());
}

#[test]
fn no_older_pointer_is_taken_and_no_other_one_of_the_same_serial() {
    let floor = Floor::of(&pointer(5));
    assert_eq!(floor.admit(&pointer(5)), Ok(()));
    assert_eq!(floor.admit(&pointer(6)), Ok(()));
    assert_eq!(floor.admit(&pointer(4)), Err(Error::Older { offered: number(4), floor: number(5) }));
    let other = Pointer { artifact: Digest([8; 32]), ..pointer(5) };
    assert_eq!(floor.admit(&other), Err(Error::Forked { serial: number(5) }));
}

#[test]
fn expiry_is_told_by_the_readers_clock() {
    assert_eq!(pointer(1).expired_for(1_700_999_999), None);
    assert_eq!(pointer(1).expired_for(1_701_000_000), Some(0));
    assert_eq!(pointer(1).expired_for(1_701_000_060), Some(60));
}

#[test]
fn the_vector_is_read_and_written() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/pointer.json");
    let written = serde_json::to_string_pretty(&signed(pointer(3))).unwrap() + "\n";
    #[allow(clippy::disallowed_methods, reason = "the one switch of the golden files")]
    if std::env::var_os("PORTCULLIS_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(golden, written);
    let read: SignedPointer = serde_json::from_str(&golden).unwrap();
    assert_eq!(read.verify(&trust(&[1]), "shop"), Ok(pointer(3)));
}
