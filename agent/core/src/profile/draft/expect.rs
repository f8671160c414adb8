// SPDX-License-Identifier: Apache-2.0
//! `[expect]` of a drafted profile.

use std::collections::{BTreeMap, BTreeSet};

use hardware_profiles::{DiskKind, PciId};

use super::{Text, quoted};
use crate::lldp::Cabling;
use crate::profile::version::smbios_date;
use crate::profile::{Nic, Observed, PciDevice};

const GB: u64 = 1_000_000_000;

pub(super) fn write(observed: &Observed, text: &mut Text) {
    text.table("[expect]");
    if let Some(sockets) = observed.sockets {
        text.key("sockets", &sockets.to_string());
    }
    if let Some(mib) = observed.memory_mib {
        text.key("memory_gib", &(mib / 1024).to_string());
    }
    let accelerators = observed.pci.iter().filter(|one| one.is_accelerator());
    if !observed.pci.is_empty() {
        text.key("gpus", &accelerators.count().to_string());
    }
    if let Some(on) = observed.secure_boot {
        text.line("# Check: the machine may have been booted without it on purpose.");
        text.key("secure_boot", &on.to_string());
    }
    if let Some(version @ 1..=2) = observed.tpm {
        text.key("tpm", &version.to_string());
    }
    dimms(observed, text);
    nics(&observed.nics, text);
    cabling(observed, text);
    disks(observed, text);
    pci(&observed.pci, text);
    firmware(observed, text);
}

fn dimms(observed: &Observed, text: &mut Text) {
    let Some(dimms) = &observed.dimms else {
        return;
    };
    let there: Vec<_> = dimms
        .iter()
        .filter(|dimm| dimm.size_mib != Some(0))
        .collect();
    text.table("[expect.dimms]");
    text.key("count", &there.len().to_string());
    let sizes: BTreeSet<Option<u64>> = there.iter().map(|dimm| dimm.size_mib).collect();
    match sizes.iter().collect::<Vec<_>>()[..] {
        [Some(mib)] => text.key("size_gib", &(mib / 1024).to_string()),
        [] => {}
        _ => text.line("# The modules differ in size: check whether that is wanted."),
    }
    let names: BTreeSet<String> = there
        .iter()
        .map(|dimm| dimm.slot.to_ascii_lowercase())
        .collect();
    if names.len() == there.len() {
        let slots: Vec<String> = there.iter().map(|dimm| quoted(&dimm.slot)).collect();
        text.key("slots", &format!("[{}]", slots.join(", ")));
    } else {
        text.line("# The firmware gives several slots one name, so they cannot be listed.");
    }
}

fn nics(nics: &[Nic], text: &mut Text) {
    let mut groups: BTreeMap<PciId, Vec<&Nic>> = BTreeMap::new();
    for nic in nics {
        if let Some(id) = nic.pci {
            groups.entry(id).or_default().push(nic);
        }
    }
    for (id, group) in groups {
        let names: Vec<&str> = group.iter().map(|nic| nic.name.as_str()).collect();
        text.table("[[expect.nics]]");
        text.line(&comment(&names.join(", ")));
        text.key("pci", &quoted(&id.to_string()));
        text.key("count", &group.len().to_string());
        let speeds: Option<Vec<u64>> = group
            .iter()
            .map(|nic| nic.speed_mbps.filter(|speed| nic.carrier && *speed > 0))
            .collect();
        match speeds.and_then(|speeds| speeds.into_iter().min()) {
            Some(speed) => text.key("min_speed_mbps", &speed.to_string()),
            None => {
                text.line("# Not every port has a link: add min_speed_mbps where one is wanted.")
            }
        }
        let switches: BTreeSet<&str> = group
            .iter()
            .filter_map(|nic| Some(nic.neighbour.as_ref()?.switch.as_str()))
            .collect();
        if !switches.is_empty() {
            let list: Vec<String> = switches.iter().map(|name| quoted(name)).collect();
            text.line("# The switches of this machine; others have others, so write a pattern:");
            text.line(&format!(
                "# neighbours = {{ switch = [{}], distinct = {} }}",
                list.join(", "),
                switches.len()
            ));
        }
    }
}

