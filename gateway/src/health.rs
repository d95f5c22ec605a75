//! `portcullis health`: whether a running gateway is ready, asked over its admin port.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use thiserror::Error;

const PATIENCE: Duration = Duration::from_secs(3);

/// Why a gateway does not count as ready.
#[derive(Debug, Error)]
pub enum Unready {
    /// It does not answer.
    #[error("no gateway answers at {admin}: {source}")]
    Silent {
        /// Where it should.
        admin: SocketAddr,
        /// Why it does not.
        source: io::Error,
    },
    /// It says that it is not ready.
    #[error("the gateway at {admin} is not ready")]
    No {
        /// Where it is.
        admin: SocketAddr,
    },
}

/// Asks. Waits for three seconds at most.
pub fn ask(admin: SocketAddr) -> Result<(), Unready> {
    let status = status_line(admin).map_err(|source| Unready::Silent { admin, source })?;
    if status.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(Unready::No { admin }) }
}

fn status_line(admin: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    Ok(answer)
}
