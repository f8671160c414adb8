// SPDX-License-Identifier: Apache-2.0
//! A router advertisement (RFC 4861 §4.2) and its options.

use std::net::Ipv6Addr;
use std::time::Duration;

use bootconfig::MacAddr;

use crate::network::names::{Compression, read_list};

/// ICMPv6 type of a router advertisement.
pub const TYPE: u8 = 134;

/// What must be in the IPv6 header: the packet has passed no router (RFC 4861
/// §6.1.2).
pub const HOP_LIMIT: u8 = 255;

/// Length of everything before the options.
const FIXED: usize = 16;

/// Option types.
mod option {
    pub(super) const SOURCE_LINK_LAYER: u8 = 1;
    pub(super) const PREFIX: u8 = 3;
    pub(super) const MTU: u8 = 5;
    /// RFC 4191 §2.3.
    pub(super) const ROUTE: u8 = 24;
    /// RFC 8106 §5.1.
    pub(super) const RDNSS: u8 = 25;
    /// RFC 8106 §5.2.
    pub(super) const DNSSL: u8 = 31;
}

/// How much a router or a route shall be liked (RFC 4191 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum RouterPreference {
    /// Only if there is no other.
    Low,
    /// As always.
    #[default]
    Medium,
    /// Before others.
    High,
}

impl RouterPreference {
    /// From the two bits at the place the standard has them in a byte of
    /// flags. The reserved value counts as medium.
    fn of(flags: u8) -> Self {
        match (flags >> 3) & 3 {
            1 => Self::High,
            3 => Self::Low,
            _ => Self::Medium,
        }
    }
}

/// A prefix of the network (RFC 4861 §4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Its first address.
    pub prefix: Ipv6Addr,
    /// How many leading bits it is.
    pub prefix_len: u8,
    /// Its addresses are on this network.
    pub on_link: bool,
    /// Machines may make themselves addresses of it.
    pub autonomous: bool,
    /// How long it counts; nothing: for ever.
    pub valid: Option<Duration>,
    /// How long its addresses are used for new connections; nothing: for ever.
    pub preferred: Option<Duration>,
}

/// A route besides the default one (RFC 4191 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteInformation {
    /// Where to.
    pub prefix: Ipv6Addr,
    /// How many of its leading bits count.
    pub prefix_len: u8,
    /// How much it shall be liked.
    pub preference: RouterPreference,
    /// How long it counts; nothing: for ever.
    pub lifetime: Option<Duration>,
}

/// DNS servers or search domains with the time they count (RFC 8106).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed<T> {
    /// Best first.
    pub values: Vec<T>,
    /// How long they count; nothing: for ever. Zero takes them back.
    pub lifetime: Option<Duration>,
}

/// An advertisement, understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advertisement {
    /// Flag M: addresses come from DHCPv6.
    pub managed: bool,
    /// Flag O: other things come from DHCPv6.
    pub other: bool,
    /// How much the router shall be liked.
    pub preference: RouterPreference,
    /// How long it is a default router; zero: it is none.
    pub lifetime: Duration,
    /// Its hardware address.
    pub hardware: Option<MacAddr>,
    /// The largest packet of the network in bytes.
    pub mtu: Option<u32>,
    /// The prefixes of the network.
    pub prefixes: Vec<Prefix>,
    /// Routes besides the default one.
    pub routes: Vec<RouteInformation>,
    /// DNS servers.
    pub dns: Vec<Timed<Ipv6Addr>>,
    /// Search domains.
    pub search: Vec<Timed<String>>,
}

/// Why bytes are not a router advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not even the fixed part.
    #[error("the message has {0} bytes, fewer than 16")]
    TooShort(usize),
    /// Another message.
    #[error("ICMPv6 type {0} code {1} is no router advertisement")]
    NotAnAdvertisement(u8, u8),
    /// An option of no length, or one that is cut off; nothing of such a
    /// message may be used (RFC 4861 §6.1.2).
    #[error("option {0} has no proper length")]
    Option(u8),
}

impl Advertisement {
    /// Reads an advertisement from its ICMPv6 header on. Options that are
    /// unknown or make no sense in themselves are left out.
    ///
    /// # Errors
    ///
    /// [`Malformed`] says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let short = || Malformed::TooShort(bytes.len());
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>().ok_or_else(short)?;
        if fixed[0] != TYPE || fixed[1] != 0 {
            return Err(Malformed::NotAnAdvertisement(fixed[0], fixed[1]));
        }
        let lifetime = u16::from_be_bytes([fixed[6], fixed[7]]);
        let mut read = Self {
            managed: fixed[5] & 0x80 != 0,
            other: fixed[5] & 0x40 != 0,
            preference: RouterPreference::of(fixed[5]),
            lifetime: Duration::from_secs(lifetime.into()),
            ..Self::default()
        };
        let mut rest = rest;
        while let Some((&kind, after)) = rest.split_first() {
            let units = usize::from(*after.first().ok_or(Malformed::Option(kind))?);
            if units == 0 {
                return Err(Malformed::Option(kind));
            }
            let option = rest.get(..units * 8).ok_or(Malformed::Option(kind))?;
            read.option(kind, &option[2..]);
            rest = &rest[units * 8..];
        }
        Ok(read)
    }

    /// Takes one option in; `value` begins behind type and length.
    fn option(&mut self, kind: u8, value: &[u8]) {
        match kind {
            option::SOURCE_LINK_LAYER => {
                let octets: Option<[u8; 6]> = value.try_into().ok();
                self.hardware = octets.map(MacAddr);
            }
            option::MTU => {
                let mtu = value.get(2..6).and_then(|bytes| bytes.try_into().ok());
                self.mtu = mtu.map(u32::from_be_bytes);
            }
            option::PREFIX => self.prefixes.extend(prefix(value)),
            option::ROUTE => self.routes.extend(route(value)),
            option::RDNSS => self.dns.extend(servers(value)),
            option::DNSSL => self.search.extend(domains(value)),
            _ => {}
        }
    }
}