/// A machine that has no cable yet expects none.
fn cabling(observed: &Observed, text: &mut Text) {
    let count = observed.cabling.as_ref().map_or(0, Cabling::neighbours);
    if count > 0 {
        text.table("[expect.neighbours]");
        text.line("# Check: the report waits for that many, at most as long as ipa-lldp-timeout.");
        text.key("distinct", &format!("{{ at_least = {count} }}"));
    }
}

/// Disks of one nominal size differ by a percent or two between makers.
fn disks(observed: &Observed, text: &mut Text) {
    let mut groups: BTreeMap<(DiskKind, u64), usize> = BTreeMap::new();
    for disk in &observed.disks {
        *groups.entry((disk.kind, disk.size / GB)).or_default() += 1;
    }
    for ((kind, size), count) in groups {
        text.table("[[expect.disks]]");
        text.key("kind", &quoted(kind.name()));
        text.key("count", &format!("{{ at_least = {count} }}"));
        let tolerance = size / 50;
        text.key(
            "size_gb",
            &format!(
                "{{ at_least = {}, at_most = {} }}",
                size - tolerance,
                size + tolerance
            ),
        );
    }
}

/// Links of storage, network and accelerators: what a wrong slot or a bad riser
/// makes slow.
fn pci(devices: &[PciDevice], text: &mut Text) {
    let mut groups: BTreeMap<PciId, Vec<&PciDevice>> = BTreeMap::new();
    for device in devices {
        let class = device.class >> 16;
        if device.width.is_some() && (matches!(class, 0x01 | 0x02) || device.is_accelerator()) {
            groups.entry(device.id).or_default().push(device);
        }
    }
    for (id, group) in groups {
        let lowest = |value: fn(&PciDevice) -> Option<u8>| {
            let values: Option<Vec<u8>> = group.iter().map(|device| value(device)).collect();
            values.and_then(|values| values.into_iter().min())
        };
        text.table("[[expect.pci]]");
        text.key("id", &quoted(&id.to_string()));
        text.key("count", &group.len().to_string());
        let slower = group.iter().any(|device| {
            device.width < device.max_width || device.generation < device.max_generation
        });
        if slower {
            text.line("# The card can do more than its link does now: check the slot.");
        }
        if let Some(width) = lowest(|device| device.width) {
            text.key("min_width", &width.to_string());
        }
        if let Some(generation) = lowest(|device| device.generation) {
            text.key("min_generation", &generation.to_string());
        }
    }
}

fn firmware(observed: &Observed, text: &mut Text) {
    let mut nics: BTreeMap<PciId, &str> = BTreeMap::new();
    for nic in &observed.nics {
        if let (Some(id), Some(version)) = (nic.pci, nic.firmware.as_deref()) {
            // One of several versions would be wrong for the others.
            if nics
                .insert(id, version)
                .is_some_and(|other| other != version)
            {
                nics.insert(id, "");
            }
        }
    }
    text.table("[expect.firmware]");
    text.line("# What is installed now is the oldest that will do.");
    for (key, version) in [
        ("bios_version", &observed.bios_version),
        ("bmc_version", &observed.bmc_version),
    ] {
        if let Some(version) = version.as_deref().filter(|text| !text.trim().is_empty()) {
            text.key(key, &quoted(version));
        }
    }
    if let Some(date) = observed.bios_date.as_deref().and_then(smbios_date) {
        text.key("bios_date", &quoted(&date.to_string()));
    }
    let rows: Vec<String> = nics
        .iter()
        .filter(|(_, version)| !version.trim().is_empty())
        .map(|(id, version)| {
            let (id, version) = (quoted(&id.to_string()), quoted(version));
            format!("    {{ pci = {id}, at_least = {version} }},")
        })
        .collect();
    if !rows.is_empty() {
        text.line(&format!("nics = [\n{}\n]", rows.join("\n")));
    }
}

/// A comment must stay on its line.
fn comment(words: &str) -> String {
    let words: String = words.chars().filter(|c| !c.is_control()).collect();
    format!("# {words}")
}
