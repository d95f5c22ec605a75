//! Pieces of bytes in a stream: each is its length, four bytes little-endian, and its content.

use std::io::{self, Read};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Why a stream of frames cannot be understood.
#[derive(Debug, Error)]
pub enum Error {
    /// The stream.
    #[error("cannot read a build's frames: {0}")]
    Io(#[from] io::Error),
    /// It ends within a frame.
    #[error("a build's frame is cut short")]
    Truncated,
    /// More than four bytes can count, or than there is room for.
    #[error("a build's frame of {0} bytes is too large")]
    TooLarge(usize),
    /// The content is not what it should be.
    #[error("a build's frame is not understood: {0}")]
    Json(#[from] serde_json::Error),
}

/// What stands before a content.
pub fn header(content: &[u8]) -> Result<[u8; 4], Error> {
    let length = u32::try_from(content.len()).map_err(|_| Error::TooLarge(content.len()))?;
    Ok(length.to_le_bytes())
}

/// Appends a frame.
pub fn push(content: &[u8], stream: &mut Vec<u8>) -> Result<(), Error> {
    stream.extend_from_slice(&header(content)?);
    stream.extend_from_slice(content);
    Ok(())
}

/// The content of the next frame. A length is not believed: memory is taken as bytes arrive.
pub fn read(stream: &mut impl Read) -> Result<Vec<u8>, Error> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated,
        _ => Error::Io(error),
    })?;
    let length = u32::from_le_bytes(length);
    let mut content = Vec::new();
    let read = stream.take(length.into()).read_to_end(&mut content)?;
    if read as u64 == u64::from(length) { Ok(content) } else { Err(Error::Truncated) }
}

/// The content of the next frame, from a process that is not believed: at most so many bytes. Memory is taken once, so
/// that a large content is not copied as it grows, and pages of it are touched as bytes arrive.
pub async fn receive(stream: &mut (impl AsyncRead + Unpin), most: usize) -> Result<Vec<u8>, Error> {
    let cut = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated,
        _ => Error::Io(error),
    };
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.map_err(cut)?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > most {
        return Err(Error::TooLarge(length));
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.map_err(cut)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_a_cut_is_seen() {
        let mut stream = Vec::new();
        for content in [&b"one"[..], b"", b"three"] {
            push(content, &mut stream).unwrap();
        }
        let mut rest = &stream[..];
        assert_eq!([(); 3].map(|()| read(&mut rest).unwrap()), [&b"one"[..], b"", b"three"]);
        assert!(matches!(read(&mut rest), Err(Error::Truncated)));
        assert!(matches!(read(&mut &stream[..2]), Err(Error::Truncated)));
        assert!(matches!(read(&mut &stream[..6]), Err(Error::Truncated)));
        // 4 GiB, it says.
        assert!(matches!(read(&mut &[0xff_u8; 8][..]), Err(Error::Truncated)));
    }
    #[tokio::test]
    async fn what_a_process_says_has_bounds() {
        let mut stream = Vec::new();
        push(b"three", &mut stream).unwrap();
        assert_eq!(receive(&mut &stream[..], 5).await.unwrap(), b"three");
        assert!(matches!(receive(&mut &stream[..], 4).await, Err(Error::TooLarge(5))));
        assert!(matches!(receive(&mut &stream[..2], 5).await, Err(Error::Truncated)));
        assert!(matches!(receive(&mut &stream[..6], 5).await, Err(Error::Truncated)));
    }
}
