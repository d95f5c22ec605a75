//! A way to a server that leads elsewhere when a test says so, as the address of a database does after a fail-over.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
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
    leads: Leads,
    open: Vec<AbortHandle>,
    /// They take what is said, for ever, and nobody hears it.
    silent: Vec<AbortHandle>,
    /// Dropped, the ways that are open fall silent.
    sound: watch::Sender<()>,
}

/// Where new connections lead.
#[derive(Debug, Clone, Copy)]
enum Leads {
    To(u16),
    Nowhere,
}

impl Relay {
    /// To this port of this machine.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let ways = Ways { leads: Leads::To(port), open: Vec::new(), silent: Vec::new(), sound: watch::Sender::new(()) };
        let ways = Arc::new(Mutex::new(ways));
        let task = tokio::spawn(take(listener, Arc::clone(&ways)));
        Self { address, ways, task }
    }

    /// Where it takes connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead to this port from now on, and those that lead elsewhere are broken. Those that fell silent
    /// stay as they are.
    pub fn leads_to(&self, port: u16) {
        self.ways().leads = Leads::To(port);
        self.breaks();
    }

    /// Breaks every connection that has not fallen silent.
    pub fn breaks(&self) {
        self.ways().open.drain(..).for_each(|way| way.abort());
    }

    /// Takes what is said over every connection, old or new, and passes nothing on any more: as if the machine were gone
    /// without a word, and nobody broke the connections to it.
    pub fn falls_silent(&self) {
        let mut ways = self.ways();
        ways.leads = Leads::Nowhere;
        ways.sound = watch::Sender::new(());
        let open = std::mem::take(&mut ways.open);
        ways.silent.extend(open);
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().expect("nobody panics with it")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.breaks();
        self.ways().silent.drain(..).for_each(|way| way.abort());
    }
}

async fn take(listener: TcpListener, ways: Arc<Mutex<Ways>>) {
    while let Ok((near, _)) = listener.accept().await {
        let mut ways = ways.lock().expect("nobody panics with it");
        match ways.leads {
            Leads::To(port) => {
                let way = tokio::spawn(pass(near, port, ways.sound.subscribe()));
                ways.open.retain(|way| !way.is_finished());
                ways.open.push(way.abort_handle());
            }
            Leads::Nowhere => ways.silent.push(tokio::spawn(swallow(near)).abort_handle()),
        }
    }
}

async fn pass(mut near: TcpStream, port: u16, mut sound: watch::Receiver<()>) {
    // Nobody there is the same as nobody here: the connection is closed.
    let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    tokio::select! {
        _either_may_leave = copy_bidirectional(&mut near, &mut far) => return,
        _fell_silent = sound.changed() => {}
    }
    // Nobody there hears that nobody speaks: `far` is kept.
    swallow(near).await;
}

async fn swallow(mut near: TcpStream) {
    let _it_may_be_broken = copy(&mut near, &mut sink()).await;
}
