// SPDX-License-Identifier: Apache-2.0
//! The plan where somebody described the network: each described link is bound
//! to the port of this machine that it means.

use std::collections::BTreeMap;

use super::{
    Bond, LinkPlan, Missing, NetworkInputs, NetworkMode, NetworkPlan, PlannedDevice, automatic,
};
use crate::network::Link;
use crate::network::description::{DescribedDevice, DescribedLink, Description, PortMatch};

/// As the description says. Ports that it does not mention are brought up, so
/// that their neighbours are heard, and ask for addresses only if
/// [`NetworkInputs::dhcp_fallback`] allows it.
pub(super) fn plan(inputs: &NetworkInputs<'_>, description: &Description) -> NetworkPlan {
    let ports = ports(inputs);
    let bound = Binding::new(description, &ports);
    let preferred = preferred(inputs, description, &bound);
    let described = description.links.iter().filter_map(|link| {
        let mut plan = bound.link(link)?;
        plan.preferred = preferred == Some(link.name.as_str());
        Some(plan)
    });
    let mut links: Vec<LinkPlan> = described.collect();
    let first = match preferred {
        Some(_) => None,
        None => super::preferred_port(inputs, &ports),
    };
    let others = ports.iter().filter(|port| !bound.means(port.index));
    links.extend(others.map(|port| match &description.others {
        _ if port.controller.is_some() => automatic::silent(port, false),
        Some(addressing) => LinkPlan {
            addressing: addressing.clone(),
            ..automatic::silent(port, first == Some(port.index))
        },
        None if inputs.dhcp_fallback => automatic::asking(port, false),
        None => automatic::silent(port, false),
    }));
    let by_name = links_by_name(description);
    links.sort_by_key(|link| depth(&by_name, link));
    fit_mtus(&mut links);
    NetworkPlan {
        source: Some(description.source),
        links,
        dns: description.dns.clone(),
        search: description.search.clone(),
        ignore_lease_dns: description.ignore_lease_dns,
        missing: bound.missing,
    }
}

/// Every port of the machine, those inside a bond included.
fn ports<'a>(inputs: &NetworkInputs<'a>) -> Vec<&'a Link> {
    debug_assert_eq!(inputs.mode, NetworkMode::Manage);
    let mut ports: Vec<&Link> = inputs
        .links
        .iter()
        .filter(|link| link.is_port(inputs.extra_kinds))
        .collect();
    ports.sort_by_key(|link| link.index);
    ports
}

/// Which port each described link means.
struct Binding<'a> {
    ports: BTreeMap<&'a str, &'a Link>,
    missing: Vec<Missing>,
}

impl<'a> Binding<'a> {
    fn new(description: &'a Description, ports: &[&'a Link]) -> Self {
        let mut bound = Self {
            ports: BTreeMap::new(),
            missing: vec![],
        };
        for link in &description.links {
            let DescribedDevice::Port(wanted) = &link.device else {
                continue;
            };
            let found = ports.iter().find(|port| match wanted {
                PortMatch::Mac(mac) => port.is_card(*mac),
                PortMatch::Name(name) => port.name == *name,
            });
            match found {
                Some(port) => {
                    bound.ports.insert(&link.name, port);
                }
                None => bound.missing.push(Missing {
                    link: link.name.clone(),
                    port: wanted.clone(),
                }),
            }
        }
        bound
    }

    fn means(&self, index: u32) -> bool {
        self.ports.values().any(|port| port.index == index)
    }

    /// The kernel's name of a described link: a port keeps its own.
    fn kernel_name(&self, described: &str) -> String {
        let port = self.ports.get(described);
        port.map_or_else(|| described.to_owned(), |port| port.name.clone())
    }

    /// The options of a bond; the one that names a port has the kernel's name of
    /// it.
    fn options(&self, bond: &Bond) -> Vec<(String, String)> {
        let own = |(name, value): &(String, String)| match name.as_str() {
            "primary" => (name.clone(), self.kernel_name(value)),
            _ => (name.clone(), value.clone()),
        };
        bond.options.iter().map(own).collect()
    }

    fn link(&self, link: &DescribedLink) -> Option<LinkPlan> {
        let device = match &link.device {
            DescribedDevice::Port(_) => {
                let port = self.ports.get(link.name.as_str())?;
                PlannedDevice::Physical {
                    index: port.index,
                    mac: port.mac,
                }
            }
            DescribedDevice::Bond(bond) => PlannedDevice::Bond(Bond {
                ports: bond
                    .ports
                    .iter()
                    .map(|port| self.kernel_name(port))
                    .collect(),
                options: self.options(bond),
                ..bond.clone()
            }),
            DescribedDevice::Vlan { parent, id } => PlannedDevice::Vlan {
                parent: self.kernel_name(parent),
                id: *id,
            },
            DescribedDevice::Dummy => PlannedDevice::Dummy,
        };
        Some(LinkPlan {
            name: self.kernel_name(&link.name),
            device,
            mac: link.mac,
            addressing: link.addressing.clone(),
            routes: link.routes.clone(),
            mtu: link.mtu,
            preferred: false,
        })
    }
}

