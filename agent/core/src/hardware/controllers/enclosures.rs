// SPDX-License-Identifier: Apache-2.0
//! Enclosures, their slots and the disks in them (kernel class `enclosure`,
//! SCSI Enclosure Services), and SAS expanders.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::Tree;

const ENCLOSURES: &str = "/sys/class/enclosure";
const EXPANDERS: &str = "/sys/class/sas_expander";
/// Kinds of components that hold disks, as the kernel names them.
const SLOTS: [&str; 2] = ["device", "array device"];

/// A disk enclosure or backplane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Enclosure {
    /// SCSI address of the enclosure, `0:0:12:0`.
    pub address: String,
    /// Its own number, hexadecimal: `0x500056b3a1b2c3fd`.
    pub id: Option<String>,
    /// Vendor.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Version of its firmware.
    pub firmware: Option<String>,
    /// How many components the enclosure says it has.
    pub components: Option<u32>,
    /// Slots for disks.
    pub slots: Vec<EnclosureSlot>,
}

/// A slot for a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EnclosureSlot {
    /// Name the enclosure gives it, `Slot 01`.
    pub name: String,
    /// Number of the slot.
    pub number: Option<u32>,
    /// What the enclosure says of it: `OK`, `not installed`, `critical`.
    pub status: Option<String>,
    /// Whether its locate light is on.
    pub locate: Option<bool>,
    /// Kernel name of the disk in it, `sda`.
    pub disk: Option<String>,
}

/// A SAS expander.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SasExpander {
    /// Name the kernel gives it, `expander-0:0`.
    pub name: String,
    /// Its SAS address.
    pub sas_address: Option<String>,
    /// Vendor.
    pub vendor: Option<String>,
    /// Product.
    pub product: Option<String>,
    /// Version of its firmware.
    pub firmware: Option<String>,
    /// How many expanders lie between it and the controller.
    pub level: Option<u32>,
}

pub(super) fn read(files: &Tree) -> Vec<Enclosure> {
    files
        .names(ENCLOSURES)
        .into_iter()
        .map(|address| {
            let path = format!("{ENCLOSURES}/{address}");
            let device = |name: &str| text(files, &format!("{path}/device/{name}"));
            Enclosure {
                address: address.to_owned(),
                id: text(files, &format!("{path}/id")),
                vendor: device("vendor"),
                model: device("model"),
                firmware: device("rev"),
                components: files.number(&format!("{path}/components")),
                slots: slots(files, &path),
            }
        })
        .collect()
}

/// The slots in order of their numbers, then of their names.
fn slots(files: &Tree, enclosure: &str) -> Vec<EnclosureSlot> {
    let mut slots: Vec<EnclosureSlot> = files
        .names(enclosure)
        .into_iter()
        .filter_map(|name| slot(files, &format!("{enclosure}/{name}"), name))
        .collect();
    slots.sort_by(|one, other| (one.number, &one.name).cmp(&(other.number, &other.name)));
    slots
}

fn slot(files: &Tree, path: &str, name: &str) -> Option<EnclosureSlot> {
    let kind = files.text(&format!("{path}/type"))?;
    SLOTS.contains(&kind).then(|| EnclosureSlot {
        name: name.to_owned(),
        number: files.number(&format!("{path}/slot")),
        status: text(files, &format!("{path}/status")),
        locate: files
            .number::<u8>(&format!("{path}/locate"))
            .map(|locate| locate != 0),
        disk: files
            .names(&format!("{path}/device/block"))
            .first()
            .map(|disk| (*disk).to_owned()),
    })
}

pub(super) fn expanders(files: &Tree) -> Vec<SasExpander> {
    files
        .names(EXPANDERS)
        .into_iter()
        .map(|name| {
            let told = |attribute: &str| text(files, &format!("{EXPANDERS}/{name}/{attribute}"));
            SasExpander {
                name: name.to_owned(),
                sas_address: text(files, &format!("/sys/class/sas_device/{name}/sas_address")),
                vendor: told("vendor_id"),
                product: told("product_id"),
                firmware: told("product_rev"),
                level: files.number(&format!("{EXPANDERS}/{name}/level")),
            }
        })
        .collect()
}

fn text(files: &Tree, path: &str) -> Option<String> {
    files.text(path).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    #[test]
    fn slots_are_told_with_their_disks() {
        let mut files = Tree::default();
        let host = "/sys/devices/pci0000:17/0000:18:00.0/host0";
        let enclosure = format!("{host}/0:0:12:0/enclosure/0:0:12:0");
        let mut put = |path: String, text: &str| {
            files.insert(path, Entry::File(Bytes::from(text)));
        };
        put(format!("{host}/0:0:12:0/vendor"), "DP      \n");
        put(format!("{host}/0:0:12:0/model"), "BP14G+EXP       \n");
        put(format!("{host}/0:0:12:0/rev"), "2.46\n");
        put(format!("{host}/0:0:12:0/type"), "13\n");
        put(format!("{enclosure}/id"), "0x500056b3a1b2c3fd\n");
        put(format!("{enclosure}/components"), "3\n");
        for (name, kind, slot, status, locate) in [
            ("Slot 10", "array device", "10", "not installed", "0"),
            ("Slot 02", "array device", "2", "OK", "1"),
            ("Temperature 0", "temperature sensor", "0", "OK", "0"),
        ] {
            for (attribute, text) in [
                ("type", kind),
                ("slot", slot),
                ("status", status),
                ("locate", locate),
            ] {
                put(
                    format!("{enclosure}/{name}/{attribute}"),
                    &format!("{text}\n"),
                );
            }
        }
        put(format!("{host}/0:0:3:0/block/sdc/size"), "1\n");
        put(
            "/sys/class/sas_expander/expander-0:0/product_id".into(),
            "BP14G+EXP       \n",
        );
        put("/sys/class/sas_expander/expander-0:0/level".into(), "1\n");
        files.insert(
            format!("{ENCLOSURES}/0:0:12:0"),
            Entry::Link(enclosure.clone()),
        );
        files.insert(
            format!("{enclosure}/device"),
            Entry::Link("../../../0:0:12:0".into()),
        );
        files.insert(
            format!("{enclosure}/Slot 02/device"),
            Entry::Link(format!("{host}/0:0:3:0")),
        );
        assert_eq!(
            read(&files),
            [Enclosure {
                address: "0:0:12:0".into(),
                id: Some("0x500056b3a1b2c3fd".into()),
                vendor: Some("DP".into()),
                model: Some("BP14G+EXP".into()),
                firmware: Some("2.46".into()),
                components: Some(3),
                slots: vec![
                    EnclosureSlot {
                        name: "Slot 02".into(),
                        number: Some(2),
                        status: Some("OK".into()),
                        locate: Some(true),
                        disk: Some("sdc".into()),
                    },
                    EnclosureSlot {
                        name: "Slot 10".into(),
                        number: Some(10),
                        status: Some("not installed".into()),
                        locate: Some(false),
                        disk: None,
                    },
                ],
            }]
        );
        let expanders = expanders(&files);
        assert_eq!(expanders.len(), 1);
        assert_eq!(expanders[0].product.as_deref(), Some("BP14G+EXP"));
        assert_eq!(expanders[0].level, Some(1));
    }
}
