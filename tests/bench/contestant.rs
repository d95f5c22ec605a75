//! The proxies, each configured to do the same and no more, and the upstream behind them all.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tests::api::test_key;
use tests::{compiled, config, process};

/// The core of the proxy under test.
const PROXY_CORE: &str = "0";
/// The core of the upstream and of the load.
pub(crate) const LOAD_CORE: &str = "1";
/// What the upstream answers.
const BODY: &str = r#"{"id":7,"name":"Rex","tag":"dog","owner":{"id":3,"name":"Ada"},"photos":["a.png","b.png"]}"#;
/// What is asked for: the gateway judges both parameters.
pub(crate) const TARGET: &str = "/pets/7?limit=20";
/// What the gateway promises.
const DESCRIPTION: &str = include_str!("api/openapi.yaml");

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    Portcullis,
    Nginx,
    Haproxy,
    Envoy,
}

impl Contestant {
    pub(crate) const ALL: [Self; 4] = [Self::Portcullis, Self::Nginx, Self::Haproxy, Self::Envoy];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portcullis => "portcullis",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
        }
    }

    /// Whether its program is there; says so where it is not.
    pub(crate) fn is_installed(self) -> bool {
        let is_there = Command::new(self.program()).arg("--help").output().is_ok();
        if !is_there {
            eprintln!("skipped: no {}", self.program());
        }
        is_there
    }

    /// The program.
    pub(crate) fn program(self) -> String {
        match self {
            Self::Portcullis => config::gateway_binary_path().display().to_string(),
            Self::Nginx => "nginx".into(),
            Self::Haproxy => "haproxy".into(),
            Self::Envoy => "envoy".into(),
        }
    }

    /// What it says of its version, in short.
    pub(crate) fn version(self) -> String {
        let flag = if matches!(self, Self::Nginx | Self::Haproxy) { "-v" } else { "--version" };
        let output = Command::new(self.program()).arg(flag).output();
        let said = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let number = said.split(|c: char| c.is_whitespace() || c == '/');
        let mut number = number.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'));
        number.next().unwrap_or("?").to_owned()
    }

    /// Starts it in front of the upstream.
    pub(crate) fn start(self, upstream: SocketAddr) -> Running {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = free_address();
        let arguments = match self {
            Self::Portcullis => portcullis(folder.path(), address, upstream),
            Self::Nginx => nginx(folder.path(), &nginx_proxy(address, upstream)),
            Self::Haproxy => haproxy(folder.path(), address, upstream),
            Self::Envoy => envoy(folder.path(), address, upstream),
        };
        Running::start(PROXY_CORE, (&self.program(), &arguments), folder, Probe { address, target: TARGET })
    }
}

/// What a server is asked to see whether it is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) address: SocketAddr,
    pub(crate) target: &'static str,
}

/// A server that answers, on its cores. Ended when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) ready: Duration,
    folder: TempDir,
}

impl Running {
    /// The upstream: nginx, which has the answer in its configuration.
    pub(crate) fn upstream() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = free_address();
        let server = format!(
            "server {{ listen {address}; keepalive_requests 100000000; default_type application/json; \
             location / {{ return 200 '{BODY}'; }} }}"
        );
        let arguments = nginx(folder.path(), &server);
        Self::start(LOAD_CORE, ("nginx", &arguments), folder, Probe { address, target: TARGET })
    }

    /// Starts a program on some cores and waits until it answers. Its log is in the folder, which it may write to.
    pub(crate) fn start(cores: &str, (program, arguments): (&str, &[String]), folder: TempDir, probe: Probe) -> Self {
        let log = File::create(folder.path().join("log")).expect("a writable folder");
        let mut command = Command::new("taskset");
        command.args(["-c", cores, program]).args(arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a file")).stderr(log);
        command.env("XDG_CONFIG_HOME", folder.path());
        let began = Instant::now();
        let mut child = command.spawn().expect("taskset is installed");
        while !probe.is_answered() {
            let ended = child.try_wait().expect("a child");
            let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed().as_secs() < 20, "{program} does not answer:\n{}", log());
        }
        Self { child, address: probe.address, ready: began.elapsed(), folder }
    }

    /// Its process; `taskset` becomes the program.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Processor time of all its processes.
    pub(crate) fn processor_time(&self) -> Duration {
        process::processor_time(self.child.id())
    }

    /// Resident memory of all its processes, in bytes.
    pub(crate) fn rss_bytes(&self) -> u64 {
        process::tree_rss_bytes(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself. SIGTERM, so that a master ends its workers.
        let _ = kill_process(self.pid(), Signal::TERM);
        let _ = self.child.wait();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).expect("a free port")
}

impl Probe {
    /// Asks once. Whether there was a 200.
    fn is_answered(self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return false };
        let request = format!("GET {} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", self.target);
        let mut answer = Vec::new();
        // A half-started server may close at any point.
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
        answer.starts_with(b"HTTP/1.1 200")
    }
}

pub(crate) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::write(&path, content).expect("a writable folder");
    path.display().to_string()
}

pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn portcullis(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> Vec<String> {
    let artifact = write(folder, "api.bca", compiled::signed(&compiled::text(DESCRIPTION, upstream)));
    let key = test_key().public().to_base64();
    words(&format!(
        "serve --artifact {artifact} --listen {address} --admin 127.0.0.1:0 --workers 1 --trusted-key {key}"
    ))
}

fn nginx(folder: &Path, server: &str) -> Vec<String> {
    let own = folder.display();
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {own}/{kind};"));
    let file = format!(
        "daemon off; worker_processes 1; pid {own}/pid; error_log {own}/error;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; {}\n{server}\n}}",
        temporary.join(" ")
    );
    let configuration = write(folder, "nginx.conf", file);
    words(&format!("-p {own} -e {own}/error -c {configuration}"))
}

fn nginx_proxy(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "upstream pets {{ server {upstream}; keepalive 128; keepalive_requests 100000000; }}\n\
         server {{ listen {address}; keepalive_requests 100000000;\n\
           location / {{ proxy_pass http://pets; proxy_http_version 1.1; proxy_set_header Connection ''; }} }}"
    )
}

fn haproxy(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> Vec<String> {
    let file = format!(
        "global\n  nbthread 1\n  maxconn 4096\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n\
         frontend front\n  bind {address}\n  default_backend pets\n\
         backend pets\n  server one {upstream}\n"
    );
    words(&format!("-db -f {}", write(folder, "haproxy.cfg", file)))
}

fn envoy(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> Vec<String> {
    let (port, upstream_port) = (address.port(), upstream.port());
    let file = format!(
        r#"
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{ match: {{ prefix: / }}, route: {{ cluster: pets }} }}]
  clusters:
  - name: pets
    connect_timeout: 5s
    circuit_breakers: {{ thresholds: [{{ max_connections: 4096, max_pending_requests: 4096, max_requests: 4096 }}] }}
    load_assignment:
      cluster_name: pets
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream_port} }} }} }}
"#
    );
    let configuration = write(folder, "envoy.yaml", file);
    words(&format!("-c {configuration} --concurrency 1 --use-dynamic-base-id --disable-hot-restart --log-level error"))
}
