//! Real sockets, and `curl` as a client that shares no code with the server.

mod certificates;
mod draining;
mod limits;
mod protocols;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use super::options::tests::parse;
use super::*;

/// Longer than anything here takes, on the slowest machine.
const LONG: Duration = Duration::from_secs(20);

/// A server of one page, and of `/wait`, which answers when it is told to.
struct Running {
    address: SocketAddr,
    phase: Arc<watch::Sender<Phase>>,
    desk: Arc<Desk>,
    certificates: Option<Arc<tls::Certificates>>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Desk {
    began: Notify,
    go_on: Notify,
}

/// Starts a server with these arguments, which ends with the test.
async fn start(arguments: &[&str]) -> Running {
    let (stop, stopped) = oneshot::channel();
    let until = async move {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Running { stop: Some(stop), ..start_until(arguments, until).await }
}

async fn start_until(arguments: &[&str], until: impl Future<Output = ()> + Send + 'static) -> Running {
    let options = parse(&[&["--listen", "127.0.0.1:0"], arguments].concat()).unwrap();
    let server = Server::bind(&options).await.unwrap();
    let (address, certificates) = (server.addresses()[0], server.certificates().cloned());
    let (phase, desk) = (Arc::new(watch::Sender::new(Phase::Serving)), Arc::new(Desk::default()));
    let service = {
        let desk = desk.clone();
        tower::service_fn(move |request| answer(request, desk.clone()))
    };
    let told = phase.clone();
    let task = tokio::spawn(async move { server.serve(service, &told, until).await });
    Running { address, phase, desk, certificates, stop: None, task }
}

async fn answer(request: Request<RequestBody>, desk: Arc<Desk>) -> Result<Response<Full<Bytes>>, Infallible> {
    let page = |text: String| Ok(Response::new(Full::from(text)));
    let ClientAddress(client) = *request.extensions().get().unwrap();
    let version = request.version();
    match request.uri().path() {
        "/wait" => {
            desk.began.notify_one();
            desk.go_on.notified().await;
            page("waited".to_owned())
        }
        "/large" => page("x".repeat(64 << 20)),
        "/upload" => match request.into_body().collect().await {
            Ok(body) => page(format!("{} bytes", body.to_bytes().len())),
            Err(error) => {
                let response = Response::builder().status(StatusCode::REQUEST_TIMEOUT);
                Ok(response.body(Full::from(error.to_string())).unwrap())
            }
        },
        _ => page(format!("{version:?} {client}")),
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until the server has ended.
    async fn ended(self) {
        timeout(LONG, self.task).await.expect("the server does not end").unwrap();
    }

    /// What curl prints, or its exit code.
    async fn curl(&self, path: &str, arguments: &[&str]) -> Result<String, i32> {
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{path}", self.address);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]).args(arguments).arg(url);
        let output = curl.kill_on_drop(true).output().await.expect("curl is installed");
        match output.status.code() {
            Some(0) => Ok(String::from_utf8(output.stdout).unwrap()),
            code => Err(code.unwrap()),
        }
    }
}

/// Waits until something is so.
async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let watch = async {
        let mut beat = interval(Duration::from_millis(20));
        while !is_so().await {
            beat.tick().await;
        }
    };
    timeout(LONG, watch).await.unwrap_or_else(|_| panic!("never: {what}"));
}
