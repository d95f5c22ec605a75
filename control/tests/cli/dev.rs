//! `dev`: with the real gateway where it was built, with a stand-in where it was not.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::sandbox::{PETS, Sandbox};

/// Far longer than anything takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// Says how it was called and who it is, then lives until it is told to end.
const STAND_IN: &str = "#!/bin/sh\necho \"gateway $$: $*\" >&2\nexec sleep 600\n";

/// A `dev` under way, and what it says.
struct Dev {
    child: Child,
    lines: Receiver<String>,
}

impl Dev {
    fn command(sandbox: &Sandbox, gateway: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("portcullis-control"));
        command
            .args(["dev", "--spec", "pets.yaml", "--gateway"])
            .arg(gateway)
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(sandbox.path("."))
            .env("XDG_CONFIG_HOME", sandbox.path("configuration"));
        command
    }

    fn start(sandbox: &Sandbox, gateway: &Path, arguments: &[&str]) -> Self {
        let mut child = Self::command(sandbox, gateway, arguments).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Reads on until a line that holds `text`, and returns it.
    fn until(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("{error}: no line with {text:?}; there was:\n{}", seen.join("\n")),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().try_into().unwrap()).unwrap(), signal).unwrap();
    }

    /// Reads what is left and waits for the end.
    fn ended(mut self) -> ExitStatus {
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        self.child.wait().unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Asked, it ends the gateway too; a process that has ended already cannot be asked.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn script(sandbox: &Sandbox, text: &str) -> PathBuf {
    sandbox.write("gateway", text);
    let path = sandbox.path("gateway");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The value after `option` in what the stand-in says of its call.
fn argument(line: &str, option: &str) -> String {
    line.split_whitespace().skip_while(|word| *word != option).nth(1).unwrap().to_owned()
}

fn stand_in_pid(line: &str) -> Pid {
    let pid = line.strip_prefix("gateway ").unwrap().split(':').next().unwrap();
    Pid::from_raw(pid.parse().unwrap()).unwrap()
}

#[test]
fn what_is_saved_is_compiled_and_what_does_not_compile_leaves_the_last_good_artifact() {
    let sandbox = Sandbox::with_pets();
    let dev = Dev::start(&sandbox, &script(&sandbox, STAND_IN), &[]);
    let first = dev.until("the gateway loads");
    let call = dev.until("--artifact");
    let artifact = PathBuf::from(argument(&call, "--artifact"));
    assert_eq!(argument(&call, "--listen"), "127.0.0.1:0");
    let good = fs::read(&artifact).unwrap();
    sandbox.succeeds(&["verify", artifact.to_str().unwrap()]);

    sandbox.write("pets.yaml", "openapi: 3.1.0\n");
    dev.until("error[PC");
    dev.until("does not compile");
    assert_eq!(fs::read(&artifact).unwrap(), good);

    // As editors do: a new file in the place of the old one.
    sandbox.write("pets.yaml.new", PETS.replace("/pets", "/cats"));
    fs::rename(sandbox.path("pets.yaml.new"), sandbox.path("pets.yaml")).unwrap();
    assert_ne!(dev.until("the gateway loads"), first);
    assert_ne!(fs::read(&artifact).unwrap(), good);

    let gateway = stand_in_pid(&call);
    test_kill_process(gateway).unwrap();
    dev.signal(Signal::TERM);
    assert!(dev.ended().success());
    assert!(test_kill_process(gateway).is_err(), "the gateway ended too");
    assert!(!artifact.exists(), "nothing is left behind");
}

#[test]
fn every_file_that_was_read_is_watched() {
    let sandbox = Sandbox::new();
    sandbox.write("pets.yaml", PETS.replace("#/components/schemas/Pets", "schemas/pets.yaml#/Pets"));
    sandbox.write("schemas/pets.yaml", "Pets: { type: array }\n");
    let dev = Dev::start(&sandbox, &script(&sandbox, STAND_IN), &[]);
    let first = dev.until("the gateway loads");
    sandbox.write("schemas/pets.yaml", "Pets: { type: array, maxItems: 5 }\n");
    assert_ne!(dev.until("the gateway loads"), first);
    dev.signal(Signal::INT);
    assert!(dev.ended().success());
}

#[test]
fn a_document_that_does_not_compile_at_first_is_served_once_it_does() {
    let sandbox = Sandbox::new();
    sandbox.write("pets.yaml", "openapi: 3.1.0\n");
    let dev = Dev::start(&sandbox, &script(&sandbox, STAND_IN), &[]);
    dev.until("does not compile");
    sandbox.write("pets.yaml", PETS);
    dev.until("the gateway loads");
    dev.until("--artifact");
}

#[test]
fn a_missing_file_is_said_once_even_where_the_log_is_watched() {
    let sandbox = Sandbox::with_pets();
    let gateway = script(&sandbox, STAND_IN);
    let log = fs::File::create(sandbox.path("dev.log")).unwrap();
    let child = Dev::command(&sandbox, &gateway, &[]).stderr(log).spawn().unwrap();
    let dev = Dev { child, lines: channel().1 };
    let said = |text: &str| String::from_utf8(sandbox.read("dev.log")).unwrap().matches(text).count();
    let wait_for = |text: &str, count: usize| {
        let end = Instant::now() + PATIENCE;
        while said(text) < count {
            assert!(Instant::now() < end, "{text:?} was not said {count} times");
            thread::yield_now();
        }
    };
    wait_for("the gateway loads", 1);
    fs::remove_file(sandbox.path("pets.yaml")).unwrap();
    wait_for("does not exist", 1);
    // A gateway that ended is started again only after far longer than a change in the folder takes to be seen.
    for start in 1..=2 {
        wait_for("--artifact", start);
        let log = String::from_utf8(sandbox.read("dev.log")).unwrap();
        let call = log.lines().rfind(|line| line.contains("--artifact")).unwrap();
        kill_process(stand_in_pid(call), Signal::KILL).unwrap();
        wait_for("--artifact", start + 1);
    }
    assert_eq!(said("does not exist"), 1);
    sandbox.write("pets.yaml", PETS.replace("/pets", "/cats"));
    wait_for("the gateway loads", 2);
    dev.signal(Signal::TERM);
    assert!(dev.ended().success());
}

#[test]
fn a_gateway_that_dies_is_started_again() {
    let sandbox = Sandbox::with_pets();
    let dies_once = "#!/bin/sh\necho \"gateway $$: $*\" >&2\n[ -e lived ] && exec sleep 600\ntouch lived\nexit 7\n";
    let dev = Dev::start(&sandbox, &script(&sandbox, dies_once), &[]);
    assert!(dev.until("the gateway ended").contains("exit status: 7"));
    dev.until("--artifact");
}

#[test]
fn what_cannot_be_run_is_said_at_once() {
    let sandbox = Sandbox::with_pets();
    assert!(sandbox.fails(&["dev", "--spec", "pets.yaml", "--gateway", "missing"], 4).contains("missing"));
    sandbox.write("not-a-program", "");
    sandbox.fails(&["dev", "--spec", "pets.yaml", "--gateway", "./not-a-program"], 1);
    let gateway = script(&sandbox, STAND_IN);
    sandbox.fails(&["dev", "--spec", "missing.yaml", "--gateway", gateway.to_str().unwrap()], 4);
    for documents in [&["--spec", "-"][..], &["--spec", "pets.yaml", "--overlay", "-"]] {
        let dev = [&["dev", "--gateway", gateway.to_str().unwrap()], documents].concat();
        assert!(sandbox.fails(&dev, 2).contains("stdin"));
    }
}

#[test]
fn the_real_gateway_serves_what_is_saved() {
    let gateway = assert_cmd::cargo::cargo_bin!("portcullis-control").with_file_name("portcullis");
    if !gateway.is_file() {
        println!("skipped: no gateway at {}", gateway.display());
        return;
    }
    let sandbox = Sandbox::with_pets();
    let upstream = format!("http://{}", upstream());
    let dev = Dev::start(&sandbox, &gateway, &["--upstream", &upstream]);
    let address = address(&dev.until("\"listening\""));
    wait_for(address, "/v1/pets", "200");
    wait_for(address, "/v1/cats", "404");

    sandbox.write("pets.yaml", "openapi: 3.1.0\n");
    dev.until("does not compile");
    wait_for(address, "/v1/pets", "200");

    sandbox.write("pets.yaml", PETS.replace("/pets", "/cats"));
    dev.until("the gateway loads");
    wait_for(address, "/v1/cats", "200");
    wait_for(address, "/v1/pets", "404");

    dev.signal(Signal::TERM);
    assert!(dev.ended().success());
    assert!(TcpStream::connect(address).is_err(), "the gateway ended too");
}

/// A server that answers 200 to whatever comes first on a connection.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    address
}

/// The address in the log line that says where the gateway listens.
fn address(line: &str) -> SocketAddr {
    let at = line.find("127.0.0.1:").unwrap();
    let end = line[at..].find(['"', ' ', ',', '}']).map_or(line.len(), |length| at + length);
    line[at..end].parse().unwrap()
}

/// Asks until the answer has this status.
fn wait_for(address: SocketAddr, path: &str, status: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = get(address, path).unwrap_or_default();
        if answer.starts_with(&format!("HTTP/1.1 {status}")) {
            return;
        }
        assert!(Instant::now() < end, "GET {path} never gave {status}; last: {answer}");
    }
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
