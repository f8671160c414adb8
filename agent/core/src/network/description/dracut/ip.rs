// SPDX-License-Identifier: Apache-2.0
//! The word `ip=`: dracut's forms, and the kernel's own
//! (Documentation/admin-guide/nfs/nfsroot.rst), which dracut's long form began
//! as.

use std::net::IpAddr;

use bootconfig::MacAddr;

use super::parts::{
    SMALLEST_MTU_OF_IPV6, address, interface, mac, mtu, network, prefix_len, split, wrong,
    wrong_word,
};
use super::problem::{Part, WordFault};
use crate::network::plan::Addressing;

/// The form of the word, for messages.
const LONG_FORM: &str = "ip=<client-IP>:[<peer>]:<gateway-IP>:<netmask>:<hostname>:<interface>:\
                         <method>[:[<mtu>][:<MAC>]|[:<dns1>][:<dns2>]]";
const SHORT_FORM: &str = "ip=<interface>:<method>[:[<mtu>][:<MAC>]]";

/// What one `ip=` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ip {
    /// For which link; none: for every port, or for the one booted from if there
    /// is an address.
    pub(super) interface: Option<String>,
    /// How it gets addresses.
    pub(super) addressing: Vec<Addressing>,
    /// Its router.
    pub(super) gateway: Option<IpAddr>,
    /// The largest packet.
    pub(super) mtu: Option<u32>,
    /// The hardware address it shall have.
    pub(super) mac: Option<MacAddr>,
    /// DNS servers.
    pub(super) dns: Vec<IpAddr>,
}

impl Ip {
    /// Whether it has an address of its own.
    pub(super) fn is_static(&self) -> bool {
        self.addressing
            .iter()
            .any(|one| matches!(one, Addressing::Static { .. }))
    }
}

/// Reads the value.
///
/// The peer is checked and not used: in the kernel's form it is the server of
/// the root file system, in dracut's the other end of a point-to-point link,
/// which no Ethernet card is. The host name is not used either: the installed
/// system gets its name from elsewhere.
pub(super) fn read(value: &str) -> Result<Ip, WordFault> {
    let parts = split(value);
    match parts.as_slice() {
        [only] if !only.contains('.') && !only.starts_with('[') => Ok(Ip {
            addressing: method(only)?,
            ..Ip::default()
        }),
        [client, ..] if client.is_empty() || network(Part::Address, client).is_ok() => {
            long_form(&parts)
        }
        _ if looks_like_bare_ipv6(value) => Err(WordFault::WithoutBrackets),
        [client, ..] if client.starts_with('[') || client.contains('/') || is_dotted(client) => {
            Err(wrong(Part::Address, client))
        }
        [name, rest @ ..] => short_form(name, rest),
        [] => Err(wrong(Part::Method, value)),
    }
}

/// `on` and `any` are `dhcp` (dracut.cmdline(7)). `either6` asks for an IPv6
/// address besides making one: both at once need no timeout that would tell when
/// one has failed.
fn method(text: &str) -> Result<Vec<Addressing>, WordFault> {
    const METHODS: [&str; 11] = [
        "dhcp",
        "on",
        "any",
        "single-dhcp",
        "dhcp6",
        "auto6",
        "either6",
        "link6",
        "ibft",
        "off",
        "none",
    ];
    match text {
        "dhcp" | "on" | "any" | "single-dhcp" => Ok(vec![Addressing::Dhcp4]),
        "dhcp6" => Ok(vec![Addressing::Dhcp6]),
        "auto6" => Ok(vec![Addressing::Slaac]),
        "either6" => Ok(vec![Addressing::Slaac, Addressing::Dhcp6]),
        "link6" | "ibft" | "off" | "none" => Ok(vec![]),
        _ => Err(wrong_word(Part::Method, text, &METHODS)),
    }
}

fn short_form(name: &str, rest: &[&str]) -> Result<Ip, WordFault> {
    let (how, tail) = match rest {
        [how, tail @ ..] => (*how, tail),
        [] => ("", rest),
    };
    let mut ip = Ip {
        interface: Some(interface(name)?),
        addressing: method(how)?,
        ..Ip::default()
    };
    match tail {
        [] => {}
        [size, hardware @ ..] => mtu_and_mac(&mut ip, size, hardware, SHORT_FORM)?,
    }
    enough_for_ipv6(ip)
}

