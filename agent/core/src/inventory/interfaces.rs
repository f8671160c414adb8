// SPDX-License-Identifier: Apache-2.0
//! Network interfaces (contract §6.7).

use std::net::IpAddr;

use hardware_profiles::UsbId;
use serde::{Deserialize, Serialize};

use crate::lldp::RawTlv;
use crate::network::InternalRule;
use crate::network::internal::{Card, is_internal};
use crate::snapshot::{NetworkLink, Snapshot, Tree};

/// `ARPHRD_INFINIBAND`.
const INFINIBAND: u16 = 32;
/// What stands before the GUID in a DHCP client id of NVIDIA cards (contract §29).
const CLIENT_ID_PREFIX: &str = "ff:00:00:00:00:00:02:00:00:02:c9:00:";

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Name, `eno1`.
    pub name: String,
    /// Permanent address, else the current one.
    pub mac_address: String,
    /// First IPv4 address.
    pub ipv4_address: Option<String>,
    /// First IPv6 address; a link-local one with its scope, `fe80::1%eno1`.
    pub ipv6_address: Option<String>,
    /// Whether the driver sees a carrier.
    pub has_carrier: bool,
    /// TLVs of the neighbour, with `ipa-collect-lldp`; the collector `lldp` has
    /// them in `lldp_raw`.
    pub lldp: Option<Vec<RawTlv>>,
    /// Vendor id as sysfs shows it, `0x8086`.
    pub vendor: Option<String>,
    /// Device id as sysfs shows it.
    pub product: Option<String>,
    /// DHCP client id of an InfiniBand interface.
    pub client_id: Option<String>,
    /// Name by the program `biosdevname`, which is not in the image.
    pub biosdevname: Option<String>,
    /// The highest speed the port supports, else the speed of the link, in Mbit/s.
    pub speed_mbps: Option<u32>,
    /// PCI address, `0000:3b:00.0`.
    pub pci_address: Option<String>,
    /// Name of the driver.
    pub driver: Option<String>,
}

/// The interfaces in name order.
pub(super) fn read(
    snapshot: &Snapshot,
    drop_fa: bool,
    internal: &[InternalRule],
) -> Vec<Interface> {
    snapshot
        .files
        .names("/sys/class/net")
        .into_iter()
        .filter(|name| counts(&snapshot.files, name))
        .filter_map(|name| interface(snapshot, name))
        .filter(|found| !(drop_fa && found.mac_address.starts_with("fa:")))
        .filter(|found| !is_left_out(&snapshot.files, found, internal))
        .collect()
}

fn is_left_out(files: &Tree, interface: &Interface, rules: &[InternalRule]) -> bool {
    let card = Card {
        driver: interface.driver.clone(),
        mac: Some(interface.mac_address.clone()),
        usb: usb_id(files, &interface.name),
    };
    is_internal(&card, rules)
}

/// Vendor and product of the USB device the interface belongs to. What is in
/// `device` is one interface of it, `1-1.2:2.0`.
fn usb_id(files: &Tree, name: &str) -> Option<UsbId> {
    let path = files.canonical(&format!("/sys/class/net/{name}/device"))?;
    let (device, _) = path.rsplit('/').next()?.split_once(':')?;
    let number = |attribute: &str| {
        let text = files.text(&format!("/sys/bus/usb/devices/{device}/{attribute}"))?;
        u16::from_str_radix(text, 16).ok()
    };
    Some(UsbId {
        vendor: number("idVendor")?,
        device: number("idProduct")?,
    })
}

/// Whether this is an interface to report: hardware, a bond or a VLAN.
fn counts(files: &Tree, name: &str) -> bool {
    let path = format!("/sys/class/net/{name}");
    let is_vlan = name.rsplit_once('.').is_some_and(|(link, id)| {
        !link.is_empty() && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
    });
    files.exists(&format!("{path}/device")) || files.exists(&format!("{path}/bonding")) || is_vlan
}

fn interface(snapshot: &Snapshot, name: &str) -> Option<Interface> {
    let files = &snapshot.files;
    let path = format!("/sys/class/net/{name}");
    let link = snapshot.links.iter().find(|link| link.name == name);
    let address = hardware_address(files, &path, link)?;
    let device = |attribute: &str| {
        files
            .text(&format!("{path}/device/{attribute}"))
            .map(str::to_owned)
    };
    let (mac_address, client_id) = mac_and_client_id(files, &path, link, &address)?;
    let addresses = link.map_or(&[][..], |link| &link.addresses);
    let first = |wanted: fn(&IpAddr) -> bool| {
        addresses
            .iter()
            .map(|(address, _)| address)
            .find(|address| wanted(address))
            .map(|address| with_scope(*address, name))
    };
    Some(Interface {
        name: name.to_owned(),
        mac_address,
        ipv4_address: first(IpAddr::is_ipv4),
        ipv6_address: first(IpAddr::is_ipv6),
        has_carrier: files.flag(&format!("{path}/carrier")),
        lldp: None,
        vendor: device("vendor"),
        product: device("device"),
        client_id,
        biosdevname: None,
        speed_mbps: link
            .and_then(|link| link.max_speed_mbps.or(link.speed_mbps))
            .or_else(|| files.number(&format!("{path}/speed"))),
        pci_address: pci_address(files, &path),
        driver: files
            .link_name(&format!("{path}/device/driver"))
            .map(str::to_owned),
    })
}

