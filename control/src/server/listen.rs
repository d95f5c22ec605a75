//! Sockets, and the loop that accepts.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tower::Service;

use super::Error;
use super::connection::{RequestBody, Shared};
use super::lifecycle::{Drain, Phase, reached};
use super::manager::{self, Notice};
use super::options::{Limits, Options};
use super::tls::Certificates;

/// How long to wait where the system has no room for one more connection.
const NO_ROOM: Duration = Duration::from_millis(200);

/// Sockets that are listened on, and nobody let in yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    certificates: Option<Arc<Certificates>>,
    limits: Limits,
    trusted_proxies: Vec<IpNet>,
    drain: Drain,
}

impl Server {
    /// Reads the certificate, if there is one, and listens. Needs a runtime.
    pub async fn bind(options: &Options) -> Result<Self, Error> {
        let certificates = Certificates::load(&options.tls)?.map(Arc::new);
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for address in &options.listen {
            let failed = |source| Error::Listen { address: *address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            addresses.push(listener.local_addr().map_err(failed)?);
            listeners.push(listener);
        }
        let drain = Drain { delay: options.drain_delay, timeout: options.drain_timeout };
        let (limits, trusted_proxies) = (options.limits.clone(), options.trusted_proxies.clone());
        Ok(Self { listeners, addresses, certificates, limits, trusted_proxies, drain })
    }

    /// Where it listens: with the ports that the system chose for `:0`.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What it is over TLS.
    pub fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// Serves until `stop` is ready, then drains. `phase` is told what goes on.
    pub async fn serve<S, B>(self, service: S, phase: &watch::Sender<Phase>, stop: impl Future<Output = ()>)
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let Self { listeners, addresses, certificates, limits, trusted_proxies, drain } = self;
        let scheme = if certificates.is_some() { "https" } else { "http" };
        addresses.iter().for_each(|address| tracing::info!(%address, scheme, "listening"));
        let mut tasks = JoinSet::new();
        if let Some(certificates) = certificates.clone() {
            tasks.spawn(certificates.keep_fresh());
        }
        let room = Arc::new(Semaphore::new(limits.connections_max.get()));
        let acceptor = Acceptor {
            shared: Arc::new(Shared { service, limits, trusted_proxies }),
            certificates,
            room,
            connections: TaskTracker::new(),
            phases: phase.subscribe(),
        };
        let serving = tokio::spawn(acceptor.run(listeners));
        manager::tell(Notice::Ready);
        stop.await;
        manager::tell(Notice::Stopping);
        drain.run(phase, serving).await;
    }
}

#[derive(Debug)]
struct Acceptor<S> {
    shared: Arc<Shared<S>>,
    certificates: Option<Arc<Certificates>>,
    room: Arc<Semaphore>,
    connections: TaskTracker,
    phases: watch::Receiver<Phase>,
}

impl<S, B> Acceptor<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// Accepts until the server drains; ends with the last connection.
    async fn run(self, listeners: Vec<TcpListener>) {
        let acceptor = Arc::new(self);
        let mut loops = JoinSet::new();
        for listener in listeners {
            loops.spawn(acceptor.clone().accept(listener));
        }
        let _accepted = loops.join_all().await;
        acceptor.connections.close();
        acceptor.connections.wait().await;
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut phases = self.phases.clone();
        tokio::select! {
            () = reached(&mut phases, Phase::Draining) => {}
            () = self.accept_forever(&listener) => {}
        }
    }

    async fn accept_forever(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(NO_ROOM).await;
                    continue;
                }
            };
            // One waits here for room, and not before: a quiet address must not keep a place from a busy one. The rest
            // wait in the system's queue, which is bounded as well.
            let Ok(permit) = self.room.clone().acquire_owned().await else { return };
            let this = self.clone();
            self.connections.spawn(async move {
                this.welcome(stream, peer).await;
                drop(permit);
            });
        }
    }

    async fn welcome(&self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "a connection ended before it began");
            return;
        }
        let (shared, mut phases, peer) = (self.shared.clone(), self.phases.clone(), peer.ip());
        let Some(certificates) = &self.certificates else {
            return shared.converse(stream, peer, phases).await;
        };
        let hands = timeout(shared.limits.header_read_timeout, certificates.acceptor().accept(stream));
        let shaken = tokio::select! {
            shaken = hands => shaken,
            () = reached(&mut phases, Phase::Draining) => return,
        };
        match shaken {
            Ok(Ok(stream)) => shared.converse(stream, peer, phases).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
            Err(_elapsed) => tracing::debug!(%peer, "a client took too long over its TLS handshake"),
        }
    }
}
