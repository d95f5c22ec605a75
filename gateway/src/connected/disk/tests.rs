use std::fs;
use std::num::NonZeroU64;
use std::os::unix::fs::symlink;

use artifact_format::container::digest;
use artifact_format::root::{Root, SignedRoot, Terms};
use artifact_format::signature::SigningKey;
use fleet::agent::record::Record;
use tempfile::TempDir;

use super::*;

fn open() -> (TempDir, Folder) {
    let folder = tempfile::tempdir().unwrap();
    let opened = Folder::open(&folder.path().join("state"), "p").unwrap();
    (folder, opened)
}

fn record(serial: u8) -> Record {
    Record { current: Some(artifact_format::container::Digest([serial; 32])), ..Record::new("p") }
}

fn length(bytes: &[u8]) -> NonZeroU64 {
    NonZeroU64::new(bytes.len() as u64).unwrap()
}

fn partial(folder: &Folder, bytes: &[u8]) -> Partial {
    match folder.cached(digest(bytes), length(bytes)).unwrap() {
        Cached::Partial(partial) => *partial,
        Cached::Whole => panic!("it is there already"),
    }
}

#[test]
fn a_folder_has_one_process_and_one_project() {
    let (_kept, folder) = open();
    let path = folder.path.clone();
    assert!(matches!(Folder::open(&path, "p"), Err(Error::Taken { .. })));
    folder.remember(&record(1)).unwrap();
    let node = folder.node_id().unwrap();
    drop(folder);
    let folder = Folder::open(&path, "p").unwrap();
    assert_eq!(folder.node_id().unwrap(), node, "the same as long as the folder is");
    drop(folder);
    assert!(matches!(Folder::open(&path, "q").unwrap().memory(), Err(Error::OtherProject { .. })));
}

#[test]
fn what_is_remembered_survives_either_of_its_files() {
    let (_kept, folder) = open();
    assert_eq!(folder.memory().unwrap(), Memory::Fresh);
    folder.remember(&record(1)).unwrap();
    folder.remember(&record(2)).unwrap();
    assert_eq!(folder.memory().unwrap(), Memory::Known(Box::new(record(2))));
    let state = folder.path.join("state");
    let mut bytes = fs::read(&state).unwrap();
    for at in 0..bytes.len() {
        bytes[at] ^= 1;
        fs::write(&state, &bytes).unwrap();
        bytes[at] ^= 1;
        // The end of a line may be another one; nothing else may be anything else.
        match folder.memory().unwrap() {
            Memory::Known(known) => assert_eq!(*known, record(2), "byte {at}"),
            Memory::Repaired(repaired, _) => assert_eq!(*repaired, record(2), "byte {at}"),
            Memory::Fresh | Memory::Lost(_) => panic!("byte {at}"),
        }
    }
    fs::write(&state, &bytes).unwrap();
    fs::write(folder.path.join("state.copy"), "").unwrap();
    assert!(matches!(folder.memory().unwrap(), Memory::Repaired(repaired, _) if *repaired == record(2)));
    fs::write(&state, "").unwrap();
    assert!(matches!(folder.memory().unwrap(), Memory::Lost(_)));
}

#[test]
fn a_trust_root_survives_either_of_its_files() {
    let (_kept, folder) = open();
    let key = SigningKey::from_seed(&zeroize::Zeroizing::new([7; 32]));
    let terms = Terms { threshold: 1.try_into().unwrap(), keys: vec![key.public()], issued_at: 1 };
    let root = Root::first("p", terms).unwrap();
    assert!(matches!(folder.root(), Ok(Kept::Nothing)));
    folder.write_root(&SignedRoot::new(root.clone()).sign(&key)).unwrap();
    assert!(matches!(folder.root(), Ok(Kept::Known(known)) if known == root));
    let (first, copy) = (folder.path.join("root.json"), folder.path.join("root.copy.json"));
    let whole = fs::read(&first).unwrap();
    for file in [&first, &copy] {
        fs::write(file, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(folder.root(), Ok(Kept::Repaired(repaired, _)) if repaired == root), "{}", file.display());
        fs::remove_file(file).unwrap();
        assert!(matches!(folder.root(), Ok(Kept::Known(known)) if known == root), "{}", file.display());
        fs::write(file, &whole).unwrap();
    }
    fs::write(&first, "").unwrap();
    fs::write(&copy, "").unwrap();
    assert!(matches!(folder.root(), Ok(Kept::Lost(_))));
}

/// Whoever asks, a folder cannot be read as a file.
fn makes_unreadable(file: &Path) {
    fs::remove_file(file).unwrap();
    fs::create_dir(file).unwrap();
}

