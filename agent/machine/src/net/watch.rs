// SPDX-License-Identifier: Apache-2.0
//! Looks after the IPv4 address of one port on the cable: is it somebody
//! else's, and does its gateway answer? The state machines of the core between
//! a packet socket and a timer.

use std::net::Ipv4Addr;
use std::time::Duration;

use ironseed_core::network::acd::detector::Outcome;
use ironseed_core::network::acd::{Arp, Conflict, Detector, GatewayCheck};
use ironseed_core::network::{Lease, MacAddr};

use crate::net::NetError;
use crate::net::packet::{Packet, PacketSocket, Protocol};

const EVERYBODY: [u8; 6] = [0xff; 6];

/// The watch over one address.
#[derive(Debug)]
pub(super) struct AddressWatch {
    mac: MacAddr,
    socket: PacketSocket,
    detector: Detector,
    gateway: Option<Ipv4Addr>,
    /// Begins once the address is known to be nobody else's.
    check: Option<GatewayCheck>,
}

impl AddressWatch {
    /// Begins to watch the address of a lease that is about to be had: the
    /// first probe is sent at once. Must be called inside a tokio runtime.
    pub(super) fn start(
        port: u32,
        mac: MacAddr,
        lease: &Lease,
        now: Duration,
    ) -> Result<Self, NetError> {
        let gateway = lease.gateway().filter(|gateway| *gateway != lease.address);
        let protocol = Protocol::Arp {
            address: lease.address,
            gateway,
        };
        let socket = PacketSocket::open(port, protocol)?;
        let (detector, probe) = Detector::new(mac, lease.address, now);
        socket.send(&probe.encode(), EVERYBODY)?;
        Ok(Self {
            mac,
            socket,
            detector,
            gateway,
            check: None,
        })
    }

    /// Whether it watches the address and the gateway of this lease.
    pub(super) fn fits(&self, lease: &Lease) -> bool {
        let gateway = lease.gateway().filter(|gateway| *gateway != lease.address);
        self.detector.address() == lease.address && self.gateway == gateway
    }

    /// The gateway, if it has been asked for and does not answer.
    pub(super) fn silent_gateway(&self) -> Option<Ipv4Addr> {
        let check = self.check.as_ref().filter(|check| check.is_silent())?;
        Some(check.gateway())
    }

    /// When [`AddressWatch::timer`] must be called.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let check = self.check.as_ref().and_then(GatewayCheck::deadline);
        self.detector.deadline().into_iter().chain(check).min()
    }

    /// Sends what is due.
    pub(super) fn timer(&mut self, now: Duration) {
        if let Some(arp) = self.detector.timer(now) {
            self.send(arp);
        }
        if self.detector.is_clear() && self.check.is_none() {
            let address = self.detector.address();
            self.check = self
                .gateway
                .map(|gateway| GatewayCheck::new(self.mac, address, gateway, now));
        }
        if let Some(arp) = self.check.as_mut().and_then(|check| check.timer(now)) {
            self.send(arp);
        }
    }

    /// The next packet about the address or from the gateway.
    ///
    /// # Errors
    ///
    /// The port went down or is gone; the watch is of no more use.
    pub(super) async fn receive(&self) -> Result<Packet, NetError> {
        self.socket.receive().await
    }

    /// Takes a packet in; the conflict, if it shows one. What another port of
    /// this machine says (`own` are their hardware addresses) is none: two ports
    /// may be on one network.
    pub(super) fn heard(
        &mut self,
        packet: &Packet,
        now: Duration,
        own: &[MacAddr],
    ) -> Option<Conflict> {
        let arp = Arp::decode(&packet.bytes)?;
        if own.contains(&arp.sender_hardware) {
            return None;
        }
        if let Some(check) = &mut self.check {
            check.receive(&arp);
        }
        match self.detector.receive(&arp, now)? {
            Outcome::Send(arp) => {
                self.send(arp);
                None
            }
            Outcome::Conflict(conflict) => Some(conflict),
        }
    }

    /// A packet that cannot be sent now is sent again or missed by nobody.
    fn send(&self, arp: Arp) {
        let _ = self.socket.send(&arp.encode(), EVERYBODY);
    }
}
