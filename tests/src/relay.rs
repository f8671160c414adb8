// SPDX-License-Identifier: Apache-2.0
//! Passes connections of one TCP port on to another server. As long as there is no relay, nobody
//! listens at its port: a service that is down and comes up later.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::error::Error;

/// Starts to pass connections to `from` on to `to`, from threads that live as long as the process.
/// Returns the address that it listens at; port 0 takes any free port.
///
/// # Errors
/// [`Error::Start`] if the address cannot be used.
pub fn start(from: SocketAddr, to: SocketAddr) -> Result<SocketAddr, Error> {
    let failed = |source| Error::Start {
        program: format!("relay from {from} to {to}"),
        source,
    };
    let listener = TcpListener::bind(from).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || {
                // A connection that breaks is for its two ends to notice.
                let _ended = pass_on(client, to);
            });
        }
    });
    Ok(address)
}

fn pass_on(client: TcpStream, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    let (client_again, server_again) = (client.try_clone()?, server.try_clone()?);
    let requests = thread::spawn(move || copy(client_again, &server_again));
    let answers = copy(server, &client);
    let _ended = requests.join();
    answers
}

fn copy(mut from: impl Read, mut to: &TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use std::io::Write;
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn both_directions_are_passed_on() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = TcpListener::bind(any).unwrap();
        let relay = start(any, server.local_addr().unwrap()).unwrap();
        let mut client = TcpStream::connect(relay).unwrap();
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut accepted, _) = server.accept().unwrap();
        let mut question = String::new();
        accepted.read_to_string(&mut question).unwrap();
        accepted.write_all(b"answer").unwrap();
        drop(accepted);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
    }
}
