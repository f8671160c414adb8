// SPDX-License-Identifier: Apache-2.0
//! Whether the router of a lease is on the cable.
//!
//! A route through a router that is not there is accepted by the kernel and
//! leads nowhere. One question tells: it is the first thing to look for when
//! a machine has an address and reaches nobody.

use std::net::Ipv4Addr;
use std::time::Duration;

use bootconfig::MacAddr;

use crate::network::acd::Arp;

/// After so many questions without an answer the router counts as absent.
const PATIENCE: u32 = 3;
/// The pause between questions, and between them once it counts as absent.
const PAUSE: Duration = Duration::from_secs(1);
const LONG_PAUSE: Duration = Duration::from_secs(15);

/// Asks for one router until it answers.
#[derive(Debug, Clone)]
pub struct GatewayCheck {
    own: MacAddr,
    address: Ipv4Addr,
    gateway: Ipv4Addr,
    asked: u32,
    next: Option<Duration>,
}

impl GatewayCheck {
    /// A check that begins at `now`, for a port with this address.
    #[must_use]
    pub fn new(own: MacAddr, address: Ipv4Addr, gateway: Ipv4Addr, now: Duration) -> Self {
        Self {
            own,
            address,
            gateway,
            asked: 0,
            next: Some(now),
        }
    }

    /// The router.
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        self.gateway
    }

    /// When [`GatewayCheck::timer`] must be called; nothing: it has answered.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.next
    }

    /// Whether it has been asked for and did not answer.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.next.is_some() && self.asked > PATIENCE
    }

    /// The deadline has passed: ask.
    pub fn timer(&mut self, now: Duration) -> Option<Arp> {
        if self.next.is_none_or(|next| next > now) {
            return None;
        }
        self.asked = self.asked.saturating_add(1);
        let pause = if self.asked <= PATIENCE {
            PAUSE
        } else {
            LONG_PAUSE
        };
        self.next = Some(now + pause);
        Some(Arp::question(self.own, self.address, self.gateway))
    }

    /// A packet arrived; whatever the router says shows that it is there.
    pub fn receive(&mut self, arp: &Arp) {
        if arp.sender == self.gateway && arp.sender_hardware != self.own {
            self.next = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_is_asked_for_until_it_answers() {
        let own = MacAddr([2, 0, 0, 0, 0, 1]);
        let address = Ipv4Addr::new(192, 0, 2, 50);
        let gateway = Ipv4Addr::new(192, 0, 2, 1);
        let mut check = GatewayCheck::new(own, address, gateway, Duration::ZERO);
        let mut asked = vec![];
        while !check.is_silent() {
            let now = check.deadline().expect("goes on");
            let question = check.timer(now);
            assert_eq!(question, Some(Arp::question(own, address, gateway)));
            asked.push(now.as_secs());
        }
        assert_eq!(asked, [0, 1, 2, 3]);
        assert_eq!(check.deadline(), Some(Duration::from_secs(18)));
        check.receive(&Arp::announcement(MacAddr([9; 6]), address));
        assert!(check.is_silent(), "that was somebody else");
        check.receive(&Arp::announcement(MacAddr([9; 6]), gateway));
        assert!(!check.is_silent());
        assert_eq!(check.timer(Duration::from_secs(99)), None);
    }
}
