//! What stands between a gateway and its control plane: proxies, authorities of one's own, and whoever asks for a certificate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustix::process::Signal;
use tempfile::TempDir;
use tests::gateway::Setup;
use tests::scripted_control::{API_KEY, PROJECT};
use tests::{Gateway, ScriptedControl, Upstream, wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::{alarms, assert_runs, version};

/// A name that only the proxy knows.
const NAME: &str = "control.example";

/// What whoever connects must show.
enum Shows {
    Nothing,
    Certificate(CertificateDer<'static>),
}

/// TLS before a control plane, with a certificate for [`NAME`] and for this machine that nobody issued but itself.
struct Front {
    address: SocketAddr,
    authority: PathBuf,
}

impl Front {
    async fn before(control: SocketAddr, shows: Shows, folder: &Path) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([NAME.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let authority = folder.join("authority.pem");
        std::fs::write(&authority, cert.pem()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = match shows {
            Shows::Nothing => builder.with_no_client_auth(),
            Shows::Certificate(certificate) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder.with_single_cert(vec![cert.der().clone()], der(&signing_key)).unwrap();
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let Ok(mut behind) = TcpStream::connect(control).await else { return };
                    let _ended = copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        Self { address, authority }
    }
}

fn der(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

/// A proxy that leads everybody who asks with CONNECT to the same place, and counts them.
async fn proxy(to: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    head.push(byte);
                }
                assert!(head.starts_with(b"CONNECT "), "{}", String::from_utf8_lossy(&head));
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let Ok(mut behind) = TcpStream::connect(to).await else { return };
                let _ended = copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    (address, asked)
}

/// A control plane that has deployed version 1, TLS before it, and what a gateway is started with.
struct Site {
    upstream: Upstream,
    control: ScriptedControl,
    front: Front,
    folder: TempDir,
    state: TempDir,
}

impl Site {
    async fn open() -> Self {
        Self::before(Shows::Nothing, tempfile::tempdir().unwrap()).await
    }

    /// The same, for those who show this; certificates are in this folder.
    async fn before(shows: Shows, folder: TempDir) -> Self {
        let (upstream, control) = (Upstream::fixed(b"steady").await, ScriptedControl::start().await);
        let address = control.url().trim_start_matches("http://").parse().unwrap();
        let front = Front::before(address, shows, folder.path()).await;
        control.deploys(&version(&upstream, 1));
        Self { upstream, control, front, folder, state: tempfile::tempdir().unwrap() }
    }

    fn url(&self) -> String {
        format!("https://{}", self.front.address)
    }

    /// A gateway that finds it here, and has no reason to believe it.
    fn doubting(&self, url: &str) -> Setup {
        remembering(url, &self.state)
    }

    /// A gateway that finds it here, and believes it.
    fn believing(&self, url: &str) -> Setup {
        self.believed_by(self.doubting(url))
    }

    /// A gateway that believes it.
    fn believed_by(&self, setup: Setup) -> Setup {
        setup.set("--control-plane-ca", &self.front.authority.display().to_string())
    }

    /// The gateway serves what it deployed, and says so.
    async fn leads(&self, gateway: &Gateway) {
        assert_runs(gateway, &version(&self.upstream, 1)).await;
        self.control.sees_active(&version(&self.upstream, 1)).await;
    }

    /// The gateway tries again and again, and nobody comes through.
    async fn is_not_reached_by(&self, gateway: &Gateway) {
        let told = || gateway.messages("the control plane cannot be reached").len();
        wait::until("it is told again that it cannot be reached", async || told() >= 2).await;
        assert_eq!(self.control.connected(), 0);
    }
}

/// A gateway that finds its control plane there, and remembers in this folder.
fn remembering(url: &str, state: &TempDir) -> Setup {
    let setup = Gateway::serving_nothing().set("--control-plane", url).set("--project-id", PROJECT);
    setup.set("--api-key", API_KEY).set("--state-dir", &state.path().display().to_string())
}

/// The certificate and the key of a data plane, which nobody issued but itself; written to a folder.
struct Own {
    certificate: PathBuf,
    key: PathBuf,
}

impl Own {
    fn within(folder: &Path) -> Self {
        Self { certificate: folder.join("edge.pem"), key: folder.join("edge.key") }
    }

    /// Another pair, where the one before was.
    fn renewed(&self) -> CertificateDer<'static> {
        let own = generate_simple_self_signed(["edge".to_owned()]).unwrap();
        std::fs::write(&self.certificate, own.cert.pem()).unwrap();
        std::fs::write(&self.key, own.signing_key.serialize_pem()).unwrap();
        own.cert.der().clone()
    }

    /// A gateway that shows it.
    fn shown_by(&self, setup: Setup) -> Setup {
        let setup = setup.set("--control-plane-cert", &self.certificate.display().to_string());
        setup.set("--control-plane-key", &self.key.display().to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_and_the_download_go_through_the_proxy() {
    let site = Site::open().await;
    let (proxy, asked) = proxy(site.front.address).await;
    let setup = site.believing(&format!("https://{NAME}"));
    let gateway = setup.variable("HTTPS_PROXY", &format!("http://{proxy}")).start().await;
    site.leads(&gateway).await;
    // Nobody else knows the name, and an open socket is a connection of its own.
    assert!(asked.load(Ordering::Relaxed) >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_named_by_no_proxy_is_asked_directly() {
    let site = Site::open().await;
    let (proxy, asked) = proxy(site.front.address).await;
    let setup = site.believing(&site.url()).variable("HTTPS_PROXY", &format!("http://{proxy}"));
    let gateway = setup.variable("NO_PROXY", "127.0.0.1").start().await;
    site.leads(&gateway).await;
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_asks_for_a_certificate_is_shown_one() {
    let folder = tempfile::tempdir().unwrap();
    let own = Own::within(folder.path());
    let site = Site::before(Shows::Certificate(own.renewed()), folder).await;

    let stranger = site.believing(&site.url()).start_unready().await;
    site.is_not_reached_by(&stranger).await;
    drop(stranger);

    let gateway = own.shown_by(site.believing(&site.url())).start().await;
    site.leads(&gateway).await;
}

/// A certificate of a day was replaced: the one that the process began with is taken by nobody any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_renewed_is_shown() {
    let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // The one that counts is made first, and kept elsewhere until it is its turn.
    let (own, renewed) = (Own::within(folder.path()), Own::within(kept.path()));
    let site = Site::before(Shows::Certificate(renewed.renewed()), folder).await;
    own.renewed();
    let gateway = own.shown_by(site.believing(&site.url())).start_unready().await;
    site.is_not_reached_by(&gateway).await;
    std::fs::copy(&renewed.certificate, &own.certificate).unwrap();
    std::fs::copy(&renewed.key, &own.key).unwrap();
    site.leads(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_was_replaced_is_believed() {
    let site = Site::open().await;
    let authority = site.folder.path().join("believed.pem");
    let before = generate_simple_self_signed([NAME.to_owned()]).unwrap();
    std::fs::write(&authority, before.cert.pem()).unwrap();
    let setup = site.doubting(&site.url()).set("--control-plane-ca", &authority.display().to_string());
    let gateway = setup.start_unready().await;
    site.is_not_reached_by(&gateway).await;
    std::fs::copy(&site.front.authority, &authority).unwrap();
    site.leads(&gateway).await;

    // A file that is no certificate changes nothing.
    let connections = site.control.connected();
    std::fs::write(&authority, "").unwrap();
    site.control.drains(0);
    wait::until("it is connected anew", async || site.control.connected() > connections).await;
    let told = "the certificates for the control plane cannot be used; those before stay in use";
    wait::until("it is told", async || !gateway.messages(told).is_empty()).await;
    site.control.deploys(&version(&site.upstream, 2));
    site.control.sees_active(&version(&site.upstream, 2)).await;
}

/// Nobody has to connect for it to be seen, and who is connected can tell.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_of_no_use_are_an_alarm_until_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let own = Own::within(folder.path());
    let site = Site::before(Shows::Certificate(own.renewed()), folder).await;
    let gateway = own.shown_by(site.believing(&site.url())).start().await;
    site.leads(&gateway).await;
    let connections = site.control.connected();
    for file in [&own.certificate, &own.key, &site.front.authority] {
        let good = std::fs::read(file).unwrap();
        std::fs::write(file, "").unwrap();
        wait::until("the control plane is told", async || site.control.alarms() == ["certificates_unusable"]).await;
        wait::until("it is shown", async || alarms(&gateway).await == ["certificates_unusable"]).await;
        std::fs::write(file, good).unwrap();
        wait::until("that has an end", async || site.control.alarms().is_empty()).await;
        wait::until("that is shown", async || alarms(&gateway).await.is_empty()).await;
    }
    assert_eq!(site.control.connected(), connections, "the connection stays open");
}

/// A secret that is mounted late, say: what was deployed serves meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_certificates_serves_what_was_deployed() {
    let (folder, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let own = Own::within(folder.path());
    let site = Site::before(Shows::Certificate(own.renewed()), folder).await;
    let setup = |state: &TempDir| own.shown_by(site.believed_by(remembering(&site.url(), state)));
    let mut gateway = setup(&site.state).start().await;
    for (number, file) in (1..).zip([&own.certificate, &own.key, &site.front.authority]) {
        site.control.sees_active(&version(&site.upstream, number)).await;
        gateway.signal(Signal::TERM);
        assert!(gateway.ended().await.success());
        let good = std::fs::read(file).unwrap();
        std::fs::remove_file(file).unwrap();
        // Whoever has nothing yet is told at once.
        let refusal = setup(&fresh).start_refused().await;
        assert_eq!(refusal.status.code(), Some(1), "{}", refusal.said);
        assert!(refusal.said.contains(&file.display().to_string()), "{}", refusal.said);

        site.control.deploys(&version(&site.upstream, number + 1));
        gateway = setup(&site.state).start().await;
        assert_runs(&gateway, &version(&site.upstream, number)).await;
        wait::until("it is told", async || alarms(&gateway).await == ["certificates_unusable"]).await;
        std::fs::write(file, good).unwrap();
        assert_runs(&gateway, &version(&site.upstream, number + 1)).await;
        wait::until("that has an end", async || alarms(&gateway).await.is_empty()).await;
    }
}

/// The system's authorities are in no file that the gateway knows.
#[tokio::test(flavor = "multi_thread")]
async fn the_systems_authorities_are_read_anew_on_a_signal() {
    let site = Site::open().await;
    let authorities = site.folder.path().join("system.pem");
    let before = generate_simple_self_signed([NAME.to_owned()]).unwrap();
    std::fs::write(&authorities, before.cert.pem()).unwrap();
    let setup = site.doubting(&site.url()).variable("SSL_CERT_FILE", &authorities.display().to_string());
    let gateway = setup.start_unready().await;
    site.is_not_reached_by(&gateway).await;
    std::fs::copy(&site.front.authority, &authorities).unwrap();
    gateway.signal(Signal::HUP);
    site.leads(&gateway).await;
}
