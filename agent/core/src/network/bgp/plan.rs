// SPDX-License-Identifier: Apache-2.0
//! What OSISM's settings ask of the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bootconfig::{MacAddr, Origin, OsismNetwork, Password, Settings};

use crate::network::description::{DescribedDevice, DescribedLink, Description, PortMatch, Source};
use crate::network::plan::Addressing;

/// The link that carries the machine's own addresses.
pub const LOOPBACK: &str = "loopback0";

/// The IPv4 address OSISM's image works with when it was told none. It is the
/// same on every such machine, so it makes the AS number and the router id and
/// is never announced.
const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 10, 255, 255);

/// The network in which OSISM's image makes its IPv6 address when it was told
/// none; the second half comes from the first port's hardware address.
const DEFAULT_NETWORK: [u16; 4] = [0xfd33, 0xfd0e, 0x2aee, 0];

/// MTU of the out-of-band network.
const OOB_MTU: u32 = 1500;

/// Prefix length of the out-of-band network.
const OOB_PREFIX_LEN: u8 = 64;

/// What the settings ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// No word of OSISM's is set: DHCP and the rest, as everywhere.
    NotAsked,
    /// BGP on every port.
    Bgp(Box<RoutingPlan>),
    /// One fixed address on the lowest on-board port.
    Oob(OobPlan),
}

/// BGP on every port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingPlan {
    /// Our autonomous system.
    pub local_as: u32,
    /// Our BGP identifier.
    pub router_id: Ipv4Addr,
    /// The IPv4 address of the loopback device, announced as a /32.
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 address of the loopback device, announced as a /128.
    pub ipv6: HostAddress,
    /// MTU of the ports in bytes.
    pub mtu: u32,
    /// The rack's infrastructure server.
    pub metalbox: Option<Metalbox>,
    /// Addresses that must be reached: networks they are in are imported
    /// beside default routes.
    pub hosts: Vec<IpAddr>,
    /// Password of the sessions (TCP-MD5, RFC 2385).
    pub password: Option<Password>,
}

/// One fixed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OobPlan {
    /// The address.
    pub address: HostAddress,
    /// How many of its leading bits are the network.
    pub prefix_len: u8,
    /// MTU of the port in bytes.
    pub mtu: u32,
    /// The rack's infrastructure server.
    pub metalbox: Option<Metalbox>,
}

/// Where an IPv6 address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostAddress {
    /// The settings.
    Given(Ipv6Addr),
    /// OSISM's default network and the hardware address of the first port.
    OfFirstPort,
}

/// The server OSISM runs in a rack: Ironic's API, images, time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metalbox {
    /// Its address.
    pub address: IpAddr,
    /// How long it is waited for before that is a fault.
    pub timeout: Duration,
}

/// Why settings make no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoutingError {
    /// The AS number that follows from the address does not exist.
    #[error(
        "no AS number follows from osism-ipa-ipv4={address}: {number} is above 4294967294; set osism-ipa-as"
    )]
    NoAs {
        /// The address.
        address: Ipv4Addr,
        /// 42 and the octets.
        number: u64,
    },
    /// An address that no machine can have.
    #[error("{word}={address} is no address a machine can have; set another one")]
    NoHost {
        /// The setting.
        word: &'static str,
        /// Its value.
        address: IpAddr,
    },
}

impl RoutingPlan {
    /// What the ports shall be: all up, and none asks anybody for an address.
    #[must_use]
    pub fn description(&self) -> Description {
        description(vec![])
    }
}

impl OobPlan {
    /// What the ports shall be, once it is known which one it is
    /// ([`super::on_board::oob_port`]): that one with the address, the others
    /// up. There is no router in that network.
    #[must_use]
    pub fn description(&self, port: &str, address: Ipv6Addr) -> Description {
        description(vec![DescribedLink {
            name: port.to_owned(),
            device: DescribedDevice::Port(PortMatch::Name(port.to_owned())),
            mac: None,
            mtu: Some(self.mtu),
            addressing: vec![Addressing::Static {
                address: address.into(),
                prefix_len: self.prefix_len,
            }],
            routes: vec![],
        }])
    }
}

fn description(links: Vec<DescribedLink>) -> Description {
    Description {
        links,
        ..Description::of(Source::Osism)
    }
}

impl HostAddress {
    /// The address, once the first port is known.
    #[must_use]
    pub fn address(self, first_port: MacAddr) -> Ipv6Addr {
        match self {
            Self::Given(address) => address,
            Self::OfFirstPort => {
                let [a, b, c, d, e, f] = first_port.0;
                let [n1, n2, n3, n4] = DEFAULT_NETWORK;
                // Modified EUI-64 (RFC 4291, appendix A).
                let pair = |high, low| u16::from_be_bytes([high, low]);
                let (i1, i2) = (pair(a ^ 2, b), pair(c, 0xff));
                let (i3, i4) = (pair(0xfe, d), pair(e, f));
                Ipv6Addr::new(n1, n2, n3, n4, i1, i2, i3, i4)
            }
        }
    }
}

