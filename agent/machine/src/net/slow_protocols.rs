// SPDX-License-Identifier: Apache-2.0
//! A packet socket that hears LACP on ports that are in no bond (packet(7)).
//!
//! One socket serves all ports. A port that is in a bond is not heard here: the
//! bonding driver takes the frames.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use ironseed_core::network::lacp::{SLOW_PROTOCOLS, SLOW_PROTOCOLS_GROUP, is_lacp};
use nix::libc;
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockType, bind, recvfrom, socket};
use tokio::io::unix::AsyncFd;

use crate::net::{join_group, link_address, watch};

/// Longer than a LACP frame (124 bytes); what comes behind does not matter.
const BUFFER: usize = 256;

/// The socket.
#[derive(Debug)]
pub(super) struct SlowProtocols(AsyncFd<OwnedFd>);

impl SlowProtocols {
    /// Opens the socket. Must be called inside a tokio runtime.
    pub(super) fn open() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Packet,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            None,
        )?;
        bind(
            socket.as_raw_fd(),
            &link_address(SLOW_PROTOCOLS, 0, [0; 6])?,
        )?;
        Ok(Self(watch(socket)?))
    }

    /// Lets the frames through on one port: a card drops frames to group
    /// addresses nobody asked for. The membership ends with the port.
    pub(super) fn listen_on(&self, port: u32) -> io::Result<()> {
        join_group(self.0.get_ref(), port, SLOW_PROTOCOLS_GROUP)
    }

    /// The index of the port through which the next LACP frame came.
    pub(super) async fn heard(&self) -> io::Result<u32> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|socket| receive_one(socket.get_ref())) {
                Ok(Ok(Some(port))) => return Ok(port),
                // Another slow protocol, or nothing there after all.
                Ok(Ok(None)) | Err(_) => {}
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

fn receive_one(socket: &OwnedFd) -> io::Result<Option<u32>> {
    let mut bytes = [0; BUFFER];
    let (length, from) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut bytes)?;
    let from = from.filter(|from| from.pkttype() != libc::PACKET_OUTGOING);
    let is_lacp = bytes.get(..length).is_some_and(is_lacp);
    let port = from.and_then(|from| u32::try_from(from.ifindex()).ok());
    Ok(port.filter(|_| is_lacp))
}
