// SPDX-License-Identifier: Apache-2.0
//! Addresses of the management controller (contract §6.7, IPMI 2.0 §23.2).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::hardware::lan;
use crate::snapshot::{self, BmcChannel};

/// What the inventory says about the controller; empty without one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bmc {
    pub(super) ipv4: Option<String>,
    pub(super) ipv6: Option<String>,
    pub(super) mac: Option<String>,
}

pub(super) fn read(bmc: Option<&snapshot::Bmc>) -> Bmc {
    let Some(bmc) = bmc else {
        return Bmc::default();
    };
    let channels = &bmc.channels;
    let first_v4 = channels
        .iter()
        .find_map(lan::ipv4)
        .unwrap_or(Ipv4Addr::UNSPECIFIED);
    let first_v6 = channels.iter().find_map(ipv6);
    let mac = channels
        .iter()
        .filter(|channel| lan::ipv4(channel).is_some() || ipv6(channel).is_some())
        .find_map(lan::mac);
    Bmc {
        ipv4: Some(first_v4.to_string()),
        ipv6: Some(first_v6.map_or_else(|| "::/0".to_owned(), |address| address.to_string())),
        mac,
    }
}

/// The first address that can be reached from Ironic, which link-local ones cannot.
fn ipv6(channel: &BmcChannel) -> Option<Ipv6Addr> {
    lan::ipv6(channel)
        .map(|found| found.address)
        .find(|address| !address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{BmcParameter, Bytes};

    fn channel(parameters: &[(u8, Vec<u8>)]) -> BmcChannel {
        let parameters = parameters
            .iter()
            .map(|(parameter, data)| BmcParameter {
                parameter: *parameter,
                set: 0,
                data: Bytes(data.clone()),
            })
            .collect();
        BmcChannel {
            channel: 1,
            info: None,
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
            let found = read(Some(&snapshot::Bmc {
                channels,
                ..snapshot::Bmc::default()
            }));
            assert_eq!(found.ipv4.as_deref(), Some(ipv4));
            assert_eq!(found.ipv6.as_deref(), Some(ipv6));
            assert_eq!(found.mac, mac);
        }
        assert_eq!(read(None), Bmc::default());
    }
}
