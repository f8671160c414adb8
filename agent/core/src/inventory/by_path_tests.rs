// SPDX-License-Identifier: Apache-2.0
//! Paths of real machines, each with the name udev gives there.

use super::*;
use crate::snapshot::{Bytes, Entry};

/// Subsystems by the shape of a directory's name, as the kernel assigns them.
fn subsystem_of(name: &str) -> Option<&'static str> {
    if hctl(name).is_some() {
        return Some("scsi");
    }
    let pci = |name: &str| name.len() == 12 && name.as_bytes()[4] == b':' && name.contains('.');
    match name {
        _ if pci(name) || (name.starts_with("1000") && name.contains('.')) => Some("pci"),
        _ if name.starts_with("virtio") && !name.contains("mmio") => Some("virtio"),
        _ if name.starts_with("host") || name.starts_with("target") => Some("scsi"),
        _ if name.starts_with("usb") || name.starts_with("1-") || name.starts_with("2-") => {
            Some("usb")
        }
        _ if name.ends_with(".pcie") || name.ends_with(".virtio_mmio") => Some("platform"),
        _ if name.starts_with("nvme") && !name.contains('n') => None,
        _ => None,
    }
}

fn machine(path: &str, files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    let name = path.rsplit('/').next().expect("a name");
    tree.insert(
        format!("/sys/class/block/{name}"),
        Entry::Link(format!("../../devices/{path}")),
    );
    let mut at = String::from("/sys/devices");
    for part in path.split('/') {
        at = format!("{at}/{part}");
        let controller = part.starts_with("nvme") && !part[4..].contains('n');
        let subsystem = if controller && !part.contains("subsys") {
            Some("nvme")
        } else {
            subsystem_of(part)
        };
        match subsystem {
            Some(subsystem) => tree.insert(
                format!("{at}/subsystem"),
                Entry::Link(format!("../../bus/{subsystem}")),
            ),
            None => tree.insert(at.clone(), Entry::Directory),
        }
    }
    for (file, text) in files {
        // Attributes of the disk lie where its link leads.
        let file = file.replace(&format!("/sys/class/block/{name}/"), &format!("{at}/"));
        match text.strip_prefix("-> ") {
            Some(target) => tree.insert(file, Entry::Link(target.into())),
            None => tree.insert(file, Entry::File(Bytes::from(*text))),
        }
    }
    tree
}

/// Sysfs path of a disk, more files of the machine, and the name.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    Option<&'static str>,
);

