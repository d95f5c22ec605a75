//! Backups that are not restored, and what they leave behind: nothing.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tests::CommandLine;

use crate::site::{Kind, Place, Used, fails, operator, run, succeeds};

/// A backup with secrets in the file `b` of an operator's home, and the place that it is of.
async fn taken() -> (CommandLine, Place) {
    let from = Place::of(Kind::Sqlite).await;
    let mut plane = from.setup.clone().start().await;
    Used::make(&plane).await;
    plane.kill();
    let operator = operator();
    let arguments = ["backup", "-o", "b", "--with-secrets", "--passphrase-file", "passphrase"];
    succeeds(&operator, &from.command(&arguments));
    (operator, from)
}

fn restore<'a>(file: &'a str, place: &'a Place) -> Vec<String> {
    place.command(&["restore", "-i", file, "--passphrase-file", "passphrase"])
}

/// Nothing was written: neither a database nor a key nor an artifact.
fn is_untouched(place: &Place) {
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0, "{:?}", fs::read_dir(place.folder()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_refused_and_nothing_is_written() {
    let (operator, _from) = taken().await;
    let whole = fs::read(operator.path("b")).unwrap();
    let to = Place::of(Kind::Sqlite).await;
    let unpacked = unpack(&whole);
    // The first ten bytes are gzip's own, of which some mean nothing.
    let step = (whole.len() / 40).max(1);
    for at in (10..whole.len()).step_by(step) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        if try_unpack(&damaged).is_some_and(|same| same == unpacked) && at < whole.len() - 8 {
            continue;
        }
        operator.write("damaged", &damaged);
        let output = run(&operator, &restore("damaged", &to));
        let said = String::from_utf8_lossy(&output.stderr);
        // Another salt makes another key, before anything else is read.
        let is_another_key = said.contains("the passphrase is not the one");
        assert_eq!(output.status.code(), Some(if is_another_key { 13 } else { 5 }), "{at}: {said}");
    }
    for end in [0, 1, 10, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        operator.write("damaged", &whole[..end]);
        let said = fails(&operator, &restore("damaged", &to), 5);
        assert!(said.contains("cut short") || said.contains("no backup"), "{end}: {said}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    operator.write("damaged", &longer);
    fails(&operator, &restore("damaged", &to), 5);
    is_untouched(&to);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_by_somebody_is_refused() {
    let (operator, from) = taken().await;
    let to = Place::of(Kind::Sqlite).await;
    let parts = parts(&unpack(&fs::read(operator.path("b")).unwrap()));
    // Whole again, with every checksum that there is, and without the passphrase.
    let check = |name: &str, change: &dyn Fn(&str) -> String, expected: &str| {
        let changed = parts.iter().map(|(part, bytes)| {
            let text =
                if part == name { change(std::str::from_utf8(bytes).unwrap()).into_bytes() } else { bytes.clone() };
            (part.clone(), text)
        });
        operator.write("changed", pack(&changed.collect::<Vec<_>>()));
        let said = fails(&operator, &restore("changed", &to), 5);
        assert!(said.contains(expected), "{name}: {said}");
    };
    check("tables/teams/000000.jsonl", &|text| text.replace("default", "another"), "not what manifest.json says");
    check("manifest.json", &|text| text.replace("\"count\": 1", "\"count\": 2"), "not what manifest.json says");
    check("manifest.json", &|text| text.replace("  ", " "), "its seal does not fit");
    check("backup.json", &|text| text.replace("\"format\": 1", "\"format\": 2"), "of format 2");
    check("backup.json", &|text| text.replace("\"schema\": ", "\"schema\": 9"), "restore it with the program");
    check("backup.json", &|text| text.replace("\"name\": \"teams\"", "\"name\": \"gangs\""), "does not know");
    let without: Vec<_> = parts.iter().filter(|(name, _)| name != "tables/tokens/000000.jsonl").cloned().collect();
    operator.write("changed", pack(&without));
    fails(&operator, &restore("changed", &to), 5);
    let without: Vec<_> = parts.iter().filter(|(name, _)| !name.starts_with("artifacts/")).cloned().collect();
    operator.write("changed", pack(&without));
    assert!(fails(&operator, &restore("changed", &to), 5).contains("whose bytes are not there"));
    is_untouched(&to);
    // Without secrets there is no seal, and no secret.
    succeeds(&operator, &from.command(&["backup", "-o", "open"]));
    let open = parts_of(&operator.path("open"));
    assert!(open.iter().all(|(name, _)| !name.contains("tokens") && !name.contains("seal")));
    operator.write("packed", pack(&open));
    succeeds(&operator, &to.command(&["restore", "-i", "packed", "--dry-run"]));
    // Whoever expects a seal does not get what anybody could have made.
    assert!(fails(&operator, &restore("packed", &to), 5).contains("no seal that a passphrase could be held to"));
    is_untouched(&to);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_open_with_their_passphrase_alone() {
    let (operator, from) = taken().await;
    let to = Place::of(Kind::Sqlite).await;
    operator.write("wrong", "correct horse battery stable");
    operator.write("short", "hunter2");
    let with = |passphrase| to.command(&["restore", "-i", "b", "--passphrase-file", passphrase]);
    assert!(fails(&operator, &with("wrong"), 13).contains("not the one"));
    fails(&operator, &with("missing"), 13);
    assert!(fails(&operator, &to.command(&["restore", "-i", "b"]), 13).contains("--passphrase-file"));
    is_untouched(&to);
    let backup = |passphrase| from.command(&["backup", "-o", "c", "--with-secrets", "--passphrase-file", passphrase]);
    assert!(fails(&operator, &backup("short"), 13).contains("fewer than 12"));
    assert!(fails(&operator, &from.command(&["backup", "-o", "c", "--with-secrets"]), 13).contains("passphrase"));
    assert!(!operator.path("c").exists());
}

/// A new master key opens nothing that is sealed there.
#[tokio::test(flavor = "multi_thread")]
async fn no_master_key_is_made_for_a_backup() {
    let (operator, from) = taken().await;
    let key = from.folder().join("master.key");
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let backup = from.command(&["backup", "-o", "c", "--with-secrets", "--passphrase-file", "passphrase"]);
    let said = fails(&operator, &backup, 13);
    assert!(said.contains(key.to_str().unwrap()), "{said}");
    assert!(!key.exists() && !operator.path("c").exists());
    // Without secrets it needs none; that it was begun and not finished is in the audit log.
    succeeds(&operator, &from.command(&["backup", "-o", "c"]));
    assert!(!key.exists());
    fs::write(&key, kept).unwrap();
    succeeds(&operator, &from.command(&["backup", "-o", "d", "--with-secrets", "--passphrase-file", "passphrase"]));
    fs::remove_dir_all(from.folder().join("artifacts")).unwrap();
    fs::create_dir(from.folder().join("artifacts")).unwrap();
    fails(&operator, &from.command(&["backup", "-o", "e"]), 7);
    let events = async |action: &'static str| from.count(action).await;
    assert_eq!(events("select count(*) as n from audit_events where action = 'backup.take'").await, 4);
    assert_eq!(events("select count(*) as n from audit_events where action = 'backup.finish'").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_replaced() {
    let (operator, from) = taken().await;
    // A backup that is there.
    let before = fs::read(operator.path("b")).unwrap();
    assert!(fails(&operator, &from.command(&["backup", "-o", "b"]), 4).contains("--force"));
    assert_eq!(fs::read(operator.path("b")).unwrap(), before);
    succeeds(&operator, &from.command(&["backup", "-o", "b", "--force"]));
    // A database that is not there is none to take a backup of.
    let nothing = Place::of(Kind::Sqlite).await;
    assert!(fails(&operator, &nothing.command(&["backup", "-o", "n"]), 4).contains("there is no database"));
    is_untouched(&nothing);
    let nothing = Place::of(Kind::Postgres).await;
    assert!(fails(&operator, &nothing.command(&["backup", "-o", "n"]), 4).contains("no control plane's"));
    // A database that somebody used.
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let used = Place::of(kind).await;
        used.setup.clone().start().await.kill();
        let events = used.count("select count(*) as n from audit_events").await;
        assert!(fails(&operator, &used.command(&["restore", "-i", "b"]), 4).contains("not empty"));
        assert_eq!(used.count("select count(*) as n from audit_events").await, events);
        assert_eq!(used.count("select count(*) as n from projects").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_through_a_pipe() {
    let (operator, from) = taken().await;
    let to = Place::of(Kind::Sqlite).await;
    let quoted =
        |arguments: Vec<String>| arguments.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let pipe = format!(
        "portcullis-control {} | portcullis-control {}",
        quoted(from.command(&["backup", "-o", "-"])),
        quoted(to.command(&["restore", "-i", "-"]))
    );
    let output = operator.program("bash", &["-euo", "pipefail", "-c", &pipe]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(to.count("select count(*) as n from projects").await, 1);
}

fn try_unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut unpacked).ok()?;
    Some(unpacked)
}

fn unpack(bytes: &[u8]) -> Vec<u8> {
    try_unpack(bytes).unwrap()
}

fn parts_of(path: &Path) -> Vec<(String, Vec<u8>)> {
    parts(&unpack(&fs::read(path).unwrap()))
}

fn parts(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(archive);
    let part = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
    };
    archive.entries().unwrap().map(part).collect()
}

/// As any program would.
fn pack(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in parts {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    let mut packed = archive.into_inner().unwrap();
    packed.flush().unwrap();
    packed.finish().unwrap()
}
