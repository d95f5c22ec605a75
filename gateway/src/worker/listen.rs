//! Sockets: one for each listener and worker, all on the listener's one address (`SO_REUSEPORT`), so that the kernel
//! spreads connections and workers share nothing.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use crate::config::ListenAddress;

/// How many connections the kernel keeps for us, on each socket.
const BACKLOG: i32 = 4096;

/// An address that cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

/// One worker's sockets, in the order of the process's listeners.
pub type Listeners = Vec<TcpListener>;

/// Opens the sockets of every worker; also returns the addresses, with their ports where the kernel chose.
pub fn listen(addresses: &[ListenAddress], workers: usize) -> Result<(Vec<Listeners>, Vec<SocketAddr>), ListenError> {
    let mut all: Vec<Listeners> = (0..workers).map(|_| Vec::new()).collect();
    let mut bound = Vec::new();
    for ListenAddress { address, .. } in addresses {
        let mut address = *address;
        for worker in &mut all {
            let opened = open(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
            let (actual, listener) = opened.map_err(|source| ListenError { address, source })?;
            // With port 0 the first socket gets a port, which the others then share.
            address = actual;
            worker.push(listener);
        }
        bound.push(address);
    }
    Ok((all, bound))
}

fn open(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
