//! A peer that says exactly what a test wrote down, for everything that a proper server would never do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A TCP server that hands each connection, and its number from 0, to a script. Ends when it is dropped.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Scripted {
    /// Runs `script` on every connection.
    pub async fn each<F, R>(script: F) -> Self
    where
        F: Fn(Peer, usize) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(script(Peer { stream }, count.fetch_add(1, Ordering::SeqCst)));
            }
        });
        Self { address, connections, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The script's end of a connection.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
}

impl Peer {
    /// Reads a request's head, body not included. `None` when the connection ends before it does.
    pub async fn request(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.ok()?);
        }
        Some(String::from_utf8_lossy(&head).into_owned())
    }

    /// Says these bytes.
    pub async fn say(&mut self, bytes: &[u8]) {
        // The other side may be gone, which is the test's business and not the script's.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Says nothing more, and waits for the other side to close.
    pub async fn wait_for_close(&mut self) {
        let _ = tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await;
    }

    /// Ends the connection with a reset instead of a close.
    #[allow(deprecated, reason = "a linger of zero never blocks; longer ones are what the deprecation is about")]
    pub fn reset(self) {
        self.stream.set_linger(Some(Duration::ZERO)).expect("a TCP socket");
    }
}
