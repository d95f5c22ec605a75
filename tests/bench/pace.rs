//! A fixed rate, open loop: requests are sent when they are due, whether or not earlier ones were answered, and the
//! time of each counts from when it was due. So a server that stalls shows in every request that had to wait for it
//! (what closed-loop generators leave out is known as coordinated omission).
//!
//! One thread and one epoll, since it shares its core with the upstream.

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use crate::contestant::TARGET;

const CONNECTIONS: usize = 64;
/// The first part of every run is not counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// Percentiles of what the clients waited, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latencies {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// How many were answered, of those that were due.
    pub(crate) answered: u64,
    pub(crate) due: u64,
}

/// How often, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) requests_per_second: f64,
    pub(crate) duration: Duration,
}

/// How long one request waited for its answer, from when it was due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    /// Its place among the requests that are asked.
    pub(crate) request: usize,
    pub(crate) us: f64,
    /// Where it is not, it waited at least so long.
    pub(crate) is_answered: bool,
}

/// One request that is due.
#[derive(Debug, Clone, Copy)]
struct Due {
    request: usize,
    at: Instant,
}

/// Asks a proxy for the same at `rate` requests per second for so long.
pub(crate) fn run(address: SocketAddr, rate: f64, duration: Duration) -> Latencies {
    let request = format!("GET {TARGET} HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes();
    let waits = ask(address, &[request], Pace { requests_per_second: rate, duration });
    let answered = waits.iter().filter(|wait| wait.is_answered).count() as u64;
    let due = waits.len() as u64;
    let sorted = sorted_us(&waits);
    let percentile = |share| percentile(&sorted, share);
    Latencies { p50_us: percentile(0.5), p99_us: percentile(0.99), p999_us: percentile(0.999), answered, due }
}

/// How long each waited, the shortest first.
pub(crate) fn sorted_us<'w>(waits: impl IntoIterator<Item = &'w Wait>) -> Vec<f64> {
    let mut sorted: Vec<f64> = waits.into_iter().map(|wait| wait.us).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The smallest of the sorted numbers that so large a share of them does not exceed; there is at least one.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// Asks these requests in their order, again and again. Every answer is a 200, or the run fails.
pub(crate) fn ask(address: SocketAddr, requests: &[Vec<u8>], pace: Pace) -> Vec<Wait> {
    // The kernel may otherwise wake this thread 50 µs late, and it would look like the server's doing.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).expect("Linux");
    let mut generator = Generator::new(address);
    let interval = Duration::from_secs_f64(1.0 / pace.requests_per_second);
    let began = Instant::now();
    let (warm, end) = (began + WARM_UP, began + WARM_UP + pace.duration);
    let mut next = Due { request: 0, at: began };
    let mut waits = Vec::new();
    let waited = |due: Due, until: Instant| (until - due.at).as_secs_f64() * 1e6;
    loop {
        let now = Instant::now();
        if now >= end {
            break;
        }
        while next.at <= now {
            generator.due.push_back(next);
            next = Due { request: (next.request + 1) % requests.len(), at: next.at + interval };
        }
        generator.send(requests);
        for (due, answered) in generator.receive(next.at.saturating_duration_since(Instant::now())) {
            if due.at >= warm {
                waits.push(Wait { request: due.request, us: waited(due, answered), is_answered: true });
            }
        }
    }
    // What is still unanswered has waited at least until now.
    let now = Instant::now();
    let unanswered = generator.unanswered().filter(|due| due.at >= warm);
    waits.extend(unanswered.map(|due| Wait { request: due.request, us: waited(due, now), is_answered: false }));
    waits
}

struct Generator {
    epoll: rustix::fd::OwnedFd,
    connections: Vec<Connection>,
    /// Whichever was used longest ago comes next: none is idle for so long that the server closes it.
    idle: VecDeque<usize>,
    due: VecDeque<Due>,
    events: Vec<epoll::Event>,
}

struct Connection {
    stream: TcpStream,
    wanted: Option<Due>,
    received: Vec<u8>,
}

impl Generator {
    fn new(address: SocketAddr) -> Self {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll");
        let connections: Vec<Connection> = (0..CONNECTIONS)
            .map(|number| {
                let stream = TcpStream::connect(address).expect("the server accepts connections");
                stream.set_nodelay(true).expect("a TCP socket");
                stream.set_nonblocking(true).expect("a TCP socket");
                let data = epoll::EventData::new_u64(number as u64);
                epoll::add(&epoll, &stream, data, epoll::EventFlags::IN).expect("a socket");
                Connection { stream, wanted: None, received: Vec::new() }
            })
            .collect();
        let idle = (0..CONNECTIONS).collect();
        Self { epoll, connections, idle, due: VecDeque::new(), events: Vec::with_capacity(CONNECTIONS) }
    }

    /// Sends what is due, as far as connections are free.
    fn send(&mut self, requests: &[Vec<u8>]) {
        while let (Some(&wanted), Some(number)) = (self.due.front(), self.idle.front().copied()) {
            self.due.pop_front();
            self.idle.pop_front();
            let connection = &mut self.connections[number];
            connection.wanted = Some(wanted);
            connection.stream.write_all(&requests[wanted.request]).expect("a small request fits the socket's buffer");
        }
    }

    /// Waits so long, or for answers. Returns when each was due and when it came.
    fn receive(&mut self, patience: Duration) -> Vec<(Due, Instant)> {
        let timeout = Timespec::try_from(patience).expect("a short time");
        self.events.clear();
        // Interrupted is as good as nothing.
        let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout));
        let mut answered = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let number = usize::try_from(event.data.u64()).expect("a number of ours");
            let connection = &mut self.connections[number];
            if connection.is_answered() {
                connection.received.clear();
                answered.extend(connection.wanted.take().map(|wanted| (wanted, Instant::now())));
                self.idle.push_back(number);
            }
        }
        answered
    }

    fn unanswered(&self) -> impl Iterator<Item = Due> {
        self.connections.iter().filter_map(|connection| connection.wanted).chain(self.due.iter().copied())
    }
}

impl Connection {
    /// Reads what there is. Whether the answer is whole.
    fn is_answered(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("the server closed a connection: {}", String::from_utf8_lossy(&self.received)),
                Ok(length) => self.received.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
            if length_of(&self.received).is_some_and(|length| self.received.len() >= length) {
                return true;
            }
        }
        false
    }
}

/// How long an answer is, once its head is there.
fn length_of(received: &[u8]) -> Option<usize> {
    let head = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&received[..head]).expect("a head of ASCII");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + length.expect("a content-length"))
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50_us, p99_us, p999_us, answered, due } = self;
        write!(f, "{p50_us:.0} {p99_us:.0} {p999_us:.0} {answered} {due}")
    }
}

impl FromStr for Latencies {
    type Err = std::num::ParseFloatError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let at = |place: usize| numbers.get(place).copied().unwrap_or(f64::NAN);
        Ok(Self { p50_us: at(0), p99_us: at(1), p999_us: at(2), answered: at(3) as u64, due: at(4) as u64 })
    }
}
