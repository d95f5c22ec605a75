//! Any bytes at all: refused or read, never a panic, never more memory than the limits say.
#![no_main]

use artifact_format::container::open;
use artifact_format::limits::Limits;
use artifact_format::trust::{Trust, Unsigned};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { section_max_bytes: 1 << 20, file_max_bytes: 1 << 20, ..Limits::DEFAULT };

fuzz_target!(|file: &[u8]| {
    // Nobody is trusted, so nothing may be believed.
    assert!(open(file, &Trust::any_of([]), &LIMITS).is_err());
    let anyone = Trust::any_of([]).with_unsigned(Unsigned::Allow);
    let _ = open(file, &anyone, &LIMITS).and_then(|verified| verified.decode());
});
