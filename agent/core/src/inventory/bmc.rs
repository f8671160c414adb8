// SPDX-License-Identifier: Apache-2.0
//! Addresses of the management controller (contract §6.7, IPMI 2.0 §23.2).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::snapshot::{BmcChannel, BmcLan};

/// LAN parameters, IPMI 2.0 table 23-4.
const IPV4: u8 = 3;
const MAC: u8 = 5;
const ADDRESSING: u8 = 51;
const STATIC_IPV6: u8 = 56;
const DYNAMIC_IPV6: u8 = 59;

/// What the inventory says about the controller; empty without one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bmc {
    pub(super) ipv4: Option<String>,
    pub(super) ipv6: Option<String>,
    pub(super) mac: Option<String>,
}

pub(super) fn read(lan: Option<&BmcLan>) -> Bmc {
    let Some(lan) = lan else {
        return Bmc::default();
    };
    let channels = &lan.channels;
    let first_v4 = channels
        .iter()
        .find_map(ipv4)
        .unwrap_or(Ipv4Addr::UNSPECIFIED);
    let first_v6 = channels.iter().find_map(ipv6);
    let mac = channels
        .iter()
        .filter(|channel| ipv4(channel).is_some() || ipv6(channel).is_some())
        .find_map(mac);
    Bmc {
        ipv4: Some(first_v4.to_string()),
        ipv6: Some(first_v6.map_or_else(|| "::/0".to_owned(), |address| address.to_string())),
        mac,
    }
}

fn data(channel: &BmcChannel, parameter: u8) -> impl Iterator<Item = &[u8]> {
    channel
        .parameters
        .iter()
        .filter(move |answer| answer.parameter == parameter)
        .map(|answer| answer.data.0.as_slice())
}

fn ipv4(channel: &BmcChannel) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = data(channel, IPV4).next()?.get(..4)?.try_into().ok()?;
    let address = Ipv4Addr::from(bytes);
    (!address.is_unspecified()).then_some(address)
}

fn mac(channel: &BmcChannel) -> Option<String> {
    let bytes = data(channel, MAC).next()?.get(..6)?;
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.iter().any(|byte| *byte != 0).then(|| parts.join(":"))
}

/// An address in use: one the network gave, else a static one. Link-local
/// addresses cannot be reached from Ironic.
fn ipv6(channel: &BmcChannel) -> Option<Ipv6Addr> {
    // 1: IPv6 only, 2: both.
    let enabled = matches!(data(channel, ADDRESSING).next()?, [1 | 2, ..]);
    let dynamic = data(channel, DYNAMIC_IPV6).filter_map(|answer| {
        address(answer, |source| {
            // 1: SLAAC, 2: DHCPv6.
            source & 0x0f == 1 || source & 0x0f == 2
        })
    });
    let fixed = data(channel, STATIC_IPV6)
        .filter_map(|answer| address(answer, |source| source & 0x80 != 0));
    dynamic.chain(fixed).find(|_| enabled)
}

/// Set selector, source or enable bits, address, prefix length, status (0: active).
fn address(answer: &[u8], in_use: fn(u8) -> bool) -> Option<Ipv6Addr> {
    let source = *answer.get(1)?;
    let bytes: [u8; 16] = answer.get(2..18)?.try_into().ok()?;
    let status = *answer.get(19)?;
    let address = Ipv6Addr::from(bytes);
    let usable = !address.is_unspecified() && !address.is_unicast_link_local();
    (in_use(source) && status == 0 && usable).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, LanParameter};

    fn channel(parameters: &[(u8, Vec<u8>)]) -> BmcChannel {
        let parameters = parameters
            .iter()
            .map(|(parameter, data)| LanParameter {
                parameter: *parameter,
                set: 0,
                data: Bytes(data.clone()),
            })
            .collect();
        BmcChannel {
            channel: 1,
            parameters,
        }
    }

    fn v6(source: u8, address: &str, status: u8) -> Vec<u8> {
        let address: Ipv6Addr = address.parse().expect("an address");
        [&[0, source][..], &address.octets(), &[64, status]].concat()
    }

    const MAC_BYTES: [u8; 6] = [0xd0, 0x94, 0x66, 0, 0x11, 0x22];

    #[test]
    fn addresses_are_told_as_ironic_expects() {
        let mac = Some("d0:94:66:00:11:22".to_owned());
        let cases = [
            (vec![], "0.0.0.0", "::/0", None),
            (
                vec![channel(&[
                    (3, vec![192, 0, 2, 200]),
                    (5, MAC_BYTES.to_vec()),
                ])],
                "192.0.2.200",
                "::/0",
                mac.clone(),
            ),
            (
                vec![channel(&[(3, vec![0; 4]), (5, MAC_BYTES.to_vec())])],
                "0.0.0.0",
                "::/0",
                None,
            ),
            (
                vec![channel(&[
                    (3, vec![0; 4]),
                    (5, MAC_BYTES.to_vec()),
                    (51, vec![2]),
                    (59, v6(1, "fe80::1", 0)),
                    (59, v6(2, "2001:db8::9", 0)),
                    (56, v6(0x80, "2001:db8::5", 0)),
                ])],
                "0.0.0.0",
                "2001:db8::9",
                mac.clone(),
            ),
            (
                vec![channel(&[
                    (3, vec![10, 0, 0, 1]),
                    (51, vec![0]),
                    (56, v6(0x80, "2001:db8::5", 0)),
                ])],
                "10.0.0.1",
                "::/0",
                None,
            ),
            (
                vec![channel(&[
                    (3, vec![1]),
                    (5, vec![]),
                    (51, vec![]),
                    (59, vec![0; 3]),
                ])],
                "0.0.0.0",
                "::/0",
                None,
            ),
        ];
        for (channels, ipv4, ipv6, mac) in cases {
            let found = read(Some(&BmcLan { channels }));
            assert_eq!(found.ipv4.as_deref(), Some(ipv4));
            assert_eq!(found.ipv6.as_deref(), Some(ipv6));
            assert_eq!(found.mac, mac);
        }
        assert_eq!(read(None), Bmc::default());
    }
}
