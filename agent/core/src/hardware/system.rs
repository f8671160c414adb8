// SPDX-License-Identifier: Apache-2.0
//! Who the machine, its board and its enclosure are (DSP0134 §7.2–7.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Absences, Source};
use crate::inventory::{is_virtual_machine, text_or_none};
use crate::smbios::{chassis_names::CHASSIS_TYPE, memory_names::name, version};

const SYSTEM: u8 = 1;
const BOARD: u8 = 2;
const CHASSIS: u8 = 3;
/// The kernel's copy of SMBIOS strings.
const ID: &str = "/sys/class/dmi/id";
/// The UUID that a firmware vendor's sample code ships (AMI).
const SAMPLE_UUID: &str = "03000200-0400-0500-0006-000700080009";

/// The machine as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct System {
    /// Who made the machine.
    pub manufacturer: Option<String>,
    /// Name of the product.
    pub product: Option<String>,
    /// Version of the product.
    pub version: Option<String>,
    /// Serial number of the machine.
    pub serial_number: Option<String>,
    /// UUID of the machine.
    pub uuid: Option<String>,
    /// Stock keeping unit.
    pub sku: Option<String>,
    /// Family of products.
    pub family: Option<String>,
    /// Whether this is a virtual machine.
    pub is_virtual: bool,
    /// The board.
    pub board: Board,
    /// The enclosure.
    pub chassis: Chassis,
}

/// The board.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Board {
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Name of the product.
    pub product: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Asset tag.
    pub asset_tag: Option<String>,
}

/// The enclosure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Chassis {
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Type: `Rack Mount Chassis`, `Blade`.
    pub kind: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
    /// Asset tag.
    pub asset_tag: Option<String>,
    /// Height in rack units.
    pub height_u: Option<u8>,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> System {
    let text = |kind, offset, attribute: &str| {
        source
            .smbios
            .iter()
            .find(|structure| structure.kind == kind)
            .and_then(|structure| structure.string(offset))
            .or_else(|| text_or_none(source.files, &format!("{ID}/{attribute}")))
    };
    let tree = |name: &str| text_or_none(source.files, &format!("/proc/device-tree/{name}"));
    let serial_number = text(SYSTEM, 0x07, "product_serial").or_else(|| tree("serial-number"));
    System {
        manufacturer: text(SYSTEM, 0x04, "sys_vendor"),
        product: text(SYSTEM, 0x05, "product_name").or_else(|| tree("model")),
        version: text(SYSTEM, 0x06, "product_version"),
        serial_number: absent.expect(
            serial_number,
            "system",
            "serial_number",
            "no SMBIOS table tells it, or it is a placeholder",
        ),
        uuid: uuid(source),
        sku: text(SYSTEM, 0x19, "product_sku"),
        family: text(SYSTEM, 0x1a, "product_family"),
        is_virtual: is_virtual_machine(source.snapshot, source.smbios),
        board: Board {
            manufacturer: text(BOARD, 0x04, "board_vendor"),
            product: text(BOARD, 0x05, "board_name"),
            version: text(BOARD, 0x06, "board_version"),
            serial_number: text(BOARD, 0x07, "board_serial"),
            asset_tag: text(BOARD, 0x08, "board_asset_tag"),
        },
        chassis: Chassis {
            manufacturer: text(CHASSIS, 0x04, "chassis_vendor"),
            kind: chassis_kind(source),
            version: text(CHASSIS, 0x06, "chassis_version"),
            serial_number: text(CHASSIS, 0x07, "chassis_serial"),
            asset_tag: text(CHASSIS, 0x08, "chassis_asset_tag"),
            height_u: structure_byte(source, CHASSIS, 0x11).filter(|height| *height > 0),
        },
    }
}

fn structure_byte(source: &Source<'_>, kind: u8, offset: usize) -> Option<u8> {
    source
        .smbios
        .iter()
        .find(|structure| structure.kind == kind)?
        .byte(offset)
}

/// The top bit says that the enclosure has a lock.
fn chassis_kind(source: &Source<'_>) -> Option<String> {
    let number = structure_byte(source, CHASSIS, 0x05)
        .or_else(|| source.files.number(&format!("{ID}/chassis_type")))?;
    name(CHASSIS_TYPE, number & 0x7f)
        .filter(|name| !matches!(*name, "Other" | "Unknown"))
        .map(str::to_owned)
}

