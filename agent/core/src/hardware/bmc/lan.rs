// SPDX-License-Identifier: Apache-2.0
//! The controller's LAN channels (IPMI 2.0 section 23, table 23-4).

use std::net::{Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::BmcChannel;

/// LAN parameters, table 23-4.
const IPV4: u8 = 3;
const IPV4_SOURCE: u8 = 4;
const MAC: u8 = 5;
const NETMASK: u8 = 6;
const GATEWAY: u8 = 12;
const VLAN: u8 = 20;
const ADDRESSING: u8 = 51;
const STATIC_IPV6: u8 = 56;
const DYNAMIC_IPV6: u8 = 59;

/// A LAN channel of the management controller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LanChannel {
    /// Number of the channel.
    pub channel: u8,
    /// MAC address.
    pub mac_address: Option<String>,
    /// IPv4 address; null if none is set.
    pub ipv4_address: Option<String>,
    /// Where the IPv4 address comes from: `static`, `dhcp`, `firmware`, `other`.
    pub ipv4_source: Option<String>,
    /// IPv4 netmask.
    pub ipv4_netmask: Option<String>,
    /// IPv4 address of the default gateway.
    pub ipv4_gateway: Option<String>,
    /// VLAN the channel is in; null if its frames carry no tag.
    pub vlan_id: Option<u16>,
    /// IPv6 addresses in use.
    pub ipv6_addresses: Vec<LanIpv6>,
}

/// An IPv6 address of a LAN channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LanIpv6 {
    /// The address.
    pub address: String,
    /// Length of its prefix in bits.
    pub prefix_length: u8,
    /// Where it comes from: `static`, `slaac`, `dhcpv6`.
    pub source: String,
}

pub(super) fn read(channel: &BmcChannel) -> LanChannel {
    let text = |address: Option<Ipv4Addr>| address.map(|address| address.to_string());
    LanChannel {
        channel: channel.channel,
        mac_address: mac(channel),
        ipv4_address: text(ipv4(channel)),
        ipv4_source: source(channel).map(str::to_owned),
        ipv4_netmask: text(address4(channel, NETMASK)),
        ipv4_gateway: text(address4(channel, GATEWAY)),
        vlan_id: vlan(channel),
        ipv6_addresses: ipv6(channel)
            .map(|found| LanIpv6 {
                address: found.address.to_string(),
                prefix_length: found.prefix_length,
                source: found.source.to_owned(),
            })
            .collect(),
    }
}

fn data(channel: &BmcChannel, parameter: u8) -> impl Iterator<Item = &[u8]> {
    channel
        .parameters
        .iter()
        .filter(move |answer| answer.parameter == parameter)
        .map(|answer| answer.data.0.as_slice())
}

/// The IPv4 address of a channel, if it has one.
pub(crate) fn ipv4(channel: &BmcChannel) -> Option<Ipv4Addr> {
    address4(channel, IPV4)
}

fn address4(channel: &BmcChannel, parameter: u8) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = data(channel, parameter).next()?.get(..4)?.try_into().ok()?;
    let address = Ipv4Addr::from(bytes);
    (!address.is_unspecified()).then_some(address)
}

/// The MAC address of a channel, if it has one.
pub(crate) fn mac(channel: &BmcChannel) -> Option<String> {
    let bytes = data(channel, MAC).next()?.get(..6)?;
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.iter().any(|byte| *byte != 0).then(|| parts.join(":"))
}

fn source(channel: &BmcChannel) -> Option<&'static str> {
    match data(channel, IPV4_SOURCE).next()?.first()? & 0x0f {
        1 => Some("static"),
        2 => Some("dhcp"),
        3 => Some("firmware"),
        4 => Some("other"),
        _ => None,
    }
}

