// SPDX-License-Identifier: Apache-2.0
//! Model, serial numbers and World Wide Names of a disk, as lsblk shows them
//! and as udev's database would hold them.
//!
//! Operators write root device hints from what they see in lsblk and in older
//! inventories, so the spelling matters (contract §6.7, §16).

use super::ancestry::{Ancestor, chain};
use super::vpd::{AtaIdentity, UnitName, ata_identity, unit_name, unit_serial};
use crate::snapshot::Tree;

/// Who a disk is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) model: Option<String>,
    pub(super) vendor: Option<String>,
    /// What lsblk prints as SERIAL.
    pub(super) serial: Option<String>,
    /// `ID_SERIAL_SHORT` and `ID_SERIAL`.
    pub(super) udev_serials: Vec<String>,
    /// `ID_WWN`.
    pub(super) wwn: Option<String>,
    pub(super) wwn_with_extension: Option<String>,
    pub(super) wwn_vendor_extension: Option<String>,
}

/// The identity of a whole disk.
pub(super) fn identity(files: &Tree, name: &str) -> Identity {
    let sysfs = format!("/sys/class/block/{name}");
    let device = format!("{sysfs}/device");
    let mut found = if name.starts_with("nvme") {
        nvme(files, &sysfs)
    } else if name.starts_with("dm-") {
        mapped(files, &sysfs)
    } else if files.text(&format!("{sysfs}/serial")).is_some() {
        plain(files, &format!("{sysfs}/serial"))
    } else if let Some(usb) = usb_device(files, &device) {
        usb_disk(files, &device, &usb)
    } else if let Some(ata) = ata(files, &device) {
        ata
    } else if files.exists(&format!("{device}/type")) && name.starts_with("mmcblk") {
        plain(files, &format!("{device}/serial"))
    } else {
        scsi(files, &device)
    };
    found.vendor = files.text(&format!("{device}/vendor")).map(str::to_owned);
    if found.model.is_none() {
        found.model = files.text(&format!("{device}/model")).map(one_blank);
    }
    found
}

/// Disks whose driver tells nothing but a serial number: virtio, MMC.
fn plain(files: &Tree, path: &str) -> Identity {
    let serial = files.text(path).map(str::to_owned);
    Identity {
        udev_serials: serial.iter().cloned().collect(),
        serial,
        ..Identity::default()
    }
}

fn nvme(files: &Tree, sysfs: &str) -> Identity {
    let text = |name: &str| files.text(&format!("{sysfs}/device/{name}"));
    let model = text("model").map(one_blank);
    let serial = text("serial").map(str::to_owned);
    let mut udev_serials: Vec<String> = serial.iter().cloned().collect();
    if let (Some(model), Some(serial)) = (&model, &serial) {
        let long = format!("{}_{}", underscores(model), underscores(serial));
        let nsid = files.text(&format!("{sysfs}/nsid"));
        // Newer udev appends the namespace, older does not.
        udev_serials.push(long.clone());
        udev_serials.extend(nsid.map(|nsid| format!("{long}_{nsid}")));
    }
    Identity {
        model,
        serial,
        udev_serials,
        wwn: files.text(&format!("{sysfs}/wwid")).map(underscores),
        ..Identity::default()
    }
}

/// A multipath map carries the name of its paths in its UUID: `mpath-3600…`.
fn mapped(files: &Tree, sysfs: &str) -> Identity {
    let wwid = files
        .text(&format!("{sysfs}/dm/uuid"))
        .and_then(|uuid| uuid.strip_prefix("mpath-"));
    let Some(wwid) = wwid else {
        return Identity::default();
    };
    let name = UnitName {
        kind: if wwid.starts_with('3') { 3 } else { 0 },
        text: wwid.get(1..).unwrap_or_default().to_owned(),
    };
    let mut found = named(&name);
    found.udev_serials = vec![wwid.to_owned()];
    found
}

/// The USB device a disk hangs on.
fn usb_device(files: &Tree, device: &str) -> Option<String> {
    chain(files, &files.canonical(device)?)
        .into_iter()
        .find(|ancestor: &Ancestor<'_>| {
            ancestor.is("usb") && files.exists(&format!("{}/idVendor", ancestor.path))
        })
        .map(|ancestor| ancestor.path)
}

