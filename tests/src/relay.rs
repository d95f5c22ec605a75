//! A way to a server that leads elsewhere when a test says so, as the address of a database does after a fail-over.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// Takes connections and passes on whatever is said over them. Ends, with all of them, when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    ways: Arc<Mutex<Ways>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Ways {
    port: u16,
    open: Vec<AbortHandle>,
}

impl Relay {
    /// To this port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let ways = Arc::new(Mutex::new(Ways { port, open: Vec::new() }));
        let task = tokio::spawn(take(listener, Arc::clone(&ways)));
        Self { address, ways, task }
    }

    /// Where it takes connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead to this port from now on, and those that lead elsewhere are broken.
    pub fn leads_to(&self, port: u16) {
        self.ways.lock().expect("nobody panics with it").port = port;
        self.breaks();
    }

    /// Breaks every connection.
    pub fn breaks(&self) {
        self.ways.lock().expect("nobody panics with it").open.drain(..).for_each(|way| way.abort());
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.breaks();
    }
}

async fn take(listener: TcpListener, ways: Arc<Mutex<Ways>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut ways = ways.lock().expect("nobody panics with it");
        let port = ways.port;
        let way = tokio::spawn(async move {
            // Nobody there is the same as nobody here: the connection is closed.
            if let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                let _either_may_leave = copy_bidirectional(&mut near, &mut far).await;
            }
        });
        ways.open.retain(|way| !way.is_finished());
        ways.open.push(way.abort_handle());
    }
}
