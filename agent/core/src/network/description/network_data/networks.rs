// SPDX-License-Identifier: Apache-2.0
//! The `networks` of the file, and the services: how links get addresses, and
//! who answers there.

use std::net::IpAddr;

use super::address::{
    Family, contains, is_gateway, is_host, is_link_local, network, prefix_len, with_prefix,
};
use super::json::{Object, Place, shown};
use super::problem::{Problem, Reading, Warning};
use crate::network::Route;
use crate::network::plan::Addressing;

const TYPES: &str =
    "ipv4, ipv4_dhcp, ipv6, ipv6_dhcp, ipv6_slaac, ipv6_dhcpv6-stateful or ipv6_dhcpv6-stateless";
const MASK: &str = "a netmask or a prefix length";
const DOMAIN: &str = "a domain name";
const ADDRESS: &str = "an IP address";

/// A network as it is written.
#[derive(Debug)]
pub(super) struct ReadNetwork {
    pub(super) place: Place,
    /// Id of its link.
    pub(super) link: String,
    pub(super) family: Family,
    /// How its link gets addresses of this family.
    pub(super) addressing: Vec<Addressing>,
    /// Routes through its link, each with the place of its gateway.
    pub(super) routes: Vec<(String, Route)>,
    pub(super) search: Vec<String>,
    pub(super) services: Services,
}

/// Who answers in a network.
#[derive(Debug, Default)]
pub(super) struct Services {
    pub(super) dns: Vec<IpAddr>,
    /// Addresses or names.
    pub(super) ntp: Vec<String>,
}

impl Services {
    pub(super) fn append(&mut self, other: Self) {
        self.dns.extend(other.dns);
        self.ntp.extend(other.ntp);
    }
}

/// Reads a network; what is wrong with it is noted.
pub(super) fn read(object: &Object<'_>, reading: &mut Reading) -> Option<ReadNetwork> {
    let link = object.required("link", "the id of a link", reading);
    let kind = match object.required("type", TYPES, reading) {
        Some(_) => object.parsed("type", TYPES, reading, kind),
        None => None,
    };
    let mut services = self::services(object, reading);
    let search = search(object, reading);
    let (family, dynamic) = kind?;
    let addressing = match dynamic.is_empty() {
        true => fixed(object, family, reading).into_iter().collect(),
        false => dynamic,
    };
    let mut routes = Vec::new();
    if let Some(gateway) = gateway(object, family, reading) {
        routes.push((object.key("gateway"), Route::default_through(gateway)));
    }
    for object in object.objects("routes", reading) {
        services.append(self::services(&object, reading));
        if let Some(route) = route(&object, family, reading) {
            routes.push((object.key("gateway"), route));
        }
    }
    Some(ReadNetwork {
        place: object.place().clone(),
        link: link?,
        family,
        addressing,
        routes,
        search,
        services,
    })
}

/// The family of a type of network, and how addresses are asked for there; not
/// at all where they are in the file.
///
/// DHCPv6 gives no routes (RFC 8415), so router advertisements are heard as
/// well. The addresses that Nova writes into networks with SLAAC are the ones
/// it expects to be made, not ones to be set.
fn kind(text: &str) -> Option<(Family, Vec<Addressing>)> {
    match text {
        "ipv4" | "static" => Some((Family::V4, vec![])),
        "ipv4_dhcp" => Some((Family::V4, vec![Addressing::Dhcp4])),
        "ipv6" | "static6" => Some((Family::V6, vec![])),
        "ipv6_dhcp" | "ipv6_dhcpv6-stateful" => {
            Some((Family::V6, vec![Addressing::Dhcp6, Addressing::Slaac]))
        }
        "ipv6_slaac" | "ipv6_dhcpv6-stateless" => Some((Family::V6, vec![Addressing::Slaac])),
        _ => None,
    }
}

/// The address that is in the file.
fn fixed(object: &Object<'_>, family: Family, reading: &mut Reading) -> Option<Addressing> {
    object.required("ip_address", family.wanted(), reading)?;
    let of_family = |text: &str| with_prefix(text).filter(|(ip, _)| Family::of(*ip) == family);
    let (address, behind) = object.parsed("ip_address", family.wanted(), reading, of_family)?;
    let mask = Mask {
        wanted: "the mask of ip_address",
        behind,
        otherwise: None,
    };
    let prefix_len = mask.read(object, family, reading)?;
    if prefix_len == 0 || !is_host(address, prefix_len) {
        reading.problem(Problem::Value {
            at: object.key("ip_address"),
            wanted: "an address that a machine in this network can have",
            found: format!("{address}/{prefix_len}"),
        });
        return None;
    }
    Some(Addressing::Static {
        address,
        prefix_len,
    })
}

/// The size of a network: in `netmask`, behind a slash, or known without both.
/// Where it is in both, both must say the same.
struct Mask {
    /// What `netmask` shall be, in words.
    wanted: &'static str,
    behind: Option<u8>,
    otherwise: Option<u8>,
}

