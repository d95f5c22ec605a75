//! Files that someone tampered with: never a panic, never an altered content that passes for the signed one.

mod models;
mod sealing;

use artifact_format::container::open;
use artifact_format::limits::Limits;
use artifact_format::trust::Unsigned;
use proptest::prelude::*;
use proptest::sample::Index;
use sealing::Parts;
use sha2::{Digest, Sha256};

const LIMITS: Limits = Limits { section_max_bytes: 1 << 20, file_max_bytes: 1 << 20, ..Limits::DEFAULT };

/// One thing done to bytes.
#[derive(Debug, Clone)]
enum Mutation {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Word(Index, u64),
    Copy(Index, Index, usize),
    Truncate(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<Index>;
    let word = prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(1 << 63), 0..512_u64, any::<u64>()];
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => place().prop_map(Mutation::Remove),
        3 => (place(), word).prop_map(|(at, word)| Mutation::Word(at, word)),
        1 => (place(), place(), 1..128_usize).prop_map(|(from, to, length)| Mutation::Copy(from, to, length)),
        1 => place().prop_map(Mutation::Truncate),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Self::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
            Self::Word(at, word) => {
                let at = at.index(bytes.len());
                bytes.iter_mut().skip(at).zip(word.to_le_bytes()).for_each(|(byte, new)| *byte = new);
            }
            Self::Copy(from, to, length) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let copied: Vec<u8> = bytes[from..].iter().take(*length).copied().collect();
                bytes.iter_mut().skip(to).zip(copied).for_each(|(byte, new)| *byte = new);
            }
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

fn mutated(bytes: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_to_a_signed_file_is_accepted(mutations in prop::collection::vec(mutation(), 1..4)) {
        let file = models::file(&models::rich());
        let changed = mutated(&file, &mutations);
        let opened = open(&changed, &models::trust(), &LIMITS);
        prop_assert_eq!(opened.is_ok(), changed == file);
        // Where nobody's signature is asked for, everything is reached, and nothing of it panics.
        let anyone = models::trust().with_unsigned(Unsigned::Allow);
        let _ = open(&changed, &anyone, &LIMITS).and_then(|verified| verified.decode());
    }

    #[test]
    fn a_signed_manifest_never_makes_a_section_out_of_other_bytes(
        in_manifest in prop::collection::vec(mutation(), 0..4),
        in_sections in prop::collection::vec(mutation(), 0..2),
    ) {
        let original = Parts::of(&models::file(&models::rich()));
        let parts = Parts {
            manifest: mutated(&original.manifest, &in_manifest),
            sections: mutated(&original.sections, &in_sections),
            ..original
        };
        let file = parts.seal(&models::key());
        if let Ok(verified) = open(&file, &models::trust(), &LIMITS) {
            let mut end = 0;
            for entry in &verified.manifest().sections {
                prop_assert_eq!(entry.offset, u64::next_multiple_of(end, 64));
                end = entry.offset + entry.length;
                let bytes = &parts.sections[usize::try_from(entry.offset)?..usize::try_from(end)?];
                prop_assert_eq!(&Sha256::digest(bytes)[..], &entry.sha256[..]);
            }
            prop_assert_eq!(end, parts.sections.len() as u64);
            let _ = verified.decode();
        }
    }

    #[test]
    fn sections_that_the_signer_damaged_are_errors_and_never_panics(
        in_sections in prop::collection::vec(mutation(), 1..4),
        section in 0..5_usize,
    ) {
        let mut parts = Parts::of(&models::file(&models::rich()));
        let number = |parts: &mut Parts, at: usize| {
            let word = parts.entry(section)[at..at + 8].try_into().map(u64::from_le_bytes);
            word.map_or(usize::MAX, |word| usize::try_from(word).unwrap_or(usize::MAX))
        };
        let (offset, length) = (number(&mut parts, 7), number(&mut parts, 15));
        let mut bytes = mutated(&parts.sections[offset..offset + length], &in_sections);
        bytes.resize(length, 0);
        parts.sections[offset..offset + length].copy_from_slice(&bytes);
        parts.entry(section)[31..63].copy_from_slice(&Sha256::digest(&bytes));
        let file = parts.seal(&models::key());
        let verified = open(&file, &models::trust(), &LIMITS);
        prop_assert!(verified.is_ok());
        if let Ok(artifact) = verified.and_then(|verified| verified.decode()) {
            prop_assert_eq!(artifact.check_references(), Ok(()));
        }
    }
}
