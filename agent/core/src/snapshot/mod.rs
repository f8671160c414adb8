// SPDX-License-Identifier: Apache-2.0
//! What discovery read from the machine, as one value.
//!
//! A snapshot holds bytes and numbers as the kernel gave them, never a
//! conclusion: conclusions are drawn by [`crate::inventory`]. It can be stored
//! and read back, so that every machine met in the field can become a test.
//! Nothing here reads a machine; `ironseed-machine` fills it.

pub mod anonymise;
pub mod archive;
mod bmc;
mod bytes;
mod content;
mod drive;
mod hardware_address;
mod kernel_log;
mod link;
mod lldp;
mod module_eeprom;
mod tpm;
mod tree;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use bmc::{Bmc, BmcChannel, BmcLog, BmcParameter, BmcReading, BmcSensors};
pub use bytes::Bytes;
pub use content::DeviceContent;
pub use drive::{Answer, DriveAnswer, DriveAnswers, DriveRequest};
pub use kernel_log::{KernelLog, KernelRecord};
pub use link::{DriverInfo, FecParameters, LinkSettings, NetworkLink};
pub use lldp::{LldpFrame, LldpPort};
pub use module_eeprom::{HALF_PAGE, MemoryMap, ModuleEeprom, ModulePage, PageAddress};
pub use tpm::TpmAnswer;
pub use tree::{Entry, Tree};

/// Everything discovery read, at one point in time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Files, links and directories below `/proc` and `/sys`, by path.
    pub files: Tree,
    /// Network links, in the kernel's order.
    pub links: Vec<NetworkLink>,
    /// What else could not be read: the subject and the kernel's words.
    pub problems: BTreeMap<String, String>,
    /// Identify Controller data, by controller name (`nvme0`). 4096 bytes each.
    pub nvme_controllers: BTreeMap<String, Bytes>,
    /// What drives and NVMe controllers answered about themselves, by kernel
    /// name (`sda`, `nvme0`). Only a thorough snapshot asks.
    pub drives: BTreeMap<String, DriveAnswers>,
    /// Parts of the content of block devices, by kernel name (`sda`, `sda1`).
    pub contents: BTreeMap<String, DeviceContent>,
    /// What `uname` says.
    pub uname: Uname,
    /// What was heard of neighbours, by name of the port; empty if nobody
    /// listened.
    pub lldp: BTreeMap<String, LldpPort>,
    /// What the management controller says, where one answers on `/dev/ipmi0`.
    pub bmc: Option<Bmc>,
    /// What each TPM 2.0 answered, by name (`tpm0`).
    pub tpms: BTreeMap<String, Vec<TpmAnswer>>,
    /// What the kernel logged as errors; `None` if its log was not or could not
    /// be read.
    pub kernel_log: Option<KernelLog>,
    /// Time since the kernel started, in milliseconds.
    pub since_boot_ms: u64,
}

/// What the kernel calls itself and the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uname {
    /// Host name.
    pub node_name: String,
    /// Kernel release, `6.12.48+deb13-amd64`.
    pub release: String,
    /// Kernel version text.
    pub version: String,
    /// Architecture, `x86_64` or `aarch64`.
    pub machine: String,
}
