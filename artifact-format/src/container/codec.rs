//! The only place that knows bincode.
//!
//! Little-endian, fixed-width integers, a byte limit that is checked before every allocation, and no bytes
//! left over. Golden vectors hold the encoding.

use std::io::{Read, Write};

use bincode::Options;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::section::Codec;

/// Why bytes do not decode.
#[derive(Debug, Error)]
pub(super) enum CodecError {
    #[error("{0}")]
    Bincode(#[from] bincode::Error),
    #[error("{0}")]
    Deflate(#[from] std::io::Error),
    #[error("it is {actual} bytes long when decompressed, not {expected}")]
    Length { expected: u64, actual: u64 },
}

fn options(limit: u64) -> impl Options {
    bincode::options().with_little_endian().with_fixint_encoding().with_limit(limit).reject_trailing_bytes()
}

/// A section's bytes, raw and as they stand in the file.
pub(super) struct Encoded {
    pub(super) raw_length: u64,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn encode<T: Serialize>(value: &T, codec: Codec) -> Result<Encoded, CodecError> {
    let raw = options(u64::MAX).serialize(value)?;
    let raw_length = raw.len() as u64;
    let bytes = match codec {
        Codec::Bincode => raw,
        Codec::BincodeDeflate => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
            encoder.write_all(&raw)?;
            encoder.finish()?
        }
    };
    Ok(Encoded { raw_length, bytes })
}

/// Decodes bytes that are already verified. `raw_length` bounds what is decompressed and what is allocated.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], codec: Codec, raw_length: u64) -> Result<T, CodecError> {
    match codec {
        Codec::Bincode => {
            let actual = bytes.len() as u64;
            if actual != raw_length {
                return Err(CodecError::Length { expected: raw_length, actual });
            }
            Ok(options(raw_length).deserialize(bytes)?)
        }
        Codec::BincodeDeflate => {
            let mut raw = Vec::new();
            DeflateDecoder::new(bytes).take(raw_length.saturating_add(1)).read_to_end(&mut raw)?;
            let actual = raw.len() as u64;
            if actual != raw_length {
                return Err(CodecError::Length { expected: raw_length, actual });
            }
            Ok(options(raw_length).deserialize(&raw)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_stops_at_the_length_that_was_declared() {
        let bomb = encode(&vec![0_u8; 1 << 20], Codec::BincodeDeflate).unwrap();
        assert!(bomb.bytes.len() < 4096);
        let decoded = decode::<Vec<u8>>(&bomb.bytes, Codec::BincodeDeflate, 64);
        assert!(matches!(decoded, Err(CodecError::Length { expected: 64, actual: 65 })));
    }

    #[test]
    fn a_length_that_lies_allocates_nothing() {
        let mut bytes = encode(&"text", Codec::Bincode).unwrap().bytes;
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(decode::<String>(&bytes, Codec::Bincode, 12), Err(CodecError::Bincode(_))));
    }

    #[test]
    fn bytes_left_over_are_refused() {
        let mut encoded = encode(&7_u32, Codec::Bincode).unwrap();
        encoded.bytes.push(0);
        assert!(matches!(decode::<u32>(&encoded.bytes, Codec::Bincode, 5), Err(CodecError::Bincode(_))));
    }
}
