//! Folders and archives, those of people and those of enemies.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const ENTRY: &[u8] = b"openapi: 3.1.0\n";

/// The signature of a local header (APPNOTE.TXT 4.3.7), and where its fields stand from there.
const LOCAL: &[u8] = b"PK\x03\x04";
/// The same of an entry of the central directory (4.3.12).
const CENTRAL: &[u8] = b"PK\x01\x02";

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(files, |_| ())
}

fn zip_with(files: &[(&str, &[u8])], more: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    more(&mut writer);
    writer.finish().unwrap().into_inner()
}

/// Overwrites a field of every header with this signature.
fn patch(archive: &mut [u8], (signature, offset): (&[u8], usize), value: &[u8]) {
    let headers: Vec<usize> = (0..archive.len()).filter(|at| archive[*at..].starts_with(signature)).collect();
    assert!(!headers.is_empty());
    headers.iter().for_each(|at| archive[at + offset..at + offset + value.len()].copy_from_slice(value));
}

fn unpacked(archive: &[u8]) -> Result<Documents, Error> {
    let mut upload = Upload::new();
    upload.unpack(archive)?;
    upload.finish(&[])
}

fn paths(documents: &Documents) -> Vec<&str> {
    documents.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn a_folder_arrives_in_parts() {
    let mut upload = Upload::new();
    upload.add("schemas/pet.yaml", b"type: object\n").unwrap();
    upload.add("README.md", b"# Pets\n").unwrap();
    let mut file = upload.begin("openapi.yaml").unwrap();
    ENTRY.chunks(4).for_each(|chunk| file.push(chunk).unwrap());
    file.finish();
    // The connection breaks.
    upload.begin("broken.yaml").unwrap().push(b"half of").unwrap();
    let documents = upload.finish(&[]).unwrap();
    assert_eq!(paths(&documents), ["openapi.yaml", "schemas/pet.yaml"]);
    assert_eq!(documents.entries, ["openapi.yaml"]);
    assert_eq!(documents.left_out, ["README.md"]);
    let entry = &documents.files[0];
    assert_eq!(&*entry.bytes, ENTRY);
    assert_eq!(hex::encode(entry.sha256), "f39db8e8ede3dc2457c613e2a304e6d478f6e5ec660e4746464f41e76ac77006");
}

#[test]
fn what_a_folder_may_not_hold_is_refused_by_name() {
    let mut upload = Upload::new();
    upload.add("a/Pets.yaml", ENTRY).unwrap();
    for (path, expected) in [
        ("../a.yaml", Error::Path { path: "../a.yaml".to_owned(), fault: Fault::Dots }),
        ("a/pETS.yaml", Error::NameTaken { path: "a/pETS.yaml".to_owned() }),
        ("inner.zip", Error::NestedArchive { path: "inner.zip".to_owned() }),
        ("a\u{1b}.yaml", Error::Path { path: "a\\u{1b}.yaml".to_owned(), fault: Fault::Control }),
    ] {
        assert_eq!(upload.add(path, ENTRY), Err(expected), "{path:?}");
    }
    assert_eq!(paths(&upload.finish(&[]).unwrap()), ["a/Pets.yaml"]);
}

#[test]
fn a_folder_is_bounded() {
    let mut upload = Upload::new();
    let largest = vec![b' '; FILE_BYTES_MAX];
    let too_large = [&largest[..], b" "].concat();
    assert_eq!(upload.add("a.yaml", &too_large), Err(Error::FileTooLarge { path: "a.yaml".to_owned() }));
    for number in 0..TOTAL_BYTES_MAX / FILE_BYTES_MAX {
        upload.add(&format!("{number}.yaml"), &largest).unwrap();
    }
    // Not kept, so of no size.
    upload.add("picture.png", &largest).unwrap();
    assert_eq!(upload.add("last.yaml", b" "), Err(Error::TotalTooLarge { path: "last.yaml".to_owned() }));
    assert_eq!(upload.add("a.yaml", &vec![b' '; UPLOAD_BYTES_MAX + 1]), Err(Error::UploadTooLarge));

    let mut upload = Upload::new();
    (0..FILES_MAX).for_each(|number| upload.add(&number.to_string(), b"").unwrap());
    assert_eq!(upload.add("last", b""), Err(Error::TooManyFiles));
}

#[test]
fn an_archive_is_a_folder() {
    let archive =
        zip_with(&[("api/openapi.yaml", ENTRY), ("api/pet.json", b"{}"), ("api/LICENSE", b"free")], |writer| {
            writer.add_directory("api/empty", SimpleFileOptions::default()).unwrap();
        });
    let documents = unpacked(&archive).unwrap();
    assert_eq!(paths(&documents), ["api/openapi.yaml", "api/pet.json"]);
    assert_eq!(&*documents.files[0].bytes, ENTRY);
    assert_eq!(documents.left_out, ["api/LICENSE"]);
    assert_eq!(unpacked(&zip(&[("LICENSE", b"free")])), Err(Error::NoDocument));
}

#[test]
fn an_archive_that_was_written_to_a_pipe_is_read() {
    // Sizes and checksum follow each file (4.3.9).
    let mut writer = ZipWriter::new_stream(Vec::new());
    writer.start_file("openapi.yaml", SimpleFileOptions::default()).unwrap();
    writer.write_all(ENTRY).unwrap();
    let archive = writer.finish().unwrap().into_inner();
    assert_eq!(&*unpacked(&archive).unwrap().files[0].bytes, ENTRY);
}

#[test]
fn a_bomb_is_not_inflated() {
    let spaces = vec![b' '; FILE_BYTES_MAX];
    let bomb = zip(&[("a.yaml", &spaces)]);
    assert!(bomb.len() < 40_000, "{}", bomb.len());
    assert_eq!(unpacked(&bomb), Err(Error::Ratio { path: "a.yaml".to_owned() }));
    let bomb = zip(&[("a.yaml", &[&spaces[..], b" "].concat())]);
    assert_eq!(unpacked(&bomb), Err(Error::FileTooLarge { path: "a.yaml".to_owned() }));
}

#[test]
fn a_bomb_of_many_names_is_not_listed() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..100_000 {
        // Folders, which are no files of the upload, and take as much memory in a list.
        writer.add_directory(number.to_string(), SimpleFileOptions::default()).unwrap();
    }
    let archive = writer.finish().unwrap().into_inner();
    assert_eq!(unpacked(&archive), Err(Error::TooManyFiles));
}

