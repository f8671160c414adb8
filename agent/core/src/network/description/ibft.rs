// SPDX-License-Identifier: Apache-2.0
//! The iSCSI boot firmware table, as the kernel's `iscsi_ibft` shows it (the
//! kernel's ABI/testing/sysfs-ibft): how the firmware was on the network when it
//! loaded this machine's system from an iSCSI disk.

use std::net::IpAddr;

use bootconfig::MacAddr;
use thiserror::Error;

use super::{DescribedDevice, DescribedLink, Description, PortMatch, Source};
use crate::network::Route;
use crate::network::plan::Addressing;
use crate::snapshot::Tree;

/// Where the kernel shows the table.
pub const DIRECTORY: &str = "/sys/firmware/ibft";

/// How the directory of a card is called there; its number follows.
pub const CARD: &str = "ethernet";

/// What is read of each card.
pub const ATTRIBUTES: &[&str] = &[
    "flags",
    "mac",
    "ip-addr",
    "prefix-len",
    "subnet-mask",
    "origin",
    "gateway",
    "primary-dns",
    "secondary-dns",
    "dhcp",
    "vlan",
];

/// The block of the card is valid (bit 0 of `flags`).
const VALID: u32 = 1;
/// The firmware booted from it (bit 1 of `flags`).
const BOOTED: u32 = 2;
/// The address is from DHCP (`origin`).
const FROM_DHCP: u32 = 3;

/// Something in the table that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{card}: {attribute}: expected {expected}, found {}", shown(.found))]
pub struct IbftProblem {
    /// The kernel's name of the card's directory, `ethernet0`.
    pub card: String,
    /// The kernel's name of the value.
    pub attribute: &'static str,
    /// What would be right.
    pub expected: &'static str,
    /// What is there; empty: nothing.
    pub found: String,
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

/// Everything in the table that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct IbftProblems(pub Vec<IbftProblem>);

/// Reads the table. Nothing if there is none, or if no card in it is valid.
///
/// # Errors
///
/// Every value that cannot be used.
pub fn read(files: &Tree) -> Result<Option<Description>, IbftProblems> {
    let mut description = Description::of(Source::Ibft);
    let mut problems = Vec::new();
    for name in files.names(DIRECTORY) {
        if !name.starts_with(CARD) {
            continue;
        }
        let card = Card { files, name };
        match card.add_to(&mut description) {
            Ok(()) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(IbftProblems(problems));
    }
    Ok((!description.links.is_empty()).then_some(description))
}

/// One card of the table.
struct Card<'a> {
    files: &'a Tree,
    name: &'a str,
}

impl Card<'_> {
    fn add_to(&self, description: &mut Description) -> Result<(), IbftProblem> {
        let flags = self.number("flags")?.unwrap_or_default();
        if flags & VALID == 0 {
            return Ok(());
        }
        let mac: MacAddr = self
            .value("mac", "a MAC address")?
            .ok_or_else(|| self.problem("mac", "a MAC address"))?;
        let mut link = self.addressed(DescribedLink::new(
            self.name,
            DescribedDevice::Port(PortMatch::Mac(mac)),
        ))?;
        let vlan = self.number("vlan")?.unwrap_or_default();
        if vlan != 0 {
            let id = u16::try_from(vlan)
                .ok()
                .filter(|id| (1..=4094).contains(id));
            let id = id.ok_or_else(|| self.problem("vlan", "a VLAN from 1 to 4094, or 0"))?;
            let device = DescribedDevice::Vlan {
                parent: link.name.clone(),
                id,
            };
            let port = DescribedLink::new(link.name.clone(), link.device.clone());
            description.links.push(port);
            // The inventory knows a VLAN by such a name (contract §6.7).
            link.name = format!("{}.{id}", self.name.replace(CARD, "ibft"));
            link.device = device;
        }
        if flags & BOOTED != 0 && description.preferred.is_none() {
            description.preferred = Some(link.name.clone());
        }
        for attribute in ["primary-dns", "secondary-dns"] {
            let server = self.address(attribute)?;
            let known = |server: &IpAddr| description.dns.contains(server);
            description.dns.extend(server.filter(|one| !known(one)));
        }
        description.links.push(link);
        Ok(())
    }

