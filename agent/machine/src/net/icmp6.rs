// SPDX-License-Identifier: Apache-2.0
//! A raw ICMPv6 socket that hears router advertisements on all ports
//! (raw(7), ipv6(7), RFC 3542).

use std::io::{self, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::ptr;

use ironseed_core::network::ra::advertisement;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6,
    recvmsg, sendto, setsockopt, socket, sockopt,
};
use tokio::io::unix::AsyncFd;

use crate::net::NetError;
use crate::net::packet::watch;

/// Longer than any advertisement on an Ethernet without jumbo frames.
const BUFFER: usize = 2048;

/// All routers of a network.
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// A solicitation (RFC 4861 §4.1) without options; the kernel adds the
/// checksum.
const SOLICITATION: [u8; 8] = [133, 0, 0, 0, 0, 0, 0, 0];

/// The socket.
#[derive(Debug)]
pub(super) struct RouterSocket(AsyncFd<OwnedFd>);

/// An advertisement that arrived.
#[derive(Debug)]
pub(super) struct RouterPacket {
    /// Index of the port.
    pub(super) port: u32,
    /// The router.
    pub(super) from: Ipv6Addr,
    /// From the ICMPv6 header on.
    pub(super) bytes: Vec<u8>,
}

impl RouterSocket {
    /// Opens the socket. Must be called inside a tokio runtime.
    pub(super) fn open() -> Result<Self, NetError> {
        let open = || -> io::Result<AsyncFd<OwnedFd>> {
            let socket = socket(
                AddressFamily::Inet6,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
                SockProtocol::IcmpV6,
            )?;
            hear_advertisements_only(&socket)?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
            setsockopt(
                &socket,
                sockopt::Ipv6MulticastHops,
                &advertisement::HOP_LIMIT.into(),
            )?;
            watch(socket)
        };
        open().map(Self).map_err(NetError::Routers)
    }

    /// The next advertisement. Packets that have passed a router, or do not
    /// come from a neighbour's link-local address, are forged and left out (RFC
    /// 4861 §6.1.2). The kernel has checked the checksum.
    pub(super) async fn receive(&self) -> io::Result<RouterPacket> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|socket| receive_one(socket.get_ref())) {
                Ok(Ok(Some(packet))) => return Ok(packet),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(None)) | Err(_) => {}
            }
        }
    }

    /// Asks the routers of a port to advertise.
    pub(super) fn solicit(&self, port: u32) -> io::Result<()> {
        let target = SockaddrIn6::from(SocketAddrV6::new(ALL_ROUTERS, 0, 0, port));
        let socket = self.0.get_ref().as_raw_fd();
        sendto(socket, &SOLICITATION, &target, MsgFlags::empty())?;
        Ok(())
    }
}

fn receive_one(socket: &OwnedFd) -> io::Result<Option<RouterPacket>> {
    let mut bytes = vec![0; BUFFER];
    let mut control = cmsg_space!(libc::in6_pktinfo, libc::c_int);
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let received = recvmsg::<SockaddrIn6>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    let (mut port, mut hops) = (None, None);
    for message in received.cmsgs()? {
        match message {
            ControlMessageOwned::Ipv6PacketInfo(info) => port = Some(info.ipi6_ifindex),
            ControlMessageOwned::Ipv6HopLimit(limit) => hops = Some(limit),
            _ => {}
        }
    }
    let from = received.address.map(|from| from.ip());
    let length = received.bytes;
    bytes.truncate(length);
    Ok(match (port, from) {
        (Some(port), Some(from))
            if hops == Some(advertisement::HOP_LIMIT.into()) && from.is_unicast_link_local() =>
        {
            Some(RouterPacket { port, from, bytes })
        }
        _ => None,
    })
}

/// Lets only router advertisements through: a set bit blocks a type (RFC 3542
/// §3.2; Linux has it the other way round than the RFC's example, see icmpv6.h).
fn hear_advertisements_only(socket: &OwnedFd) -> io::Result<()> {
    const ICMPV6_FILTER: libc::c_int = 1;
    let mut blocked = [u32::MAX; 8];
    let kind = usize::from(advertisement::TYPE);
    blocked[kind / 32] &= !(1 << (kind % 32));
    let length = libc::socklen_t::try_from(size_of_val(&blocked))
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    #[expect(unsafe_code, reason = "nix has no wrapper for ICMPV6_FILTER")]
    // SAFETY: the kernel reads `length` bytes of `blocked`, which lives until
    // the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_ICMPV6,
            ICMPV6_FILTER,
            ptr::from_ref(&blocked).cast(),
            length,
        )
    };
    Errno::result(result)?;
    Ok(())
}
