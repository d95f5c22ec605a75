//! A client that may say anything, since it knows nothing of HTTP but where a head ends.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wait;

/// A connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway accepts connections");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream }
    }

    /// Says these bytes. Returns whether the other side still took them.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Reads up to the end of a head. What was read, where the connection ends before.
    pub async fn head(&mut self) -> String {
        let read = async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = self.stream.read_u8().await else { break };
                head.push(byte);
            }
            head
        };
        String::from_utf8_lossy(&wait::patiently("a response's head", read).await).into_owned()
    }

    /// Reads until the other side closes, or resets.
    ///
    /// # Panics
    /// When it does neither within [`wait::PATIENCE`], with what it said.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(wait::PATIENCE, self.stream.read_to_end(&mut bytes)).await;
        // What came before a reset counts as read.
        assert!(read.is_ok(), "the connection stays open after\n{}", String::from_utf8_lossy(&bytes));
        bytes
    }

    /// Whether the other side closes, or resets, in so long. What it says until then is thrown away.
    pub async fn is_closed_within(&mut self, patience: Duration) -> bool {
        tokio::time::timeout(patience, tokio::io::copy(&mut self.stream, &mut tokio::io::sink())).await.is_ok()
    }

    /// Whether the other side says or closes nothing for so long.
    pub async fn is_silent_for(&mut self, quiet: Duration) -> bool {
        tokio::time::timeout(quiet, self.stream.read_u8()).await.is_err()
    }
}

/// Connects, says these bytes, and reads until the other side closes.
pub async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut raw = Raw::connect(address).await;
    // It may be refused before it is all said; the refusal is what counts.
    let _ = raw.say(bytes).await;
    String::from_utf8_lossy(&raw.rest().await).into_owned()
}

/// The status of every response in what a connection said. Interim responses (1xx) count.
pub fn statuses(said: &str) -> Vec<u16> {
    let after = said.match_indices("HTTP/1.1 ").map(|(at, found)| &said[at + found.len()..]);
    after.filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_response_is_found() {
        assert_eq!(statuses("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), [100, 204]);
        assert!(statuses("").is_empty());
    }
}
