// SPDX-License-Identifier: Apache-2.0
//! What the kernel shall do about IPv6 on a port: its settings below
//! `/proc/sys/net/ipv6/conf/<port>/` (the kernel's networking/ip-sysctl.rst).

use crate::network::{Addressing, LinkPlan, primary};

/// The directory of these settings; the name of the port and `/` follow.
pub const DIRECTORY: &str = "/proc/sys/net/ipv6/conf/";

/// The longest pause between two solicitations in seconds, as between two
/// DHCPDISCOVERs: a switch port that takes a minute to forward is found soon
/// after. The kernel's own limit is an hour.
const SOLICITATION_PAUSE: u32 = 8;

/// What the kernel shall do on one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelIpv6 {
    /// Take default routes, other routes, on-link prefixes, MTU and hop limit
    /// from router advertisements.
    pub routes: bool,
    /// Make addresses from their prefixes.
    pub addresses: bool,
    /// Metric of the default route.
    pub metric: u32,
}

impl KernelIpv6 {
    /// What the plan wants. DHCPv6 tells no routes, so a port that only asks
    /// for an address takes them from routers all the same.
    #[must_use]
    pub fn of(plan: &LinkPlan, index: u32) -> Self {
        let addresses = plan.addressing.contains(&Addressing::Slaac);
        Self {
            routes: addresses || plan.addressing.contains(&Addressing::Dhcp6),
            addresses,
            metric: primary::router_metric(plan.preferred, index),
        }
    }

    /// The settings and their values, in the order in which they are to be
    /// written.
    ///
    /// Addresses follow from the hardware address (`addr_gen_mode` 0, no
    /// temporary ones), since that is what Ironic knows of a port. They are
    /// used while the kernel still checks that nobody else has them (RFC 4429),
    /// which takes a second or two. `accept_ra` 2 accepts advertisements
    /// even where another program has switched forwarding on.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, u32)> {
        let routes = u32::from(self.routes);
        vec![
            ("addr_gen_mode", 0),
            ("use_tempaddr", 0),
            ("accept_dad", 1),
            ("dad_transmits", 1),
            ("optimistic_dad", 1),
            ("use_optimistic", 1),
            ("autoconf", u32::from(self.addresses)),
            ("accept_ra_defrtr", routes),
            ("accept_ra_pinfo", routes),
            ("accept_ra_mtu", routes),
            ("accept_ra_rtr_pref", routes),
            ("accept_ra_rt_info_min_plen", 0),
            ("accept_ra_rt_info_max_plen", routes * 128),
            ("ra_defrtr_metric", self.metric),
            ("router_solicitation_interval", 1),
            ("router_solicitation_max_interval", SOLICITATION_PAUSE),
            ("accept_ra", routes * 2),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::PlannedDevice;

    #[test]
    fn the_plan_decides_what_the_kernel_does() {
        let dhcp4 = Addressing::Dhcp4;
        let cases = [
            (vec![], false, (0, 0, 0), 1005),
            (vec![dhcp4.clone()], false, (0, 0, 0), 1005),
            (vec![dhcp4, Addressing::Slaac], false, (2, 1, 128), 1005),
            (vec![Addressing::Slaac], true, (2, 1, 128), 100),
            (vec![Addressing::Dhcp6], false, (2, 0, 128), 1005),
        ];
        for (addressing, preferred, expected, metric) in cases {
            let plan = LinkPlan {
                name: "eno1".into(),
                device: PlannedDevice::Dummy,
                mac: None,
                addressing,
                routes: vec![],
                mtu: None,
                preferred,
            };
            let settings = KernelIpv6::of(&plan, 5).settings();
            let value = |name: &str| {
                let row = settings.iter().find(|(known, _)| *known == name);
                row.map(|(_, value)| *value).expect(name)
            };
            let got = (
                value("accept_ra"),
                value("autoconf"),
                value("accept_ra_rt_info_max_plen"),
            );
            assert_eq!(got, expected, "{plan:?}");
            assert_eq!(value("ra_defrtr_metric"), metric, "{plan:?}");
        }
    }
}