impl Mask {
    fn read(&self, object: &Object<'_>, family: Family, reading: &mut Reading) -> Option<u8> {
        if object.text("netmask", MASK, reading).is_some() {
            return object.parsed("netmask", self.wanted, reading, |text| {
                let length = prefix_len(text, family)?;
                let same = self.behind.is_none_or(|behind| behind == length);
                same.then_some(length)
            });
        }
        let length = self.behind.or(self.otherwise);
        if length.is_none() {
            object.required("netmask", MASK, reading);
        }
        length
    }
}

fn route(object: &Object<'_>, family: Family, reading: &mut Reading) -> Option<Route> {
    object.required("network", family.wanted(), reading)?;
    let of_family = |text: &str| with_prefix(text).filter(|(ip, _)| Family::of(*ip) == family);
    let found = object.parsed("network", family.wanted(), reading, of_family);
    let gateway = gateway(object, family, reading);
    let (destination, behind) = found?;
    // The network of everything needs neither mask nor slash.
    let everything = destination.is_unspecified().then_some(0);
    let mask = Mask {
        wanted: "the mask of network",
        behind,
        otherwise: everything,
    };
    let prefix_len = mask.read(object, family, reading)?;
    let first = network(destination, prefix_len);
    if first != destination {
        reading.warn(Warning::HostBits {
            at: object.key("network"),
            network: format!("{first}/{prefix_len}"),
        });
    }
    Some(Route {
        destination: first,
        prefix_len,
        gateway,
    })
}

/// The router; none where it is absent, `0.0.0.0` or `::`, which means that the
/// destination is on the link itself. A route for IPv4 through a link-local
/// IPv6 router is possible (RFC 9229 section 1).
fn gateway(object: &Object<'_>, family: Family, reading: &mut Reading) -> Option<IpAddr> {
    let gateway = object.parsed("gateway", family.wanted(), reading, |text| {
        let address: IpAddr = text.parse().ok()?;
        let fits = Family::of(address) == family || is_link_local(address);
        (fits && is_gateway(address)).then_some(address)
    });
    gateway.filter(|gateway| !gateway.is_unspecified())
}

/// The services of the file, a network or a route.
pub(super) fn services(object: &Object<'_>, reading: &mut Reading) -> Services {
    let mut services = Services::default();
    for (at, text) in object.texts("dns_nameservers", ADDRESS, reading) {
        match text.parse::<IpAddr>() {
            Ok(address) => services.dns.push(address),
            Err(_) => reading.problem(Problem::Value {
                at,
                wanted: ADDRESS,
                found: shown(&text),
            }),
        }
    }
    for service in object.objects("services", reading) {
        let kind = service.required("type", "dns or ntp", reading);
        match kind.as_deref() {
            Some("dns") if service.required("address", ADDRESS, reading).is_some() => {
                let address = |text: &str| text.parse::<IpAddr>().ok();
                services
                    .dns
                    .extend(service.parsed("address", ADDRESS, reading, address));
            }
            Some("ntp") => {
                let wanted = "an address or a host name";
                if service.required("address", wanted, reading).is_some() {
                    services
                        .ntp
                        .extend(service.parsed("address", wanted, reading, host));
                }
            }
            Some("dns") | None => (),
            Some(other) => reading.warn(Warning::Service {
                at: service.whole(),
                found: shown(other),
            }),
        }
    }
    services
}

/// Search domains; Nova has none, cloud-init reads them here.
fn search(object: &Object<'_>, reading: &mut Reading) -> Vec<String> {
    let mut domains = Vec::new();
    for (at, text) in object.texts("dns_search", DOMAIN, reading) {
        match host(&text) {
            Some(domain) => domains.push(domain),
            None => reading.problem(Problem::Value {
                at,
                wanted: DOMAIN,
                found: shown(&text),
            }),
        }
    }
    domains
}

/// Letters, digits and `.:_-`: these go into files that are read by lines and
/// words.
fn host(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte);
    (text.len() <= 253 && text.bytes().all(plain)).then(|| text.to_owned())
}

impl ReadNetwork {
    /// The address that is in the file, and its network.
    pub(super) fn fixed(&self) -> Option<(IpAddr, u8)> {
        self.addressing.iter().find_map(|way| match way {
            Addressing::Static {
                address,
                prefix_len,
            } => Some((*address, *prefix_len)),
            _ => None,
        })
    }

    /// Whether addresses are asked for, so that the network is known only
    /// later.
    pub(super) fn is_dynamic(&self) -> bool {
        !self.addressing.is_empty() && self.fixed().is_none()
    }

    /// Whether an address is a neighbour as far as the file says.
    pub(super) fn reaches(&self, address: IpAddr) -> bool {
        let on_link = |(_, route): &(String, Route)| {
            route.gateway.is_none() && contains((route.destination, route.prefix_len), address)
        };
        self.fixed().is_some_and(|own| contains(own, address)) || self.routes.iter().any(on_link)
    }
}