fn prefix(value: &[u8]) -> Option<Prefix> {
    let value: &[u8; 30] = value.try_into().ok()?;
    let prefix_len = value[0];
    if prefix_len > 128 {
        return None;
    }
    Some(Prefix {
        prefix: leading(&value[14..], prefix_len),
        prefix_len,
        on_link: value[1] & 0x80 != 0,
        autonomous: value[1] & 0x40 != 0,
        valid: time(&value[2..])?,
        preferred: time(&value[6..])?,
    })
}

/// The prefix of a route may be cut to 0, 8 or 16 bytes.
fn route(value: &[u8]) -> Option<RouteInformation> {
    let (head, octets) = value.split_first_chunk::<6>()?;
    let prefix_len = head[0];
    if prefix_len > 128 || usize::from(prefix_len) > octets.len() * 8 || octets.len() > 16 {
        return None;
    }
    Some(RouteInformation {
        prefix: leading(octets, prefix_len),
        prefix_len,
        preference: RouterPreference::of(head[1]),
        lifetime: time(&head[2..])?,
    })
}

fn servers(value: &[u8]) -> Option<Timed<Ipv6Addr>> {
    let lifetime = time(value.get(2..)?)?;
    let (addresses, left_over) = value.get(6..)?.as_chunks::<16>();
    if addresses.is_empty() || !left_over.is_empty() {
        return None;
    }
    let addresses = addresses.iter().copied().map(Ipv6Addr::from);
    let usable = |address: &Ipv6Addr| {
        !(address.is_unspecified() || address.is_loopback() || address.is_multicast())
    };
    Some(Timed {
        values: addresses.filter(usable).collect(),
        lifetime,
    })
}

fn domains(value: &[u8]) -> Option<Timed<String>> {
    Some(Timed {
        lifetime: time(value.get(2..)?)?,
        values: read_list(value.get(6..)?, Compression::Forbidden)?,
    })
}

/// Four bytes of seconds; all ones is for ever.
fn time(bytes: &[u8]) -> Option<Option<Duration>> {
    let seconds = u32::from_be_bytes(*bytes.first_chunk::<4>()?);
    let finite = seconds != u32::MAX;
    Some(finite.then(|| Duration::from_secs(seconds.into())))
}