/// Decides what OSISM's settings ask for.
///
/// OSISM's image takes `osism-ipa-network` for `BGP` when it is missing, and
/// OSISM's own command line leaves it out; so any of the words that describe
/// this machine asks for BGP.
///
/// # Errors
///
/// [`RoutingError`] names the setting.
pub fn routing(settings: &Settings) -> Result<Routing, RoutingError> {
    let set = |origin: &Origin| *origin != Origin::Default;
    let described = set(&settings.osism_ipv4.origin)
        || set(&settings.osism_ipv6.origin)
        || set(&settings.osism_as.origin)
        || set(&settings.osism_type.origin);
    let ipv4 = settings.osism_ipv4.value;
    let ipv6 = settings.osism_ipv6.value;
    match settings.osism_network.value {
        None if !described => return Ok(Routing::NotAsked),
        None | Some(OsismNetwork::Bgp) => {}
        Some(OsismNetwork::Oob) => {
            return Ok(Routing::Oob(OobPlan {
                address: host_address(ipv6)?,
                prefix_len: OOB_PREFIX_LEN,
                mtu: OOB_MTU,
                metalbox: metalbox(settings),
            }));
        }
    }
    if let Some(address) = ipv4 {
        host("osism-ipa-ipv4", address.into())?;
    }
    let router_id = ipv4.unwrap_or(NOBODY);
    let local_as = match settings.osism_as.value {
        Some(number) => number,
        None => default_as(router_id)?,
    };
    Ok(Routing::Bgp(Box::new(RoutingPlan {
        local_as,
        router_id,
        ipv4,
        ipv6: host_address(ipv6)?,
        mtu: settings.osism_mtu.value,
        metalbox: metalbox(settings),
        hosts: hosts(settings),
        password: settings.osism_bgp_password.value.clone(),
    })))
}

/// 42, then octets 2 to 4 of the address with three digits each, the first of
/// which must be zero and is left out: 10.10.10.123 is 4210010123, which is
/// the example of OSISM's own node image. With all nine digits the number
/// would never fit (RFC 6793); so the second octet may be 94 at most, which
/// also is where the private numbers end (RFC 6996).
///
/// OSISM's agent image writes the octets without leading zeros: 10.10.10.123
/// is 421010123 there, and so is 10.101.0.123. Since switches take any
/// external AS, only one thing matters, that no two machines have the same,
/// or they would refuse each other's routes.
fn default_as(address: Ipv4Addr) -> Result<u32, RoutingError> {
    let [_, second, third, fourth] = address.octets().map(u64::from);
    let number = 4_200_000_000 + second * 1_000_000 + third * 1_000 + fourth;
    u32::try_from(number)
        .ok()
        .filter(|number| *number != u32::MAX)
        .ok_or(RoutingError::NoAs { address, number })
}

fn host_address(told: Option<Ipv6Addr>) -> Result<HostAddress, RoutingError> {
    let Some(address) = told else {
        return Ok(HostAddress::OfFirstPort);
    };
    host("osism-ipa-ipv6", address.into())?;
    Ok(HostAddress::Given(address))
}

fn host(word: &'static str, address: IpAddr) -> Result<(), RoutingError> {
    if crate::network::primary::is_routable(address) {
        Ok(())
    } else {
        Err(RoutingError::NoHost { word, address })
    }
}

fn metalbox(settings: &Settings) -> Option<Metalbox> {
    Some(Metalbox {
        address: settings.osism_metalbox.value?,
        timeout: settings.osism_metalbox_timeout.value,
    })
}

