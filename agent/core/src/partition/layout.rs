// SPDX-License-Identifier: Apache-2.0
//! Where the partitions of a partition image go (contract §14.6): one after
//! the other from 1 MiB on, the root partition last.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

const MIB: u64 = 1 << 20;
/// Entries of a new GPT, and the bytes of one.
pub(super) const GPT_ENTRIES: u64 = 128;
pub(super) const GPT_ENTRY: u64 = 128;

/// The kind of a partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// GUID partition table.
    Gpt,
    /// Master boot record.
    Msdos,
}

/// What a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The firmware's, with the boot loader.
    EfiSystem,
    /// Room for GRUB on a GPT that a BIOS boots.
    BiosBoot,
    /// Scratch space that may survive a rebuild.
    Ephemeral,
    /// Swap space.
    Swap,
    /// The instance's configuration.
    ConfigDrive,
    /// The operating system.
    Root,
}

impl Role {
    /// The key of the partition in `get_partition_uuids`; the BIOS boot
    /// partition has none.
    #[must_use]
    pub fn key(self) -> Option<&'static str> {
        match self {
            Role::EfiSystem => Some("efi system partition"),
            Role::BiosBoot => None,
            Role::Ephemeral => Some("ephemeral"),
            Role::Swap => Some("swap"),
            Role::ConfigDrive => Some("configdrive"),
            Role::Root => Some("root"),
        }
    }

    /// Name of the partition in a GPT.
    #[must_use]
    pub fn partition_name(self) -> &'static str {
        match self {
            Role::EfiSystem => "efi-part",
            Role::BiosBoot => "bios-boot",
            Role::Ephemeral => "ephemeral0",
            Role::Swap => "swap1",
            Role::ConfigDrive => "config-2",
            Role::Root => "root",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::EfiSystem => "EFI system",
            Role::BiosBoot => "BIOS boot",
            Role::Ephemeral => "ephemeral",
            Role::Swap => "swap",
            Role::ConfigDrive => "config drive",
            Role::Root => "root",
        })
    }
}

/// A partition: its number, what it is for, and where it lies, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Number, from 1.
    pub number: u32,
    /// What it is for.
    pub role: Role,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {} ({})", self.number, self.role)
    }
}

/// Every partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The kind of the table.
    pub label: Label,
    /// The partitions, in the order in which they lie on the disk.
    pub places: Vec<Place>,
}

impl Layout {
    /// The partition of a role, if there is one.
    #[must_use]
    pub fn place(&self, role: Role) -> Option<Place> {
        self.places.iter().copied().find(|place| place.role == role)
    }
}

/// A partition that exists, as discovery or the table tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Existing {
    /// Number, from 1.
    pub number: u32,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

/// Why there is no such layout.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// The disk, or what its table can express, is too small.
    #[error("the partitions need {needed} MiB ({sizes}), and {limit}")]
    TooSmall {
        /// End of the last partition in MiB.
        needed: u64,
        /// Each partition with its size.
        sizes: String,
        /// What is too small, as half a sentence.
        limit: String,
    },
    /// The partitions that shall stay are not those of this layout.
    #[error(
        "preserve_ephemeral keeps the partition table, but it is not the one this deployment would make: {0}"
    )]
    Different(String),
}

/// Lays partitions out by role and size in MiB. The order of `sizes` is the
/// order on the disk; a size of 0 means no partition. `disk` is in bytes.
///
/// # Errors
///
/// [`LayoutError::TooSmall`] if they do not fit.
pub fn lay_out(
    label: Label,
    sizes: &[(Role, u64)],
    sector: u32,
    disk: u64,
) -> Result<Layout, LayoutError> {
    let wanted: Vec<(Role, u64)> = sizes
        .iter()
        .copied()
        .filter(|(_, size)| *size > 0)
        .collect();
    let mut places = Vec::new();
    let mut offset = MIB;
    for (number, (role, size)) in (1..).zip(&wanted) {
        let length = size.saturating_mul(MIB);
        places.push(Place {
            number,
            role: *role,
            offset,
            length,
        });
        offset = offset.saturating_add(length);
    }
    if let Some(limit) = exceeded(label, offset, u64::from(sector), disk) {
        let sizes: Vec<String> = wanted
            .iter()
            .map(|(role, size)| format!("{role} {size}"))
            .collect();
        return Err(LayoutError::TooSmall {
            needed: offset / MIB,
            sizes: sizes.join(", "),
            limit,
        });
    }
    Ok(Layout { label, places })
}

/// What is too small for partitions that end before `end`.
fn exceeded(label: Label, end: u64, sector: u64, disk: u64) -> Option<String> {
    let backup = match label {
        // The backup of the table: entries and header.
        Label::Gpt => (GPT_ENTRIES * GPT_ENTRY).div_ceil(sector) + 1,
        Label::Msdos => 0,
    };
    let usable = (disk / sector).saturating_sub(backup) * sector;
    if end > usable {
        return Some(format!("the disk has room for {} MiB", usable / MIB));
    }
    // Beginning and length are counted in 32 bits.
    let expressible = u64::from(u32::MAX) * sector;
    (label == Label::Msdos && end > expressible).then(|| {
        format!(
            "an msdos partition table ends at {} MiB; the capability disk_label:gpt would help",
            expressible / MIB
        )
    })
}