    /// The link with the address the table gives it. The firmware's lease is the
    /// firmware's: where it asked, the agent asks for one of its own.
    fn addressed(&self, mut link: DescribedLink) -> Result<DescribedLink, IbftProblem> {
        let address = self.address("ip-addr")?;
        let from_dhcp = self.number("origin")? == Some(FROM_DHCP);
        let has_server = self.address("dhcp")?.is_some();
        let gateway = self.address("gateway")?;
        match address {
            Some(IpAddr::V6(_)) if from_dhcp => {
                link.addressing = vec![Addressing::Slaac, Addressing::Dhcp6];
            }
            Some(address) if !from_dhcp => {
                let prefix_len = self.prefix_len(address)?;
                link.addressing.push(Addressing::Static {
                    address,
                    prefix_len,
                });
                if let Some(gateway) = gateway {
                    if gateway.is_ipv4() != address.is_ipv4() {
                        let expected = "a router of the address's family";
                        return Err(self.problem("gateway", expected));
                    }
                    link.routes.push(Route::default_through(gateway));
                }
            }
            _ if from_dhcp || has_server => link.addressing.push(Addressing::Dhcp4),
            _ => {}
        }
        Ok(link)
    }

    /// Older kernels show a mask only.
    fn prefix_len(&self, address: IpAddr) -> Result<u8, IbftProblem> {
        const EXPECTED: &str = "the length of the network's prefix";
        let most = if address.is_ipv4() { 32 } else { 128 };
        if let Some(bits) = self.number("prefix-len")? {
            let bits = u8::try_from(bits).ok().filter(|bits| *bits <= most);
            return bits.ok_or_else(|| self.problem("prefix-len", EXPECTED));
        }
        let mask = match self.address("subnet-mask")? {
            Some(IpAddr::V4(mask)) if address.is_ipv4() => u32::from(mask),
            _ => return Err(self.problem("prefix-len", EXPECTED)),
        };
        if mask.leading_ones() != mask.count_ones() {
            return Err(self.problem("subnet-mask", "a network mask without holes"));
        }
        u8::try_from(mask.leading_ones()).map_err(|_| self.problem("subnet-mask", EXPECTED))
    }

    /// An address; all zeros is none.
    fn address(&self, attribute: &'static str) -> Result<Option<IpAddr>, IbftProblem> {
        let found: Option<IpAddr> = self.value(attribute, "an IP address")?;
        Ok(found.filter(|address| !address.is_unspecified()))
    }

    fn number(&self, attribute: &'static str) -> Result<Option<u32>, IbftProblem> {
        self.value(attribute, "a number")
    }

    fn value<T: std::str::FromStr>(
        &self,
        attribute: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, IbftProblem> {
        match self.text(attribute) {
            "" => Ok(None),
            text => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(self.problem(attribute, expected)),
            },
        }
    }

    fn text(&self, attribute: &str) -> &str {
        let path = format!("{DIRECTORY}/{}/{attribute}", self.name);
        self.files.text(&path).unwrap_or_default()
    }

