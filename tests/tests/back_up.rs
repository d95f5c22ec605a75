//! Backing up and restoring a control plane, typed as the page says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::process::{Command, Stdio};

use tests::{CommandLine, ControlPlane, documented, postgres};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_as_written() {
    let control_plane = ControlPlane::empty().start().await;
    CommandLine::of(&control_plane).succeeds(&["project", "create", "shop"]);
    let database = postgres::Database::create().await;
    let home = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &documented::commands("docs/how-to/back-up-and-restore.md")])
        .env_clear()
        .env("PATH", documented::search_path())
        .env("HOME", home.path())
        .env("PORTCULLIS_CONTROL_DATA_DIR", control_plane.folder())
        .env("POSTGRES_URL", database.url())
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [said, noted] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{said}\n{noted}");
    assert!(noted.contains("no token and no API key") && noted.contains("new trust root"), "{noted}");
    let key = format!("file://{}", home.path().join("moved/master.key").display());
    let setup = ControlPlane::empty().set("--database-url", &database.url()).set("--master-key", &key);
    let moved = setup.with_token(control_plane.token()).start().await;
    assert_eq!(moved.get("/api/v1/projects").await.json()["items"][0]["name"], "shop");
    let bare = ControlPlane::empty().set("--database-url", &sqlite(&home, "bare"));
    let key = format!("file://{}", home.path().join("bare/master.key").display());
    let bare = bare.set("--master-key", &key).start().await;
    assert_ne!(bare.token(), control_plane.token());
    assert_eq!(bare.get("/api/v1/projects").await.json()["items"][0]["name"], "shop");
}

fn sqlite(home: &tempfile::TempDir, folder: &str) -> String {
    format!("sqlite://{}", home.path().join(folder).join("control.db").display())
}
