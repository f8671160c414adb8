// SPDX-License-Identifier: Apache-2.0
//! Router advertisements (RFC 4861 §4.1, §4.2), as far as two BGP speakers need
//! them to find each other.
//!
//! FRR opens a session on an unnumbered interface to the link-local address an
//! advertisement came from, so each side must send one. Ours says that it is no
//! default router (lifetime 0) and nothing else; what a switch's says is not
//! read here, only whose it is.

use std::net::Ipv6Addr;
use std::time::Duration;

use bootconfig::MacAddr;

/// Where advertisements go: all nodes on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Where solicitations go: all routers on the link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// Hop limit of every message of this kind: it cannot have come from a router
/// further away (RFC 4861 §6.1).
pub const HOP_LIMIT: u8 = 255;

/// ICMPv6 type of a solicitation.
pub const SOLICITATION: u8 = 133;

/// ICMPv6 type of an advertisement.
pub const ADVERTISEMENT: u8 = 134;

/// Pause between two advertisements while the neighbour is not a BGP neighbour
/// yet: with jitter, never below the 3 s of RFC 4861 §10.
const SEEKING: Duration = Duration::from_secs(4);

/// Pause between two when it is: what FRR does on such links.
const SETTLED: Duration = Duration::from_secs(10);

/// Our advertisement, from the ICMPv6 header on; the kernel fills in the
/// checksum.
#[must_use]
pub fn advertisement(hardware: Option<MacAddr>) -> Vec<u8> {
    // Type, code, checksum; hop limit 0 (no advice), no flags, router lifetime
    // 0, reachable time and retransmission time 0 (no advice).
    let mut message = vec![ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    message.extend(source_option(hardware));
    message
}

/// A request for the switch's advertisement, so that nobody waits for its next
/// one.
#[must_use]
pub fn solicitation(hardware: Option<MacAddr>) -> Vec<u8> {
    let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    message.extend(source_option(hardware));
    message
}

/// The option "source link-layer address" (RFC 4861 §4.6.1).
fn source_option(hardware: Option<MacAddr>) -> Vec<u8> {
    hardware.map_or_else(Vec::new, |mac| [&[1, 1][..], &mac.0].concat())
}

/// Whether a message that arrived is a valid advertisement of a neighbour
/// (RFC 4861 §6.1.2).
#[must_use]
pub fn is_advertisement(message: &[u8], source: Ipv6Addr, hop_limit: u8) -> bool {
    message.len() >= 16
        && message.starts_with(&[ADVERTISEMENT, 0])
        && source.is_unicast_link_local()
        && hop_limit == HOP_LIMIT
}

/// The pause before the next advertisement: up to a quarter shorter, so that
/// the ports of a rack do not speak at once.
#[must_use]
pub fn pause(established: bool, random: u32) -> Duration {
    let pause = if established { SETTLED } else { SEEKING };
    super::session::jittered(pause, random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_the_rfc_draws_them() {
        let mac = MacAddr([0x52, 0x54, 0, 0, 0, 1]);
        let mut expected = vec![0; 16];
        expected[0] = 134;
        expected.extend([1, 1, 0x52, 0x54, 0, 0, 0, 1]);
        assert_eq!(advertisement(Some(mac)), expected);
        assert_eq!(advertisement(None).len(), 16);
        assert_eq!(solicitation(None), [133, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn only_a_neighbours_advertisement_counts() {
        let router: Ipv6Addr = "fe80::1".parse().expect("an address");
        let good = advertisement(None);
        let solicitation = [solicitation(None), vec![0; 8]].concat();
        let cases = [
            (&good[..], router, 255, true),
            (&good[..], router, 64, false),
            (&good[..], "2001:db8::1".parse().expect("one"), 255, false),
            (&good[..15], router, 255, false),
            (&solicitation[..], router, 255, false),
            (&[], router, 255, false),
        ];
        for (message, source, hops, expected) in cases {
            assert_eq!(
                is_advertisement(message, source, hops),
                expected,
                "{message:?}"
            );
        }
    }

    #[test]
    fn pauses_are_within_the_rfcs_bounds() {
        for random in [0, 1 << 31, u32::MAX] {
            let settled = pause(true, random);
            assert!((Duration::from_millis(7500)..=SETTLED).contains(&settled));
            let seeking = pause(false, random);
            assert!((Duration::from_secs(3)..=SEEKING).contains(&seeking));
        }
    }
}
