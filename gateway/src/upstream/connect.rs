//! Making a connection to a target.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::{Error, Lease, Origin, Pool};
use crate::socket::Socket;

/// How much of a response is read ahead, and the largest response head. The library's own default, over 400 KiB, is
/// what a client that never reads would cost.
const BUFFER_MAX_BYTES: usize = 64 << 10;

/// Makes connections for one worker.
///
/// Names are resolved by a resolver of our own and not by the C library, so that a static binary needs nothing of
/// its host, a slow name server blocks no thread, and answers are kept for as long as their TTL says.
#[derive(Default)]
pub struct Connector {
    resolver: OnceCell<TokioResolver>,
}

impl Connector {
    /// Connects to a pool's target within `limit`, name look-up included.
    pub async fn connect(&self, pool: &Rc<Pool>, limit: Duration) -> Result<Lease, Error> {
        match timeout(limit, self.stream(pool)).await {
            Ok(stream) => Self::handshake(pool, stream?).await,
            Err(_elapsed) => Err(Error::ConnectTimeout { target: pool.target(), limit }),
        }
    }

    async fn stream(&self, pool: &Pool) -> Result<Socket, Error> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for ip in self.addresses(pool).await? {
            let address = SocketAddr::new(ip, pool.port());
            match TcpStream::connect(address).await.and_then(Socket::new) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(Error::Connect { target: pool.target(), source: last })
    }

    async fn addresses(&self, pool: &Pool) -> Result<Vec<IpAddr>, Error> {
        if let Ok(ip) = pool.host().parse() {
            return Ok(vec![ip]);
        }
        let failed =
            |error: hickory_resolver::net::NetError| Error::Resolve { target: pool.target(), source: error.into() };
        let resolver = self.resolver.get_or_try_init(|| async { TokioResolver::builder_tokio()?.build() });
        let found = resolver.await.map_err(failed)?.lookup_ip(pool.host()).await.map_err(failed)?;
        Ok(found.iter().collect())
    }

    async fn handshake(pool: &Rc<Pool>, stream: Socket) -> Result<Lease, Error> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_MAX_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| Error::Exchange { target: pool.target(), source })?;
        let target = pool.target();
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(target, %error, "upstream connection ended");
            }
        });
        Ok(pool.lease(sender, Origin::Fresh))
    }
}
