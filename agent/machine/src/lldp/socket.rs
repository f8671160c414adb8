// SPDX-License-Identifier: Apache-2.0
//! A packet socket that hears and sends LLDP on every port (packet(7)).
//!
//! One socket serves all ports: it is bound to the EtherType only, and each
//! frame says through which port it came. Being in the groups matters: a card
//! drops frames to group addresses nobody asked for.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use ironseed_core::lldp::ETHERTYPE;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, bind, recvfrom, sendto, setsockopt,
    socket, sockopt,
};
use tokio::io::unix::AsyncFd;

use crate::net::{join_group, link_address, watch};

/// Longer than any LLDP frame, which has to fit into an ordinary Ethernet
/// frame. What a stranger sends beyond is cut off.
const BUFFER: usize = 2048;

/// `TC_PRIO_CONTROL` of `linux/pkt_sched.h`: frames that keep the network
/// working, which go first and, with i40e and ice, without a VLAN tag.
const PRIORITY: i32 = 7;

/// The socket.
#[derive(Debug)]
pub(super) struct LldpSocket(AsyncFd<OwnedFd>);

impl LldpSocket {
    /// Opens the socket. Must be called inside a tokio runtime.
    pub(super) fn open() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            None,
        )?;
        setsockopt(&socket, sockopt::Priority, &PRIORITY)?;
        bind(socket.as_raw_fd(), &link_address(ETHERTYPE, 0, [0; 6])?)?;
        Ok(Self(watch(socket)?))
    }

    /// Lets frames to a group address through on one port. The membership ends
    /// with the socket or the port.
    pub(super) fn join(&self, port: u32, group: [u8; 6]) -> io::Result<()> {
        join_group(self.0.get_ref(), port, group)
    }

    /// Sends a frame, from the destination address on, through one port.
    pub(super) fn send(&self, port: u32, frame: &[u8]) -> io::Result<()> {
        // The addresses are in the frame; only the port counts here.
        let target = link_address(ETHERTYPE, port, [0; 6])?;
        sendto(self.0.as_raw_fd(), frame, &target, MsgFlags::empty())?;
        Ok(())
    }

    /// The next frame and the index of the port it came through.
    pub(super) async fn receive(&self) -> io::Result<(u32, Vec<u8>)> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|socket| receive_one(socket.get_ref())) {
                Ok(Ok(Some(frame))) => return Ok(frame),
                // A frame of this machine, or nothing there after all.
                Ok(Ok(None)) | Err(_) => {}
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

fn receive_one(socket: &OwnedFd) -> io::Result<Option<(u32, Vec<u8>)>> {
    let mut bytes = vec![0; BUFFER];
    let (length, from) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut bytes)?;
    bytes.truncate(length);
    let foreign = |from: &LinkAddr| from.pkttype() != libc::PACKET_OUTGOING;
    let port = |from: LinkAddr| u32::try_from(from.ifindex()).ok();
    Ok(from
        .filter(foreign)
        .and_then(port)
        .map(|port| (port, bytes)))
}