    fn problem(&self, attribute: &'static str, expected: &'static str) -> IbftProblem {
        IbftProblem {
            card: self.name.to_owned(),
            attribute,
            expected,
            found: self.text(attribute).escape_debug().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    fn tree(values: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, value) in values {
            let text = format!("{value}\n");
            let entry = Entry::File(Bytes::from(text.as_str()));
            tree.insert(format!("{DIRECTORY}/{path}"), entry);
        }
        tree
    }

    /// A card with a fixed address, in the form the kernel's `iscsi_ibft` prints.
    const FIXED: &[(&str, &str)] = &[
        ("ethernet0/index", "0"),
        ("ethernet0/flags", "3"),
        ("ethernet0/ip-addr", "192.0.2.15"),
        ("ethernet0/subnet-mask", "255.255.255.0"),
        ("ethernet0/prefix-len", "24"),
        ("ethernet0/origin", "1"),
        ("ethernet0/gateway", "192.0.2.2"),
        ("ethernet0/primary-dns", "192.0.2.3"),
        ("ethernet0/vlan", "0"),
        ("ethernet0/mac", "52:54:00:12:34:56"),
        ("initiator/flags", "3"),
    ];

    fn with(changes: &[(&'static str, &'static str)]) -> Tree {
        let mut values = FIXED.to_vec();
        for change in changes {
            values.retain(|(path, _)| *path != change.0);
            values.push(*change);
        }
        tree(&values)
    }

    #[test]
    fn a_fixed_address() {
        let found = read(&with(&[])).expect("sound").expect("a description");
        let mut link = DescribedLink::new(
            "ethernet0",
            DescribedDevice::Port(PortMatch::Mac(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56]))),
        );
        link.addressing.push(Addressing::Static {
            address: IpAddr::from([192, 0, 2, 15]),
            prefix_len: 24,
        });
        link.routes
            .push(Route::default_through(IpAddr::from([192, 0, 2, 2])));
        let expected = Description {
            links: vec![link],
            dns: vec![IpAddr::from([192, 0, 2, 3])],
            preferred: Some("ethernet0".into()),
            ..Description::of(Source::Ibft)
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn origins_vlans_and_what_is_not_valid() {
        let how = |changes: &[(&'static str, &'static str)]| {
            let found = read(&with(changes)).expect("sound")?;
            let link = found.links.last()?.clone();
            Some((link.name, link.addressing, found.links.len()))
        };
        let name = |text: &str| text.to_owned();
        let mask_only = how(&[("ethernet0/prefix-len", "")]);
        let own = Addressing::Static {
            address: IpAddr::from([192, 0, 2, 15]),
            prefix_len: 24,
        };
        assert_eq!(mask_only, Some((name("ethernet0"), vec![own.clone()], 1)));
        let dhcp = how(&[("ethernet0/origin", "3")]);
        assert_eq!(dhcp, Some((name("ethernet0"), vec![Addressing::Dhcp4], 1)));
        let by_server = how(&[("ethernet0/ip-addr", ""), ("ethernet0/dhcp", "192.0.2.1")]);
        assert_eq!(
            by_server,
            Some((name("ethernet0"), vec![Addressing::Dhcp4], 1))
        );
        let tagged = how(&[("ethernet0/vlan", "7")]);
        assert_eq!(tagged, Some((name("ibft0.7"), vec![own], 2)));
        assert_eq!(how(&[("ethernet0/flags", "0")]), None);
        assert_eq!(read(&Tree::default()), Ok(None));
    }

    #[test]
    fn bad_values_are_named() {
        let cases = [
            (
                ("ethernet0/mac", ""),
                "ethernet0: mac: expected a MAC address, found nothing",
            ),
            (
                ("ethernet0/vlan", "4095"),
                "ethernet0: vlan: expected a VLAN from 1 to 4094, or 0, found 4095",
            ),
            (
                ("ethernet0/prefix-len", "33"),
                "ethernet0: prefix-len: expected the length of the network's prefix, found 33",
            ),
            (
                ("ethernet0/gateway", "2001:db8::1"),
                "ethernet0: gateway: expected a router of the address's family, found 2001:db8::1",
            ),
            (
                ("ethernet0/primary-dns", "x"),
                "ethernet0: primary-dns: expected an IP address, found x",
            ),
        ];
        for (change, expected) in cases {
            let problems = read(&with(&[change])).expect_err("a bad table");
            assert_eq!(problems.to_string(), expected);
        }
    }
}