#[test]
fn names_are_those_udev_makes() {
    let cases: &[Case] = &[
        (
            "pci0000:00/0000:00:02.0/virtio1/block/vda",
            &[],
            Some("pci-0000:00:02.0"),
        ),
        (
            "platform/a003e00.virtio_mmio/virtio0/block/vda",
            &[],
            Some("platform-a003e00.virtio_mmio"),
        ),
        (
            "platform/40000000.pcie/pci0000:00/0000:00:02.0/virtio1/block/vda",
            &[],
            Some("platform-40000000.pcie-pci-0000:00:02.0"),
        ),
        (
            "pci0000:00/0000:00:1d.0/0000:04:00.0/nvme/nvme0/nvme0n1",
            &[("/sys/class/block/nvme0n1/nsid", "1\n")],
            Some("pci-0000:04:00.0-nvme-1"),
        ),
        (
            "pci0000:64/0000:64:05.5/pci10001:00/10001:01:00.0/nvme/nvme3/nvme3n1",
            &[("/sys/class/block/nvme3n1/nsid", "1\n")],
            Some("pci-0000:64:05.5-pci-10001:01:00.0-nvme-1"),
        ),
        (
            "virtual/nvme-subsystem/nvme-subsys0/nvme0n1",
            &[
                ("/sys/class/block/nvme0n1/nsid", "1\n"),
                (
                    "/sys/class/nvme-subsystem/nvme-subsys0",
                    "-> ../../devices/virtual/nvme-subsystem/nvme-subsys0",
                ),
                (
                    "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
                    "-> ../../../pci0000:3a/0000:3b:00.0/nvme/nvme0",
                ),
                (
                    "/sys/class/nvme/nvme0",
                    "-> ../../devices/pci0000:3a/0000:3b:00.0/nvme/nvme0",
                ),
                (
                    "/sys/devices/pci0000:3a/0000:3b:00.0/nvme/nvme0/subsystem",
                    "-> x/nvme",
                ),
                (
                    "/sys/devices/pci0000:3a/0000:3b:00.0/subsystem",
                    "-> ../../bus/pci",
                ),
            ],
            Some("pci-0000:3b:00.0-nvme-1"),
        ),
        (
            "pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sda",
            &[
                (
                    "/sys/class/ata_port/ata3",
                    "-> ../../devices/pci0000:00/0000:00:1f.2/ata3/ata_port/ata3",
                ),
                (
                    "/sys/devices/pci0000:00/0000:00:1f.2/ata3/ata_port/ata3/port_no",
                    "3\n",
                ),
            ],
            Some("pci-0000:00:1f.2-ata-3.0"),
        ),
        (
            "pci0000:00/0000:00:01.0/0000:02:00.0/host7/target7:2:0/7:2:0:0/block/sda",
            &[
                (
                    "/sys/class/scsi_host/host7",
                    "-> ../../devices/pci0000:00/0000:00:01.0/0000:02:00.0/host7/scsi_host/host7",
                ),
                (
                    "/sys/devices/pci0000:00/0000:00:01.0/0000:02:00.0/host7/scsi_host/host7/proc_name",
                    "megaraid_sas\n",
                ),
            ],
            Some("pci-0000:02:00.0-scsi-0:2:0:0"),
        ),
        (
            "pci0000:00/0000:00:14.0/usb1/1-3/1-3.2/1-3.2:1.0/host6/target6:0:0/6:0:0:0/block/sdb",
            &[
                (
                    "/sys/class/scsi_host/host6",
                    "-> ../../devices/pci0000:00/0000:00:14.0/usb1/1-3/1-3.2/1-3.2:1.0/host6/scsi_host/host6",
                ),
                (
                    "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-3/1-3.2/1-3.2:1.0/host6/scsi_host/host6/proc_name",
                    "usb-storage\n",
                ),
            ],
            Some("pci-0000:00:14.0-usb-0:3.2:1.0-scsi-0:0:0:0"),
        ),
        (
            "pci0000:00/0000:00:03.0/virtio0/host2/target2:0:1/2:0:1:0/block/sdb",
            &[
                (
                    "/sys/class/scsi_host/host2",
                    "-> ../../devices/pci0000:00/0000:00:03.0/virtio0/host2/scsi_host/host2",
                ),
                (
                    "/sys/devices/pci0000:00/0000:00:03.0/virtio0/host2/scsi_host/host2/proc_name",
                    "virtio_scsi\n",
                ),
            ],
            Some("pci-0000:00:03.0-scsi-0:0:1:0"),
        ),
        (
            "pci0000:00/0000:01:00.0/host0/port-0:0/expander-0:0/port-0:0:4/end_device-0:0:4/target0:0:4/0:0:4:0/block/sdc",
            &[
                (
                    "/sys/class/sas_device/end_device-0:0:4/phy_identifier",
                    "4\n",
                ),
                (
                    "/sys/class/sas_device/expander-0:0/sas_address",
                    "0x500056b3a1b2c3ff\n",
                ),
                ("/sys/class/sas_port/port-0:0:4/num_phys", "1\n"),
            ],
            Some("pci-0000:01:00.0-sas-exp0x500056b3a1b2c3ff-phy4-lun-0"),
        ),
        (
            "pci0000:00/0000:01:00.0/host0/port-0:2/end_device-0:2/target0:0:2/0:0:2:0/block/sdd",
            &[
                ("/sys/class/sas_device/end_device-0:2/phy_identifier", "2\n"),
                ("/sys/class/sas_port/port-0:2/num_phys", "1\n"),
            ],
            Some("pci-0000:01:00.0-sas-phy2-lun-0"),
        ),
        (
            "pci0000:00/0000:05:00.0/host3/rport-3:0-2/target3:0:0/3:0:0:5/block/sde",
            &[(
                "/sys/class/fc_remote_ports/rport-3:0-2/port_name",
                "0x50060e8007c3b201\n",
            )],
            Some("pci-0000:05:00.0-fc-0x50060e8007c3b201-lun-5"),
        ),
        ("virtual/block/loop0", &[], None),
        ("virtual/block/md0", &[], None),
    ];
    for (path, files, expected) in cases {
        let tree = machine(path, files);
        let name = path.rsplit('/').next().expect("a name");
        assert_eq!(path_id(&tree, name).as_deref(), *expected, "{path}");
    }
}

#[test]
fn large_unit_numbers_are_written_out() {
    assert_eq!(lun_text(255), "lun-255");
    assert_eq!(lun_text(0x4001), "lun-0x4001000000000000");
}
