// SPDX-License-Identifier: Apache-2.0
//! How a disk is attached, in the words of lsblk's TRAN column.

use super::ancestry::{chain, hctl};
use crate::snapshot::Tree;

/// `None` where lsblk prints nothing: RAID controllers, virtio-scsi, md.
pub(super) fn transport(files: &Tree, name: &str) -> Option<String> {
    let by_name = [("nvme", "nvme"), ("vd", "virtio"), ("mmcblk", "mmc")];
    if let Some((_, transport)) = by_name.iter().find(|(prefix, _)| name.starts_with(prefix)) {
        return Some((*transport).to_owned());
    }
    let path = files.canonical(&format!("/sys/class/block/{name}/device"))?;
    let [host, ..] = hctl(path.rsplit('/').next()?)?;
    scsi(files, &path, host).map(str::to_owned)
}

fn scsi(files: &Tree, path: &str, host: u64) -> Option<&'static str> {
    let is_host = |class: &str| files.exists(&format!("/sys/class/{class}_host/host{host}"));
    let text = |class: &str, name: &str| {
        files
            .text(&format!("/sys/class/{class}_host/host{host}/{name}"))
            .unwrap_or_default()
    };
    let behind_usb = || chain(files, path).iter().any(|ancestor| ancestor.is("usb"));
    if is_host("spi") {
        Some("spi")
    } else if is_host("fc") {
        let over_ethernet = text("fc", "symbolic_name").contains(" over ");
        Some(if over_ethernet { "fcoe" } else { "fc" })
    } else if is_host("sas") || path.contains("/end_device-") {
        Some("sas")
    } else if is_host("iscsi") {
        Some("iscsi")
    } else if behind_usb() {
        Some("usb")
    } else {
        match text("scsi", "proc_name") {
            driver if driver.starts_with("ahci") || driver.starts_with("sata") => Some("sata"),
            driver if driver.contains("ata") => Some("ata"),
            _ => None,
        }
    }
}