/// The permanent address, else the current one; `None` if there is none but zeroes.
fn hardware_address(files: &Tree, path: &str, link: Option<&NetworkLink>) -> Option<Vec<u8>> {
    let usable = |address: &Vec<u8>| address.iter().any(|byte| *byte != 0);
    let from_link = link.and_then(|link| {
        [&link.permanent_address, &link.address]
            .into_iter()
            .find(|address| usable(address))
            .cloned()
    });
    from_link.or_else(|| {
        let text = files.text(&format!("{path}/address"))?;
        let bytes: Result<Vec<u8>, _> = text
            .split(':')
            .map(|part| u8::from_str_radix(part, 16))
            .collect();
        bytes.ok().filter(usable)
    })
}

/// InfiniBand addresses have 20 bytes; their MAC and client id are made from
/// the port's GUID, the last 8 of them.
fn mac_and_client_id(
    files: &Tree,
    path: &str,
    link: Option<&NetworkLink>,
    address: &[u8],
) -> Option<(String, Option<String>)> {
    let hardware_type = link
        .map(|link| link.hardware_type)
        .or_else(|| files.number(&format!("{path}/type")));
    match (hardware_type, address) {
        (Some(INFINIBAND), [.., a, b, c, d, e, f, g, h]) if address.len() == 20 => {
            let mac = hex(&[*a, *b, *c, *f, *g, *h]);
            let guid = hex(&[*a, *b, *c, *d, *e, *f, *g, *h]);
            Some((mac, Some(format!("{CLIENT_ID_PREFIX}{guid}"))))
        }
        (_, address) if address.len() == 6 => Some((hex(address), None)),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

/// Link-local addresses mean something on their link only.
fn with_scope(address: IpAddr, name: &str) -> String {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => format!("{v6}%{name}"),
        other => other.to_string(),
    }
}

/// The PCI function the interface belongs to, also if a virtio device stands
/// between; adapters on other buses have none.
pub(crate) fn pci_address(files: &Tree, path: &str) -> Option<String> {
    let device = files.canonical(&format!("{path}/device"))?;
    super::ancestry::chain(files, &device)
        .into_iter()
        .find(|ancestor| !ancestor.is("virtio"))
        .filter(|ancestor| ancestor.is("pci"))
        .map(|ancestor| ancestor.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    #[test]
    fn fa_addresses_are_dropped_or_kept() {
        let mut snapshot = Snapshot::default();
        for (name, address) in [("eno1", "24:6e:96:00:00:01"), ("eno2", "fa:16:3e:00:00:01")] {
            let path = format!("/sys/class/net/{name}");
            let files = &mut snapshot.files;
            files.insert(format!("{path}/device"), Entry::Directory);
            files.insert(format!("{path}/address"), Entry::File(Bytes::from(address)));
        }
        let names = |drop_fa| -> Vec<String> {
            let found = read(&snapshot, drop_fa, &[]);
            found.into_iter().map(|found| found.name).collect()
        };
        assert_eq!(names(true), ["eno1"]);
        assert_eq!(names(false), ["eno1", "eno2"]);
    }

    #[test]
    fn interfaces_of_the_bmc_are_left_out() {
        let mut snapshot = Snapshot::default();
        let mut insert = |path: &str, entry| snapshot.files.insert(path, entry);
        for (name, address, driver, usb) in [
            ("eno1", "24:6e:96:00:00:01", "i40e", None),
            (
                "idrac",
                "d0:94:66:00:00:01",
                "cdc_ether",
                Some(("1-14.3", "413c", "a102")),
            ),
            (
                "usb0",
                "be:3a:f2:b6:05:9f",
                "rndis_host",
                Some(("1-1.2", "0b1f", "03ee")),
            ),
        ] {
            let file = |text: &str| Entry::File(Bytes::from(text));
            let link = |target: &str| Entry::Link(target.to_owned());
            let path = format!("/sys/class/net/{name}");
            insert(&format!("{path}/address"), file(address));
            let device = match usb {
                None => format!("/sys/devices/pci0000:00/{name}"),
                Some((device, vendor, product)) => {
                    let bus = format!("/sys/devices/pci0000:00/usb1/{device}");
                    insert(&format!("{bus}/idVendor"), file(vendor));
                    insert(&format!("{bus}/idProduct"), file(product));
                    insert(&format!("/sys/bus/usb/devices/{device}"), link(&bus));
                    format!("{bus}/{device}:2.0")
                }
            };
            insert(
                &format!("{device}/driver"),
                link(&format!("/sys/bus/drivers/{driver}")),
            );
            insert(&format!("{path}/device"), link(&device));
        }
        let rule = |driver: Option<&str>, prefix: Option<&str>| InternalRule {
            driver: driver.map(str::to_owned),
            mac_prefix: prefix.map(str::to_owned),
            usb: None,
        };
        let by_usb = |id: &str| InternalRule {
            usb: Some(id.parse().expect("an id")),
            ..InternalRule::default()
        };
        for (rules, expected) in [
            (vec![], vec!["eno1", "idrac", "usb0"]),
            (vec![by_usb("413c:a102")], vec!["eno1", "usb0"]),
            (vec![by_usb("0b1f:03ee")], vec!["eno1", "idrac"]),
            (vec![by_usb("0b1f:03ff")], vec!["eno1", "idrac", "usb0"]),
            (vec![rule(None, None)], vec!["eno1", "idrac", "usb0"]),
            (vec![rule(Some("cdc_ether"), None)], vec!["eno1", "usb0"]),
            (vec![rule(None, Some("be:3a:f2"))], vec!["eno1", "idrac"]),
            (
                vec![rule(Some("cdc_ether"), Some("be:3a:f2"))],
                vec!["eno1", "idrac", "usb0"],
            ),
        ] {
            let found = read(&snapshot, false, &rules);
            let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
            assert_eq!(names, expected, "{rules:?}");
        }
    }
}
