//! What nobody may be made to serve.

use std::time::Duration;

use artifact_format::pointer::{Pointer, SignedPointer};
use artifact_format::root::{Root, SignedRoot, Terms};
use artifact_format::signature::SigningKey;
use tests::api::{key, test_key};
use tests::scripted_control::{PROJECT, now, pointer, signed};
use tests::{Api, Gateway, wait};

use crate::{Stage, alarms, assert_runs};

impl Stage {
    async fn is_refused(&self, pointer: &SignedPointer, code: &str) {
        self.control.wants(pointer);
        self.control.announces(pointer);
        self.control.sees_rejected(code).await;
        self.runs(0).await;
    }
}

fn terms(keys: &[&SigningKey]) -> Terms {
    Terms { threshold: 1.try_into().unwrap(), keys: keys.iter().map(|key| key.public()).collect(), issued_at: 1 }
}

fn sign(root: &Root, keys: &[&SigningKey]) -> SignedRoot {
    keys.iter().fold(SignedRoot::new(root.clone()), |root, key| root.sign(key))
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_or_wrong_key() {
    let stage = Stage::set().await;
    let next = stage.version(1);
    stage.control.points_to(&next);
    stage.is_refused(&SignedPointer::new(pointer(7, &next)).unwrap(), "pointer_untrusted").await;
    stage.is_refused(&SignedPointer::new(pointer(7, &next)).unwrap().sign(&key(9)), "pointer_untrusted").await;
    let elsewhere = Pointer { project: "another".to_owned(), ..pointer(7, &next) };
    stage.is_refused(&signed(elsewhere), "pointer_other_project").await;

    let foreign = Api::at(&stage.upstream).get("/steady").signed_by(&[&key(9)]);
    let pointer = stage.control.points_to(&foreign);
    stage.is_refused(&pointer, "untrusted").await;
    stage.moves_to(1).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_key() {
    let stage = Stage::set().await;
    let (old, new) = (test_key(), key(2));
    let one = Root::first(PROJECT, terms(&[&old])).unwrap();
    let two = one.next(terms(&[&new])).unwrap();
    stage.control.publishes(sign(&one, &[&old]));
    stage.control.publishes(sign(&two, &[&old, &new]));
    wait::until("the second root is believed", async || {
        stage.control.state().is_some_and(|state| state.root_version.is_some_and(|version| version.get() == 2))
    })
    .await;
    let next = stage.version(1);
    stage.control.points_to(&next);
    stage.is_refused(&signed(pointer(7, &next)), "pointer_untrusted").await;

    let renewed = Api::at(&stage.upstream).get("/steady").get("/version-2").signed_by(&[&new]);
    stage.control.points_to(&renewed);
    let by_new = SignedPointer::new(pointer(8, &renewed)).unwrap().sign(&new);
    stage.control.wants(&by_new);
    stage.control.sees_active(&renewed).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_pointer_replayed_also_after_a_restart() {
    let mut stage = Stage::set().await;
    let old = stage.control.points_to(&stage.version(1));
    stage.control.points_to(&stage.version(2));
    stage.moves_to(3).await;
    stage.control.wants(&old);
    stage.control.announces(&old);
    stage.control.sees_rejected("pointer_older").await;
    stage.runs(3).await;
    stage.rests().await;

    stage.gateway.signal(rustix::process::Signal::KILL);
    stage.gateway.ended().await;
    let again = Gateway::connected(&stage.control, stage.state.path()).start().await;
    wait::until("it is refused again", async || {
        again.status().await["rejected"]["code"].as_str() == Some("pointer_older")
    })
    .await;
    assert_runs(&again, &stage.version(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authorised_rollback() {
    let stage = Stage::set().await;
    stage.moves_to(1).await;
    let downloads = stage.control.downloads().len();
    stage.moves_to(0).await;
    assert_eq!(stage.control.downloads().len(), downloads, "it is there still");
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_pointer() {
    let stage = Stage::set().await;
    let next = stage.version(1);
    stage.control.points_to(&next);
    let expired = signed(Pointer { expires_at: now() - 1, ..pointer(7, &next) });
    stage.is_refused(&expired, "pointer_expired").await;

    let soon = signed(Pointer { expires_at: now() + 3, ..pointer(8, &next) });
    stage.control.wants(&soon);
    stage.control.sees_active(&next).await;
    wait::until("it expires", async || stage.control.alarms() == ["pointer_expired"]).await;
    assert_eq!(alarms(&stage.gateway).await, ["pointer_expired"]);
    assert!(stage.gateway.metric("portcullis_alarm{code=\"pointer_expired\"}").await > 0.5);
    stage.runs(1).await;
    assert_eq!(stage.gateway.admin_get("/readyz").await.status, 200);
    wait::pass(Duration::from_millis(500)).await;
    stage.control.sees_active(&next).await;
    stage.ends_well().await;
}
