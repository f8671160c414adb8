// SPDX-License-Identifier: Apache-2.0
//! One connection of the test server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::{ServerConnection, StreamOwned};

use super::{Act, Seen, Served, Shared};

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

pub(super) fn serve(stream: TcpStream, shared: &Shared) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let Ok(raw) = stream.try_clone() else {
        return;
    };
    let stream: Box<dyn Stream> = match &shared.tls {
        Some(config) => {
            let tls = ServerConnection::new(Arc::clone(config)).expect("a session");
            Box::new(StreamOwned::new(tls, stream))
        }
        None => Box::new(stream),
    };
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        shared.seen.lock().expect("requests").push(request.clone());
        if request.headers.contains_key(CONNECT) {
            tunnel(&raw, &request.path);
            break;
        }
        // A client that has enough closes the connection; that is its right.
        match answer(&mut reader, &request, shared) {
            Ok(true) => {}
            Ok(false) | Err(_) => break,
        }
    }
    let _ = raw.shutdown(Shutdown::Both);
}

/// Marks a request to a proxy for a tunnel.
const CONNECT: &str = "connect";

fn read_request(reader: &mut BufReader<Box<dyn Stream>>) -> Option<Seen> {
    let mut lines = reader.lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?, words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    if method == "CONNECT" {
        headers.insert(CONNECT.to_owned(), String::new());
    }
    loop {
        let line = lines.next()?.ok()?;
        match line.split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => return Some(Seen { path, headers }),
        };
    }
}

/// Passes bytes on in both directions until one side has enough.
fn tunnel(mut client: &TcpStream, target: &str) {
    let Ok(mut server) = TcpStream::connect(target) else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
        return;
    };
    if client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_err() {
        return;
    }
    let (mut from_client, mut to_server) = (
        client.try_clone().expect("a socket"),
        server.try_clone().expect("a socket"),
    );
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut server, &mut client);
}

/// Answers one request. Returns whether the connection can take another.
fn answer(
    reader: &mut BufReader<Box<dyn Stream>>,
    request: &Seen,
    shared: &Shared,
) -> io::Result<bool> {
    let Some((file, act)) = next_act(request, shared) else {
        return status(reader.get_mut(), 404, &[]).map(|()| false);
    };
    if let Some((wanted, challenge)) = &file.wants
        && request.header("authorization") != Some(wanted)
    {
        let challenge = format!("WWW-Authenticate: {challenge}");
        return status(reader.get_mut(), 401, &[challenge]).map(|()| false);
    }
    if let Some(target) = &file.redirect {
        let location = format!("Location: {target}");
        return status(reader.get_mut(), 307, &[location]).map(|()| false);
    }
    match &act {
        Act::Status(code) => return status(reader.get_mut(), *code, &[]).map(|()| false),
        Act::Answer(code, lines) => {
            return status(reader.get_mut(), *code, lines).map(|()| false);
        }
        Act::Silence => return wait_for_end(reader),
        _ => {}
    }
    let Some((head, body)) = compose(&file, request) else {
        return status(reader.get_mut(), 416, &[]).map(|()| false);
    };
    let stream = reader.get_mut();
    stream.write_all(head.as_bytes())?;
    match act {
        Act::Cut(after) => {
            send(stream, &file, &body[..body.len().min(after)])?;
            return Ok(false);
        }
        Act::Stall(after) => {
            send(stream, &file, &body[..body.len().min(after)])?;
            return wait_for_end(reader);
        }
        _ => send(stream, &file, &body)?,
    }
    if file.chunked {
        stream.write_all(b"0\r\n\r\n")?;
    }
    stream.flush()?;
    Ok(file.keep_alive)
}

/// The file that is asked for and what shall happen now.
fn next_act(request: &Seen, shared: &Shared) -> Option<(Served, Act)> {
    let mut files = shared.files.lock().expect("files");
    let without_query = request.path.split('?').next()?;
    let path = match files.contains_key(&request.path) {
        true => &request.path,
        false => without_query,
    };
    let file = files.get_mut(path)?;
    let act = file.script.pop_front().unwrap_or(Act::Serve);
    match &act {
        Act::Change(body, etag) => {
            file.body.clone_from(body);
            file.etag = Some(etag);
        }
        Act::Want(wanted) => {
            if let Some((old, _)) = &mut file.wants {
                old.clone_from(wanted);
            }
        }
        _ => {}
    }
    Some((file.clone(), act))
}

/// Sends nothing more, until the client closes the connection.
fn wait_for_end(reader: &mut BufReader<Box<dyn Stream>>) -> io::Result<bool> {
    reader.get_mut().flush()?;
    let _ = reader.read(&mut [0]);
    Ok(false)
}

fn status(stream: &mut dyn Stream, code: u16, lines: &[String]) -> io::Result<()> {
    let mut answer = format!("HTTP/1.1 {code} Trouble\r\n");
    for line in lines {
        let _ = write!(answer, "{line}\r\n");
    }
    answer.push_str("Content-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes())?;
    stream.flush()
}

fn send(stream: &mut dyn Stream, file: &Served, body: &[u8]) -> io::Result<()> {
    if !file.chunked {
        return stream.write_all(body);
    }
    for chunk in body.chunks(10_000) {
        write!(stream, "{:x}\r\n", chunk.len())?;
        stream.write_all(chunk)?;
        stream.write_all(b"\r\n")?;
    }
    Ok(())
}

/// The range to serve: first byte and the one behind the last.
fn range(file: &Served, request: &Seen) -> Option<(usize, usize)> {
    if !file.ranges {
        return None;
    }
    if let Some(condition) = request.header("if-range")
        && Some(condition) != file.etag
        && Some(condition) != file.modified
    {
        return None;
    }
    let range = request.header("range")?.strip_prefix("bytes=")?;
    let (from, to) = range.split_once('-')?;
    let end = match to.parse::<usize>() {
        Ok(last) if !file.ranges_run_on => last + 1,
        _ => file.body.len(),
    };
    Some((from.parse().ok()?, end.min(file.body.len())))
}

/// Head and body of the answer; `None` if the range is behind the end.
fn compose(file: &Served, request: &Seen) -> Option<(String, Vec<u8>)> {
    let total = file.body.len() + file.missing;
    let mut head = String::new();
    let body = match range(file, request) {
        Some((from, _)) if from >= file.body.len() => return None,
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
    if let Some(modified) = file.modified {
        let _ = write!(head, "Last-Modified: {modified}\r\n");
    }
    if file.chunked {
        head.push_str("Transfer-Encoding: chunked\r\n");
    } else if !file.no_length {
        let _ = write!(head, "Content-Length: {}\r\n", body.len() + file.missing);
    }
    for line in &file.headers {
        let _ = write!(head, "{line}\r\n");
    }
    if !file.keep_alive {
        head.push_str("Connection: close\r\n");
    }
    head.push_str("\r\n");
    Some((head, body))
}
