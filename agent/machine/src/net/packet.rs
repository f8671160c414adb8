// SPDX-License-Identifier: Apache-2.0
//! A packet socket that sends DHCP messages and hears only answers to them, or
//! ARP and what is said of one address (packet(7)).
//!
//! A port without an address cannot use UDP, and the kernel would drop answers
//! to an address it does not have. The socket gets every IPv4 packet of the
//! port, so a filter in the kernel lets only UDP to port 68 through: a
//! download at full speed must not pass through here. Likewise for ARP, of
//! which a large network has hundreds of packets per second.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::ptr;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike as _, bind, recvfrom,
    sendto, socket,
};
use tokio::io::unix::AsyncFd;

use crate::net::NetError;

/// Longer than any Ethernet packet without jumbo frames; servers know that the
/// client takes no longer message.
const BUFFER: usize = 2048;

/// EtherTypes.
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;

/// What a socket is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Protocol {
    /// Answers of DHCP servers.
    Dhcp,
    /// What others say of an address, and what the gateway says.
    Arp {
        /// The address.
        address: Ipv4Addr,
        /// The gateway.
        gateway: Option<Ipv4Addr>,
    },
}

impl Protocol {
    fn ethertype(self) -> u16 {
        match self {
            Protocol::Dhcp => IPV4,
            Protocol::Arp { .. } => ARP,
        }
    }

    fn listen(self) -> &'static str {
        match self {
            Protocol::Dhcp => "listen for DHCP",
            Protocol::Arp { .. } => "listen for ARP",
        }
    }

    fn send(self) -> &'static str {
        match self {
            Protocol::Dhcp => "send DHCP",
            Protocol::Arp { .. } => "send ARP",
        }
    }
}

/// A socket on one port.
#[derive(Debug)]
pub(super) struct PacketSocket {
    port: u32,
    protocol: Protocol,
    socket: AsyncFd<OwnedFd>,
}

/// A packet that arrived.
#[derive(Debug)]
pub(super) struct Packet {
    /// Where it came from.
    pub(super) hardware: [u8; 6],
    /// From the IPv4 or ARP header on.
    pub(super) bytes: Vec<u8>,
}

impl PacketSocket {
    /// Opens a socket on the port with this index. Must be called inside a
    /// tokio runtime.
    pub(super) fn open(port: u32, protocol: Protocol) -> Result<Self, NetError> {
        let open = || -> io::Result<AsyncFd<OwnedFd>> {
            // Without a protocol the socket hears nothing until it is bound,
            // so nothing can arrive before the filter is there.
            let socket = socket(
                AddressFamily::Packet,
                SockType::Datagram,
                SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
                None,
            )?;
            match protocol {
                Protocol::Dhcp => attach_filter(&socket, &mut dhcp_filter())?,
                Protocol::Arp { address, gateway } => {
                    attach_filter(&socket, &mut arp_filter(address, gateway))?;
                }
            }
            let ethertype = protocol.ethertype();
            bind(socket.as_raw_fd(), &link_address(ethertype, port, [0; 6])?)?;
            watch(socket)
        };
        let socket = open().map_err(|source| NetError::Packet {
            what: protocol.listen(),
            port,
            source,
        })?;
        Ok(Self {
            port,
            protocol,
            socket,
        })
    }

    /// Sends a packet, from the IPv4 or ARP header on, to a hardware address.
    pub(super) fn send(&self, packet: &[u8], hardware: [u8; 6]) -> Result<(), NetError> {
        let send = || -> io::Result<()> {
            let target = link_address(self.protocol.ethertype(), self.port, hardware)?;
            let socket = self.socket.get_ref().as_raw_fd();
            sendto(socket, packet, &target, MsgFlags::empty())?;
            Ok(())
        };
        send().map_err(|source| NetError::Packet {
            what: self.protocol.send(),
            port: self.port,
            source,
        })
    }

    /// The next packet. Packets for other machines (on a port in promiscuous
    /// mode) and from this one are left out.
    ///
    /// # Errors
    ///
    /// The port went down or is gone; the socket is of no more use.
    pub(super) async fn receive(&self) -> Result<Packet, NetError> {
        loop {
            let received = async {
                let mut ready = self.socket.readable().await?;
                Ok(ready.try_io(|socket| receive_one(socket.get_ref())))
            };
            match received.await {
                Ok(Ok(Ok(Some(packet)))) => return Ok(packet),
                Ok(Ok(Ok(None)) | Err(_)) => {}
                Ok(Ok(Err(source))) | Err(source) => {
                    return Err(NetError::Packet {
                        what: self.protocol.listen(),
                        port: self.port,
                        source,
                    });
                }
            }
        }
    }
}

/// Lets the event loop watch the socket.
pub(crate) fn watch(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(unsafe_code, reason = "tokio cannot know who else closes the socket")]
    // SAFETY: the socket is owned by the value that is registered, which never
    // gives it away, so it stays open and the same until it is dropped.
    let watched = unsafe { AsyncFd::register(socket) };
    Ok(watched?)
}

