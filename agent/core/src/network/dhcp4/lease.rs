// SPDX-License-Identifier: Apache-2.0
//! What a server gives: the meaning of an OFFER or ACK.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::network::dhcp4::message::Message;
use crate::network::dhcp4::options::code;
use crate::network::names::{Compression, read_list};

/// A lease that never ends (RFC 2131 §3.3).
const INFINITE: u32 = u32::MAX;
/// The smallest MTU IPv4 knows (RFC 2132 §5.1 allows down to 68, but no
/// operator means it, and TLS over it is hopeless).
const MIN_MTU: u16 = 576;

/// A route a server told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub destination: Ipv4Addr,
    /// How many of its leading bits count; 0: everything.
    pub prefix_len: u8,
    /// Through which router; none: the destination is on this network.
    pub gateway: Option<Ipv4Addr>,
}

/// An address and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// How many of its leading bits are the network.
    pub prefix_len: u8,
    /// The server that gave it.
    pub server: Ipv4Addr,
    /// Hardware address the answer came from: the server or the relay.
    pub server_hardware: [u8; 6],
    /// Routes, classless ones if there are any, else the first router's.
    pub routes: Vec<Route>,
    /// DNS servers, best first.
    pub dns: Vec<Ipv4Addr>,
    /// DNS domain.
    pub domain: Option<String>,
    /// DNS search domains, best first; without any, [`Lease::domain`] is the
    /// one.
    pub search: Vec<String>,
    /// NTP servers, best first.
    pub ntp: Vec<Ipv4Addr>,
    /// The largest packet on this network, in bytes.
    pub mtu: Option<u16>,
    /// When it should be prolonged (T1), from when it was asked for.
    pub renew_after: Duration,
    /// When any server should be asked to (T2).
    pub rebind_after: Duration,
    /// When it ends; nothing: never.
    pub lifetime: Option<Duration>,
}

/// Why an answer gives no usable address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The address cannot belong to one machine.
    #[error("the server gives {0}, which is no machine's address")]
    Address(Ipv4Addr),
    /// Nobody to ask for it.
    #[error("the server does not say who it is")]
    NoServer,
    /// No lease time, or one of zero seconds.
    #[error("the server does not say for how long")]
    NoTime,
    /// A mask with holes.
    #[error("{0} is no subnet mask")]
    Mask(Ipv4Addr),
}

impl Lease {
    /// Reads an OFFER or ACK that came from `source` with the hardware address
    /// `hardware`.
    ///
    /// # Errors
    ///
    /// [`Unusable`] says what is missing.
    pub fn read(message: &Message, source: Ipv4Addr, hardware: [u8; 6]) -> Result<Self, Unusable> {
        let options = &message.options;
        let address = message.yiaddr;
        if !is_machine(address) {
            return Err(Unusable::Address(address));
        }
        // Option 54 is required, but the sender of the packet is as good.
        let server = options.address(code::SERVER_ID).unwrap_or(source);
        if !is_machine(server) {
            return Err(Unusable::NoServer);
        }
        let seconds = match options.word(code::LEASE_TIME) {
            None | Some(0) => return Err(Unusable::NoTime),
            Some(seconds) => seconds,
        };
        let (renew_after, rebind_after) = times(
            seconds,
            options.word(code::RENEWAL_TIME),
            options.word(code::REBINDING_TIME),
        );
        Ok(Self {
            address,
            prefix_len: prefix_len(address, options.address(code::SUBNET_MASK))?,
            server,
            server_hardware: hardware,
            routes: routes(message),
            dns: machines(options.addresses(code::DNS_SERVER)),
            domain: options.word_text(code::DOMAIN_NAME),
            search: options
                .get(code::DOMAIN_SEARCH)
                .and_then(|bytes| read_list(bytes, Compression::Allowed))
                .unwrap_or_default(),
            ntp: machines(options.addresses(code::NTP_SERVER)),
            mtu: options
                .short(code::INTERFACE_MTU)
                .filter(|mtu| *mtu >= MIN_MTU),
            renew_after,
            rebind_after,
            lifetime: (seconds != INFINITE).then(|| Duration::from_secs(seconds.into())),
        })
    }