/// The described link that comes first: the one the settings name, else the one
/// the description names, else the one with a default route, else the one the
/// machine booted from.
fn preferred<'a>(
    inputs: &NetworkInputs<'_>,
    description: &'a Description,
    bound: &Binding<'_>,
) -> Option<&'a str> {
    let links = || description.links.iter();
    let is_named = |link: &DescribedLink| {
        inputs
            .network_interface
            .is_some_and(|name| bound.kernel_name(&link.name) == name)
    };
    let described = links_by_name(description);
    let is_boot = |link: &DescribedLink| {
        let boots = |port: &&Link| inputs.boot_mac.is_some_and(|mac| port.is_card(mac));
        let cards = cards(&described, &link.name, described.len());
        let mut ports = cards.into_iter().filter_map(|name| bound.ports.get(name));
        ports.any(boots)
    };
    let is_wanted = |link: &DescribedLink| Some(&link.name) == description.preferred.as_ref();
    let has_default = |link: &DescribedLink| link.routes.iter().any(|route| route.is_default());
    links()
        .find(|link| is_named(link))
        .or_else(|| links().find(|link| is_wanted(link)))
        .or_else(|| links().find(|link| has_default(link)))
        .or_else(|| links().find(|link| is_boot(link) && !link.addressing.is_empty()))
        .map(|link| link.name.as_str())
}

fn links_by_name(description: &Description) -> BTreeMap<&str, &DescribedLink> {
    description
        .links
        .iter()
        .map(|link| (link.name.as_str(), link))
        .collect()
}

/// The described ports that a link stands on, itself included; at most `left`
/// steps below it.
fn cards<'a>(
    described: &BTreeMap<&'a str, &'a DescribedLink>,
    name: &str,
    left: usize,
) -> Vec<&'a str> {
    let Some((name, link)) = described.get_key_value(name) else {
        return vec![];
    };
    let below = |name: &String| match left {
        0 => vec![],
        left => cards(described, name, left - 1),
    };
    match &link.device {
        DescribedDevice::Port(_) => vec![name],
        DescribedDevice::Bond(bond) => bond.ports.iter().flat_map(below).collect(),
        DescribedDevice::Vlan { parent, .. } => below(parent),
        DescribedDevice::Dummy => vec![],
    }
}

/// The MTU of Ethernet without jumbo frames, which every card starts with.
const ETHERNET_MTU: u32 = 1500;

/// Makes the MTUs of links that stand on each other fit, where the description
/// leaves them open: what carries a VLAN must let its packets through, and a
/// bond and its ports have the same MTU (the bonding driver gives the ports
/// its own).
///
/// `links` is in the order of a plan: what carries a link comes before it.
fn fit_mtus(links: &mut [LinkPlan]) {
    for at in (0..links.len()).rev() {
        let wanted = links[at].mtu;
        match links[at].device.clone() {
            PlannedDevice::Vlan { parent, .. } => {
                let jumbo = wanted.filter(|mtu| *mtu > ETHERNET_MTU);
                let parent = links.iter_mut().find(|link| link.name == parent);
                if let Some(parent) = parent.filter(|parent| parent.mtu.is_none()) {
                    parent.mtu = jumbo;
                }
            }
            PlannedDevice::Bond(bond) => {
                let is_port = |link: &&mut LinkPlan| bond.ports.contains(&link.name);
                let of_ports = links.iter_mut().filter(is_port).filter_map(|port| port.mtu);
                let mtu = wanted.or(of_ports.max());
                links[at].mtu = mtu;
                for port in links.iter_mut().filter(is_port) {
                    port.mtu = mtu;
                }
            }
            PlannedDevice::Physical { .. } | PlannedDevice::Dummy => {}
        }
    }
}