#[test]
fn what_cannot_be_read_is_not_lost() {
    for (one, other) in [("state", "state.copy"), ("state.copy", "state")] {
        let (_kept, folder) = open();
        folder.remember(&record(1)).unwrap();
        let (one, other) = (folder.path.join(one), folder.path.join(other));
        makes_unreadable(&one);
        match folder.memory().unwrap() {
            Memory::Known(known) | Memory::Repaired(known, _) => assert_eq!(*known, record(1)),
            memory => panic!("{memory:?}"),
        }
        let refused = |what: &str| match folder.memory() {
            Err(Error::Needed { file, .. }) => assert_eq!(file, one, "{what}"),
            memory => panic!("{what}: {memory:?}"),
        };
        fs::write(&other, "half of wh").unwrap();
        refused("the other one is damaged");
        fs::remove_file(&other).unwrap();
        refused("the other one is gone");
        fs::create_dir(&other).unwrap();
        assert_eq!(folder.memory().unwrap_err().code(), "state_unreadable");
    }
}

#[test]
fn a_trust_root_that_cannot_be_read_is_not_lost() {
    let (_kept, folder) = open();
    let key = SigningKey::from_seed(&zeroize::Zeroizing::new([7; 32]));
    let terms = Terms { threshold: 1.try_into().unwrap(), keys: vec![key.public()], issued_at: 1 };
    let root = Root::first("p", terms).unwrap();
    folder.write_root(&SignedRoot::new(root.clone()).sign(&key)).unwrap();
    makes_unreadable(&folder.path.join("root.json"));
    assert!(matches!(folder.root(), Ok(Kept::Repaired(repaired, _)) if repaired == root));
    makes_unreadable(&folder.path.join("root.copy.json"));
    assert!(matches!(folder.root(), Err(Error::Needed { .. })));
}

#[test]
fn a_trust_root_that_is_damaged_is_written_anew_from_the_other_file() {
    let (_kept, folder) = open();
    let key = SigningKey::from_seed(&zeroize::Zeroizing::new([7; 32]));
    let terms = Terms { threshold: 1.try_into().unwrap(), keys: vec![key.public()], issued_at: 1 };
    folder.write_root(&SignedRoot::new(Root::first("p", terms).unwrap()).sign(&key)).unwrap();
    let damage = |folder: &Folder| match folder.root() {
        Ok(Kept::Repaired(_, error)) => error,
        kept => panic!("{kept:?}"),
    };
    let whole = fs::read(folder.path.join("root.json")).unwrap();
    for file in ["root.json", "root.copy.json"].map(|name| folder.path.join(name)) {
        fs::write(&file, "half of wh").unwrap();
        assert!(folder.repairs_root(&damage(&folder)), "{}", file.display());
        assert!(matches!(folder.root(), Ok(Kept::Known(_))) && fs::read(&file).unwrap() == whole, "{}", file.display());
    }
    makes_unreadable(&folder.path.join("root.json"));
    assert!(!folder.repairs_root(&damage(&folder)), "it may be as good as ever");
}

#[test]
fn a_disk_that_is_full_leaves_what_was_written_before() {
    let (_kept, folder) = open();
    folder.remember(&record(1)).unwrap();
    // Whatever is written there meets a full disk.
    symlink("/dev/full", folder.path.join("state.new")).unwrap();
    let error = folder.remember(&record(2)).unwrap_err();
    assert_eq!(error.code(), "state_unwritable");
    assert_eq!(folder.memory().unwrap(), Memory::Known(Box::new(record(1))));
}

#[test]
fn a_folder_that_can_only_be_read_is_taken_all_the_same() {
    let (_kept, folder) = open();
    let path = folder.path.clone();
    assert_eq!(folder.failure(), None);
    drop(folder);
    // Whoever asks, a folder is not opened for writing.
    makes_unreadable(&path.join("lock"));
    let folder = Folder::open(&path, "p").unwrap();
    assert_eq!(folder.failure().unwrap().code, "state_unwritable");
    assert!(matches!(Folder::open(&path, "p"), Err(Error::Taken { .. })));
}

#[test]
fn who_cannot_be_written_down_is_written_down_later() {
    let (_kept, folder) = open();
    symlink("/dev/full", folder.path.join("node-id.new")).unwrap();
    let node = folder.node_id().unwrap();
    assert_eq!(folder.failure().unwrap().code, "state_unwritable");
    assert_eq!(folder.remember(&record(1)).unwrap_err().code(), "state_unwritable");
    fs::remove_file(folder.path.join("node-id.new")).unwrap();
    folder.remember(&record(1)).unwrap();
    assert_eq!(folder.node_id().unwrap(), node);
}

#[test]
fn who_is_written_down_as_nobody_is_drawn_anew() {
    let (_kept, folder) = open();
    for text in [&b"\xff\xfe"[..], b"edge", b""] {
        fs::write(folder.path.join("node-id"), text).unwrap();
        let node = folder.node_id().unwrap();
        assert_eq!((folder.node_id().unwrap(), folder.failure()), (node, None));
    }
}