/// The same roles on partitions that exist. The ephemeral partition must be
/// exactly where it would be made; the others may be larger.
///
/// # Errors
///
/// [`LayoutError::Different`] with the first difference.
pub fn adopt(
    wanted: &Layout,
    label: Option<Label>,
    existing: &[Existing],
) -> Result<Layout, LayoutError> {
    let different = |text: String| Err(LayoutError::Different(text));
    if label != Some(wanted.label) {
        return different("it is of another kind, or there is none".into());
    }
    if existing.len() != wanted.places.len() {
        return different(format!(
            "it has {} partitions instead of {}",
            existing.len(),
            wanted.places.len()
        ));
    }
    let mut places = Vec::new();
    for (place, found) in wanted.places.iter().zip(existing) {
        let same = found.offset == place.offset && found.length == place.length;
        let fits = match place.role {
            Role::Ephemeral => same,
            _ => found.length >= place.length,
        };
        let after = places
            .last()
            .map_or(MIB, |last: &Place| last.offset + last.length);
        if found.number != place.number || !fits || found.offset < after {
            return different(format!(
                "{place} would have {} MiB from {} MiB on, and number {} has {} MiB from {} MiB on",
                place.length / MIB,
                place.offset / MIB,
                found.number,
                found.length / MIB,
                found.offset / MIB
            ));
        }
        places.push(Place {
            offset: found.offset,
            length: found.length,
            ..*place
        });
    }
    Ok(Layout {
        label: wanted.label,
        places,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(Role, u64); 5] = [
        (Role::EfiSystem, 550),
        (Role::Ephemeral, 100),
        (Role::Swap, 0),
        (Role::ConfigDrive, 1),
        (Role::Root, 1000),
    ];

    fn shown(layout: &Layout) -> Vec<(u32, Role, u64, u64)> {
        let places = layout.places.iter();
        places
            .map(|place| {
                (
                    place.number,
                    place.role,
                    place.offset / MIB,
                    place.length / MIB,
                )
            })
            .collect()
    }

    #[test]
    fn partitions_follow_each_other_from_one_mebibyte_on() {
        let layout = lay_out(Label::Gpt, &ALL, 512, 2 << 30).expect("fits");
        let expected = [
            (1, Role::EfiSystem, 1, 550),
            (2, Role::Ephemeral, 551, 100),
            (3, Role::ConfigDrive, 651, 1),
            (4, Role::Root, 652, 1000),
        ];
        assert_eq!(shown(&layout), expected);
        assert_eq!(layout.place(Role::Swap), None);
        assert_eq!(layout.place(Role::Root).map(|place| place.number), Some(4));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_sizes() {
        // 1652 MiB are needed; the backup of a GPT takes a little more.
        let exact = 1652 * MIB;
        assert!(lay_out(Label::Msdos, &ALL, 512, exact).is_ok());
        assert!(lay_out(Label::Gpt, &ALL, 512, exact + 33 * 512).is_ok());
        assert!(lay_out(Label::Gpt, &ALL, 4096, exact + 5 * 4096).is_ok());
        assert!(lay_out(Label::Gpt, &ALL, 4096, exact + 4 * 4096).is_err());
        let error = lay_out(Label::Gpt, &ALL, 512, exact + 32 * 512).expect_err("too small");
        assert_eq!(
            error.to_string(),
            "the partitions need 1652 MiB (EFI system 550, ephemeral 100, config drive 1, root 1000), and the disk has room for 1651 MiB"
        );
        let large = [(Role::Root, 3 << 20)];
        let error = lay_out(Label::Msdos, &large, 512, 4 << 40).expect_err("3 TiB");
        assert!(error.to_string().contains("ends at 2097151 MiB"), "{error}");
        assert!(lay_out(Label::Gpt, &large, 512, 4 << 40).is_ok());
        assert!(lay_out(Label::Msdos, &large, 4096, 4 << 40).is_ok());
        assert!(lay_out(Label::Gpt, &[(Role::Root, u64::MAX)], 512, 4 << 40).is_err());
    }

    #[test]
    fn existing_partitions_are_taken_over_only_if_they_are_the_same() {
        let wanted = lay_out(Label::Gpt, &ALL, 512, 2 << 30).expect("fits");
        let same: Vec<Existing> = wanted
            .places
            .iter()
            .map(|place| Existing {
                number: place.number,
                offset: place.offset,
                length: place.length,
            })
            .collect();
        assert_eq!(adopt(&wanted, Some(Label::Gpt), &same), Ok(wanted.clone()));
        let mut larger = same.clone();
        larger[3].length += 5 * MIB;
        let found = adopt(&wanted, Some(Label::Gpt), &larger).expect("a larger root");
        assert_eq!(found.places[3].length, 1005 * MIB);
        type Change = fn(&mut Vec<Existing>);
        let changes: [(Change, &str); 6] = [
            (|all| all.truncate(3), "it has 3 partitions instead of 4"),
            (|all| all[1].length += MIB, "partition 2 (ephemeral)"),
            (|all| all[1].offset += MIB, "partition 2 (ephemeral)"),
            (|all| all[3].length -= MIB, "partition 4 (root)"),
            (|all| all[3].offset -= MIB, "partition 4 (root)"),
            (|all| all[0].number = 9, "partition 1 (EFI system)"),
        ];
        for (change, text) in changes {
            let mut existing = same.clone();
            change(&mut existing);
            let error = adopt(&wanted, Some(Label::Gpt), &existing).expect_err(text);
            assert!(error.to_string().contains(text), "{error}");
        }
        for label in [None, Some(Label::Msdos)] {
            assert!(adopt(&wanted, label, &same).is_err());
        }
    }
}
