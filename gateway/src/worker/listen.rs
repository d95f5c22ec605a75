//! Sockets: one for each listener and worker, all on the listener's one address (`SO_REUSEPORT`), so that the kernel
//! spreads connections and workers share nothing.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
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
        check_free(address).map_err(|source| ListenError { address, source })?;
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

/// Lets nobody new connect, while whoever has begun to may finish.
///
/// A listening socket that closes resets the connections in its queue and those whose handshake is under way: requests
/// would be lost that their clients believe delivered. So for a moment before the close this filter drops packets
/// that ask for a connection (SYN without ACK). Their senders repeat them after a second and are then refused.
pub(super) fn refuse_newcomers(socket: &tokio::net::TcpListener) -> std::io::Result<()> {
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Where the flags stand in a TCP header (RFC 9293 section 3.1).
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    SockRef::from(socket).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Refuses an address that another process listens on: the kernel would let us share it, and the two would each get
/// a part of the traffic.
fn check_free(address: SocketAddr) -> std::io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
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