/// The first `bits` bits of up to 16 bytes, the rest zero.
fn leading(octets: &[u8], bits: u8) -> Ipv6Addr {
    let mut whole = [0; 16];
    let length = octets.len().min(16);
    whole[..length].copy_from_slice(&octets[..length]);
    let mask = u128::MAX
        .checked_shl(128 - u32::from(bits.min(128)))
        .unwrap_or(0);
    Ipv6Addr::from(u128::from_be_bytes(whole) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What radvd 2.19 sent on a virtual cable, captured with tcpdump.
    const RADVD: &str = "86004cbd4040000c0000000000000000030440c0000151800000384000000000\
         20010db8000000000000000000000000180330000000000c20010db800990000\
         0000000000000000190500000000000420010db8000000000000000000000053\
         fe8000000000000000000000000000531f05000000000004047261636b076578\
         616d706c6500036c6162076578616d706c65000000000000050100000000058c\
         01019e6351c801be";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().collect();
        let byte = |pair: &[char]| {
            let text: String = pair.iter().collect();
            u8::from_str_radix(&text, 16).expect("two digits")
        };
        digits.chunks(2).map(byte).collect()
    }

    #[test]
    fn an_advertisement_of_radvd_is_understood() {
        let read = Advertisement::read(&bytes(RADVD)).expect("well formed");
        let net = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
        let server = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53);
        let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x53);
        let expected = Advertisement {
            managed: false,
            other: true,
            preference: RouterPreference::Medium,
            lifetime: SECOND * 12,
            hardware: Some(MacAddr([0x9e, 0x63, 0x51, 0xc8, 0x01, 0xbe])),
            mtu: Some(1420),
            prefixes: vec![Prefix {
                prefix: net,
                prefix_len: 64,
                on_link: true,
                autonomous: true,
                valid: Some(SECOND * 86_400),
                preferred: Some(SECOND * 14_400),
            }],
            routes: vec![RouteInformation {
                prefix: Ipv6Addr::new(0x2001, 0xdb8, 0x99, 0, 0, 0, 0, 0),
                prefix_len: 48,
                preference: RouterPreference::Medium,
                lifetime: Some(SECOND * 12),
            }],
            dns: vec![Timed {
                values: vec![server, link_local],
                lifetime: Some(SECOND * 4),
            }],
            search: vec![Timed {
                values: vec!["rack.example".into(), "lab.example".into()],
                lifetime: Some(SECOND * 4),
            }],
        };
        assert_eq!(read, expected);
    }

    fn header(flags: u8, lifetime: u16) -> Vec<u8> {
        let mut bytes = vec![TYPE, 0, 0, 0, 64, flags];
        bytes.extend(lifetime.to_be_bytes());
        bytes.extend([0; 8]);
        bytes
    }

    fn with(option: &[u8]) -> Advertisement {
        let mut bytes = header(0, 9);
        bytes.extend(option);
        Advertisement::read(&bytes).expect("well formed")
    }

    #[test]
    fn flags_and_times_are_read() {
        let cases = [
            (0x00, false, false, RouterPreference::Medium),
            (0x80, true, false, RouterPreference::Medium),
            (0x48, false, true, RouterPreference::High),
            (0x18, false, false, RouterPreference::Low),
            (0x10, false, false, RouterPreference::Medium),
        ];
        for (flags, managed, other, preference) in cases {
            let read = Advertisement::read(&header(flags, 1800)).expect("well formed");
            assert_eq!((read.managed, read.other), (managed, other), "{flags:x}");
            assert_eq!(read.preference, preference, "{flags:x}");
            assert_eq!(read.lifetime, SECOND * 1800);
        }
    }

    #[test]
    fn options_are_read() {
        let net = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0);
        let mut prefix = vec![3, 4, 64, 0xc0, 0, 0, 0, 9, 255, 255, 255, 255, 0, 0, 0, 0];
        prefix.extend(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 7).octets());
        let read = with(&prefix).prefixes;
        let expected = Prefix {
            prefix: net,
            prefix_len: 64,
            on_link: true,
            autonomous: true,
            valid: Some(SECOND * 9),
            preferred: None,
        };
        assert_eq!(read, [expected]);

        let mut route = vec![24, 2, 48, 0x08, 0, 0, 0, 0];
        route.extend([0x20, 1, 0x0d, 0xb8, 0, 1, 0, 9]);
        let expected = RouteInformation {
            prefix: net,
            prefix_len: 48,
            preference: RouterPreference::High,
            lifetime: Some(Duration::ZERO),
        };
        assert_eq!(with(&route).routes, [expected]);
        let everything = with(&[24, 1, 0, 0, 0, 0, 0, 5]).routes;
        assert_eq!(everything[0].prefix, Ipv6Addr::UNSPECIFIED);

        let read = with(&[5, 1, 0, 0, 0, 0, 5, 0xdc, 1, 1, 2, 0, 0, 0, 0, 7]);
        assert_eq!(read.mtu, Some(1500));
        assert_eq!(read.hardware, Some(MacAddr([2, 0, 0, 0, 0, 7])));

        let mut dns = vec![25, 5, 0, 0, 0, 0, 0, 5];
        dns.extend(net.octets());
        dns.extend([0; 16]);
        let expected = Timed {
            values: vec![net],
            lifetime: Some(SECOND * 5),
        };
        assert_eq!(with(&dns).dns, [expected]);

        let search = b"\x1f\x02\0\0\xff\xff\xff\xff\x01a\x01b\0\0\0\0";
        let expected = Timed {
            values: vec!["a.b".to_owned()],
            lifetime: None,
        };
        assert_eq!(with(search).search, [expected]);
    }

    #[test]
    fn options_that_make_no_sense_are_left_out() {
        let nothing = with(&[]);
        let cases: [&[u8]; 6] = [
            &[25, 1, 0, 0, 0, 0, 0, 5],
            &[25, 2, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8],
            &[24, 1, 64, 0, 0, 0, 0, 5],
            &[24, 1, 129, 0, 0, 0, 0, 5],
            &[3, 1, 64, 0xc0, 0, 0, 0, 9],
            &[200, 1, 0, 0, 0, 0, 0, 0],
        ];
        for option in cases {
            assert_eq!(with(option), nothing, "{option:?}");
        }
    }

    #[test]
    fn what_is_no_advertisement_is_named() {
        let mut endless = header(0, 0);
        endless.extend([25, 0, 0, 0, 0, 0, 0, 0]);
        let mut cut = header(0, 0);
        cut.extend([25, 3, 0, 0, 0, 0, 0, 0]);
        let mut half = header(0, 0);
        half.push(5);
        let mut other = header(0, 0);
        other[0] = 133;
        let cases = [
            (vec![134], "the message has 1 bytes, fewer than 16"),
            (other, "ICMPv6 type 133 code 0 is no router advertisement"),
            (endless, "option 25 has no proper length"),
            (cut, "option 25 has no proper length"),
            (half, "option 5 has no proper length"),
        ];
        for (bytes, expected) in cases {
            let error = Advertisement::read(&bytes).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        }
    }
}
