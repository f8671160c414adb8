// SPDX-License-Identifier: Apache-2.0
//! Which of several answers counts.
//!
//! The first answer wins, so that a port without a server costs nothing. A
//! preferred port (the one the settings name, else the one the machine booted
//! from) takes over as soon as it has an address: metrics are given so that
//! nothing has to be rewritten when that happens.

use std::net::IpAddr;

use crate::network::PortStatus;

/// Metric of the routes of the preferred port. Above 0, so that a route an
/// operator adds by hand stays stronger.
pub const PREFERRED_METRIC: u32 = 100;

/// Metric of the routes of the first other port that answered; the next ones
/// follow.
pub const FIRST_METRIC: u32 = 1000;

/// The metric of all routes of a port. The smallest one is used.
#[must_use]
pub fn metric(preferred: bool, order: u32) -> u32 {
    if preferred {
        PREFERRED_METRIC
    } else {
        FIRST_METRIC.saturating_add(order)
    }
}

/// The metric of the default route of router advertisements, which the kernel
/// wants to know before the first one arrives: the order of the answers is not
/// known by then, so the order of the ports decides between those that are not
/// preferred.
#[must_use]
pub fn router_metric(preferred: bool, index: u32) -> u32 {
    metric(preferred, index)
}

/// The port whose address counts: the preferred one if it has an address and
/// carrier, else the one that answered first and has carrier, else any that
/// has an address.
#[must_use]
pub fn primary(ports: &[PortStatus]) -> Option<&PortStatus> {
    ports
        .iter()
        .filter(|port| port.address().is_some())
        .min_by_key(|port| (!port.carrier, !port.preferred, port.order(), port.index))
}

/// Whether other machines can reach the address through a router: it is not
/// link-local, loopback, unspecified or multicast. BMCs hand out link-local
/// addresses on their USB port, and those must never be told to Ironic
/// (contract §5).
#[must_use]
pub fn is_routable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(link_local || address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::status::samples::port;

    #[test]
    fn the_preferred_port_counts_before_the_first_answer() {
        let first = || port(3, "first", true, Some(([192, 0, 2, 1], 0)));
        let second = || port(2, "second", true, Some(([198, 51, 100, 1], 1)));
        let preferred = |mut port: PortStatus| {
            port.preferred = true;
            port
        };
        let unplugged = |mut port: PortStatus| {
            port.carrier = false;
            port
        };
        let bmc = || port(1, "usb0", true, Some(([169, 254, 3, 1], 0)));
        let internal = || {
            let mut port = port(1, "usb0", true, Some(([16, 1, 15, 2], 0)));
            port.internal = true;
            port
        };
        let cases = [
            (vec![], None),
            (vec![port(2, "silent", true, None)], None),
            (vec![second(), first()], Some("first")),
            (vec![preferred(second()), first()], Some("second")),
            (
                vec![preferred(port(2, "second", true, None)), first()],
                Some("first"),
            ),
            (vec![unplugged(preferred(second())), first()], Some("first")),
            (vec![unplugged(first())], Some("first")),
            (vec![bmc(), second()], Some("second")),
            (vec![preferred(bmc())], None),
            (vec![preferred(internal())], None),
            (vec![internal(), second()], Some("second")),
        ];
        for (ports, expected) in cases {
            let found = primary(&ports).map(|port| port.name.as_str());
            assert_eq!(found, expected, "{ports:?}");
        }
    }

    #[test]
    fn metrics_follow_the_same_order() {
        assert!(metric(true, 7) < metric(false, 0));
        assert!(metric(false, 0) < metric(false, 1));
        assert_eq!(metric(false, u32::MAX), u32::MAX);
    }

    #[test]
    fn addresses_only_this_cable_knows_are_not_routable() {
        let cases = [
            ("192.0.2.1", true),
            ("10.1.2.3", true),
            ("2001:db8::1", true),
            ("fd00::1", true),
            ("169.254.0.2", false),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("fe80::1", false),
            ("::1", false),
        ];
        for (text, expected) in cases {
            let address: IpAddr = text.parse().expect(text);
            assert_eq!(is_routable(address), expected, "{text}");
        }
    }
}