    /// Whether the address is on the lease's own network, so that a gateway
    /// with it is reached without another route.
    #[must_use]
    pub fn on_link(&self, address: Ipv4Addr) -> bool {
        let mask = mask(self.prefix_len);
        u32::from(address) & mask == u32::from(self.address) & mask
    }

    /// The router of the default route.
    #[must_use]
    pub fn gateway(&self) -> Option<Ipv4Addr> {
        let default = self.routes.iter().find(|route| route.prefix_len == 0);
        default.and_then(|route| route.gateway)
    }

    /// The first address of the lease's network.
    #[must_use]
    pub fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & mask(self.prefix_len))
    }
}

fn mask(prefix_len: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix_len.min(32)))
        .unwrap_or(0)
}

/// Whether one machine can have the address.
fn is_machine(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && first < 224 && !address.is_loopback()
}

fn machines(addresses: Vec<Ipv4Addr>) -> Vec<Ipv4Addr> {
    addresses
        .into_iter()
        .filter(|address| is_machine(*address))
        .collect()
}

/// The prefix length of a mask; without one, that of the address's class, as
/// old servers expect.
fn prefix_len(address: Ipv4Addr, mask: Option<Ipv4Addr>) -> Result<u8, Unusable> {
    let Some(mask) = mask else {
        return Ok(match address.octets()[0] {
            0..=127 => 8,
            128..=191 => 16,
            _ => 24,
        });
    };
    let bits = u32::from(mask);
    let ones = bits.leading_ones();
    if ones == 0 || bits.count_ones() != ones {
        return Err(Unusable::Mask(mask));
    }
    u8::try_from(ones).map_err(|_| Unusable::Mask(mask))
}

/// T1 and T2: what the server says if it makes sense, else half and seven
/// eighths of the lease (RFC 2131 §4.4.5). A second at least, or a lease of one
/// second would be asked for at the speed of the network.
fn times(lease: u32, renewal: Option<u32>, rebinding: Option<u32>) -> (Duration, Duration) {
    let lease = u64::from(lease);
    let rebind = rebinding
        .map(u64::from)
        .filter(|time| (1..lease).contains(time))
        .unwrap_or(lease * 7 / 8)
        .max(1);
    let renew = renewal
        .map(u64::from)
        .filter(|time| (1..=rebind).contains(time))
        .unwrap_or((lease / 2).min(rebind))
        .max(1);
    (Duration::from_secs(renew), Duration::from_secs(rebind))
}

/// Classless routes replace the router option (RFC 3442). A list that ends in
/// the middle of a route is not used at all.
fn routes(message: &Message) -> Vec<Route> {
    let classless = message
        .options
        .get(code::CLASSLESS_ROUTES)
        .and_then(classless_routes)
        .filter(|routes| !routes.is_empty());
    classless.unwrap_or_else(|| {
        machines(message.options.addresses(code::ROUTER))
            .into_iter()
            .take(1)
            .map(|router| Route {
                destination: Ipv4Addr::UNSPECIFIED,
                prefix_len: 0,
                gateway: Some(router),
            })
            .collect()
    })
}

