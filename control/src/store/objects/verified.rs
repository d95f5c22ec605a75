//! Bytes that are what they are called, however many of them there are.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use sha2::{Digest as _, Sha256};

use crate::domain::artifact::ArtifactStream;
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};

/// What is read so far.
struct Reading {
    pieces: ArtifactStream,
    hash: Sha256,
    position: u64,
    /// Comes when there is another, or when all is verified.
    held: Option<Bytes>,
}

/// The part of `pieces` that is in `range`, if all of them together have this digest. Its last piece comes last of all:
/// whoever gets as many bytes as were promised has got the right ones.
pub(super) fn stream(pieces: ArtifactStream, digest: Digest, range: Range<u64>) -> ArtifactStream {
    let reading = Reading { pieces, hash: Sha256::new(), position: 0, held: None };
    stream::try_unfold(Some(reading), move |reading| {
        let range = range.clone();
        async move {
            let Some(mut reading) = reading else { return Ok(None) };
            while let Some(piece) = reading.pieces.next().await {
                let ready = reading.take(&piece?, &range);
                if let Some(ready) = ready {
                    return Ok(Some((ready, Some(reading))));
                }
            }
            if <[u8; 32]>::from(reading.hash.finalize()) != digest.0 {
                tracing::error!(%digest, "the stored artifact was changed");
                return Err(Error::Damaged(Noun::Artifact));
            }
            Ok(reading.held.map(|last| (last, None)))
        }
    })
    .boxed()
}

impl Reading {
    /// Takes a piece, and gives back the one before it that is in the range.
    fn take(&mut self, piece: &Bytes, range: &Range<u64>) -> Option<Bytes> {
        self.hash.update(piece);
        let length = piece.len() as u64;
        let within = |at: u64| usize::try_from(at.saturating_sub(self.position).min(length)).unwrap_or(0);
        let (start, end) = (within(range.start), within(range.end));
        self.position += length;
        if start < end { self.held.replace(piece.slice(start..end)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(pieces: &[&'static str], range: Range<u64>) -> (String, bool) {
        let digest = Digest(Sha256::digest("abcdefghij").into());
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        let mut stream = stream(stream::iter(pieces).boxed(), digest, range);
        let mut text = String::new();
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                Err(_) => return (text, false),
            }
        }
        (text, true)
    }

    #[tokio::test]
    async fn every_part_is_found_however_it_is_cut() {
        let whole = "abcdefghij";
        for pieces in [&["abcdefghij"][..], &["a", "bcd", "", "efghi", "j"], &["abcde", "fghij"]] {
            for start in 0..10 {
                for end in start..=10 {
                    let part = whole[start..end].to_owned();
                    assert_eq!(read(pieces, start as u64..end as u64).await, (part, true), "{pieces:?} {start}..{end}");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_was_changed_never_comes_whole() {
        assert_eq!(read(&["abcde", "fghiJ"], 0..10).await, ("abcde".to_owned(), false));
        assert_eq!(read(&["abcde", "fghi"], 0..10).await, ("abcde".to_owned(), false));
        // Whatever part of it was changed.
        assert_eq!(read(&["abcde", "fghiJ"], 2..4).await, (String::new(), false));
    }
}
