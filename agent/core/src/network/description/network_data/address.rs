// SPDX-License-Identifier: Apache-2.0
//! Addresses, masks and networks as writers of `network_data.json` spell them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    /// What a message wants where an address of this family must be.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Family::V4 => "an IPv4 address",
            Family::V6 => "an IPv6 address",
        }
    }

    /// Bits of an address.
    pub(super) fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

/// An address, with the prefix length or mask behind a slash if there is one.
pub(super) fn with_prefix(text: &str) -> Option<(IpAddr, Option<u8>)> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    match mask {
        Some(mask) => Some((address, Some(prefix_len(mask, Family::of(address))?))),
        None => Some((address, None)),
    }
}

/// A prefix length, written as such or as a mask whose ones are all in front.
pub(super) fn prefix_len(text: &str, family: Family) -> Option<u8> {
    let text = text.strip_prefix('/').unwrap_or(text);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        return text.parse().ok().filter(|length| *length <= family.bits());
    }
    let (ones, whole) = match (text.parse().ok()?, family) {
        (IpAddr::V4(mask), Family::V4) => {
            let bits = u32::from(mask);
            (
                bits.leading_ones(),
                bits.count_ones() == bits.leading_ones(),
            )
        }
        (IpAddr::V6(mask), Family::V6) => {
            let bits = u128::from(mask);
            (
                bits.leading_ones(),
                bits.count_ones() == bits.leading_ones(),
            )
        }
        _ => return None,
    };
    u8::try_from(ones).ok().filter(|_| whole)
}

/// The first address of the network that an address is in.
pub(super) fn network(address: IpAddr, prefix_len: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let left = 32_u32.saturating_sub(prefix_len.into());
            let mask = u32::MAX.checked_shl(left).unwrap_or(0);
            Ipv4Addr::from(u32::from(address) & mask).into()
        }
        IpAddr::V6(address) => {
            let left = 128_u32.saturating_sub(prefix_len.into());
            let mask = u128::MAX.checked_shl(left).unwrap_or(0);
            Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}

/// Whether an address is in a network.
pub(super) fn contains((address, prefix_len): (IpAddr, u8), other: IpAddr) -> bool {
    Family::of(address) == Family::of(other)
        && network(address, prefix_len) == network(other, prefix_len)
}

/// Whether a machine can have this address in a network of this size: not a
/// group, not everybody, not the network itself.
pub(super) fn is_host(address: IpAddr, prefix_len: u8) -> bool {
    let outside = address.is_unspecified() || address.is_multicast() || address.is_loopback();
    let IpAddr::V4(v4) = address else {
        return !outside;
    };
    // Networks of one or two addresses have none to spare (RFC 3021).
    let ends = prefix_len < 31 && {
        let hosts = u32::MAX.checked_shr(prefix_len.into()).unwrap_or(0);
        let host = u32::from(v4) & hosts;
        host == 0 || host == hosts
    };
    !outside && !v4.is_broadcast() && !ends
}

/// Whether packets can be sent to this address to be passed on.
pub(super) fn is_gateway(address: IpAddr) -> bool {
    let everybody = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_multicast() || address.is_loopback() || everybody)
}

/// Whether every link has this address's network by itself (RFC 4291 section
/// 2.5.6).
pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_in_every_spelling() {
        let cases = [
            ("255.255.255.0", Family::V4, Some(24)),
            ("0.0.0.0", Family::V4, Some(0)),
            ("255.255.255.255", Family::V4, Some(32)),
            ("255.0.255.0", Family::V4, None),
            ("24", Family::V4, Some(24)),
            ("/24", Family::V4, Some(24)),
            ("33", Family::V4, None),
            ("33", Family::V6, Some(33)),
            ("129", Family::V6, None),
            ("ffff:ffff:ffff:ffff::", Family::V6, Some(64)),
            ("::", Family::V6, Some(0)),
            ("ffff::1", Family::V6, None),
            ("255.255.255.0", Family::V6, None),
            ("ffff::", Family::V4, None),
            ("", Family::V4, None),
            ("-1", Family::V4, None),
            ("300", Family::V6, None),
        ];
        for (text, family, expected) in cases {
            assert_eq!(prefix_len(text, family), expected, "{text} {family:?}");
        }
    }

    #[test]
    fn networks_have_edges() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        assert_eq!(network(ip("192.0.2.77"), 26), ip("192.0.2.64"));
        assert_eq!(network(ip("192.0.2.77"), 0), ip("0.0.0.0"));
        assert_eq!(network(ip("192.0.2.77"), 32), ip("192.0.2.77"));
        assert_eq!(network(ip("2001:db8::77"), 0), ip("::"));
        assert_eq!(network(ip("2001:db8::77"), 64), ip("2001:db8::"));
        assert!(contains((ip("192.0.2.77"), 24), ip("192.0.2.1")));
        assert!(!contains((ip("192.0.2.77"), 32), ip("192.0.2.1")));
        assert!(!contains((ip("0.0.0.0"), 0), ip("::1")));
        let hosts = [
            ("192.0.2.1", 24, true),
            ("192.0.2.0", 24, false),
            ("192.0.2.255", 24, false),
            ("192.0.2.0", 31, true),
            ("192.0.2.0", 32, true),
            ("10.0.1.0", 16, true),
            ("0.0.0.0", 0, false),
            ("127.0.0.1", 8, false),
            ("224.0.0.1", 24, false),
            ("255.255.255.255", 32, false),
            ("2001:db8::", 64, true),
            ("::", 64, false),
            ("ff02::1", 64, false),
        ];
        for (address, prefix_len, expected) in hosts {
            assert_eq!(is_host(ip(address), prefix_len), expected, "{address}");
        }
    }
}