/// Addresses the settings name as such: the metalbox and the hosts of Ironic's
/// URLs.
fn hosts(settings: &Settings) -> Vec<IpAddr> {
    let api = settings.api_urls.value.urls().iter();
    let inspection = settings.inspection_callback_urls.value.urls().iter();
    let literal = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let named = api
        .chain(inspection)
        .filter_map(|url| url.host_str().and_then(literal));
    let mut hosts: Vec<IpAddr> = settings
        .osism_metalbox
        .value
        .into_iter()
        .chain(named)
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

#[cfg(test)]
mod tests {
    use bootconfig::{RawSources, resolve};

    use super::*;

    fn settings(cmdline: &str) -> Settings {
        let sources = RawSources {
            cmdline: cmdline.as_bytes().to_vec(),
            ..RawSources::default()
        };
        resolve(&sources).expect("good settings")
    }

    fn bgp(cmdline: &str) -> RoutingPlan {
        match routing(&settings(cmdline)) {
            Ok(Routing::Bgp(plan)) => *plan,
            other => panic!("{cmdline}: {other:?}"),
        }
    }

    #[test]
    fn osisms_command_line_asks_for_bgp() {
        let told = "osism-ipa-type=yrzn001 osism-ipa-as=4200155960 osism-ipa-ipv4=10.10.10.123 \
            osism-ipa-ipv6=fd00::123 osism-ipa-metalbox=10.42.0.1 osism-aa=swordfish \
            ipa-api-url=http://[2001:db8::6385]:6385,http://10.42.0.1:6385,http://ironic.example";
        let plan = bgp(told);
        assert!(!format!("{plan:?}").contains("swordfish"));
        assert_eq!(
            plan,
            RoutingPlan {
                local_as: 4_200_155_960,
                router_id: Ipv4Addr::new(10, 10, 10, 123),
                ipv4: Some(Ipv4Addr::new(10, 10, 10, 123)),
                ipv6: HostAddress::Given("fd00::123".parse().expect("an address")),
                mtu: 9000,
                metalbox: Some(Metalbox {
                    address: IpAddr::from([10, 42, 0, 1]),
                    timeout: Duration::from_secs(60),
                }),
                hosts: vec![
                    IpAddr::from([10, 42, 0, 1]),
                    "2001:db8::6385".parse().expect("an address"),
                ],
                password: Some(Password::new("swordfish")),
            }
        );
    }

    #[test]
    fn the_as_number_follows_from_the_address() {
        let cases = [
            ("10.10.10.123", Ok(4_210_010_123)),
            ("10.1.2.3", Ok(4_201_002_003)),
            ("10.94.255.255", Ok(4_294_255_255)),
            ("10.200.3.4", Err(4_400_003_004)),
        ];
        for (address, expected) in cases {
            let told = settings(&format!("osism-ipa-ipv4={address}"));
            let number = match routing(&told) {
                Ok(Routing::Bgp(plan)) => Ok(plan.local_as),
                Err(RoutingError::NoAs { number, .. }) => Err(number),
                other => panic!("{address}: {other:?}"),
            };
            assert_eq!(number, expected, "{address}");
        }
        assert_eq!(
            bgp("osism-ipa-ipv4=10.200.3.4 osism-ipa-as=65001").local_as,
            65001
        );
    }

    #[test]
    fn what_is_not_told_is_as_in_osisms_image() {
        assert_eq!(routing(&settings("quiet")), Ok(Routing::NotAsked));
        // What concerns the metalbox says nothing about this machine.
        let told = settings("osism-ipa-metalbox=10.42.0.1");
        assert_eq!(routing(&told), Ok(Routing::NotAsked));

        let plan = bgp("osism-ipa-network=bgp osism-ipa-mtu=1500");
        assert_eq!(plan.local_as, 4_210_255_255);
        assert_eq!((plan.ipv4, plan.mtu), (None, 1500));
        let mac = MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        let expected: Ipv6Addr = "fd33:fd0e:2aee:0:5054:ff:fe12:3456".parse().expect("one");
        assert_eq!(plan.ipv6.address(mac), expected);

        let told = settings("osism-ipa-network=OOB osism-ipa-ipv4=10.1.2.3");
        let oob = OobPlan {
            address: HostAddress::OfFirstPort,
            prefix_len: 64,
            mtu: 1500,
            metalbox: None,
        };
        assert_eq!(routing(&told), Ok(Routing::Oob(oob)));
        let described = oob.description("eth4", oob.address.address(mac));
        assert_eq!(described.links.len(), 1);
        assert_eq!(
            described.links[0].addressing,
            [Addressing::Static {
                address: expected.into(),
                prefix_len: 64
            }]
        );
        assert!(
            plan.description().links.is_empty(),
            "nobody asks for addresses"
        );
    }

    #[test]
    fn addresses_of_no_machine_are_refused() {
        for (told, word) in [
            ("osism-ipa-ipv4=224.0.0.5", "osism-ipa-ipv4"),
            ("osism-ipa-ipv4=127.0.0.1", "osism-ipa-ipv4"),
            ("osism-ipa-ipv6=fe80::1", "osism-ipa-ipv6"),
            (
                "osism-ipa-network=OOB osism-ipa-ipv6=ff02::1",
                "osism-ipa-ipv6",
            ),
        ] {
            match routing(&settings(told)) {
                Err(RoutingError::NoHost { word: named, .. }) => assert_eq!(named, word),
                other => panic!("{told}: {other:?}"),
            }
        }
    }
}
