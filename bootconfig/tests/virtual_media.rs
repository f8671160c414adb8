// SPDX-License-Identifier: Apache-2.0
//! Which device counts as virtual media (contract §2.4).

use bootconfig::virtual_media::{
    BlockFacts, BlockKind, BlockLink, boot_iso, booted_from_virtual_media, expected_publisher,
    parameters_disk, published_medium,
};

const GIB: u64 = 1 << 30;

fn link(kind: BlockKind, transport: &str, size: u64) -> BlockLink {
    let transport = (!transport.is_empty()).then(|| transport.to_owned());
    BlockLink {
        kind,
        transport,
        size,
    }
}

fn device(path: &str, label: &str, model: &str, chain: &[BlockLink]) -> BlockFacts {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    BlockFacts {
        path: path.to_owned(),
        label: some(label),
        publisher: None,
        model: some(model),
        chain: chain.to_vec(),
    }
}

fn rom(label: &str) -> BlockFacts {
    device(
        "/dev/sr0",
        label,
        "QEMU DVD-ROM",
        &[link(BlockKind::Rom, "sata", GIB)],
    )
}

fn usb(label: &str, model: &str, size: u64) -> BlockFacts {
    device(
        "/dev/sdb",
        label,
        model,
        &[link(BlockKind::Disk, "usb", size)],
    )
}

fn partition(label: &str) -> BlockFacts {
    let chain = [
        link(BlockKind::Partition, "", GIB),
        link(BlockKind::Disk, "usb", 2 * GIB),
    ];
    device("/dev/sdc1", label, "Virtual Media", &chain)
}

#[test]
fn what_qualifies() {
    let sata = [link(BlockKind::Disk, "sata", GIB)];
    let cases = [
        (rom("config-2"), true),
        (usb("", "", 4 * GIB - 1), true),
        (usb("", "", 4 * GIB), false),
        (device("/dev/sda", "config-2", "", &sata), false),
        (partition("config-2"), false),
        (
            device(
                "/dev/loop0",
                "config-2",
                "",
                &[link(BlockKind::Other, "", 1)],
            ),
            false,
        ),
        (device("/dev/none", "config-2", "", &[]), false),
    ];
    for (device, expected) in cases {
        assert_eq!(device.is_virtual_media(), expected, "{device:?}");
    }
}

#[test]
fn the_parameters_disk() {
    let disk = usb("IR-VFD-DEV", "Floppy", 1_474_560);
    let by_model = usb("", "AMI VIRTUAL MEDIA Disk0", 1_474_560);
    let iso_by_model = BlockFacts {
        model: Some("Virtual Media".to_owned()),
        ..rom("CONFIG-2")
    };
    let tenant = partition("ir-vfd-dev");
    let find = |devices: &[BlockFacts]| parameters_disk(devices).cloned();
    assert_eq!(find(&[by_model.clone(), disk.clone()]), Some(disk));
    assert_eq!(
        find(&[tenant.clone(), iso_by_model.clone(), by_model.clone()]),
        Some(by_model)
    );
    assert_eq!(find(&[tenant, iso_by_model, usb("", "Stick", GIB)]), None);
}

#[test]
fn the_boot_iso() {
    for label in ["config-2", "CONFIG-2", "vmedia_boot_iso", "VMEDIA_BOOT_ISO"] {
        let devices = [partition(label), usb("other", "", 1), rom(label)];
        assert_eq!(
            boot_iso(&devices).map(|one| one.path.as_str()),
            Some("/dev/sr0"),
            "{label}"
        );
    }
    assert_eq!(boot_iso(&[partition("config-2"), rom("debian")]), None);
}

#[test]
fn only_a_machine_that_says_so_booted_from_virtual_media() {
    let cases = [
        ("quiet boot_method=vmedia\n", true),
        ("boot_method=vmedia boot_method=pxe", false),
        ("boot_method=pxe boot_method=vmedia", true),
        ("boot_method=VMEDIA", false),
        ("boot_method", false),
        ("", false),
    ];
    for (cmdline, expected) in cases {
        assert_eq!(
            booted_from_virtual_media(cmdline.as_bytes()),
            expected,
            "{cmdline:?}"
        );
    }
}

const PUBLISHER: &str = "0c0dd3ae-9a3c-4a4b-8a52-5b3d8a3e2f10";

fn published(publisher: &str, device: BlockFacts) -> BlockFacts {
    BlockFacts {
        publisher: Some(publisher.to_owned()),
        ..device
    }
}

#[test]
fn a_publisher_is_expected_only_on_virtual_media() {
    let cases = [
        ("boot_method=vmedia ir_pub_id=a-b", Some("a-b")),
        (
            "ir_pub_id=a ir_pub_id=b boot_method=vmedia BOOTIF=x",
            Some("b"),
        ),
        ("boot_method=vmedia", None),
        ("boot_method=vmedia ir_pub_id=", None),
        ("BOOTIF=01-52-54-00-00-00-01", None),
        ("BOOTIF=01-52-54-00-00-00-01 ir_pub_id=a-b", None),
    ];
    for (cmdline, expected) in cases {
        let found = expected_publisher(cmdline.as_bytes());
        assert_eq!(found.as_deref(), expected, "{cmdline:?}");
    }
}

#[test]
fn only_the_publisher_of_this_boot_may_configure_the_network() {
    let tenant = published("SOMEBODY ELSE", usb("config-2", "", GIB));
    let on_disk = published(PUBLISHER, partition("config-2"));
    let sata = [link(BlockKind::Disk, "sata", GIB)];
    let on_sata = published(PUBLISHER, device("/dev/sda", "config-2", "", &sata));
    let upper = PUBLISHER.to_ascii_uppercase();
    let plain = published(&upper, rom("VMEDIA_BOOT_ISO"));
    let ours = published(&upper, usb("CONFIG-2", "", GIB));
    let leftovers = [rom("config-2"), tenant, on_disk, on_sata];
    assert_eq!(published_medium(&leftovers, PUBLISHER), None);
    let found = |more: &[BlockFacts]| {
        let devices = [&leftovers[..], more].concat();
        published_medium(&devices, PUBLISHER).cloned()
    };
    assert_eq!(found(std::slice::from_ref(&plain)), Some(plain.clone()));
    assert!(!plain.may_configure_network());
    assert_eq!(found(&[plain, ours.clone()]), Some(ours.clone()));
    assert!(ours.may_configure_network());
}
