// SPDX-License-Identifier: Apache-2.0
//! Looks after one address: probes it, announces it, defends it once.

use std::net::Ipv4Addr;
use std::time::Duration;

use bootconfig::MacAddr;

use crate::network::acd::Arp;

/// How often the address is probed, and how long an answer is waited for.
const PROBES: u32 = 3;
const PROBE_WAIT: Duration = Duration::from_millis(200);

/// How often it is announced and how long the pause is (RFC 5227 §2.3).
const ANNOUNCEMENTS: u32 = 2;
const ANNOUNCE_PAUSE: Duration = Duration::from_secs(2);

/// The second claim within this time ends the defence (RFC 5227 §2.4 (b)).
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// Somebody else has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// The address.
    pub address: Ipv4Addr,
    /// The hardware address of whoever has it.
    pub by: MacAddr,
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Send this to everybody.
    Send(Arp),
    /// The address must be given up.
    Conflict(Conflict),
}

/// Looks after one address.
#[derive(Debug, Clone)]
pub struct Detector {
    own: MacAddr,
    address: Ipv4Addr,
    probes: u32,
    announcements: u32,
    next: Option<Duration>,
    /// When the address was defended last.
    defended: Option<Duration>,
}

impl Detector {
    /// Begins to probe `address` for the port with the hardware address `own`:
    /// the first probe is to be sent at once.
    #[must_use]
    pub fn new(own: MacAddr, address: Ipv4Addr, now: Duration) -> (Self, Arp) {
        let detector = Self {
            own,
            address,
            probes: 1,
            announcements: 0,
            next: Some(now + PROBE_WAIT),
            defended: None,
        };
        (detector, Arp::probe(own, address))
    }

    /// The address it looks after.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// When [`Detector::timer`] must be called; nothing: not any more.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.next
    }

    /// Whether nobody has answered the probes.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.announcements > 0
    }

    /// The deadline has passed.
    pub fn timer(&mut self, now: Duration) -> Option<Arp> {
        if self.next.is_none_or(|next| next > now) {
            return None;
        }
        if self.probes < PROBES {
            self.probes += 1;
            self.next = Some(now + PROBE_WAIT);
            return Some(Arp::probe(self.own, self.address));
        }
        self.announcements += 1;
        self.next = (self.announcements < ANNOUNCEMENTS).then(|| now + ANNOUNCE_PAUSE);
        Some(Arp::announcement(self.own, self.address))
    }

    /// A packet arrived. Whoever says that it has the address has it; while it
    /// is probed, somebody else's probe for it counts as well (RFC 5227
    /// §2.1.1). Later the address is defended once.
    pub fn receive(&mut self, arp: &Arp, now: Duration) -> Option<Outcome> {
        if arp.sender_hardware == self.own {
            return None;
        }
        let claimed = arp.sender == self.address;
        let probed = arp.sender.is_unspecified() && arp.target == self.address && !arp.reply;
        if !(claimed || (probed && !self.is_clear())) {
            return None;
        }
        let recently = |at: Duration| now.saturating_sub(at) < DEFEND_INTERVAL;
        if !self.is_clear() || self.defended.is_some_and(recently) {
            self.next = None;
            return Some(Outcome::Conflict(Conflict {
                address: self.address,
                by: arp.sender_hardware,
            }));
        }
        self.defended = Some(now);
        Some(Outcome::Send(Arp::announcement(self.own, self.address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 50);
    const START: Duration = Duration::from_secs(100);

    fn conflict() -> Option<Outcome> {
        Some(Outcome::Conflict(Conflict {
            address: ADDRESS,
            by: OTHER,
        }))
    }

    /// A detector whose probes nobody answered, and the time then.
    fn clear() -> (Detector, Duration) {
        let (mut detector, _) = Detector::new(OWN, ADDRESS, START);
        let mut now = START;
        while !detector.is_clear() {
            now = detector.deadline().expect("goes on");
            detector.timer(now);
        }
        (detector, now)
    }

    #[test]
    fn an_address_nobody_has_is_announced_within_a_second() {
        let (mut detector, probe) = Detector::new(OWN, ADDRESS, START);
        let mut sent = vec![(0, probe)];
        while let Some(now) = detector.deadline() {
            assert_eq!(detector.timer(now - Duration::from_millis(1)), None);
            let arp = detector.timer(now).expect("something is due");
            sent.push(((now - START).as_millis(), arp));
        }
        let probe = Arp::probe(OWN, ADDRESS);
        let announcement = Arp::announcement(OWN, ADDRESS);
        let expected = [
            (0, probe),
            (200, probe),
            (400, probe),
            (600, announcement),
            (2600, announcement),
        ];
        assert_eq!(sent, expected);
    }

    #[test]
    fn whoever_answers_a_probe_has_the_address() {
        let answer = Arp {
            reply: true,
            ..Arp::question(OTHER, ADDRESS, Ipv4Addr::UNSPECIFIED)
        };
        let others = Ipv4Addr::new(192, 0, 2, 51);
        let cases = [
            (answer, true),
            (Arp::announcement(OTHER, ADDRESS), true),
            (Arp::probe(OTHER, ADDRESS), true),
            (Arp::probe(OWN, ADDRESS), false),
            (Arp::probe(OTHER, others), false),
            (Arp::question(OTHER, others, ADDRESS), false),
        ];
        for (arp, expected) in cases {
            let (mut detector, _) = Detector::new(OWN, ADDRESS, START);
            let got = detector.receive(&arp, START);
            assert_eq!(got, conflict().filter(|_| expected), "{arp:?}");
        }
    }

    #[test]
    fn an_address_in_use_is_defended_once() {
        let (mut detector, now) = clear();
        let claim = Arp::announcement(OTHER, ADDRESS);
        let probe = Arp::probe(OTHER, ADDRESS);
        assert_eq!(detector.receive(&probe, now), None, "the kernel answers");
        let defence = Some(Outcome::Send(Arp::announcement(OWN, ADDRESS)));
        assert_eq!(detector.receive(&claim, now), defence);
        let later = now + DEFEND_INTERVAL;
        assert_eq!(detector.receive(&claim, later), defence);
        let soon = later + Duration::from_secs(9);
        assert_eq!(detector.receive(&claim, soon), conflict());
    }
}
