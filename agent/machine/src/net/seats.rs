// SPDX-License-Identifier: Apache-2.0
//! Where the ports sit: what sysfs says of each, for the core to choose by
//! (the kernel's Documentation/ABI/testing/sysfs-bus-pci).

use ironseed_core::network::bgp::on_board::Seat;

use crate::root::Root;

/// The seats of ports, each given by the kernel's number and name of its link.
#[must_use]
pub fn seats<'a>(root: &Root, ports: impl Iterator<Item = (u32, &'a str)>) -> Vec<Seat> {
    ports.map(|(index, name)| seat(root, index, name)).collect()
}

fn seat(root: &Root, index: u32, name: &str) -> Seat {
    let device = format!("/sys/class/net/{name}/device");
    let number = |attribute: &str| {
        let text = root.read_text(&format!("{device}/{attribute}")).ok()?;
        text.trim().parse().ok().filter(|number| *number != 0)
    };
    let on = |link: &str| {
        let target = root.read_link(&format!("{device}/{link}")).ok()?;
        Some(target.rsplit('/').next()?.to_owned())
    };
    let place = root.read_link(&device).ok();
    let place = place.and_then(|target| Some(target.rsplit('/').next()?.to_owned()));
    let bus = on("subsystem");
    Seat {
        index,
        names: vec![name.to_owned()],
        on_board: number("acpi_index").or_else(|| number("index")),
        bus: place.filter(|_| bus.as_deref() == Some("pci")),
        usb: bus.as_deref() == Some("usb"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree as sysfs has it: an on-board card, a card in a slot, a BMC on USB.
    #[test]
    fn the_bus_and_the_firmware_s_number_are_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let make = |path: &str| {
            let path = directory.path().join(path);
            std::fs::create_dir_all(&path).expect("made");
            path
        };
        for bus in ["pci", "usb"] {
            make(&format!("sys/bus/{bus}"));
        }
        let cards = [
            ("eth0", "0000:3b:00.0", "pci", None),
            ("eth1", "0000:04:00.0", "pci", Some("2\n")),
            ("usb0", "1-14.3:1.0", "usb", None),
        ];
        for (name, place, bus, number) in cards {
            let device = make(&format!("sys/devices/{place}"));
            symlink(format!("../../bus/{bus}"), device.join("subsystem")).expect("linked");
            if let Some(number) = number {
                std::fs::write(device.join("acpi_index"), number).expect("written");
            }
            let link = make(&format!("sys/class/net/{name}"));
            symlink(format!("../../../devices/{place}"), link.join("device")).expect("linked");
        }
        make("sys/class/net/lo");
        let root = Root::open(directory.path()).expect("open");
        let ports = [(2, "eth0"), (3, "eth1"), (4, "usb0"), (1, "lo")];
        let found = seats(&root, ports.into_iter());
        let seat = |index, name: &str, on_board, bus: Option<&str>, usb| Seat {
            index,
            names: vec![name.to_owned()],
            on_board,
            bus: bus.map(str::to_owned),
            usb,
        };
        assert_eq!(
            found,
            [
                seat(2, "eth0", None, Some("0000:3b:00.0"), false),
                seat(3, "eth1", Some(2), Some("0000:04:00.0"), false),
                seat(4, "usb0", None, None, true),
                seat(1, "lo", None, None, false),
            ]
        );
    }
}
