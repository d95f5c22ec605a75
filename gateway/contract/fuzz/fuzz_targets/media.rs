//! A media type that was read, printed and read again is the same.
#![no_main]

use contract::media::{Charset, MediaType, Range};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(media) = MediaType::parse(text) else { return };
    let printed = media.to_string();
    let again = MediaType::parse(&printed).unwrap();
    assert!(media.kind().eq_ignore_ascii_case(again.kind()));
    assert!(media.subtype().eq_ignore_ascii_case(again.subtype()));
    assert!(media.parameters().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.value())).eq(
        again.parameters().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.value()))
    ));
    let kinds = [media, again].map(|media| {
        let is_form = media.is_form() || media.is_multipart_form();
        (media.is_json(), media.is_text(), is_form, media.sequence(), media.is_foreign())
    });
    assert_eq!(kinds[0], kinds[1]);

    // As a range it has itself; any type goes with any subtype only.
    let Ok(range) = Range::parse(text) else { return assert_eq!(media.kind(), "*") };
    assert!(range.has(&media, Charset::Counts) || text.contains('*'));
    assert_eq!(Range::parse(&range.to_string()), Ok(range));
});