/// Twelve bits of number, and a bit that says whether it is used.
fn vlan(channel: &BmcChannel) -> Option<u16> {
    let bytes: [u8; 2] = data(channel, VLAN).next()?.get(..2)?.try_into().ok()?;
    let word = u16::from_le_bytes(bytes);
    (word & 0x8000 != 0).then_some(word & 0x0fff)
}

/// An IPv6 address in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ipv6 {
    pub(crate) address: Ipv6Addr,
    prefix_length: u8,
    source: &'static str,
}

/// The IPv6 addresses in use: first those that the network gave, then static ones.
pub(crate) fn ipv6(channel: &BmcChannel) -> impl Iterator<Item = Ipv6> {
    // 1: IPv6 only, 2: both.
    let enabled = matches!(data(channel, ADDRESSING).next(), Some([1 | 2, ..]));
    let dynamic = data(channel, DYNAMIC_IPV6).filter_map(|answer| {
        address6(answer, |source| match source & 0x0f {
            1 => Some("slaac"),
            2 => Some("dhcpv6"),
            _ => None,
        })
    });
    let fixed = data(channel, STATIC_IPV6)
        .filter_map(|answer| address6(answer, |enabled| (enabled & 0x80 != 0).then_some("static")));
    dynamic.chain(fixed).filter(move |_| enabled)
}

/// Set selector, source or enable bits, address, prefix length, status (0: active).
fn address6(answer: &[u8], source: fn(u8) -> Option<&'static str>) -> Option<Ipv6> {
    let source = source(*answer.get(1)?)?;
    let bytes: [u8; 16] = answer.get(2..18)?.try_into().ok()?;
    let (prefix_length, status) = (*answer.get(18)?, *answer.get(19)?);
    let address = Ipv6Addr::from(bytes);
    (status == 0 && !address.is_unspecified()).then_some(Ipv6 {
        address,
        prefix_length,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{BmcParameter, Bytes};

    fn channel(parameters: &[(u8, &[u8])]) -> BmcChannel {
        let parameters = parameters
            .iter()
            .map(|(parameter, data)| BmcParameter {
                parameter: *parameter,
                set: 0,
                data: Bytes(data.to_vec()),
            })
            .collect();
        BmcChannel {
            channel: 1,
            info: None,
            parameters,
        }
    }

    #[test]
    fn a_channel_is_described() {
        let mut fixed = vec![0, 0x80];
        fixed.extend("2001:db8::5".parse::<Ipv6Addr>().expect("one").octets());
        fixed.extend([64, 0]);
        let mut given = vec![0, 1];
        given.extend("fe80::1".parse::<Ipv6Addr>().expect("one").octets());
        given.extend([64, 0]);
        let found = read(&channel(&[
            (3, &[192, 0, 2, 200]),
            (4, &[2]),
            (5, &[0xd0, 0x94, 0x66, 0, 0x11, 0x22]),
            (6, &[255, 255, 255, 0]),
            (12, &[192, 0, 2, 1]),
            (20, &[0x64, 0x80]),
            (51, &[2]),
            (56, &fixed),
            (59, &given),
        ]));
        let text = |text: &str| Some(text.to_owned());
        let address = |address: &str, source: &str| LanIpv6 {
            address: address.into(),
            prefix_length: 64,
            source: source.into(),
        };
        let expected = LanChannel {
            channel: 1,
            mac_address: text("d0:94:66:00:11:22"),
            ipv4_address: text("192.0.2.200"),
            ipv4_source: text("dhcp"),
            ipv4_netmask: text("255.255.255.0"),
            ipv4_gateway: text("192.0.2.1"),
            vlan_id: Some(100),
            ipv6_addresses: vec![
                address("fe80::1", "slaac"),
                address("2001:db8::5", "static"),
            ],
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_off_or_short_is_not_told() {
        let off = [(20, &[0x64, 0][..]), (51, &[0]), (4, &[]), (6, &[1, 2])];
        let expected = LanChannel {
            channel: 1,
            ..LanChannel::default()
        };
        assert_eq!(read(&channel(&off)), expected);
    }
}
