// SPDX-License-Identifier: Apache-2.0
//! A network: an address and how many of its leading bits count.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network. The bits behind its length are zero, so equal networks are equal
/// values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

impl Prefix {
    /// The default route of IPv4.
    pub const DEFAULT4: Self = Self {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        len: 0,
    };

    /// The default route of IPv6.
    pub const DEFAULT6: Self = Self {
        address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        len: 0,
    };

    /// The network of that length an address is in; nothing if the length is
    /// more than an address of its kind has.
    #[must_use]
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(_) if len > 32 => return None,
            IpAddr::V6(_) if len > 128 => return None,
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & mask4(len)).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & mask6(len)).into(),
        };
        Some(Self { address, len })
    }

    /// The network that is one address.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        let len = if address.is_ipv4() { 32 } else { 128 };
        Self { address, len }
    }

    /// Its first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits count.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a network has a length, but is no collection"
    )]
    pub fn len(&self) -> u8 {
        self.len
    }

    /// Whether it is everything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.len == 0
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && Self::new(address, self.len) == Some(*self)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

fn mask4(len: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0)
}

fn mask6(len: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses() {
        let cases = [
            ("0.0.0.0", 0, "192.0.2.1", true),
            ("0.0.0.0", 0, "2001:db8::1", false),
            ("::", 0, "2001:db8::1", true),
            ("192.0.2.77", 24, "192.0.2.1", true),
            ("192.0.2.77", 32, "192.0.2.1", false),
            ("2001:db8::9", 64, "2001:db8::1", true),
            ("2001:db8::9", 128, "2001:db8::9", true),
            ("2001:db8::9", 127, "2001:db8::a", false),
        ];
        for (address, len, inside, expected) in cases {
            let prefix = Prefix::new(address.parse().expect(address), len).expect(address);
            let inside = inside.parse().expect(inside);
            assert_eq!(prefix.contains(inside), expected, "{prefix} {inside}");
        }
        assert_eq!(Prefix::new(IpAddr::from([192, 0, 2, 1]), 33), None);
        assert_eq!(Prefix::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 129), None);
        let prefix = Prefix::new(IpAddr::from([192, 0, 2, 77]), 24).expect("24");
        assert_eq!(prefix.to_string(), "192.0.2.0/24");
    }
}
