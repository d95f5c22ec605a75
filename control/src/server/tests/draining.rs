//! How it ends.

use super::*;

#[tokio::test]
async fn sigterm_lets_a_request_under_way_finish() {
    let mut signals = Signals::new().unwrap();
    let running = start_until(&[], async move { signals.terminated().await }).await;
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let arguments = [version];
        let request = running.curl("/wait", &arguments);
        let mut request = std::pin::pin!(request);
        tokio::select! {
            () = running.desk.began.notified() => {}
            early = &mut request => panic!("{early:?}"),
        }
        if version == "--http1.1" {
            running.desk.go_on.notify_one();
            assert_eq!(request.await, Ok("waited".to_owned()));
            continue;
        }
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM).unwrap();
        eventually("nobody is let in", async || running.connect_fails().await).await;
        assert!(!running.phase.borrow().is_ready());
        running.desk.go_on.notify_one();
        assert_eq!(request.await, Ok("waited".to_owned()));
    }
    running.ended().await;
}

impl Running {
    async fn connect_fails(&self) -> bool {
        TcpStream::connect(self.address).await.is_err()
    }
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off() {
    let mut running = start(&["--drain-timeout", "100ms"]).await;
    let address = running.address;
    let request = tokio::spawn(async move { reqwest::get(format!("http://{address}/wait")).await });
    running.desk.began.notified().await;
    running.stop();
    let phase = running.phase.clone();
    running.ended().await;
    assert_eq!(*phase.borrow(), Phase::Closing);
    assert!(request.await.unwrap().is_err());
}

#[tokio::test]
async fn it_is_not_ready_before_it_lets_nobody_in() {
    let mut running = start(&["--drain-delay", "1h"]).await;
    running.stop();
    let mut phases = running.phase.subscribe();
    timeout(LONG, phases.wait_for(|phase| *phase == Phase::Leaving)).await.unwrap().unwrap();
    assert_eq!(running.curl("/", &[]).await, Ok("HTTP/1.1 127.0.0.1".to_owned()));
    running.task.abort();
}

#[tokio::test]
async fn silent_connections_do_not_hold_it_up() {
    let mut running = start(&["--drain-timeout", "1h", "--header-read-timeout", "1h"]).await;
    let _never_used = running.connect().await;
    let client = reqwest::Client::new();
    client.get(format!("http://{}/", running.address)).send().await.unwrap().text().await.unwrap();
    running.stop();
    running.ended().await;
}