fn long_form(parts: &[&str]) -> Result<Ip, WordFault> {
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    let mut ip = Ip::default();
    let client = match part(0) {
        "" => None,
        text => Some(network(Part::Address, text)?),
    };
    if !part(1).is_empty() {
        network(Part::Address, part(1))?;
    }
    ip.gateway = match part(2) {
        "" => None,
        text => Some(address(Part::Gateway, text)?),
    };
    if !part(5).is_empty() {
        ip.interface = Some(interface(part(5))?);
    }
    if let Some((address, in_address)) = client {
        let prefix_len = match (part(3), in_address) {
            ("", Some(bits)) => bits,
            ("", None) => return Err(WordFault::WithoutNetmask),
            (mask, _) => prefix_len(mask, address)?,
        };
        ip.addressing.push(Addressing::Static {
            address,
            prefix_len,
        });
        if ip
            .gateway
            .is_some_and(|gateway| gateway.is_ipv4() != address.is_ipv4())
        {
            return Err(WordFault::GatewayOfOtherFamily);
        }
    }
    match (part(6), &client) {
        ("", Some(_)) => {}
        // The kernel asks where it is told no address.
        ("", None) => ip.addressing.push(Addressing::Dhcp4),
        (text, _) => ip.addressing.extend(method(text)?),
    }
    tail(&mut ip, parts.get(7..).unwrap_or_default())?;
    enough_for_ipv6(ip)
}

/// What follows the method: MTU and hardware address, or DNS servers and, in the
/// kernel's form, a time server, which settings tell the agent otherwise.
fn tail(ip: &mut Ip, parts: &[&str]) -> Result<(), WordFault> {
    match parts {
        [] => Ok(()),
        [size, hardware @ ..]
            if size.bytes().all(|byte| byte.is_ascii_digit())
                && (!size.is_empty() || hardware.len() == 6) =>
        {
            mtu_and_mac(ip, size, hardware, LONG_FORM)
        }
        servers if servers.len() <= 3 => {
            for (at, server) in servers
                .iter()
                .enumerate()
                .filter(|(_, text)| !text.is_empty())
            {
                let found = address(Part::Tail, server)?;
                if at < 2 {
                    ip.dns.push(found);
                }
            }
            Ok(())
        }
        _ => Err(WordFault::TooLong { form: LONG_FORM }),
    }
}

fn mtu_and_mac(
    ip: &mut Ip,
    size: &str,
    hardware: &[&str],
    form: &'static str,
) -> Result<(), WordFault> {
    if !size.is_empty() {
        ip.mtu = Some(mtu(size)?);
    }
    match hardware {
        [] | [""] => Ok(()),
        hardware if hardware.len() > 6 => Err(WordFault::TooLong { form }),
        hardware => {
            ip.mac = Some(mac(hardware)?);
            Ok(())
        }
    }
}

fn enough_for_ipv6(ip: Ip) -> Result<Ip, WordFault> {
    let has_ipv6 = ip.addressing.iter().any(|one| match one {
        Addressing::Dhcp4 => false,
        Addressing::Dhcp6 | Addressing::Slaac => true,
        Addressing::Static { address, .. } => address.is_ipv6(),
    });
    match ip.mtu {
        Some(mtu) if has_ipv6 && mtu < SMALLEST_MTU_OF_IPV6 => {
            Err(wrong(Part::Mtu, &mtu.to_string()))
        }
        _ => Ok(ip),
    }
}

/// Four numbers with dots: an address, or meant as one.
fn is_dotted(text: &str) -> bool {
    text.split('.').count() == 4
        && text
            .bytes()
            .all(|byte| byte == b'.' || byte.is_ascii_digit())
}

/// Whether the word begins with the groups of an IPv6 address.
fn looks_like_bare_ipv6(value: &str) -> bool {
    let mut groups = value.split(':');
    let is_group = |text: &str| {
        (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let begins_with_digit = value
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_digit());
    begins_with_digit
        && groups.next().is_some_and(is_group)
        && groups
            .next()
            .is_some_and(|group| group.is_empty() || is_group(group))
}
