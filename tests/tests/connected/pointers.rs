//! Pointers that are not to be followed, or not yet.

use std::num::NonZeroU64;

use artifact_format::container::digest;
use artifact_format::pointer::{Pointer, SignedPointer};
use artifact_format::root::{Root, SignedRoot, Terms};
use artifact_format::signature::SigningKey;
use fleet::message::{FromControlPlane, Heard, Phase, read};
use tests::api::test_key;
use tests::scripted_control::{PROJECT, pointer, signed};
use tests::{Api, wait};
use zeroize::Zeroizing;

use crate::Stage;

impl Stage {
    /// The codes with which something was ever rejected.
    fn rejections(&self) -> Vec<String> {
        let code = |phase| match phase {
            Phase::Rejected { code, .. } => Some(code),
            _ => None,
        };
        self.control.states().into_iter().filter_map(|state| code(state.phase)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oversize_artifact_is_not_fetched() {
    let stage = Stage::set().await;
    let next = stage.version(1);
    stage.control.points_to(&next);
    let length = NonZeroU64::new((256 << 20) + 1).unwrap();
    let long = signed(Pointer { length, ..pointer(9, &next) });
    let downloads = stage.control.downloads().len();
    stage.control.wants(&long);
    stage.control.announces(&long);
    stage.control.sees_rejected("too_large").await;
    assert_eq!(stage.control.downloads().len(), downloads);
    stage.runs(0).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_of_a_newer_format_leaves_the_conversation_as_it_is() {
    let stage = Stage::set().await;
    let artifact = digest(&stage.version(1));
    let frame = format!(r#"{{"type": "artifact_available", "pointer": {{"format": 2, "artifact": "{artifact}"}}}}"#);
    let Ok(Heard::Message(message)) = read::<FromControlPlane>(&frame) else { panic!("{frame}") };
    stage.control.says(&message);
    wait::until("it is refused", async || stage.rejections().contains(&"pointer_format".to_owned())).await;
    stage.moves_to(1).await;
    assert_eq!(stage.control.connected(), 1);
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_that_comes_with_its_root_is_not_rejected_first() {
    let stage = Stage::set().await;
    let (old, new) = (test_key(), SigningKey::from_seed(&Zeroizing::new([9; 32])));
    let terms = |keys: &[&SigningKey]| {
        let keys = keys.iter().map(|key| key.public()).collect();
        Terms { threshold: 1.try_into().unwrap(), keys, issued_at: 1 }
    };
    let one = Root::first(PROJECT, terms(&[&old])).unwrap();
    let two = one.next(terms(&[&new])).unwrap();
    let renewed = Api::at(&stage.upstream).get("/steady").get("/version-1").signed_by(&[&new]);
    stage.control.points_to(&renewed);
    let pointer = SignedPointer::new(pointer(7, &renewed)).unwrap().sign(&new);
    // All of it at once, between two heartbeats.
    stage.control.publishes(SignedRoot::new(one).sign(&old));
    stage.control.publishes(SignedRoot::new(two).sign(&old).sign(&new));
    stage.control.wants(&pointer);
    stage.control.announces(&pointer);
    stage.control.sees_active(&renewed).await;
    assert_eq!(stage.rejections(), Vec::<String>::new());
    stage.ends_well().await;
}