/// How many links carry this one, at most as many as are described: those with
/// less come first. A description that goes round in circles ends there.
fn depth(described: &BTreeMap<&str, &DescribedLink>, link: &LinkPlan) -> usize {
    fn below(described: &BTreeMap<&str, &DescribedLink>, name: &str, left: usize) -> usize {
        let Some(link) = described.get(name).filter(|_| left > 0) else {
            return 0;
        };
        let depth = |name: &String| 1 + below(described, name, left - 1);
        match &link.device {
            DescribedDevice::Bond(bond) => bond.ports.iter().map(depth).max().unwrap_or(1),
            DescribedDevice::Vlan { parent, .. } => depth(parent),
            DescribedDevice::Port(_) | DescribedDevice::Dummy => 0,
        }
    }
    below(described, &link.name, described.len())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bootconfig::MacAddr;

    use super::*;
    use crate::network::description::Source;
    use crate::network::plan::{Addressing, BondMode, HeardVlans};
    use crate::network::{LinkDetails, LinkKind, Route};

    fn port(index: u32, name: &str) -> Link {
        let last = u8::try_from(index).unwrap_or_default();
        Link {
            index,
            name: name.into(),
            kind: LinkKind::Ethernet,
            mac: Some(MacAddr([2, 0, 0, 0, 0, last])),
            permanent: None,
            internal: false,
            up: false,
            carrier: false,
            carrier_ups: 0,
            mtu: 1500,
            controller: None,
            details: LinkDetails::default(),
        }
    }

    fn described(name: &str, device: DescribedDevice) -> DescribedLink {
        DescribedLink {
            name: name.into(),
            device,
            mac: None,
            mtu: None,
            addressing: vec![],
            routes: vec![],
        }
    }

    fn by_mac(name: &str, last: u8) -> DescribedLink {
        let mac = MacAddr([2, 0, 0, 0, 0, last]);
        described(name, DescribedDevice::Port(PortMatch::Mac(mac)))
    }

    /// A bond of two ports and a VLAN on it, the VLAN written down first.
    fn rack() -> Description {
        let vlan = DescribedDevice::Vlan {
            parent: "bond0".into(),
            id: 7,
        };
        let bond = DescribedDevice::Bond(Bond {
            mode: BondMode::Lacp,
            ports: vec!["tap1".into(), "tap2".into()],
            options: vec![],
        });
        let mut vlan = described("bond0.7", vlan);
        vlan.addressing.push(Addressing::Dhcp4);
        vlan.routes
            .push(Route::default_through(IpAddr::from([192, 0, 2, 1])));
        Description {
            links: vec![
                vlan,
                described("bond0", bond),
                by_mac("tap1", 2),
                by_mac("tap2", 3),
            ],
            ..Description::of(Source::NetworkData)
        }
    }

    static NO_VLANS: HeardVlans = HeardVlans::new();

    fn inputs(links: &[Link]) -> NetworkInputs<'_> {
        NetworkInputs {
            mode: NetworkMode::Manage,
            boot_mac: None,
            network_interface: None,
            extra_kinds: &[],
            description: None,
            dhcp_fallback: false,
            vlan_interfaces: &[],
            heard_vlans: &NO_VLANS,
            links,
        }
    }

    fn names(plan: &NetworkPlan) -> Vec<&str> {
        plan.links.iter().map(|link| link.name.as_str()).collect()
    }

    #[test]
    fn what_carries_a_link_comes_before_it() {
        let links = [port(2, "eno1"), port(3, "eno2"), port(4, "eno3")];
        let plan = plan(&inputs(&links), &rack());
        assert_eq!(names(&plan), ["eno1", "eno2", "eno3", "bond0", "bond0.7"]);
        let PlannedDevice::Bond(bond) = &plan.links[3].device else {
            panic!("{plan:?}");
        };
        assert_eq!(bond.ports, ["eno1", "eno2"]);
        let preferred: Vec<bool> = plan.links.iter().map(|link| link.preferred).collect();
        assert_eq!(preferred, [false, false, false, false, true]);
        assert!(plan.missing.is_empty());
    }

    #[test]
    fn a_port_inside_a_bond_is_known_by_its_own_address() {
        let mut links = [port(2, "eno1"), port(3, "eno2")];
        for link in &mut links {
            link.permanent = link.mac;
            link.mac = Some(MacAddr([2, 0, 0, 0, 0, 2]));
            link.controller = Some(9);
        }
        let plan = plan(&inputs(&links), &rack());
        let PlannedDevice::Bond(bond) = &plan.links[2].device else {
            panic!("{plan:?}");
        };
        assert_eq!(bond.ports, ["eno1", "eno2"]);
    }

    #[test]
    fn a_port_that_is_not_there_is_missing_by_name() {
        let links = [port(2, "eno1")];
        let plan = plan(&inputs(&links), &rack());
        let missing: Vec<String> = plan.missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            missing,
            ["tap2: this machine has no port 02:00:00:00:00:03"]
        );
    }

    #[test]
    fn other_ports_ask_only_where_that_is_allowed() {
        let links = [port(2, "eno1"), port(3, "eno2"), port(4, "eno3")];
        for allowed in [false, true] {
            let inputs = NetworkInputs {
                dhcp_fallback: allowed,
                ..inputs(&links)
            };
            let plan = plan(&inputs, &rack());
            let other = plan.links.iter().find(|link| link.name == "eno3");
            let asks = other.map(|link| !link.addressing.is_empty());
            assert_eq!(asks, Some(allowed));
        }
    }

    #[test]
    fn mtus_that_are_left_open_fit() {
        let links = [port(2, "eno1"), port(3, "eno2")];
        // MTUs of VLAN, bond and first port, and what becomes of them.
        let cases = [
            ([None, None, None], [None, None, None]),
            (
                [Some(9000), None, None],
                [Some(9000), Some(9000), Some(9000)],
            ),
            ([Some(1400), None, None], [Some(1400), None, None]),
            (
                [None, Some(9000), Some(1500)],
                [None, Some(9000), Some(9000)],
            ),
            ([None, None, Some(9000)], [None, Some(9000), Some(9000)]),
            (
                [Some(9000), Some(1500), None],
                [Some(9000), Some(1500), Some(1500)],
            ),
        ];
        for (given, expected) in cases {
            let mut description = rack();
            for (link, mtu) in description.links.iter_mut().zip(given) {
                link.mtu = mtu;
            }
            let plan = plan(&inputs(&links), &description);
            let mtu = |name: &str| plan.links.iter().find(|link| link.name == name)?.mtu;
            let got = [mtu("bond0.7"), mtu("bond0"), mtu("eno1")];
            assert_eq!(got, expected, "{given:?}");
        }
    }

    #[test]
    fn the_bond_of_the_boot_port_comes_first() {
        let links = [port(2, "eno1"), port(3, "eno2")];
        let mut description = rack();
        description.links[0].routes.clear();
        let boot = NetworkInputs {
            boot_mac: links[1].mac,
            ..inputs(&links)
        };
        let preferred = |plan: NetworkPlan| {
            let mut links = plan.links.into_iter();
            links.find(|link| link.preferred).map(|link| link.name)
        };
        let on_bond = plan(&boot, &description);
        assert_eq!(preferred(on_bond), Some("bond0.7".into()));
        let unknown = plan(&inputs(&links), &description);
        assert_eq!(preferred(unknown), None);
    }

    #[test]
    fn the_primary_port_has_the_kernels_name() {
        let links = [port(2, "eno1"), port(3, "eno2")];
        let mut description = rack();
        let DescribedDevice::Bond(bond) = &mut description.links[1].device else {
            panic!("{description:?}");
        };
        bond.options.push(("primary".into(), "tap2".into()));
        let plan = plan(&inputs(&links), &description);
        let bond = plan.links.iter().find_map(|link| match &link.device {
            PlannedDevice::Bond(bond) => Some(bond),
            _ => None,
        });
        let primary = bond.and_then(Bond::primary);
        assert_eq!(primary.map(String::as_str), Some("eno2"));
    }

    #[test]
    fn a_circle_ends() {
        let vlan = |name: &str, parent: &str| {
            described(
                name,
                DescribedDevice::Vlan {
                    parent: parent.into(),
                    id: 1,
                },
            )
        };
        let description = Description {
            links: vec![vlan("a", "b"), vlan("b", "a")],
            ..rack()
        };
        assert_eq!(names(&plan(&inputs(&[]), &description)).len(), 2);
    }
}
