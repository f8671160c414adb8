// SPDX-License-Identifier: Apache-2.0
//! `/dev/disk/by-path` names, computed from sysfs as udev's `path_id` does.
//!
//! There is no udev in the image, but operators write such names into root
//! device hints, copied from machines where udev made them.

use super::ancestry::{Ancestor, chain, hctl};
use crate::snapshot::Tree;

/// The name for a whole disk, without the directory; `None` where `path_id`
/// would give none either.
pub(super) fn path_id(files: &Tree, name: &str) -> Option<String> {
    let block = files.canonical(&format!("/sys/class/block/{name}"))?;
    let real = real_parent(files, name, &block).unwrap_or(block);
    let ancestors = chain(files, &real);
    let mut walk = Walk {
        files,
        name,
        ancestors: &ancestors,
        parts: Vec::new(),
        has_parent: false,
        has_transport: false,
    };
    walk.run();
    if walk.parts.is_empty() || !walk.has_parent || !walk.has_transport {
        return None;
    }
    walk.parts.reverse();
    Some(walk.parts.join("-"))
}

/// A namespace that several controllers may reach hangs below its subsystem;
/// its path goes through the subsystem's first controller.
fn real_parent(files: &Tree, name: &str, block: &str) -> Option<String> {
    let subsystem = block.strip_suffix(&format!("/{name}"))?;
    let subsystem = subsystem.rsplit('/').next()?;
    if !subsystem.starts_with("nvme-subsys") {
        return None;
    }
    let controller = first_controller(files, subsystem)?;
    let path = files.canonical(&format!("/sys/class/nvme/{controller}"))?;
    Some(format!("{path}/{name}"))
}

/// The controller of an NVMe subsystem with the lowest number.
pub(super) fn first_controller<'a>(files: &'a Tree, subsystem: &str) -> Option<&'a str> {
    files
        .names(&format!("/sys/class/nvme-subsystem/{subsystem}"))
        .into_iter()
        .filter(|name| {
            name.strip_prefix("nvme")
                .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .min_by_key(|name| (name.len(), *name))
}

/// The way up from the disk. Parts are collected from the disk to the root.
struct Walk<'a> {
    files: &'a Tree,
    name: &'a str,
    ancestors: &'a [Ancestor<'a>],
    parts: Vec<String>,
    /// A parent was found whose name lasts: PCI, platform, ….
    has_parent: bool,
    /// A bus was found that tells which of the parent's disks it is.
    has_transport: bool,
}

impl<'a> Walk<'a> {
    fn run(&mut self) {
        let mut index = 1;
        while let Some(ancestor) = self.ancestors.get(index) {
            index = match ancestor.subsystem {
                Some("scsi") if ancestor.is_scsi_device() => self.scsi(index),
                Some("nvme") => self.nvme(index),
                Some("usb") => self.usb(index),
                Some("virtio") => {
                    self.has_transport = true;
                    self.skip("virtio", index)
                }
                Some("pci") => self.parent("pci", ancestor, index),
                Some("platform") => {
                    self.has_transport = true;
                    self.parent("platform", ancestor, index)
                }
                Some("acpi") => self.parent("acpi", ancestor, index),
                Some("xen") => self.parent("xen", ancestor, index),
                _ => index + 1,
            };
        }
    }

    fn parent(&mut self, kind: &str, ancestor: &Ancestor<'_>, index: usize) -> usize {
        self.parts.push(format!("{kind}-{}", ancestor.name()));
        self.has_parent = true;
        self.skip(kind, index)
    }

    /// The first ancestor after `index` that is not of this subsystem.
    fn skip(&self, subsystem: &str, index: usize) -> usize {
        let rest = self.ancestors.get(index..).unwrap_or_default();
        index
            + rest
                .iter()
                .take_while(|ancestor| ancestor.is(subsystem))
                .count()
    }

    fn nvme(&mut self, index: usize) -> usize {
        let nsid = self
            .files
            .text(&format!("/sys/class/block/{}/nsid", self.name));
        if let Some(nsid) = nsid {
            self.parts.push(format!("nvme-{nsid}"));
            self.has_parent = true;
            self.has_transport = true;
        }
        self.skip("nvme", index)
    }

    /// `usb-0:1.2:1.0`: the interface's name without the bus number.
    fn usb(&mut self, index: usize) -> usize {
        let name = self.ancestors[index].name();
        if let Some((_, port)) = name.split_once('-') {
            self.parts.push(format!("usb-0:{port}"));
            self.has_transport = true;
        }
        self.skip("usb", index)
    }

    fn scsi(&mut self, index: usize) -> usize {
        let path = &self.ancestors[index].path;
        let Some([host, channel, target, lun]) = hctl(self.ancestors[index].name()) else {
            return index + 1;
        };
        self.has_transport = true;
        let host_index = self.host_index(index);
        let part = if path.contains("/rport-") {
            self.fibre_channel(index, lun)
        } else if path.contains("/end_device-") {
            self.sas(index, lun)
        } else if path.contains("/session") {
            self.iscsi(index, lun)
        } else if path.contains("/ata") {
            self.ata(host_index, channel, target)
        } else {
            let relative = self.relative_host(host_index, host);
            Some(format!("scsi-{relative}:{channel}:{target}:{lun}"))
        };
        match part {
            Some(part) => {
                self.parts.push(part);
                host_index + 1
            }
            None => index + 1,
        }
    }