fn usb_disk(files: &Tree, device: &str, usb: &str) -> Identity {
    let short = files.text(&format!("{usb}/serial")).map(underscores);
    let text = |name: &str| files.text(&format!("{device}/{name}")).map(underscores);
    let long = match (text("vendor"), text("model"), &short) {
        (Some(vendor), Some(model), Some(short)) => Some(format!("{vendor}_{model}_{short}-0:0")),
        (Some(vendor), Some(model), None) => Some(format!("{vendor}_{model}-0:0")),
        _ => None,
    };
    Identity {
        serial: short.clone().or_else(|| long.clone()),
        udev_serials: short.into_iter().chain(long).collect(),
        ..Identity::default()
    }
}

/// ATA disks, behind whatever controller: they say so in the vendor field.
fn ata(files: &Tree, device: &str) -> Option<Identity> {
    if files.text(&format!("{device}/vendor"))? != "ATA" {
        return None;
    }
    let AtaIdentity { model, serial, wwn } = files
        .bytes(&format!("{device}/vpd_pg89"))
        .and_then(ata_identity)
        .unwrap_or_else(|| translated(files, device));
    let long = match (&model, &serial) {
        (Some(model), Some(serial)) => {
            Some(format!("{}_{}", underscores(model), underscores(serial)))
        }
        (Some(model), None) => Some(underscores(model)),
        (None, serial) => serial.clone(),
    };
    let wwn = wwn.map(|wwn| format!("0x{wwn}"));
    Some(Identity {
        model: model.as_deref().map(one_blank),
        serial: serial.clone().or_else(|| long.clone()),
        udev_serials: serial.into_iter().chain(long).collect(),
        wwn_with_extension: wwn.clone(),
        wwn,
        ..Identity::default()
    })
}

/// Without IDENTIFY data: what the kernel or the controller translated to SCSI.
fn translated(files: &Tree, device: &str) -> AtaIdentity {
    let page = |number: &str| files.bytes(&format!("{device}/vpd_pg{number}"));
    AtaIdentity {
        model: files.text(&format!("{device}/model")).map(str::to_owned),
        serial: page("80").and_then(unit_serial),
        wwn: page("83")
            .and_then(unit_name)
            .and_then(|name| Some(name.wwn()?.0.to_owned())),
    }
}

/// As `scsi_id --export` and lsblk tell it.
fn scsi(files: &Tree, device: &str) -> Identity {
    let page = |number: &str| files.bytes(&format!("{device}/vpd_pg{number}"));
    let unit_serial = page("80")
        .and_then(unit_serial)
        .map(|text| underscores(&text));
    let inquiry = |name: &str| {
        files
            .text(&format!("{device}/{name}"))
            .map(underscores)
            .unwrap_or_default()
    };
    let padded = || format!("{:_<8}{:_<16}", inquiry("vendor"), inquiry("model"));
    let Some(name) = page("83").and_then(unit_name) else {
        let long = unit_serial
            .as_ref()
            .map(|serial| underscores(&format!("S{}{serial}", padded())));
        return Identity {
            udev_serials: unit_serial.iter().cloned().chain(long).collect(),
            serial: unit_serial,
            ..Identity::default()
        };
    };
    let mut found = named(&name);
    let short = underscores(&name.text);
    let long = match name.kind {
        0 => format!("0{}_{}_{short}", inquiry("vendor"), inquiry("model")),
        kind => format!("{kind}{short}"),
    };
    found.serial = unit_serial.or_else(|| Some(short.clone()));
    found.udev_serials = vec![short, long];
    found
}

/// The World Wide Names in a unit's name.
fn named(name: &UnitName) -> Identity {
    let Some((wwn, extension)) = name.wwn() else {
        return Identity::default();
    };
    Identity {
        wwn: Some(format!("0x{wwn}")),
        wwn_with_extension: Some(format!("0x{wwn}{}", extension.unwrap_or_default())),
        wwn_vendor_extension: extension.map(|extension| format!("0x{extension}")),
        ..Identity::default()
    }
}

/// Runs of blanks become one.
fn one_blank(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs of blanks become one underscore, as in udev's database.
fn underscores(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("_")
}