fn classless_routes(bytes: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    let mut rest = bytes;
    while let Some((&prefix_len, after)) = rest.split_first() {
        if prefix_len > 32 {
            return None;
        }
        let (significant, after) = after.split_at_checked(usize::from(prefix_len.div_ceil(8)))?;
        let mut octets = [0; 4];
        octets[..significant.len()].copy_from_slice(significant);
        let (gateway, after) = after.split_first_chunk::<4>()?;
        let gateway = Ipv4Addr::from(*gateway);
        routes.push(Route {
            destination: Ipv4Addr::from(u32::from_be_bytes(octets) & mask(prefix_len)),
            prefix_len,
            gateway: (!gateway.is_unspecified()).then_some(gateway),
        });
        rest = after;
    }
    Some(routes)
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// A lease of one hour without routes and servers.
    pub(crate) fn lease(address: Ipv4Addr) -> Lease {
        Lease {
            address,
            prefix_len: 24,
            server: Ipv4Addr::new(192, 0, 2, 254),
            server_hardware: [2, 0, 0, 0, 0, 254],
            routes: vec![],
            dns: vec![],
            domain: None,
            search: vec![],
            ntp: vec![],
            mtu: None,
            renew_after: Duration::from_secs(1800),
            rebind_after: Duration::from_secs(3150),
            lifetime: Some(Duration::from_secs(3600)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::MacAddr;
    use crate::network::dhcp4::message::{BOOT_REPLY, MessageType};

    const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

    fn ack(options: &[(u8, &[u8])]) -> Message {
        let mut message = Message::request(MessageType::Ack, 1, MacAddr([2; 6]));
        message.op = BOOT_REPLY;
        message.yiaddr = Ipv4Addr::new(192, 0, 2, 50);
        message
            .options
            .set(code::LEASE_TIME, 3600_u32.to_be_bytes());
        message.options.set(code::SUBNET_MASK, [255, 255, 255, 0]);
        for (code, value) in options {
            message.options.set(*code, *value);
        }
        message
    }

    fn read(options: &[(u8, &[u8])]) -> Result<Lease, Unusable> {
        Lease::read(&ack(options), SOURCE, [6; 6])
    }

    #[test]
    fn an_answer_is_understood() {
        let lease = read(&[
            (3, &[192, 0, 2, 254, 192, 0, 2, 253]),
            (6, &[192, 0, 2, 53, 0, 0, 0, 0]),
            (15, b"rack.example"),
            (26, &9000_u16.to_be_bytes()),
            (42, &[192, 0, 2, 123]),
            (119, b"\x04rack\x07example\x00\x03lab\xc0\x05"),
            (54, &[192, 0, 2, 2]),
        ]);
        let expected = Lease {
            address: Ipv4Addr::new(192, 0, 2, 50),
            prefix_len: 24,
            server: Ipv4Addr::new(192, 0, 2, 2),
            server_hardware: [6; 6],
            routes: vec![Route {
                destination: Ipv4Addr::UNSPECIFIED,
                prefix_len: 0,
                gateway: Some(Ipv4Addr::new(192, 0, 2, 254)),
            }],
            dns: vec![Ipv4Addr::new(192, 0, 2, 53)],
            domain: Some("rack.example".into()),
            search: vec!["rack.example".into(), "lab.example".into()],
            ntp: vec![Ipv4Addr::new(192, 0, 2, 123)],
            mtu: Some(9000),
            renew_after: Duration::from_secs(1800),
            rebind_after: Duration::from_secs(3150),
            lifetime: Some(Duration::from_secs(3600)),
        };
        assert_eq!(lease, Ok(expected));
    }

    #[test]
    fn an_answer_without_use_is_refused() {
        let mut nowhere = ack(&[]);
        nowhere.yiaddr = Ipv4Addr::UNSPECIFIED;
        let mut everyone = ack(&[]);
        everyone.yiaddr = Ipv4Addr::BROADCAST;
        let mut forever_none = ack(&[]);
        forever_none.options.set(code::LEASE_TIME, [0, 0, 0, 0]);
        let holes = ack(&[(1, &[255, 0, 255, 0])]);
        let no_mask_bits = ack(&[(1, &[0, 0, 0, 0])]);
        let cases = [
            (
                nowhere,
                "the server gives 0.0.0.0, which is no machine's address",
            ),
            (
                everyone,
                "the server gives 255.255.255.255, which is no machine's address",
            ),
            (forever_none, "the server does not say for how long"),
            (holes, "255.0.255.0 is no subnet mask"),
            (no_mask_bits, "0.0.0.0 is no subnet mask"),
            (
                ack(&[(54, &[0, 0, 0, 0])]),
                "the server does not say who it is",
            ),
        ];
        for (message, expected) in cases {
            let error = Lease::read(&message, SOURCE, [6; 6]).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn times_that_make_no_sense_are_replaced() {
        let seconds = |renew, rebind| (Duration::from_secs(renew), Duration::from_secs(rebind));
        let cases = [
            ((3600, None, None), seconds(1800, 3150)),
            ((3600, Some(10), Some(20)), seconds(10, 20)),
            ((3600, Some(0), Some(0)), seconds(1800, 3150)),
            ((3600, Some(9999), Some(9999)), seconds(1800, 3150)),
            ((3600, Some(3500), None), seconds(1800, 3150)),
            ((3600, None, Some(60)), seconds(60, 60)),
            ((1, None, None), seconds(1, 1)),
        ];
        for ((lease, renewal, rebinding), expected) in cases {
            assert_eq!(times(lease, renewal, rebinding), expected);
        }
        let infinite = read(&[(51, &[255; 4])]).map(|lease| lease.lifetime);
        assert_eq!(infinite, Ok(None));
    }

    #[test]
    fn classless_routes_replace_the_router() {
        let route = |destination: [u8; 4], prefix_len, gateway: Option<[u8; 4]>| Route {
            destination: destination.into(),
            prefix_len,
            gateway: gateway.map(Ipv4Addr::from),
        };
        let router = (3, &[192, 0, 2, 254][..]);
        let fallback = vec![route([0; 4], 0, Some([192, 0, 2, 254]))];
        let cases: [(&[u8], Vec<Route>); 6] = [
            (
                &[0, 192, 0, 2, 1, 24, 10, 1, 2, 192, 0, 2, 9],
                vec![
                    route([0; 4], 0, Some([192, 0, 2, 1])),
                    route([10, 1, 2, 0], 24, Some([192, 0, 2, 9])),
                ],
            ),
            (
                &[32, 169, 254, 169, 254, 0, 0, 0, 0],
                vec![route([169, 254, 169, 254], 32, None)],
            ),
            (
                &[9, 10, 255, 1, 1, 1, 1],
                vec![route([10, 128, 0, 0], 9, Some([1; 4]))],
            ),
            (&[33, 1, 2, 3, 4, 5, 6, 7, 8, 9], fallback.clone()),
            (&[24, 10, 1, 2, 192, 0], fallback.clone()),
            (&[], fallback),
        ];
        for (bytes, expected) in cases {
            let lease = read(&[router, (121, bytes)]).expect("usable");
            assert_eq!(lease.routes, expected, "{bytes:?}");
        }
    }

    #[test]
    fn the_network_of_a_lease_follows_from_its_mask() {
        let on_link = |mask: [u8; 4], other: [u8; 4]| {
            read(&[(1, &mask)]).map(|lease| (lease.network(), lease.on_link(other.into())))
        };
        let cases = [
            ([255, 255, 255, 0], [192, 0, 2, 1], [192, 0, 2, 0], true),
            ([255, 255, 255, 0], [192, 0, 3, 1], [192, 0, 2, 0], false),
            ([255, 255, 255, 255], [192, 0, 2, 1], [192, 0, 2, 50], false),
            ([255, 255, 255, 240], [192, 0, 2, 62], [192, 0, 2, 48], true),
        ];
        for (mask, other, network, expected) in cases {
            assert_eq!(on_link(mask, other), Ok((network.into(), expected)));
        }
        let mut classful = ack(&[]);
        classful.options = Default::default();
        classful.options.set(code::LEASE_TIME, [0, 0, 1, 0]);
        let lease = Lease::read(&classful, SOURCE, [6; 6]);
        assert_eq!(lease.map(|lease| lease.prefix_len), Ok(24));
    }
}
