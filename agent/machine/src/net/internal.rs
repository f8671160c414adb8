// SPDX-License-Identifier: Apache-2.0
//! Which cards lead to the BMC: what sysfs says of each, given to the core.

use ironseed_core::network::internal::{Card, UsbId, is_internal};
use ironseed_core::network::{InternalRule, Link, LinkKind};

use crate::root::Root;

/// Which links are ports of the machine, with cables for others to plug in.
#[derive(Debug, Clone, Default)]
pub struct PortFilter {
    /// Kinds of virtual links that count as ports, such as `veth` inside a
    /// container; normally none.
    pub extra_kinds: Vec<String>,
    /// Which cards lead to the BMC and are no ports.
    pub internal: Vec<InternalRule>,
}

impl PortFilter {
    /// Whether a link is one.
    pub(crate) fn is_port(&self, link: &Link, root: &Root) -> bool {
        link.is_port(&self.extra_kinds) && !is_internal(&card(link, root), &self.internal)
    }
}

/// Marks the cards among the links that fit the rules.
pub(super) fn mark(links: &mut [Link], rules: &[InternalRule], root: &Root) {
    for link in links {
        link.internal = link.kind != LinkKind::Loopback && is_internal(&card(link, root), rules);
    }
}

fn card(link: &Link, root: &Root) -> Card {
    let device = format!("/sys/class/net/{}/device", link.name);
    let target = |path: &str| {
        let target = root.read_link(path).ok()?;
        Some(target.rsplit('/').next()?.to_owned())
    };
    Card {
        driver: target(&format!("{device}/driver")),
        mac: link.mac.map(|mac| mac.to_string()),
        usb: target(&device).and_then(|interface| usb_id(&interface, root)),
    }
}

/// `interface` is one interface of a USB device, `1-1.2:2.0`; other devices
/// have no number after the colon in the list of USB devices.
fn usb_id(interface: &str, root: &Root) -> Option<UsbId> {
    let (device, _) = interface.split_once(':')?;
    let number = |attribute: &str| {
        let path = format!("/sys/bus/usb/devices/{device}/{attribute}");
        let text = root.read_text(&path).ok()?;
        u16::from_str_radix(text.trim(), 16).ok()
    };
    Some(UsbId {
        vendor: number("idVendor")?,
        device: number("idProduct")?,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use ironseed_core::network::MacAddr;

    use super::*;

    /// A tree as sysfs has it: a card on PCI, an iDRAC, and an adapter.
    #[test]
    fn a_card_on_usb_is_known_by_its_device() {
        let directory = tempfile::tempdir().expect("a directory");
        let make = |path: &str| {
            let path = directory.path().join(path);
            std::fs::create_dir_all(&path).expect("made");
            path
        };
        make("sys/bus/usb/devices");
        make("sys/bus/usb/drivers/cdc_ether");
        for (name, device, id) in [
            ("eno1", "0000:3b:00.0", None),
            ("idrac", "1-14.3:2.0", Some(("413c", "a102"))),
            ("enx00e04c680001", "1-2:1.0", Some(("0bda", "8153"))),
        ] {
            let parent = device.split(':').next().expect("a part");
            let hardware = make(&format!("sys/devices/usb1/{parent}/{device}"));
            if let Some((vendor, product)) = id {
                let usb = make(&format!("sys/devices/usb1/{parent}"));
                std::fs::write(usb.join("idVendor"), format!("{vendor}\n")).expect("written");
                std::fs::write(usb.join("idProduct"), format!("{product}\n")).expect("written");
                let listed = directory.path().join("sys/bus/usb/devices").join(parent);
                symlink(format!("../../../devices/usb1/{parent}"), listed).expect("a link");
                let driver = hardware.join("driver");
                symlink("../../../../bus/usb/drivers/cdc_ether", driver).expect("a link");
            }
            let class = make(&format!("sys/class/net/{name}"));
            let target = format!("../../../devices/usb1/{parent}/{device}");
            symlink(target, class.join("device")).expect("a link");
        }
        let link = |name: &str| Link {
            index: 1,
            name: name.into(),
            kind: LinkKind::Ethernet,
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            up: false,
            carrier: false,
            carrier_ups: 0,
            mtu: 1500,
            controller: None,
            details: ironseed_core::network::LinkDetails::default(),
            permanent: None,
            internal: false,
        };
        let root = Root::open(directory.path()).expect("a root");
        let mut links = ["eno1", "idrac", "enx00e04c680001", "gone"].map(link);
        let idrac = InternalRule {
            usb: "413c:a102".parse().ok(),
            driver: Some("cdc_ether".into()),
            ..InternalRule::default()
        };
        mark(&mut links, &[idrac], &root);
        let marked: Vec<&str> = links
            .iter()
            .filter(|link| link.internal)
            .map(|link| link.name.as_str())
            .collect();
        assert_eq!(marked, ["idrac"]);
        assert_eq!(card(&links[1], &root).driver.as_deref(), Some("cdc_ether"));
    }
}
