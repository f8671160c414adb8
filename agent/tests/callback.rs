// SPDX-License-Identifier: Apache-2.0
//! The agent as a program, in a network namespace, with an Ironic in another
//! one: whatever address the machine has, Ironic is told that one, and finds the
//! agent there with the certificate it was told.
//!
//! Needs root and the programs `ip` and `setpriv` (Debian packages iproute2 and
//! util-linux). The agent only looks at the network (`--keep-network`); its
//! `/run` and `/proc/cmdline` are those of a mount namespace.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]
#![expect(
    clippy::disallowed_methods,
    reason = "the machine around the agent is made here"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// Long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(90);

const NOTHING: Option<&str> = None;

/// A heartbeat as it came.
#[derive(Debug, Clone, PartialEq)]
struct Beat {
    callback_url: String,
    verify_ca: String,
}

#[test]
fn ironic_is_told_the_address_the_machine_has() {
    let (beats, mut heard) = mpsc::unbounded_channel();
    let (far, mut checks) = far_end(beats);
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
    mount(
        NOTHING,
        "/",
        NOTHING,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        NOTHING,
    )
    .unwrap();
    mount(NOTHING, "/run", Some("tmpfs"), MsFlags::empty(), NOTHING).unwrap();
    let words = tempfile::NamedTempFile::new().unwrap();
    let cmdline = "ipa-api-url=http://192.0.2.1:6385 ipa-disk-wait-attempts=0 \
                   ipa-ip-lookup-timeout=1 ipa-lookup-interval=1";
    std::fs::write(words.path(), cmdline).unwrap();
    let place = Path::new("/proc/cmdline");
    mount(
        Some(words.path()),
        place,
        NOTHING,
        MsFlags::MS_BIND,
        NOTHING,
    )
    .unwrap();

    ip("link set lo up");
    ip(&format!(
        "link add c0 type veth peer name s0 netns {}",
        far.thread
    ));
    ip("link set c0 up");
    far.start.send(()).unwrap();
    ip("addr add 192.0.2.50/24 dev c0");
    let _agent = Agent(
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args([
                env!("CARGO_BIN_EXE_ironseed-agent"),
                "run",
                "--keep-network",
            ])
            .stdin(Stdio::null())
            .spawn()
            .unwrap(),
    );

    let first = next(&mut heard, "https://192.0.2.50:9999");
    checks.serves(&first);
    ip("addr del 192.0.2.50/24 dev c0");
    ip("addr add 192.0.2.77/24 dev c0");
    let second = next(&mut heard, "https://192.0.2.77:9999");
    assert_ne!(first.verify_ca, second.verify_ca);
    checks.serves(&second);
    ip("addr del 192.0.2.77/24 dev c0");
    ip("addr add 192.0.2.50/24 dev c0");
    // The address that Ironic was told first is back, with the very certificate.
    let third = next(&mut heard, "https://192.0.2.50:9999");
    assert_eq!(third, first);
    checks.serves(&third);
}

/// The next heartbeat that names this URL.
fn next(heard: &mut mpsc::UnboundedReceiver<Beat>, url: &str) -> Beat {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let named = async {
        loop {
            let beat = heard.recv().await.unwrap();
            if beat.callback_url == url {
                return beat;
            }
        }
    };
    let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, named).await });
    found.unwrap_or_else(|_| panic!("no heartbeat names {url}"))
}

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(arguments: &str) {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {told}");
}

/// The other end of the cable: a thread with a network namespace and an Ironic.
struct FarEnd {
    thread: i32,
    /// Its port is there.
    start: std::sync::mpsc::Sender<()>,
}

/// Asks the far end to call the agent.
struct Checks(mpsc::UnboundedSender<(Beat, oneshot::Sender<String>)>);

impl Checks {
    /// The agent answers where the heartbeat says, with what it carried.
    fn serves(&mut self, beat: &Beat) {
        let (answer, answered) = oneshot::channel();
        self.0.send((beat.clone(), answer)).unwrap();
        let answer = answered.blocking_recv().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{beat:?}: {answer}");
    }
}

fn far_end(beats: mpsc::UnboundedSender<Beat>) -> (FarEnd, Checks) {
    let (start, started) = std::sync::mpsc::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let (checks, mut wanted) = mpsc::unbounded_channel::<(Beat, oneshot::Sender<String>)>();
    std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        tell.send(nix::unistd::gettid().as_raw()).unwrap();
        started.recv().unwrap();
        ip("addr add 192.0.2.1/24 dev s0");
        ip("link set s0 up");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("192.0.2.1:6385")
                .await
                .unwrap();
            let router = axum::Router::new().fallback(ironic).with_state(beats);
            let served = tokio::spawn(async move { axum::serve(listener, router).await });
            while let Some((beat, answer)) = wanted.recv().await {
                let called = tokio::time::timeout(PATIENCE, call(&beat)).await;
                let _ = answer.send(called.unwrap_or_else(|_| "no answer".into()));
            }
            served.abort();
        });
    });
    let thread = told.recv().unwrap();
    (FarEnd { thread, start }, Checks(checks))
}

async fn ironic(
    State(beats): State<mpsc::UnboundedSender<Beat>>,
    uri: Uri,
    body: axum::body::Bytes,
) -> Response {
    match uri.path() {
        "/" => axum::Json(json!({"default_version": {"version": "1.115"}})).into_response(),
        "/v1/lookup" => axum::Json(json!({
            "node": {"uuid": "node-1"},
            // A heartbeat every second or so.
            "config": {"heartbeat_timeout": 3, "agent_token": "t".repeat(43)},
        }))
        .into_response(),
        _ => {
            let beat: Value = serde_json::from_slice(&body).unwrap();
            let text = |key: &str| beat[key].as_str().unwrap_or_default().to_owned();
            let _ = beats.send(Beat {
                callback_url: text("callback_url"),
                verify_ca: text("agent_verify_ca"),
            });
            StatusCode::ACCEPTED.into_response()
        }
    }
}

/// Asks the agent for its status as Ironic does: the certificate of the
/// heartbeat is the only one that is trusted. The first line of the answer, or
/// what went wrong.
async fn call(beat: &Beat) -> String {
    let asked = async || -> Result<String, Box<dyn std::error::Error>> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let address = beat
            .callback_url
            .strip_prefix("https://")
            .unwrap_or_default();
        let mut trusted = rustls::RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_slice(beat.verify_ca.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let host = address.rsplit_once(':').unwrap_or_default().0.to_owned();
        let stream = tokio::net::TcpStream::connect(address).await?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let mut stream = connector
            .connect(ServerName::try_from(host)?, stream)
            .await?;
        let request = "GET /v1/status HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = vec![0; 64];
        let length = stream.read(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    asked().await.unwrap_or_else(|error| error.to_string())
}
