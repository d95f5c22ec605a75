//! What nobody may be made to serve.

use std::fs;
use std::num::NonZeroU64;
use std::time::Duration;

use artifact_format::container::digest;
use artifact_format::pointer::{Pointer, SignedPointer};
use artifact_format::root::{Root, SignedRoot, Terms};
use artifact_format::signature::SigningKey;
use rustix::process::Signal;
use tests::api::{key, test_key};
use tests::scripted_control::{PROJECT, now, pointer, signed};
use tests::{Api, Gateway, ScriptedControl, Upstream, wait};

use crate::{Stage, alarms, assert_runs, version};

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

impl Stage {
    async fn believes_root(&self, version: u64) {
        wait::until("the root is believed", async || {
            self.control.state().is_some_and(|state| state.root_version.is_some_and(|own| own.get() == version))
        })
        .await;
    }

    /// Has a root that names the key of tests replaced by one that names another.
    async fn revokes_its_key_for(&self, new: &SigningKey) {
        let one = Root::first(PROJECT, terms(&[&test_key()])).unwrap();
        let two = one.next(terms(&[new])).unwrap();
        self.control.publishes(sign(&one, &[&test_key()]));
        self.control.publishes(sign(&two, &[&test_key(), new]));
        self.believes_root(2).await;
    }

    /// The next pointer, to this artifact, signed with these keys.
    fn pointer_by(&self, keys: &[&SigningKey], artifact: &[u8]) -> SignedPointer {
        let serial = self.control.points_to(artifact).serial();
        keys.iter().fold(SignedPointer::new(pointer(serial.get(), artifact)).unwrap(), |signed, key| signed.sign(key))
    }
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
    stage.revokes_its_key_for(&new).await;
    // What serves is signed with the old key, and goes on.
    wait::until("it is told", async || alarms(&stage.gateway).await == ["running_untrusted"]).await;
    let next = stage.version(1);
    stage.is_refused(&stage.pointer_by(&[&old], &next), "pointer_untrusted").await;
    // What the old key signed is not served either where the new one points to it.
    stage.is_refused(&stage.pointer_by(&[&new], &next), "untrusted").await;

    let renewed = Api::at(&stage.upstream).get("/steady").get("/version-2").signed_by(&[&new]);
    stage.control.wants(&stage.pointer_by(&[&new], &renewed));
    stage.control.sees_active(&renewed).await;
    wait::until("that has an end", async || alarms(&stage.gateway).await.is_empty()).await;
    stage.ends_well().await;
}

/// Whom to believe is on the disk: nobody else says it after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_key_also_after_a_restart() {
    let mut stage = Stage::set().await;
    let (old, new) = (test_key(), key(2));
    stage.revokes_its_key_for(&new).await;
    let renewed = Api::at(&stage.upstream).get("/steady").signed_by(&[&new]);
    stage.control.wants(&stage.pointer_by(&[&new], &renewed));
    stage.control.sees_active(&renewed).await;
    stage.remembers(&renewed).await;
    stage.is_killed().await;
    // It is there twice, and written anew from the other one.
    fs::write(stage.file("root.json"), "half of wh").unwrap();
    stage.control.forgets_roots();
    let next = stage.version(1);
    stage.control.wants(&stage.pointer_by(&[&old], &next));
    stage.starts_again().await;
    stage.control.sees_rejected("pointer_untrusted").await;
    assert_runs(&stage.gateway, &renewed).await;
    stage.control.wants(&stage.pointer_by(&[&new], &next));
    stage.control.sees_rejected("untrusted").await;
    assert_runs(&stage.gateway, &renewed).await;
    assert_eq!(stage.control.state().unwrap().root_version.map(NonZeroU64::get), Some(2));
    wait::until("all is well", async || alarms(&stage.gateway).await.is_empty()).await;
    stage.ends_well().await;
}

/// The key of the command line was retired, and what says so is gone from the disk.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_key_also_where_the_root_is_lost() {
    let mut stage = Stage::set().await;
    stage.revokes_its_key_for(&key(2)).await;
    stage.rests().await;
    stage.is_ended().await;
    fs::remove_file(stage.file("root.json")).unwrap();
    fs::write(stage.file("root.copy.json"), "half of wh").unwrap();
    stage.control.forgets_roots();
    stage.control.wants(&stage.pointer_by(&[&test_key()], &stage.version(1)));
    stage.starts_again().await;
    wait::until("it is told", async || stage.control.alarms().contains(&"root_lost".to_owned())).await;
    stage.runs(0).await;

    let one = Root::first(PROJECT, terms(&[&test_key()])).unwrap();
    let two = one.next(terms(&[&key(2)])).unwrap();
    stage.control.publishes(sign(&one, &[&test_key()]));
    stage.control.publishes(sign(&two, &[&test_key(), &key(2)]));
    stage.control.sees_rejected("pointer_untrusted").await;
    wait::until("that has an end", async || alarms(&stage.gateway).await == ["running_untrusted"]).await;
    stage.ends_well().await;
}

