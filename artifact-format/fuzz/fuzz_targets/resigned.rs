//! A signer gone mad: the file's manifest and sections are the fuzzer's, checksum and signature are right.
#![no_main]

#[path = "../../tests/sealing/mod.rs"]
mod sealing;

use artifact_format::container::open;
use artifact_format::limits::Limits;
use artifact_format::signature::SigningKey;
use artifact_format::trust::Trust;
use libfuzzer_sys::fuzz_target;
use sealing::Parts;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const LIMITS: Limits = Limits { section_max_bytes: 1 << 20, file_max_bytes: 1 << 20, ..Limits::DEFAULT };

fuzz_target!(|file: &[u8]| {
    // Seeds are whole artifacts; what is not shaped like one is cut in two.
    let manifest_length = match file.get(12..16) {
        Some(length) if file.starts_with(b"\x89BCA") => u32::from_le_bytes([length[0], length[1], length[2], length[3]]),
        _ => u32::from(file.first().copied().unwrap_or(0)) * 4,
    };
    let rest = file.get(32..).unwrap_or_default();
    let (manifest, rest) = rest.split_at(rest.len().min(manifest_length as usize));
    // After the manifest of a seed come one signature, the checksum and padding, which are made anew.
    let sections_at = (32 + manifest.len() + 98 + 32).next_multiple_of(64) - 32 - manifest.len();
    let sections = rest.get(sections_at..).unwrap_or_default();
    let parts = Parts { format: 1, manifest: manifest.to_vec(), sections: sections.to_vec() };

    let key = SigningKey::from_seed(&Zeroizing::new([42; 32]));
    let sealed = parts.seal(&key);
    let Ok(verified) = open(&sealed, &Trust::any_of([key.public()]), &LIMITS) else { return };
    for entry in &verified.manifest().sections {
        let (start, end) = (entry.offset as usize, (entry.offset + entry.length) as usize);
        assert_eq!(Sha256::digest(&sections[start..end])[..], entry.sha256);
    }
    let _ = verified.decode();
});
