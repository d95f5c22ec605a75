//! Trust roots: what is believed, what is refused, and that `root.json` stays what it is.
//!
//! `PORTCULLIS_UPDATE_GOLDEN=1 cargo nextest run -p artifact-format --test root` writes the vector anew: only ever
//! together with another format.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::num::{NonZeroU16, NonZeroU64};
use std::path::PathBuf;

use artifact_format::root::{Error, KEYS_MAX, Root, SIGNATURES_MAX, SignedRoot, Terms};
use artifact_format::signature::{KeyError, SigningKey};
use artifact_format::trust::{Signature, TrustError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn terms(seeds: &[u8], threshold: u16) -> Terms {
    let keys = seeds.iter().map(|seed| key(*seed).public()).collect();
    Terms { threshold: NonZeroU16::new(threshold).unwrap(), keys, issued_at: 1_700_000_000 }
}

fn first(seeds: &[u8], threshold: u16) -> Root {
    Root::first("shop", terms(seeds, threshold)).unwrap()
}

fn sign(root: &Root, seeds: &[u8]) -> SignedRoot {
    seeds.iter().fold(SignedRoot::new(root.clone()), |signed, seed| signed.sign(&key(*seed)))
}

fn version(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).unwrap()
}

/// Offers a root to the one before it, and to nobody else: what is refused must change nothing.
fn refusal(believed: &Root, offered: SignedRoot) -> Error {
    let mut root = believed.clone();
    let error = root.advance(offered).unwrap_err();
    assert_eq!(&root, believed, "a refused root was believed all the same");
    error
}

#[test]
fn a_chain_is_walked_and_its_last_root_is_believed() {
    let one = first(&[1], 1);
    let two = one.next(terms(&[2, 3, 4], 2)).unwrap();
    let three = two.next(terms(&[5], 1)).unwrap();
    let mut root = sign(&one, &[1]).pinned().unwrap();
    root.follow([sign(&two, &[1, 2, 3]), sign(&three, &[2, 4, 5])]).unwrap();
    assert_eq!(root, three);

    let signature = |seed| Signature { key: key(seed).public().id(), bytes: key(seed).sign(b"artifact") };
    assert!(root.trust().judge(b"artifact", &[signature(5)]).is_ok());
    assert!(root.trust().judge(b"artifact", &[signature(1)]).is_err(), "a retired key still signs");
    assert!(two.trust().judge(b"artifact", &[signature(2)]).is_err(), "the threshold is not asked for");
}

#[test]
fn a_chain_that_breaks_keeps_what_was_believed_before() {
    let one = first(&[1], 1);
    let two = one.next(terms(&[2], 1)).unwrap();
    let three = two.next(terms(&[3], 1)).unwrap();
    let mut root = one;
    let error = root.follow([sign(&two, &[1, 2]), sign(&three, &[3])]).unwrap_err();
    assert!(matches!(error, Error::NotBySuccession { .. }), "{error}");
    assert_eq!(root, two);
}

#[test]
fn both_the_old_keys_and_the_new_ones_must_have_signed() {
    let one = first(&[1, 2], 2);
    let two = one.next(terms(&[3, 4], 2)).unwrap();
    let check = |seeds: &[u8], is_by_succession: bool| match refusal(&one, sign(&two, seeds)) {
        Error::NotBySuccession { offered, source: TrustError::Untrusted { trusted, .. } } => {
            assert!(!is_by_succession && offered == two.version() && trusted == 1, "{seeds:?}");
        }
        Error::NotByItself { source: TrustError::Untrusted { trusted, .. }, .. } => {
            assert!(is_by_succession && trusted == 1, "{seeds:?}");
        }
        other => panic!("{seeds:?}: {other}"),
    };
    check(&[1, 3, 4], false);
    check(&[1, 1, 3, 4], false);
    check(&[1, 9, 3, 4], false);
    check(&[1, 2, 3], true);
    assert!(one.clone().advance(sign(&two, &[1, 2, 3, 4])).is_ok());
    let unsigned = Error::NotBySuccession { offered: version(2), source: TrustError::Unsigned };
    assert_eq!(refusal(&one, SignedRoot::new(two)), unsigned);
}

#[test]
fn a_pinned_root_is_of_any_version_and_signed_by_itself() {
    let two = first(&[1], 1).next(terms(&[2, 3], 2)).unwrap();
    assert_eq!(sign(&two, &[3, 2]).pinned(), Ok(two.clone()));
    let error = sign(&two, &[1, 2]).pinned().unwrap_err();
    assert!(matches!(error, Error::NotByItself { source: TrustError::Untrusted { trusted: 1, .. }, .. }), "{error}");
}

#[test]
fn no_version_comes_twice_comes_late_or_is_left_out() {
    let one = first(&[1], 1);
    let two = one.next(terms(&[1], 1)).unwrap();
    let three = two.next(terms(&[1], 1)).unwrap();
    let not_newer = |offered, current| Error::NotNewer { offered: version(offered), current: version(current) };
    assert_eq!(refusal(&two, sign(&one, &[1])), not_newer(1, 2));
    assert_eq!(refusal(&two, sign(&two, &[1])), not_newer(2, 2));
    assert_eq!(refusal(&one, sign(&three, &[1])), Error::Skipped { offered: version(3), current: version(1) });
}

