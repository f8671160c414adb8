// SPDX-License-Identifier: Apache-2.0
//! What a machine of a kind is expected to have: the `[expect]` tables. Every
//! field that is there is compared; what is not there is not expected.

use crate::amount::Amount;
use crate::glob::Glob;
use crate::pci::PciId;

/// The `[expect]` table with everything inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expect {
    /// Processor packages.
    pub sockets: Option<Amount>,
    /// Installed memory in GiB.
    pub memory_gib: Option<Amount>,
    /// Memory modules.
    pub dimms: DimmExpect,
    /// Groups of network ports.
    pub nics: Option<Vec<NicExpect>>,
    /// Neighbours of the whole machine.
    pub neighbours: CablingExpect,
    /// Groups of disks.
    pub disks: Option<Vec<DiskExpect>>,
    /// PCI devices and their links.
    pub pci: Option<Vec<PciExpect>>,
    /// Graphics and compute accelerators, without the BMC's display.
    pub gpus: Option<Amount>,
    /// Oldest firmware that will do.
    pub firmware: FirmwareExpect,
    /// Whether Secure Boot enforces.
    pub secure_boot: Option<bool>,
    /// Major version of the TPM, 1 or 2.
    pub tpm: Option<u8>,
}

/// `[expect.dimms]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DimmExpect {
    /// Modules that are there.
    pub count: Option<Amount>,
    /// Size of each of them in GiB.
    pub size_gib: Option<Amount>,
    /// Slots that hold a module, as the firmware names them.
    pub slots: Option<Vec<String>>,
}

/// One row of `[[expect.nics]]`: ports that fit `interfaces`, `pci` and `driver`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NicExpect {
    /// How many ports there are.
    pub count: Option<Amount>,
    /// Only ports whose interface has one of these names; empty means all.
    pub interfaces: Vec<Glob>,
    /// Only ports of this device.
    pub pci: Option<PciId>,
    /// Only ports of this kernel driver.
    pub driver: Option<String>,
    /// Speed that each link has at least, in Mbit/s.
    pub min_speed_mbps: Option<u64>,
    /// What LLDP says about the other end.
    pub neighbours: Option<NeighbourExpect>,
}

/// `neighbours` of a row of `[[expect.nics]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NeighbourExpect {
    /// Names of the switch, one of which must fit; empty means any.
    pub switch: Vec<Glob>,
    /// Names of the switch's port, one of which must fit; empty means any.
    pub port: Vec<Glob>,
    /// To how many different switches the ports of this row lead.
    pub distinct: Option<Amount>,
}

/// `[expect.neighbours]`: when the machine counts as cabled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CablingExpect {
    /// To how many different neighbours the cables of all ports lead, by LLDP.
    pub distinct: Option<Amount>,
}

/// What a disk is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskKind {
    /// Solid state on NVMe.
    Nvme,
    /// Solid state on SATA, SAS or a RAID controller.
    Ssd,
    /// Rotating.
    Hdd,
}

impl DiskKind {
    /// As profiles write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvme => "nvme",
            Self::Ssd => "ssd",
            Self::Hdd => "hdd",
        }
    }
}

/// One row of `[[expect.disks]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskExpect {
    /// Which disks are counted.
    pub kind: DiskKind,
    /// How many of them have the size.
    pub count: Amount,
    /// Size in GB of 10⁹ bytes, as disks are sold, rounded down.
    pub size_gb: Option<Amount>,
}

/// One row of `[[expect.pci]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PciExpect {
    /// Which devices.
    pub id: PciId,
    /// How many there are.
    pub count: Option<Amount>,
    /// Lanes of each link at least.
    pub min_width: Option<u8>,
    /// Generation of PCI Express that each link runs at, at least.
    pub min_generation: Option<u8>,
}

/// `[expect.firmware]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirmwareExpect {
    /// Version of the machine's firmware.
    pub bios_version: Option<String>,
    /// Date of the machine's firmware.
    pub bios_date: Option<Date>,
    /// Version of the BMC's firmware.
    pub bmc_version: Option<String>,
    /// Versions of the NICs' firmware.
    pub nics: Option<Vec<NicFirmware>>,
}

/// A calendar date; ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Year with its century.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// A date that can be in a calendar.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let possible =
            (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        possible.then_some(Self { year, month, day })
    }
}

impl std::str::FromStr for Date {
    type Err = ();

    /// `2020-11-12`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '-');
        let mut next = |length: usize| {
            parts
                .next()
                .filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
                .ok_or(())
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let number = |text: &str| text.parse().map_err(drop);
        let year = year.parse().map_err(drop)?;
        Self::new(year, number(month)?, number(day)?).ok_or(())
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// One entry of `nics` in `[expect.firmware]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicFirmware {
    /// Which cards.
    pub pci: PciId,
    /// Oldest version that will do.
    pub at_least: String,
}

impl Expect {
    /// Whether anything is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These expectations; where they say nothing, those of the parent.
    #[must_use]
    pub(crate) fn over(&self, parent: &Self) -> Self {
        let (own, parents) = (self.clone(), parent.clone());
        Self {
            sockets: own.sockets.or(parents.sockets),
            memory_gib: own.memory_gib.or(parents.memory_gib),
            dimms: DimmExpect {
                count: own.dimms.count.or(parents.dimms.count),
                size_gib: own.dimms.size_gib.or(parents.dimms.size_gib),
                slots: own.dimms.slots.or(parents.dimms.slots),
            },
            nics: own.nics.or(parents.nics),
            neighbours: CablingExpect {
                distinct: own.neighbours.distinct.or(parents.neighbours.distinct),
            },
            disks: own.disks.or(parents.disks),
            pci: own.pci.or(parents.pci),
            gpus: own.gpus.or(parents.gpus),
            firmware: FirmwareExpect {
                bios_version: own.firmware.bios_version.or(parents.firmware.bios_version),
                bios_date: own.firmware.bios_date.or(parents.firmware.bios_date),
                bmc_version: own.firmware.bmc_version.or(parents.firmware.bmc_version),
                nics: own.firmware.nics.or(parents.firmware.nics),
            },
            secure_boot: own.secure_boot.or(parents.secure_boot),
            tpm: own.tpm.or(parents.tpm),
        }
    }
}
