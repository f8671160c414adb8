// SPDX-License-Identifier: Apache-2.0
//! An HTTP server for tests, with ranges and with every kind of trouble. A
//! script tells what happens to the n-th request for a file. It also serves as
//! a proxy, and as a registry with its token server.

mod connection;

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;

/// What happens to one request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// It is answered with a status and nothing else.
    Status(u16),
    /// It is answered with a status and these header lines.
    Answer(u16, Vec<String>),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// Nothing comes after so many bytes of the body, but the connection stays
    /// open for as long as the client wants.
    Stall(usize),
    /// The same before the first byte of an answer.
    Silence,
    /// The file is another one from now on, this answer included.
    Change(Vec<u8>, &'static str),
    /// Another authorization is wanted from now on, by this request too.
    Want(String),
    /// All is well.
    Serve,
}

/// A file and how it is served.
#[derive(Debug, Clone, Default)]
pub(super) struct Served {
    pub(super) body: Vec<u8>,
    pub(super) etag: Option<&'static str>,
    pub(super) modified: Option<&'static str>,
    /// Whether ranges are served.
    pub(super) ranges: bool,
    /// Whether the length is kept secret; the end of the connection is the end.
    pub(super) no_length: bool,
    /// Whether the body comes in chunks, of a length that is not told.
    pub(super) chunked: bool,
    /// So many bytes are announced and never come.
    pub(super) missing: usize,
    /// Whether the connection can be used again.
    pub(super) keep_alive: bool,
    /// Extra header lines.
    pub(super) headers: Vec<String>,
    /// What happens to the next requests; after them all is well.
    pub(super) script: VecDeque<Act>,
    /// Whether the first byte of every range is flipped.
    pub(super) ranges_lie: bool,
    /// Whether a range goes on to the end of the file, whatever was asked for.
    pub(super) ranges_run_on: bool,
    /// Where requests are sent instead.
    pub(super) redirect: Option<String>,
    /// Which authorization is wanted, and the challenge without it.
    pub(super) wants: Option<(String, String)>,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What all connections share.
#[derive(Default)]
struct Shared {
    files: Mutex<BTreeMap<String, Served>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    stop: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
}

/// The server. It stops when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start() -> Self {
        Self::with(Shared::default())
    }

    /// A server with TLS as `localhost`, and its certificate as PEM text.
    pub(super) fn start_tls() -> (Self, String) {
        let names = vec!["localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::DEFAULT_VERSIONS)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("an identity");
        let server = Self::with(Shared {
            tls: Some(Arc::new(config)),
            ..Shared::default()
        });
        (server, made.cert.pem())
    }

    fn with(shared: Shared) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(shared);
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.stop.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&of_thread);
                if let Ok(stream) = stream {
                    std::thread::spawn(move || connection::serve(stream, &shared));
                }
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Puts a file there and returns its URL.
    pub(super) fn serve(&self, path: &str, file: Served) -> String {
        let mut files = self.shared.files.lock().expect("files");
        files.insert(path.into(), file);
        match self.shared.tls {
            Some(_) => format!("https://localhost:{}{path}", self.address.port()),
            None => format!("http://{}{path}", self.address),
        }
    }

    /// Host and port.
    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// All requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("requests").clone()
    }

    /// How many connections were opened so far.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