fn receive_one(socket: &OwnedFd) -> io::Result<Option<Packet>> {
    let mut bytes = vec![0; BUFFER];
    let (length, from) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut bytes)?;
    bytes.truncate(length);
    let for_us = |from: &LinkAddr| {
        let kind = from.pkttype();
        kind != libc::PACKET_OTHERHOST && kind != libc::PACKET_OUTGOING
    };
    Ok(from.filter(for_us).map(|from| Packet {
        hardware: from.addr().unwrap_or_default(),
        bytes,
    }))
}

/// Lets frames to a group address through on one port: a card drops those that
/// nobody asked for. The membership ends with the socket or the port.
pub(crate) fn join_group(socket: &OwnedFd, port: u32, group: [u8; 6]) -> io::Result<()> {
    let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let mut address = [0; 8];
    address[..6].copy_from_slice(&group);
    let membership = libc::packet_mreq {
        mr_ifindex: i32::try_from(port).map_err(invalid)?,
        mr_type: u16::try_from(libc::PACKET_MR_MULTICAST).map_err(invalid)?,
        mr_alen: 6,
        mr_address: address,
    };
    let length = libc::socklen_t::try_from(size_of_val(&membership)).map_err(invalid)?;
    #[expect(unsafe_code, reason = "nix has no wrapper for PACKET_ADD_MEMBERSHIP")]
    // SAFETY: the kernel reads `length` bytes of `membership`, which is a whole
    // packet_mreq and lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            ptr::from_ref(&membership).cast(),
            length,
        )
    };
    Errno::result(result)?;
    Ok(())
}

/// The address of a port and a machine on its network, for packets of this
/// EtherType. Port 0 is every port.
pub(crate) fn link_address(ethertype: u16, port: u32, hardware: [u8; 6]) -> io::Result<LinkAddr> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let mut octets = [0; 8];
    octets[..6].copy_from_slice(&hardware);
    let raw = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(|_| invalid())?,
        sll_protocol: ethertype.to_be(),
        sll_ifindex: i32::try_from(port).map_err(|_| invalid())?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: octets,
    };
    let length = libc::socklen_t::try_from(size_of_val(&raw)).map_err(|_| invalid())?;
    #[expect(unsafe_code, reason = "nix makes this address from a C struct only")]
    // SAFETY: the pointer is to a whole sockaddr_ll that lives until the call
    // returns, the length is its size, and the function copies it.
    let address = unsafe { LinkAddr::from_raw(ptr::from_ref(&raw).cast(), Some(length)) };
    address.ok_or_else(invalid)
}

/// One instruction of a filter. Offsets are from the IPv4 or ARP header, since
/// the socket is without link-layer headers. (The kernel's
/// networking/filter.rst describes the instructions.)
fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt,
        jf,
        k,
    }
}

/// Lets only UDP to port 68 through.
fn dhcp_filter() -> [libc::sock_filter; 9] {
    let (load, jump, give) = (libc::BPF_LD, libc::BPF_JMP, libc::BPF_RET);
    [
        // Protocol: UDP, or drop.
        step(load | libc::BPF_B | libc::BPF_ABS, 0, 0, 9),
        step(jump | libc::BPF_JEQ, 0, 6, 17),
        // A later fragment has no ports: drop.
        step(load | libc::BPF_H | libc::BPF_ABS, 0, 0, 6),
        step(jump | libc::BPF_JSET, 4, 0, 0x1fff),
        // Destination port, after an IPv4 header of any length: 68, or drop.
        step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0),
        step(load | libc::BPF_H | libc::BPF_IND, 0, 0, 2),
        step(jump | libc::BPF_JEQ, 0, 1, 68),
        step(give, 0, 0, u32::from(u16::MAX)),
        step(give, 0, 0, 0),
    ]
}

/// Lets through who says that it has the address or is the gateway, and who
/// probes the address.
fn arp_filter(address: Ipv4Addr, gateway: Option<Ipv4Addr>) -> [libc::sock_filter; 8] {
    let (load, jump, give) = (libc::BPF_LD, libc::BPF_JMP, libc::BPF_RET);
    let gateway = u32::from(gateway.unwrap_or(address));
    let address = u32::from(address);
    [
        // The sender: the address or the gateway; a probe has none.
        step(load | libc::BPF_W | libc::BPF_ABS, 0, 0, 14),
        step(jump | libc::BPF_JEQ, 4, 0, address),
        step(jump | libc::BPF_JEQ, 3, 0, gateway),
        step(jump | libc::BPF_JEQ, 0, 3, 0),
        // Who is asked for.
        step(load | libc::BPF_W | libc::BPF_ABS, 0, 0, 24),
        step(jump | libc::BPF_JEQ, 0, 1, address),
        step(give, 0, 0, u32::from(u16::MAX)),
        step(give, 0, 0, 0),
    ]
}

fn attach_filter(socket: &OwnedFd, program: &mut [libc::sock_filter]) -> io::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or_default(),
        filter: program.as_mut_ptr(),
    };
    let length = libc::socklen_t::try_from(size_of_val(&filter))
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    #[expect(unsafe_code, reason = "nix has no wrapper for SO_ATTACH_FILTER")]
    // SAFETY: the kernel reads `length` bytes of `filter` and the instructions
    // it points to, all of which live until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            ptr::from_ref(&filter).cast(),
            length,
        )
    };
    Errno::result(result)?;
    Ok(())
}