#[test]
fn another_project_has_another_chain() {
    let other = Root::first("stock", terms(&[1], 1)).unwrap().next(terms(&[1], 1)).unwrap();
    let expected = Error::OtherProject { expected: "shop".into(), found: "stock".into() };
    assert_eq!(refusal(&first(&[1], 1), sign(&other, &[1])), expected);
}

#[test]
fn what_could_never_be_believed_is_not_made() {
    let check = |project: &str, terms, expected| assert_eq!(Root::first(project, terms), Err(expected));
    check("", terms(&[1], 1), Error::Project { bytes: 0 });
    check(&"p".repeat(257), terms(&[1], 1), Error::Project { bytes: 257 });
    check("shop", terms(&[], 1), Error::Keys { keys: 0 });
    check("shop", terms(&[1; KEYS_MAX + 1], 1), Error::Keys { keys: KEYS_MAX + 1 });
    check("shop", terms(&[1, 2, 1], 1), Error::RepeatedKey { key: key(1).public().id() });
    check("shop", terms(&[1, 2], 3), Error::Threshold { threshold: NonZeroU16::new(3).unwrap(), keys: 2 });
}

/// Version 2 of a chain, as it is published.
fn published() -> SignedRoot {
    let two = first(&[1], 1).next(terms(&[1, 2, 3], 2)).unwrap();
    sign(&two, &[1, 2])
}

#[test]
fn the_vector_is_read_and_written() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/root.json");
    let written = serde_json::to_string_pretty(&published()).unwrap() + "\n";
    #[allow(clippy::disallowed_methods, reason = "the one switch of the golden files")]
    if std::env::var_os("PORTCULLIS_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, golden);
    let read: SignedRoot = serde_json::from_str(&golden).unwrap();
    assert!(first(&[1], 1).advance(read).is_ok(), "the vector is not believed any more");
}

#[test]
fn whatever_is_changed_in_a_published_root_is_not_believed() {
    let changes: [(&str, Value); 5] = [
        ("/project", json!("shop2")),
        ("/version", json!(3)),
        ("/issued_at", json!(1_700_000_001)),
        ("/threshold", json!(1)),
        ("/signatures/0/signature", serde_json::to_value(published()).unwrap()["signatures"][1]["signature"].clone()),
    ];
    for (pointer, value) in changes {
        let mut document = serde_json::to_value(published()).unwrap();
        *document.pointer_mut(pointer).unwrap() = value;
        let signed: SignedRoot = serde_json::from_value(document).unwrap();
        let error = signed.pinned().unwrap_err();
        let is_bad = matches!(error, Error::NotByItself { source: TrustError::BadSignature { .. }, .. });
        assert!(is_bad, "{pointer}: {error}");
    }
    let mut document = serde_json::to_value(published()).unwrap();
    document["keys"].as_array_mut().unwrap().pop();
    let signed: SignedRoot = serde_json::from_value(document).unwrap();
    assert!(signed.pinned().is_err(), "a key was taken away");
}

#[test]
fn what_is_no_root_is_refused_by_name() {
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut document = serde_json::to_value(published()).unwrap();
        change(&mut document);
        let error = serde_json::from_value::<SignedRoot>(document).unwrap_err().to_string();
        assert!(error.contains(expected), "`{expected}` is not what is said: {error}");
    };
    check(&|root| root["expires"] = json!(0), "unknown field `expires`");
    check(&|root| root["keys"][0]["role"] = json!("root"), "unknown field `role`");
    check(&|root| root["signatures"][0]["algorithm"] = json!("none"), "unknown field `algorithm`");
    check(&|root| root["format"] = json!(2), &Error::Format { found: 2 }.to_string());
    check(&|root| root["version"] = json!(0), "nonzero");
    check(&|root| root["threshold"] = json!(0), "nonzero");
    check(&|root| root["keys"] = json!([]), &Error::Keys { keys: 0 }.to_string());
    check(&|root| root["keys"][1] = root["keys"][0].clone(), "is named more than once");
    check(&|root| root["keys"][1]["public"] = root["keys"][0]["public"].clone(), "an id is the SHA-256 of its key");
    check(&|root| root["keys"][0]["public"] = json!(key(1).public().to_pem().unwrap()), &KeyError::Public.to_string());
    check(&|root| root["signatures"][0]["key"] = json!("01"), "not a signature by key `01`");
    check(&|root| root["signatures"][0]["signature"] = json!("AAAA"), "not a signature by key");
    let too_many = SIGNATURES_MAX + 1;
    let expected = Error::Signatures { signatures: too_many }.to_string();
    check(&|root| root["signatures"] = json!(vec![root["signatures"][0].clone(); too_many]), &expected);
}

#[test]
fn a_key_that_signed_twice_is_refused() {
    let mut document = serde_json::to_value(published()).unwrap();
    document["signatures"][1] = document["signatures"][0].clone();
    let signed: SignedRoot = serde_json::from_value(document).unwrap();
    let repeated = TrustError::RepeatedKey { key: key(1).public().id() };
    assert_eq!(signed.pinned(), Err(Error::NotByItself { offered: version(2), source: repeated }));
}
