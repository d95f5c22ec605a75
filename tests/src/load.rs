//! Many clients at once, none of whose failures is forgotten.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinSet;

use crate::client::{self, Client};

/// Clients that ask as fast as they are answered, each over a connection it keeps.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: JoinSet<Outcome>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Answered with 200.
    pub answered: u64,
    /// Everything else: another status, a connection that broke with a request under way.
    pub failures: Vec<String>,
    /// Clients that ended because no new connection was accepted.
    pub refused: u64,
}

impl Load {
    /// Starts so many clients, which GET `target`.
    pub fn start(clients: usize, address: SocketAddr, target: &str) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..clients).map(|_| {
            let (stop, answered, target) = (Arc::clone(&stop), Arc::clone(&answered), target.to_owned());
            async move { ask_on(address, &target, &stop, &answered).await }
        });
        let clients = tasks.collect();
        Self { stop, answered, clients }
    }

    /// How many requests were answered with 200 until now.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Lets every client finish the request under way.
    pub async fn stop(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        self.finish().await
    }

    /// Waits until every client has ended by itself, which happens when connections are refused.
    pub async fn finish(self) -> Outcome {
        self.clients.join_all().await.into_iter().fold(Outcome::default(), |mut all, one| {
            all.answered += one.answered;
            all.refused += one.refused;
            all.failures.extend(one.failures);
            all
        })
    }
}

async fn ask_on(address: SocketAddr, target: &str, stop: &AtomicBool, answered: &AtomicU64) -> Outcome {
    let mut outcome = Outcome::default();
    'connection: while !stop.load(Ordering::Relaxed) {
        let Ok(mut client) = Client::try_http1(address).await else {
            outcome.refused += 1;
            break;
        };
        while !stop.load(Ordering::Relaxed) {
            let request = client.request("GET", target, client::empty());
            match client.try_send(request).await {
                Ok(answer) if answer.status == 200 => {
                    outcome.answered += 1;
                    answered.fetch_add(1, Ordering::Relaxed);
                    // The server may end a connection, if it says so.
                    if answer.header("connection").eq_ignore_ascii_case("close") {
                        continue 'connection;
                    }
                }
                Ok(answer) => outcome.failures.push(format!("status {}", answer.status)),
                Err(error) => {
                    outcome.failures.push(format!("after {} answers: {error:?}", outcome.answered));
                    continue 'connection;
                }
            }
        }
    }
    outcome
}
