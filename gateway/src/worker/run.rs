//! A worker's life: accept, serve, drain.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{interval, sleep};

use super::clock::Clock;
use super::connection::Order;
use super::io::Watched;
use super::listen::refuse_newcomers;
use super::{Connection, Listeners, Settings, Worker};
use crate::pipeline;
use crate::socket::Socket;

/// How far the process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything is served.
    Serving,
    /// Everything is served, but load balancers are told to look elsewhere.
    Leaving,
    /// Nobody new is let in; whoever is there is asked to go after the next response.
    Draining,
    /// Whoever is still there is closed on.
    Closing,
}

/// How long clients that wait between requests may still come with one while draining: its response asks them to go,
/// where a close could cross their next request on the wire and lose it (RFC 9112 section 9.3).
const LINGER: Duration = Duration::from_secs(1);

/// How long whoever is connecting when draining begins may take to finish.
const LAST_CALL: Duration = Duration::from_millis(200);

/// How many requests a client may have under way on one HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 100;

/// How much of each of their responses waits for a client that does not read.
const HTTP2_SEND_BUFFER_BYTES: usize = 16 << 10;

/// How long to wait after a failed accept, which is nearly always for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs a worker to its end: all connections are closed, or `phase` said [`Phase::Closing`].
///
/// Says through `started` once it serves, or why it never will.
pub fn run(
    worker: &Rc<Worker>,
    listeners: Listeners,
    mut phase: watch::Receiver<Phase>,
    started: &mpsc::Sender<io::Result<()>>,
) {
    // Nobody listening for the outcome means that the process is already ending.
    let say = |outcome| drop(started.send(outcome));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return say(Err(error)),
    };
    LocalSet::new().block_on(&runtime, async {
        let server = Rc::new(server(worker));
        let sockets: io::Result<Vec<_>> = listeners.into_iter().map(TcpListener::from_std).collect();
        let sockets = match sockets {
            Ok(sockets) => sockets,
            Err(error) => return say(Err(error)),
        };
        let mut accepting = Vec::new();
        for socket in sockets.into_iter().enumerate() {
            accepting.push(spawn_local(accept(worker.clone(), socket, server.clone(), phase.clone())));
        }
        spawn_local(keep_time(worker.clone()));
        say(Ok(()));
        reaches(&mut phase, Phase::Draining).await;
        worker.is_draining.set(true);
        for accepting in accepting {
            let _ended = accepting.await;
        }
        tokio::select! {
            () = drain(worker) => {}
            () = reaches(&mut phase, Phase::Closing) => {}
        }
    });
}

/// Waits until the process has come so far. The end of the channel is the end of the process.
async fn reaches(phase: &mut watch::Receiver<Phase>, end: Phase) {
    drop(phase.wait_for(|phase| *phase >= end).await);
}

/// Waits until every connection has ended.
async fn drain(worker: &Worker) {
    let mut waited = Duration::ZERO;
    let step = Duration::from_millis(10);
    while worker.connections.count() > 0 {
        sleep(step).await;
        waited += step;
        if waited >= LINGER {
            worker.connections.finish();
        }
    }
}

/// Counts beats, ends what has been silent for too long, and closes connections that nobody uses.
async fn keep_time(worker: Rc<Worker>) {
    let mut beats = interval(Clock::BEAT);
    loop {
        beats.tick().await;
        worker.clock.beat();
        worker.connections.end_overdue();
        // A worker that nobody asks anything would hold on to a snapshot that was swapped long ago.
        worker.view();
        worker.pools.sweep(worker.tick());
    }
}

async fn accept(
    worker: Rc<Worker>,
    (listener, socket): (usize, TcpListener),
    server: Rc<auto::Builder<LocalExecutor>>,
    mut phase: watch::Receiver<Phase>,
) {
    let admit = |(stream, peer)| admit(&worker, listener, &server, (stream, peer));
    loop {
        tokio::select! {
            biased;
            () = reaches(&mut phase, Phase::Draining) => break,
            accepted = next(&worker, &socket) => match accepted {
                Ok(accepted) => admit(accepted),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    if let Err(error) = refuse_newcomers(&socket) {
        tracing::warn!(%error, "clients that are connecting may be cut off");
    }
    let mut last_call = pin!(sleep(LAST_CALL));
    loop {
        tokio::select! {
            biased;
            accepted = socket.accept() => if let Ok(accepted) = accepted { admit(accepted) },
            () = &mut last_call => break,
        }
    }
}

/// The next client, once there is room for it: until then it waits in the kernel's queue.
async fn next(worker: &Worker, socket: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let Settings { limits, workers, .. } = worker.settings();
    worker.connections.room(limits.connections_max.get().div_ceil(*workers)).await;
    socket.accept().await
}

/// A client that left before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

fn admit(
    worker: &Rc<Worker>,
    listener: usize,
    server: &Rc<auto::Builder<LocalExecutor>>,
    (stream, peer): (TcpStream, SocketAddr),
) {
    let stream = match Socket::new(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, %peer, "a client left at once"),
    };
    worker.counters().connection_opened();
    let connection = Connection::new(worker.clone(), listener, peer);
    worker.connections.add(&connection);
    let server = server.clone();
    spawn_local(async move {
        serve(&server, &connection, stream).await;
        connection.worker().connections.remove(&connection);
        connection.worker().counters().connection_closed();
    });
}

async fn serve(server: &auto::Builder<LocalExecutor>, connection: &Rc<Connection>, stream: Socket) {
    let io = TokioIo::new(Watched { stream, connection: connection.clone() });
    let service = service_fn(|request| {
        let connection = connection.clone();
        async move { Ok::<_, Infallible>(pipeline::handle(connection, request).await) }
    });
    let mut serving = pin!(server.serve_connection(io, service));
    let ended = poll_fn(|cx| {
        match connection.listen(cx) {
            Order::Continue => {}
            Order::Finish => serving.as_mut().graceful_shutdown(),
            Order::Close => return Poll::Ready(Ok(())),
        }
        serving.as_mut().poll(cx)
    });
    if let Err(error) = ended.await {
        tracing::debug!(error = %error, "client connection ended");
    }
}

/// HTTP/1.1 and HTTP/2 with prior knowledge (RFC 9113 section 3.3), told apart by their first bytes.
fn server(worker: &Worker) -> auto::Builder<LocalExecutor> {
    const DEFAULT_HEADERS_MAX: u16 = 100;
    let limits = &worker.settings().limits;
    let mut server = auto::Builder::new(LocalExecutor);
    // Reading of heads is timed by the worker's own beat: the library's timer would be set anew for every request.
    server.http1().max_buf_size(limits.header_max_bytes as usize).header_read_timeout(None);
    if limits.headers_max != DEFAULT_HEADERS_MAX {
        // Any explicit number costs the library an allocation per request, so the default stays unsaid.
        server.http1().max_headers(limits.headers_max.into());
    }
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_max_bytes)
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(20));
    server
}

/// Runs HTTP/2 streams on the worker's own thread.
#[derive(Debug, Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}