    /// The ancestor that is the SCSI host.
    fn host_index(&self, index: usize) -> usize {
        let is_host = |ancestor: &Ancestor<'_>| {
            ancestor
                .name()
                .strip_prefix("host")
                .is_some_and(|number| number.parse::<u64>().is_ok())
        };
        (index..self.ancestors.len())
            .find(|at| is_host(&self.ancestors[*at]))
            .unwrap_or(index)
    }

    /// Host numbers move from boot to boot; the number relative to the first
    /// host of the same controller does not.
    fn relative_host(&self, host_index: usize, host: u64) -> u64 {
        let Some(controller) = self.ancestors.get(host_index + 1) else {
            return host;
        };
        let siblings = self
            .files
            .names("/sys/class/scsi_host")
            .into_iter()
            .filter(|name| {
                self.files
                    .canonical(&format!("/sys/class/scsi_host/{name}"))
                    .is_some_and(|path| {
                        // …/<controller>/hostN/scsi_host/hostN
                        path.strip_prefix(&controller.path)
                            == Some(&format!("/{name}/scsi_host/{name}"))
                    })
            })
            .filter_map(|name| name.strip_prefix("host")?.parse::<u64>().ok());
        host - siblings.min().unwrap_or(0).min(host)
    }

    fn ata(&self, host_index: usize, channel: u64, target: u64) -> Option<String> {
        let port = self.ancestors.get(host_index + 1)?.name();
        let number = self
            .files
            .text(&format!("/sys/class/ata_port/{port}/port_no"))?;
        // Behind a port multiplier the channel tells the device, otherwise the
        // target tells master from slave.
        Some(match channel {
            0 => format!("ata-{number}.{target}"),
            channel => format!("ata-{number}.{channel}.0"),
        })
    }

    fn fibre_channel(&self, index: usize, lun: u64) -> Option<String> {
        let port = self.above(index, "rport-")?.name();
        let wwpn = self
            .files
            .text(&format!("/sys/class/fc_remote_ports/{port}/port_name"))?;
        Some(format!("fc-{wwpn}-{}", lun_text(lun)))
    }

    /// Directly attached disks are named by the controller's phy, disks behind
    /// an expander by the expander and its phy, disks on wide ports by address.
    fn sas(&self, index: usize, lun: u64) -> Option<String> {
        let device = self.above(index, "end_device-")?.name();
        let port = self.above(index, "port-")?.name();
        let attribute = |name: &str| {
            self.files
                .text(&format!("/sys/class/sas_device/{device}/{name}"))
        };
        let phys: u32 = self
            .files
            .number(&format!("/sys/class/sas_port/{port}/num_phys"))?;
        let lun = lun_text(lun);
        if phys != 1 {
            return Some(format!("sas-{}-{lun}", attribute("sas_address")?));
        }
        let phy = attribute("phy_identifier")?;
        match self.above(index, "expander-") {
            None => Some(format!("sas-phy{phy}-{lun}")),
            Some(expander) => {
                let address = self.files.text(&format!(
                    "/sys/class/sas_device/{}/sas_address",
                    expander.name()
                ))?;
                Some(format!("sas-exp{address}-phy{phy}-{lun}"))
            }
        }
    }

    fn iscsi(&self, index: usize, lun: u64) -> Option<String> {
        let session = self.above(index, "session")?.name();
        let target = self
            .files
            .text(&format!("/sys/class/iscsi_session/{session}/targetname"))?;
        let number = session.strip_prefix("session")?;
        let connection = format!("/sys/class/iscsi_connection/connection{number}:0");
        let address = self
            .files
            .text(&format!("{connection}/persistent_address"))?;
        let port = self.files.text(&format!("{connection}/persistent_port"))?;
        Some(format!(
            "ip-{address}:{port}-iscsi-{target}-{}",
            lun_text(lun)
        ))
    }

    /// The nearest ancestor above `index` whose name begins like this.
    fn above(&self, index: usize, prefix: &str) -> Option<&Ancestor<'a>> {
        self.ancestors
            .get(index + 1..)?
            .iter()
            .find(|ancestor| ancestor.name().starts_with(prefix))
    }
}

/// Numbers above 255 are shown as the eight bytes the unit is addressed with
/// (SAM-5 §4.7).
fn lun_text(lun: u64) -> String {
    if lun < 256 {
        return format!("lun-{lun}");
    }
    let mut swapped = 0_u64;
    for part in 0..4 {
        swapped |= ((lun >> (16 * part)) & 0xffff) << (48 - 16 * part);
    }
    format!("lun-{swapped:#018x}")
}

#[cfg(test)]
#[path = "by_path_tests.rs"]
mod tests;