/// The first three fields are little-endian since SMBIOS 2.6, which the kernel
/// follows as well. All zeroes and all ones are none.
fn uuid(source: &Source<'_>) -> Option<String> {
    let entry_point = source
        .files
        .bytes("/sys/firmware/dmi/tables/smbios_entry_point")
        .unwrap_or_default();
    let stored = source
        .smbios
        .iter()
        .find(|structure| structure.kind == SYSTEM)
        .and_then(|system| system.bytes::<16>(0x08));
    let found = match (stored, version(entry_point)) {
        (Some(bytes), Some(version)) if version < (2, 6) => Uuid::from_bytes(bytes),
        (Some(bytes), _) => Uuid::from_bytes_le(bytes),
        (None, _) => source
            .files
            .text(&format!("{ID}/product_uuid"))?
            .parse()
            .ok()?,
    };
    let text = found.to_string();
    (!found.is_nil() && !found.is_max() && text != SAMPLE_UUID).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smbios::structures;
    use crate::smbios::tests::Builder;
    use crate::snapshot::{Bytes, Entry, Snapshot};

    fn system(table: &[u8], files: &[(&str, &[u8])]) -> System {
        let mut snapshot = Snapshot::default();
        for (path, bytes) in files {
            let file = Entry::File(Bytes(bytes.to_vec()));
            snapshot.files.insert(*path, file);
        }
        let structures = structures(table);
        let source = Source {
            snapshot: &snapshot,
            files: &snapshot.files,
            smbios: &structures,
        };
        read(&source, &mut Absences::default())
    }

    fn with_uuid(bytes: [u8; 16]) -> Vec<u8> {
        let mut fixed = vec![1, 2, 3, 4];
        fixed.extend(bytes);
        fixed.extend([6, 5, 6]);
        let strings = ["Supermicro", "SYS-1", "0123456789", "S1", "SKU-1", "Family"];
        let chassis = [1, 0x97, 0, 2, 3, 3, 3, 3, 3, 0, 0, 0, 0, 2, 1, 0];
        Builder::default()
            .add(1, 1, &fixed, &strings)
            .add(3, 3, &chassis, &["Supermicro", "C1", "Asset-7"])
            .end()
    }

    #[test]
    fn identity_is_read_from_the_table() {
        let bytes = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ];
        let found = system(&with_uuid(bytes), &[]);
        let uuid = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(found.uuid.as_deref(), Some(uuid));
        assert_eq!(found.product.as_deref(), Some("SYS-1"));
        assert_eq!(found.version, None, "a placeholder");
        assert_eq!(found.sku.as_deref(), Some("SKU-1"));
        assert_eq!(found.family.as_deref(), Some("Family"));
        assert_eq!(found.chassis.kind.as_deref(), Some("Rack Mount Chassis"));
        assert_eq!(found.chassis.height_u, Some(2));
        assert_eq!(found.chassis.asset_tag.as_deref(), Some("Asset-7"));
        let old = system(
            &with_uuid(bytes),
            &[(
                "/sys/firmware/dmi/tables/smbios_entry_point",
                b"_SM_\x10\x1f\x02\x05",
            )],
        );
        let uuid = "33221100-5544-7766-8899-aabbccddeeff";
        assert_eq!(old.uuid.as_deref(), Some(uuid));
    }

    #[test]
    fn sample_uuids_are_none() {
        let sample = Uuid::parse_str(SAMPLE_UUID).expect("a UUID");
        for bytes in [[0; 16], [0xff; 16], sample.to_bytes_le()] {
            assert_eq!(system(&with_uuid(bytes), &[]).uuid, None, "{bytes:x?}");
        }
    }

    #[test]
    fn without_a_table_the_kernels_copy_is_read() {
        let found = system(
            &[],
            &[
                ("/sys/class/dmi/id/board_name", b"MP32-AR0-00\n"),
                ("/sys/class/dmi/id/chassis_type", b"23\n"),
                (
                    "/sys/class/dmi/id/product_uuid",
                    b"00112233-4455-6677-8899-AABBCCDDEEFF\n",
                ),
            ],
        );
        assert_eq!(found.board.product.as_deref(), Some("MP32-AR0-00"));
        assert_eq!(found.chassis.kind.as_deref(), Some("Rack Mount Chassis"));
        assert_eq!(
            found.uuid.as_deref(),
            Some("00112233-4455-6677-8899-aabbccddeeff")
        );
    }
}