#[test]
fn an_artifact_is_whole_or_goes_on_where_it_ended() {
    let (_kept, folder) = open();
    let bytes = vec![7; 200_000];
    let mut first = partial(&folder, &bytes);
    first.append(&bytes[..70_000]).unwrap();
    drop(first);
    let mut second = partial(&folder, &bytes);
    assert_eq!((second.received(), second.is_complete()), (70_000, false));
    second.append(&bytes[70_000..]).unwrap();
    second.finish().unwrap();
    assert!(matches!(folder.cached(digest(&bytes), length(&bytes)), Ok(Cached::Whole)));
    assert_eq!(folder.read_artifact(digest(&bytes)).unwrap(), bytes);
}

#[test]
fn what_is_not_what_was_promised_is_thrown_away() {
    let (_kept, folder) = open();
    let bytes = vec![7; 1000];
    let mut flipped = partial(&folder, &bytes);
    flipped.append(&[7; 999]).unwrap();
    flipped.append(&[6]).unwrap();
    assert_eq!(flipped.finish().unwrap_err().code, "digest_mismatch");
    let mut long = partial(&folder, &bytes);
    assert_eq!(long.received(), 0);
    assert_eq!(long.append(&[7; 1001]).unwrap_err().code, "length_mismatch");
    let mut short = partial(&folder, &bytes);
    short.append(&[7; 500]).unwrap();
    assert_eq!(short.finish().unwrap_err().code, "truncated");
    assert_eq!(partial(&folder, &bytes).received(), 500, "what came is kept for the next try");
}

#[test]
fn a_damaged_artifact_is_fetched_anew() {
    let (_kept, folder) = open();
    let bytes = vec![7; 1000];
    fs::write(folder.artifact(digest(&bytes)), &bytes[..999]).unwrap();
    assert_eq!(folder.read_artifact(digest(&bytes)).unwrap_err().code(), "state_damaged");
    assert_eq!(partial(&folder, &bytes).received(), 0);
}

#[test]
fn only_what_is_needed_is_kept() {
    let (_kept, folder) = open();
    for bytes in [b"one", b"two"] {
        let mut partial = partial(&folder, bytes);
        partial.append(bytes).unwrap();
        partial.finish().unwrap();
    }
    drop(partial(&folder, b"three"));
    assert!(matches!(folder.cached(digest(b"two"), length(b"two")), Ok(Cached::Whole)));
    fs::write(folder.path.join("artifacts/README"), "of somebody else").unwrap();
    folder.collect(&[digest(b"two")]).unwrap();
    let mut left: Vec<_> = fs::read_dir(folder.path.join("artifacts"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let mut expected = vec!["README".to_owned(), digest(b"two").to_string()];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn one_that_cannot_be_removed_keeps_none_of_the_others() {
    let (_kept, folder) = open();
    let names: Vec<_> = (0..8).map(|number| folder.artifact(digest(&[number]))).collect();
    fs::create_dir(&names[0]).unwrap();
    names[1..].iter().for_each(|file| fs::write(file, "").unwrap());
    assert_eq!(folder.collect(&[]).unwrap_err().code(), "state_unwritable");
    assert!(names[0].exists() && !names[1..].iter().any(|file| file.exists()));
}

#[test]
fn what_was_asked_for_since_is_kept() {
    let (_kept, folder) = open();
    let mut first = partial(&folder, b"one");
    first.append(b"one").unwrap();
    first.finish().unwrap();
    let needed = [digest(b"two")];
    // Another deployment came between the order to tidy up and its turn.
    assert!(matches!(folder.cached(digest(b"one"), length(b"one")), Ok(Cached::Whole)));
    folder.collect(&needed).unwrap();
    assert_eq!(folder.read_artifact(digest(b"one")).unwrap(), b"one");
}

#[test]
fn an_artifact_that_cannot_be_read_is_fetched_anew_and_stays_until_then() {
    let (_kept, folder) = open();
    let bytes = vec![7; 1000];
    let file = folder.artifact(digest(&bytes));
    // It is there, and reading it is an error of input and output.
    symlink("/proc/self/mem", &file).unwrap();
    assert_eq!(folder.read_artifact(digest(&bytes)).unwrap_err().code(), "state_unreadable");
    let mut anew = partial(&folder, &bytes);
    assert!(file.symlink_metadata().unwrap().is_symlink());
    anew.append(&bytes).unwrap();
    anew.finish().unwrap();
    assert_eq!(folder.read_artifact(digest(&bytes)).unwrap(), bytes);
}

#[test]
fn what_cannot_be_read_for_want_of_something_else_may_be_as_good_as_ever() {
    let passes = |errno: Errno| Error::read(Path::new("artifact"))(errno.into()).passes();
    assert!([Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR].into_iter().all(passes));
    assert!(![Errno::IO, Errno::ACCESS].into_iter().any(passes));
}