#[test]
fn names_of_an_archive_are_judged_like_any() {
    for (name, fault) in [
        ("../a.yaml", Fault::Dots),
        ("a/../../b.yaml", Fault::Dots),
        ("/etc/a.yaml", Fault::Absolute),
        ("C:/a.yaml", Fault::Colon),
        ("..\\a.yaml", Fault::Backslash),
        ("a\0.yaml", Fault::Control),
    ] {
        // Written under a harmless name of the same length, since the library cleans what it writes.
        let harmless = "x".repeat(name.len());
        let mut archive = zip(&[(&harmless, ENTRY)]);
        patch(&mut archive, (LOCAL, 30), name.as_bytes());
        patch(&mut archive, (CENTRAL, 46), name.as_bytes());
        let expected = Error::Path { path: path::shown(name), fault };
        assert_eq!(unpacked(&archive), Err(expected), "{name:?}");
    }
    let archive = zip(&[("a.yaml", ENTRY), ("A.YAML", ENTRY)]);
    assert_eq!(unpacked(&archive), Err(Error::NameTaken { path: "A.YAML".to_owned() }));
}

#[test]
fn what_is_not_a_plain_file_is_refused() {
    let archive = zip_with(&[("a.yaml", ENTRY)], |writer| {
        writer.add_symlink("b.yaml", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    });
    assert_eq!(unpacked(&archive), Err(Error::Link { path: "b.yaml".to_owned() }));

    let mut archive = zip(&[("a.yaml", ENTRY)]);
    patch(&mut archive, (LOCAL, 6), &[1, 0]);
    patch(&mut archive, (CENTRAL, 8), &[1, 0]);
    assert_eq!(unpacked(&archive), Err(Error::Encrypted { path: "a.yaml".to_owned() }));

    let archive = zip(&[("a.yaml", ENTRY), ("inner.zip", &zip(&[("b.yaml", ENTRY)]))]);
    assert_eq!(unpacked(&archive), Err(Error::NestedArchive { path: "inner.zip".to_owned() }));
}

/// An archive whose directory does not say what the files are.
fn check_lie(archive: &[u8], expected: &str) {
    let refused = unpacked(archive).unwrap_err();
    assert!(matches!(refused, Error::Archive { .. } | Error::Member { .. }), "{refused:?}");
    assert!(refused.to_string().contains(expected), "{refused}");
}

#[test]
fn lies_are_found() {
    let honest = zip(&[("a.yaml", ENTRY), ("b.yaml", b"type: object\n")]);
    unpacked(&honest).unwrap();
    check_lie(ENTRY, "no zip archive");
    check_lie(&honest[..honest.len() - 30], "no zip archive");

    let mut smaller = honest.clone();
    patch(&mut smaller, (LOCAL, 22), &1_u32.to_le_bytes());
    patch(&mut smaller, (CENTRAL, 24), &1_u32.to_le_bytes());
    check_lie(&smaller, "larger than its declared");

    let mut larger = honest.clone();
    patch(&mut larger, (LOCAL, 22), &99_u32.to_le_bytes());
    patch(&mut larger, (CENTRAL, 24), &99_u32.to_le_bytes());
    check_lie(&larger, "it says that it has 99 bytes, and has 15");

    let mut inconsistent = honest.clone();
    patch(&mut inconsistent, (CENTRAL, 24), &1_u32.to_le_bytes());
    check_lie(&inconsistent, "inconsistency");

    let mut checksum = honest.clone();
    patch(&mut checksum, (LOCAL, 14), &[0; 4]);
    patch(&mut checksum, (CENTRAL, 16), &[0; 4]);
    check_lie(&checksum, "checksum");

    let copied = zip_with(&[("a.yaml", ENTRY)], |writer| writer.shallow_copy_file("a.yaml", "b.yaml").unwrap());
    check_lie(&copied, "inconsistency");

    let mut twice = zip(&[("a.yaml", ENTRY), ("b.yaml", ENTRY)]);
    patch(&mut twice, (LOCAL, 30), b"c.yaml");
    patch(&mut twice, (CENTRAL, 46), b"c.yaml");
    check_lie(&twice, "duplicate");

    // The second file begins within the first: its whole local header is the first one's content, stored.
    let inner = zip(&[("b.yaml", b"")]);
    let header = &inner[..inner.windows(4).position(|window| window == CENTRAL).unwrap()];
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut overlapping = zip_with(&[], |writer| {
        writer.start_file("a.yaml", stored).unwrap();
        writer.write_all(header).unwrap();
        writer.start_file("b.yaml", SimpleFileOptions::default()).unwrap();
    });
    let second = overlapping.len() - 22 - 46 - 6;
    assert!(overlapping[second..].starts_with(CENTRAL));
    overlapping[second + 42..second + 46].copy_from_slice(&36_u32.to_le_bytes());
    check_lie(&overlapping, "overlapping");
}
