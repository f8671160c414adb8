// SPDX-License-Identifier: Apache-2.0
//! An HTTP server for tests, with ranges and with every kind of trouble. Each
//! connection carries one request, so a script tells what happens to the n-th.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What happens to one request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// It is answered with a status and nothing else.
    Status(u16),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The file is another one from now on, this answer included.
    Change(Vec<u8>, &'static str),
    /// All is well.
    Serve,
}

/// A file and how it is served.
#[derive(Debug, Clone, Default)]
pub(super) struct Served {
    pub(super) body: Vec<u8>,
    pub(super) etag: Option<&'static str>,
    /// Whether ranges are served.
    pub(super) ranges: bool,
    /// Whether the length is kept secret; the end of the connection is the end.
    pub(super) no_length: bool,
    /// Extra header lines.
    pub(super) headers: Vec<String>,
    /// What happens to the next requests; after them all is well.
    pub(super) script: VecDeque<Act>,
    /// Whether the first byte of every range is flipped.
    pub(super) ranges_lie: bool,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
}

type Files = Arc<Mutex<BTreeMap<String, Served>>>;

/// The server. It stops when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    files: Files,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (files, seen) = (Files::default(), Arc::new(Mutex::new(Vec::new())));
        let stop = Arc::new(AtomicBool::new(false));
        let shared = (Arc::clone(&files), Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (files, seen, stop) = shared;
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (files, seen) = (Arc::clone(&files), Arc::clone(&seen));
                if let Ok(stream) = stream {
                    std::thread::spawn(move || answer(stream, &files, &seen));
                }
            }
        });
        Self {
            address,
            files,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    /// Puts a file there and returns its URL.
    pub(super) fn serve(&self, path: &str, file: Served) -> String {
        self.files.lock().expect("files").insert(path.into(), file);
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("requests").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: TcpStream, files: &Files, seen: &Mutex<Vec<Seen>>) {
    let Some(request) = read_request(&stream) else {
        return;
    };
    seen.lock().expect("requests").push(request.clone());
    let (file, act) = {
        let mut files = files.lock().expect("files");
        let Some(file) = files.get_mut(&request.path) else {
            let _ = (&stream).write_all(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
            return;
        };
        let act = file.script.pop_front().unwrap_or(Act::Serve);
        if let Act::Change(body, etag) = &act {
            file.body.clone_from(body);
            file.etag = Some(etag);
        }
        (file.clone(), act)
    };
    // A client that has enough closes the connection; that is its right.
    let _ = send(&stream, &file, &act, &request);
    let _ = stream.shutdown(Shutdown::Both);
}

fn read_request(stream: &TcpStream) -> Option<Seen> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let line = lines.next()?.ok()?;
        match line.split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => return Some(Seen { path, headers }),
        };
    }
}

/// The range to serve: first byte and the one behind the last.
fn range(file: &Served, request: &Seen) -> Option<(usize, usize)> {
    if !file.ranges {
        return None;
    }
    if let Some(condition) = request.headers.get("if-range")
        && Some(condition.as_str()) != file.etag
    {
        return None;
    }
    let range = request.headers.get("range")?.strip_prefix("bytes=")?;
    let (from, to) = range.split_once('-')?;
    let end = to.parse().map_or(file.body.len(), |to: usize| to + 1);
    Some((from.parse().ok()?, end.min(file.body.len())))
}

fn send(mut stream: &TcpStream, file: &Served, act: &Act, request: &Seen) -> std::io::Result<()> {
    if let Act::Status(status) = act {
        let answer =
            format!("HTTP/1.1 {status} Trouble\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return stream.write_all(answer.as_bytes());
    }
    let total = file.body.len();
    let mut head = String::new();
    let body = match range(file, request) {
        Some((from, _)) if from >= total => {
            return stream
                .write_all(b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        Some((from, to)) => {
            let last = to - 1;
            let _ = write!(
                head,
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{last}/{total}\r\n"
            );
            let mut body = file.body[from..to].to_vec();
            if file.ranges_lie {
                body[0] ^= 1;
            }
            body
        }
        None => {
            head.push_str("HTTP/1.1 200 OK\r\n");
            file.body.clone()
        }
    };
    if let Some(etag) = file.etag {
        let _ = write!(head, "ETag: {etag}\r\n");
    }
    if !file.no_length {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    for line in &file.headers {
        let _ = write!(head, "{line}\r\n");
    }
    head.push_str("Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    match act {
        Act::Cut(after) => stream.write_all(&body[..body.len().min(*after)]),
        _ => stream.write_all(&body),
    }
}
