// SPDX-License-Identifier: Apache-2.0
//! A raw ICMPv6 socket that says router advertisements on one port and hears
//! those of the other end (icmp6(7), RFC 3542).
//!
//! The kernel hears them as well and keeps its own counsel; this socket gets a
//! copy of what its filter lets through, which is advertisements alone.

use std::io::{self, IoSliceMut};
use std::mem::size_of_val;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::ptr;

use ironseed_core::network::bgp::advertisement::{ADVERTISEMENT, HOP_LIMIT, is_advertisement};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6,
    recvmsg, sendto, setsockopt, socket, sockopt,
};
use tokio::io::unix::AsyncFd;

use crate::net::watch;

/// Longer than any packet without jumbo frames; only the first bytes are read.
const BUFFER: usize = 2048;

/// `ICMP6_FILTER` (linux/icmpv6.h); the crate `libc` has it for glibc only.
const ICMP6_FILTER: libc::c_int = 1;

/// The socket of one port.
#[derive(Debug)]
pub(super) struct Neighbours {
    port: u32,
    socket: AsyncFd<OwnedFd>,
}

impl Neighbours {
    /// Opens a socket on the port with this index. Must be called inside a
    /// tokio runtime.
    pub(super) fn open(port: u32) -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Inet6,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::IcmpV6,
        )?;
        // One bit for each type: blocked.
        let mut filter = [u32::MAX; 8];
        let (word, bit) = (ADVERTISEMENT / 32, ADVERTISEMENT % 32);
        if let Some(word) = filter.get_mut(usize::from(word)) {
            *word &= !(1 << bit);
        }
        set(&socket, libc::IPPROTO_ICMPV6, ICMP6_FILTER, &filter)?;
        bind_to_port(&socket, port)?;
        setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
        setsockopt(&socket, sockopt::Ipv6MulticastHops, &i32::from(HOP_LIMIT))?;
        // Our own are not a neighbour's.
        let no: libc::c_int = 0;
        set(&socket, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP, &no)?;
        Ok(Self {
            port,
            socket: watch(socket)?,
        })
    }

    /// Sends a message to a group on the port's link.
    ///
    /// # Errors
    ///
    /// The port has no link-local address yet (`EADDRNOTAVAIL`), or is down.
    pub(super) fn send(&self, message: &[u8], group: Ipv6Addr) -> io::Result<()> {
        let target = SockaddrIn6::from(SocketAddrV6::new(group, 0, 0, self.port));
        let socket = self.socket.get_ref().as_raw_fd();
        sendto(socket, message, &target, MsgFlags::empty())?;
        Ok(())
    }

    /// The address of the next neighbour that advertises itself.
    ///
    /// # Errors
    ///
    /// The port is gone; the socket is of no more use.
    pub(super) async fn next(&self) -> io::Result<Ipv6Addr> {
        loop {
            let mut ready = self.socket.readable().await?;
            match ready.try_io(|socket| receive_one(socket.get_ref())) {
                Ok(Ok(Some(neighbour))) => return Ok(neighbour),
                Ok(Ok(None)) | Err(_) => {}
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

fn receive_one(socket: &OwnedFd) -> io::Result<Option<Ipv6Addr>> {
    let mut bytes = [0; BUFFER];
    let mut control = cmsg_space!(libc::c_int);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let socket = socket.as_raw_fd();
    let flags = MsgFlags::empty();
    let received = recvmsg::<SockaddrIn6>(socket, &mut parts, Some(&mut control), flags)?;
    let (length, source) = (received.bytes, received.address);
    let hops = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::Ipv6HopLimit(hops) => u8::try_from(hops).ok(),
        _ => None,
    });
    let (Some(source), Some(hops)) = (source, hops) else {
        return Ok(None);
    };
    let message = bytes.get(..length).unwrap_or_default();
    Ok(is_advertisement(message, source.ip(), hops).then(|| source.ip()))
}

/// Lets a socket speak and hear on one port only.
pub(super) fn bind_to_port(socket: &impl std::os::fd::AsRawFd, port: u32) -> io::Result<()> {
    let index = i32::try_from(port).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    set(socket, libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, &index)
}

/// Sets an option nix has no name for.
pub(super) fn set<T: Copy>(
    socket: &impl std::os::fd::AsRawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(value))
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    #[expect(unsafe_code, reason = "nix has no wrapper for these options")]
    // SAFETY: the kernel reads `length` bytes of `value`, which is that long,
    // plain data without pointers, and lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            length,
        )
    };
    Errno::result(result)?;
    Ok(())
}
