// SPDX-License-Identifier: Apache-2.0
//! TCP for BGP between link-local addresses of one port (tcp(7), RFC 2385).
//!
//! Packets leave with a hop limit of 255, so that a switch with `ttl-security`
//! takes them (RFC 5082). What arrives may have any: FRR sends 1 unless told
//! otherwise, and nobody but the neighbour can send from a link-local address.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;

use bootconfig::Password;
use ironseed_core::network::bgp::Problem;
use nix::libc;
use nix::sys::socket::{MsgFlags, send, setsockopt, sockopt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::neighbours::{bind_to_port, set};
use crate::root::Root;

/// BGP's port (RFC 4271 §8.2.1).
const PORT: u16 = 179;

/// Sessions that wait to be accepted; there is one neighbour.
const BACKLOG: u32 = 4;

/// `TCP_MD5SIG_EXT` and its flag (linux/tcp.h).
const TCP_MD5SIG_EXT: libc::c_int = 32;
const TCP_MD5SIG_FLAG_PREFIX: u8 = 1;

/// Longest password the kernel takes (`TCP_MD5SIG_MAXKEYLEN`).
const LONGEST_PASSWORD: usize = 80;

/// `struct tcp_md5sig` (linux/tcp.h), which the crate `libc` does not have. The
/// address is a `sockaddr_storage` of 128 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
struct TcpMd5Sig {
    family: libc::sa_family_t,
    port: u16,
    flowinfo: u32,
    address: [u8; 16],
    scope: u32,
    rest: [u8; 100],
    flags: u8,
    prefix_len: u8,
    key_len: u16,
    index: libc::c_int,
    key: [u8; LONGEST_PASSWORD],
}

fn socket(port: u32, password: Option<&Password>) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v6()?;
    bind_to_port(&socket, port)?;
    setsockopt(&socket, sockopt::Ipv6Ttl, &255)?;
    if let Some(password) = password {
        protect(&socket, password)?;
    }
    Ok(socket)
}

/// Signs segments to and from all link-local addresses.
fn protect(socket: &impl AsRawFd, password: &Password) -> io::Result<()> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "the password is too long");
    let bytes = password.expose().as_bytes();
    let mut key = [0; LONGEST_PASSWORD];
    key.get_mut(..bytes.len())
        .ok_or_else(invalid)?
        .copy_from_slice(bytes);
    let signature = TcpMd5Sig {
        family: libc::sa_family_t::try_from(libc::AF_INET6).map_err(|_| invalid())?,
        port: 0,
        flowinfo: 0,
        address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0).octets(),
        scope: 0,
        rest: [0; 100],
        flags: TCP_MD5SIG_FLAG_PREFIX,
        prefix_len: 10,
        key_len: u16::try_from(bytes.len()).map_err(|_| invalid())?,
        index: 0,
        key,
    };
    set(socket, libc::IPPROTO_TCP, TCP_MD5SIG_EXT, &signature)
}

/// Accepts sessions on one port. Must be called inside a tokio runtime.
pub(super) fn listen(port: u32, password: Option<&Password>) -> io::Result<TcpListener> {
    let socket = socket(port, password)?;
    setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)))?;
    socket.listen(BACKLOG)
}

/// Opens a session.
pub(super) async fn connect(
    port: u32,
    neighbour: Ipv6Addr,
    password: Option<Password>,
) -> io::Result<TcpStream> {
    let target = SocketAddrV6::new(neighbour, PORT, 0, port);
    socket(port, password.as_ref())?
        .connect(target.into())
        .await
}

/// Our address and the neighbour's on a connection.
pub(super) fn ends(stream: &TcpStream) -> io::Result<(Ipv6Addr, Ipv6Addr)> {
    match (stream.local_addr()?, stream.peer_addr()?) {
        (SocketAddr::V6(local), SocketAddr::V6(remote)) => Ok((*local.ip(), *remote.ip())),
        _ => Err(io::Error::from(io::ErrorKind::AddrNotAvailable)),
    }
}

/// Sends a message. What this machine says fits into any socket's buffer; a
/// neighbour that leaves no room for it is as good as gone.
pub(super) fn say(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let sent = send(stream.as_raw_fd(), bytes, flags)?;
    if sent == bytes.len() {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::WriteZero))
    }
}

/// Segments the kernel dropped because their signature was wrong, missing, or
/// not expected (`TCPMD5NotFound`, `TCPMD5Unexpected`, `TCPMD5Failure`); 0 if
/// it does not tell.
pub(super) fn wrong_signatures(root: &Root) -> u64 {
    let text = root.read_text(NETSTAT).unwrap_or_default();
    count_wrong_signatures(&text)
}

/// Counters of this thread's network namespace.
const NETSTAT: &str = "/proc/thread-self/net/netstat";

/// Names and numbers stand in two lines, at the same places.
fn count_wrong_signatures(netstat: &str) -> u64 {
    let mut lines = netstat
        .lines()
        .filter_map(|line| line.strip_prefix("TcpExt:"));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else {
        return 0;
    };
    names
        .split_whitespace()
        .zip(numbers.split_whitespace())
        .filter(|(name, _)| name.starts_with("TCPMD5"))
        .filter_map(|(_, number)| number.parse::<u64>().ok())
        .sum()
}

/// Why an attempt failed, from the kernel's answer and the count of wrong
/// signatures before it.
pub(super) fn problem(error: Option<&io::Error>, before: u64, now: u64) -> Problem {
    match error {
        _ if now > before => Problem::Password,
        None => Problem::Unanswered,
        Some(error) => match error.raw_os_error() {
            Some(libc::ETIMEDOUT) => Problem::Unanswered,
            _ => Problem::Unreachable(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_counted_by_name() {
        let netstat = "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure Last\n\
            TcpExt: 5 1 2 3 9\nIpExt: InNoRoutes\nIpExt: 7\n";
        assert_eq!(count_wrong_signatures(netstat), 6);
        assert_eq!(count_wrong_signatures("TcpExt: TCPMD5Failure\n"), 0);
        assert_eq!(count_wrong_signatures(""), 0);
    }

    #[test]
    fn the_kernels_structure_has_its_size() {
        // 128 + 1 + 1 + 2 + 4 + 80, aligned to 4.
        assert_eq!(size_of::<TcpMd5Sig>(), 216);
    }
}