/// The key that the command line names was retired before anything was deployed: no file that it signed begins to
/// serve.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_key_of_the_file_of_the_command_line() {
    let (upstream, mut control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
    let (state, new) = (tempfile::tempdir().unwrap(), key(2));
    let [file, next] = [version(&upstream, 1), version(&upstream, 2)];
    let renewed = Api::at(&upstream).get("/steady").signed_by(&[&new]);
    let mut gateway = Gateway::connected(&control, state.path()).and_file(file.clone()).start().await;
    let one = Root::first(PROJECT, terms(&[&test_key()])).unwrap();
    let two = one.next(terms(&[&new])).unwrap();
    control.publishes(sign(&one, &[&test_key()]));
    control.publishes(sign(&two, &[&test_key(), &new]));
    wait::until("the root is believed", async || gateway.status().await["control_plane"]["root_version"] == 2).await;

    gateway.replace(&next);
    wait::until("it is refused", async || gateway.rejected().await == digest(&next).to_string()).await;
    assert_eq!(gateway.status().await["rejected"]["code"], "untrusted");
    gateway.replace(&file);
    wait::until("what serves is found again", async || gateway.rejected().await.is_empty()).await;
    gateway.signal(Signal::HUP);
    wait::until("it is refused where somebody asks", async || !gateway.rejected().await.is_empty()).await;
    assert_runs(&gateway, &file).await;
    gateway.replace(&renewed);
    assert_runs(&gateway, &renewed).await;
    gateway.signal(Signal::TERM);
    assert!(gateway.ended().await.success());

    control.dies();
    let connected = || Gateway::connected(&control, state.path()).with("--allow-unsigned");
    // It begins with nothing, so that another deployment, or another file, can mend it.
    let gateway = connected().and_file(file).start_unready().await;
    assert_eq!(gateway.get("/steady").await.status, 503);
    assert!(alarms(&gateway).await.contains(&"untrusted".to_owned()));
    gateway.replace(&renewed);
    assert_runs(&gateway, &renewed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn below_threshold_or_one_key_twice() {
    let stage = Stage::set().await;
    let (one, two) = (test_key(), key(2));
    let both = [&one, &two];
    let root = Root::first(PROJECT, Terms { threshold: 2.try_into().unwrap(), ..terms(&both) }).unwrap();
    stage.control.publishes(sign(&root, &both));
    stage.believes_root(1).await;
    let next = Api::at(&stage.upstream).get("/steady").get("/version-1");
    let whole = next.signed_by(&both);

    // One key is enough for a pointer, and counts once.
    stage.is_refused(&stage.pointer_by(&[&key(9)], &whole), "pointer_untrusted").await;
    let mut twice = serde_json::to_value(stage.pointer_by(&[&one], &whole)).unwrap();
    let signatures = twice["signatures"].as_array_mut().unwrap();
    signatures.push(signatures[0].clone());
    stage.is_refused(&serde_json::from_value(twice).unwrap(), "pointer_untrusted").await;

    stage.is_refused(&stage.pointer_by(&both, &next.signed_by(&[&one])), "untrusted").await;
    stage.is_refused(&stage.pointer_by(&both, &next.signed_by(&[&two, &key(9)])), "untrusted").await;
    stage.is_refused(&stage.pointer_by(&both, &next.signed_by(&[&one, &one])), "repeated_key").await;
    stage.control.wants(&stage.pointer_by(&[&two], &whole));
    stage.control.sees_active(&whole).await;
    assert_eq!(stage.gateway.get("/version-1").await.status, 200);
    stage.ends_well().await;
}

/// That artifacts need no signature does not mean that anybody may say which of them is served.
#[tokio::test(flavor = "multi_thread")]
async fn unsigned_pointer_where_unsigned_artifacts_are_allowed() {
    let stage = Stage::with(|setup| setup.with("--allow-unsigned")).await;
    let unsigned = Api::at(&stage.upstream).get("/steady").get("/version-1").signed_by(&[]);
    stage.is_refused(&stage.pointer_by(&[], &unsigned), "pointer_untrusted").await;
    stage.is_refused(&stage.pointer_by(&[&key(9)], &unsigned), "pointer_untrusted").await;
    stage.control.wants(&stage.pointer_by(&[&test_key()], &unsigned));
    stage.control.sees_active(&unsigned).await;
    stage.ends_well().await;
}

const YEAR: i64 = 365 * 24 * 3600;

#[tokio::test(flavor = "multi_thread")]
async fn clock_off_by_a_year() {
    let mut stage = Stage::set().await;
    // This machine's clock is ahead: whatever the control plane says has long expired.
    stage.control.clock_ahead(-YEAR);
    stage.control.drains(0);
    wait::until("it is noticed", async || alarms(&stage.gateway).await == ["clock_skew"]).await;
    stage.control.deploys(&stage.version(1));
    stage.control.sees_rejected("pointer_expired").await;
    stage.runs(0).await;
    assert_eq!(stage.gateway.admin_get("/readyz").await.status, 200);
    stage.is_killed().await;
    stage.starts_again().await;
    stage.control.sees_rejected("pointer_expired").await;
    wait::until("it is noticed again", async || stage.control.alarms() == ["clock_skew"]).await;
    stage.runs(0).await;
    assert_eq!(stage.gateway.admin_get("/readyz").await.status, 200);

    stage.control.clock_ahead(0);
    stage.control.drains(0);
    stage.moves_to(1).await;
    wait::until("all is well", async || alarms(&stage.gateway).await.is_empty()).await;

    // This machine's clock is behind: what the control plane says is of the future.
    stage.control.clock_ahead(YEAR);
    stage.control.drains(0);
    wait::until("it is noticed", async || alarms(&stage.gateway).await == ["clock_skew"]).await;
    stage.moves_to(2).await;
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

    stage.is_killed().await;
    stage.starts_again().await;
    wait::until("it is refused again", async || {
        stage.gateway.status().await["rejected"]["code"].as_str() == Some("pointer_older")
    })
    .await;
    stage.runs(3).await;
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authorised_rollback() {
    let stage = Stage::set().await;
    stage.moves_to(1).await;
    stage.moves_to(2).await;
    wait::until("what is of no use is removed", async || !stage.artifact(0).exists()).await;
    let downloads = stage.control.downloads().len();
    stage.moves_to(1).await;
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
