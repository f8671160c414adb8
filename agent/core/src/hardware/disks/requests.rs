// SPDX-License-Identifier: Apache-2.0
//! Which drives are asked about their health and abilities, and what.
//!
//! Every request only reads. Memory sticks, virtual media and volumes of a
//! storage network are left alone: they have little to say, and some of them
//! stop working when asked.

use super::answers::{Answers, pages_listed};
use super::{ata_identify::AtaIdentify, ata_statistics, nvme_identify};
use crate::block::{BlockDevice, BlockKind};
use crate::inventory::block_devices;
use crate::snapshot::{DriveAnswers, DriveRequest, Snapshot, Tree};

/// SMART / Health Information (NVMe base specification 2.0 §5.16.1.3).
pub(super) const NVME_HEALTH: DriveRequest = nvme_log(0x02);
/// Firmware Slot Information (§5.16.1.4).
pub(super) const NVME_FIRMWARE: DriveRequest = nvme_log(0x03);
/// Sanitize Status (§5.16.1.19).
pub(super) const NVME_SANITIZE: DriveRequest = nvme_log(0x81);
/// Volatile Write Cache (§5.27.1.4).
pub(super) const NVME_WRITE_CACHE: DriveRequest = DriveRequest::NvmeFeature { feature: 6 };
/// Active Namespace ID list (§5.17.2.2).
pub(super) const NVME_NAMESPACES: DriveRequest = DriveRequest::NvmeIdentify {
    cns: 2,
    namespace: 0,
};
/// Caching mode page (SBC-4 §6.5.6).
pub(super) const SCSI_CACHING: DriveRequest = DriveRequest::ScsiMode { page: 8 };
/// Log directory (ACS-4 §9.2).
const ATA_LOG_DIRECTORY: DriveRequest = DriveRequest::AtaLog { log: 0, page: 0 };
/// Supported pages and pages.
const SCSI_VPD_PAGES: DriveRequest = DriveRequest::ScsiVpd { page: 0 };
pub(super) const SCSI_LOG_PAGES: DriveRequest = DriveRequest::ScsiLog { page: 0 };

/// Namespaces that are looked at; most drives have one.
const MOST_NAMESPACES: usize = 64;
/// Device statistics: general, rotating media, general errors, temperature,
/// solid state (ACS-4 §9.5).
const STATISTICS: [u16; 5] = [1, 3, 4, 5, 7];
/// Block device characteristics and logical block provisioning (SBC-4 §6.6).
const VPD: [u8; 2] = [0xb1, 0xb2];
/// Write, read and verify errors, temperature, endurance,
/// background scan (power-on time), informational exceptions.
const LOGS: [u8; 7] = [0x02, 0x03, 0x05, 0x0d, 0x11, 0x15, 0x2f];

const fn nvme_log(page: u8) -> DriveRequest {
    DriveRequest::NvmeLog { page, length: 512 }
}

/// The drive's view of one device statistics page.
pub(super) const fn statistics(page: u16) -> DriveRequest {
    DriveRequest::AtaLog { log: 4, page }
}

/// A drive, or an NVMe controller, that is worth asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drive {
    /// Kernel name, whose device node takes the requests: `sda`, `nvme0`.
    pub name: String,
    language: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Nvme { sanitizes: bool, write_cache: bool },
    Ata,
    Scsi,
}

/// The drives to ask, from a snapshot that has its files and the identify data
/// of NVMe controllers.
#[must_use]
pub fn drives_to_ask(snapshot: &Snapshot) -> Vec<Drive> {
    let controllers = snapshot
        .nvme_controllers
        .iter()
        .filter(|(name, _)| is_local_controller(&snapshot.files, name))
        .map(|(name, identity)| Drive {
            name: name.clone(),
            language: Language::Nvme {
                sanitizes: nvme_identify::sanitize_bits(&identity.0) != 0,
                write_cache: nvme_identify::has_write_cache(&identity.0) == Some(true),
            },
        });
    let blocks = block_devices(snapshot);
    let disks = blocks.0.iter().filter_map(|device| {
        let name = device.name.strip_prefix("/dev/")?;
        let language = scsi_language(&snapshot.files, name, device)?;
        let name = name.to_owned();
        Some(Drive { name, language })
    });
    controllers.chain(disks).collect()
}

/// Whether the controller is in this machine, not behind a fabric.
fn is_local_controller(files: &Tree, name: &str) -> bool {
    let transport = files.text(&format!("/sys/class/nvme/{name}/transport"));
    matches!(transport, None | Some("pcie" | "apple-nvme"))
}

/// Whether a disk is asked by SCSI commands.
pub(super) fn is_asked(name: &str, device: &BlockDevice) -> bool {
    const ELSEWHERE: [&str; 4] = ["usb", "iscsi", "fc", "fcoe"];
    let far = |transport: &str| ELSEWHERE.contains(&transport);
    name.starts_with("sd")
        && device.kind == BlockKind::Disk
        && device.size > 0
        && !device.removable
        && !device.transport.as_deref().is_some_and(far)
}

/// What a SCSI disk understands, if it is to be asked at all.
fn scsi_language(files: &Tree, name: &str, device: &BlockDevice) -> Option<Language> {
    is_asked(name, device).then(|| {
        if is_ata(files, name) {
            Language::Ata
        } else {
            Language::Scsi
        }
    })
}

/// Whether an ATA drive is behind the SCSI disk: the translation layer's page
/// or vendor name, or an ATA port above it.
pub(super) fn is_ata(files: &Tree, name: &str) -> bool {
    let device = format!("/sys/class/block/{name}/device");
    let is_port = |part: &str| {
        part.strip_prefix("ata")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    files.bytes(&format!("{device}/vpd_pg89")).is_some()
        || files.text(&format!("{device}/vendor")) == Some("ATA")
        || files
            .canonical(&device)
            .is_some_and(|path| path.split('/').any(is_port))
}

impl Drive {
    /// The next thing to ask, given what is known; `None` when all is known.
    /// What was refused is not asked again.
    #[must_use]
    pub fn next_request(&self, known: &DriveAnswers) -> Option<DriveRequest> {
        let wanted = match self.language {
            Language::Nvme {
                sanitizes,
                write_cache,
            } => nvme(known, sanitizes, write_cache),
            Language::Ata => ata(known),
            Language::Scsi => scsi(known),
        };
        wanted
            .into_iter()
            .find(|request| known.answer(*request).is_none())
    }
}

fn nvme(known: &DriveAnswers, sanitizes: bool, write_cache: bool) -> Vec<DriveRequest> {
    let mut wanted = vec![NVME_HEALTH, NVME_FIRMWARE];
    wanted.extend(sanitizes.then_some(NVME_SANITIZE));
    wanted.extend(write_cache.then_some(NVME_WRITE_CACHE));
    wanted.push(NVME_NAMESPACES);
    if known.answer(NVME_NAMESPACES).is_some() {
        wanted.extend(namespaces(known).into_iter().map(identify_namespace));
    }
    wanted
}

/// The active namespaces, in order. Controllers before version 1.1 have no
/// list; theirs is namespace 1.
pub(super) fn namespaces(known: &DriveAnswers) -> Vec<u32> {
    match known.data(NVME_NAMESPACES) {
        Some(list) => list
            .as_chunks()
            .0
            .iter()
            .map(|bytes| u32::from_le_bytes(*bytes))
            // Zero ends the list; the highest numbers are no namespaces.
            .take_while(|namespace| (1..0xffff_fffe).contains(namespace))
            .take(MOST_NAMESPACES)
            .collect(),
        None => vec![1],
    }
}

pub(super) const fn identify_namespace(namespace: u32) -> DriveRequest {
    DriveRequest::NvmeIdentify { cns: 0, namespace }
}

fn ata(known: &DriveAnswers) -> Vec<DriveRequest> {
    let mut wanted = vec![DriveRequest::AtaIdentify];
    let answers = Answers(Some(known));
    let identity = answers
        .bytes(DriveRequest::AtaIdentify)
        .and_then(AtaIdentify::new);
    let Ok(identity) = identity else {
        // A host adapter may translate commands and still let none through.
        if known.answer(DriveRequest::AtaIdentify).is_some() {
            wanted.extend(scsi(known));
        }
        return wanted;
    };
    if identity.smart_enabled() == Some(true) {
        wanted.extend([
            DriveRequest::AtaSmartStatus,
            DriveRequest::AtaSmartData,
            DriveRequest::AtaSmartThresholds,
        ]);
    }
    if identity.has_general_logs() {
        wanted.push(ATA_LOG_DIRECTORY);
    }
    let directory = known.data(ATA_LOG_DIRECTORY).unwrap_or_default();
    // A word for each log address: how many pages the log has.
    if directory
        .get(8..10)
        .is_some_and(|pages| pages != [0, 0] && pages != [0xff, 0xff])
    {
        wanted.push(statistics(0));
        let listed = ata_statistics::pages(known.data(statistics(0)).unwrap_or_default());
        let has = |page: &u16| listed.contains(page);
        wanted.extend(STATISTICS.into_iter().filter(has).map(statistics));
    }
    wanted
}

fn scsi(known: &DriveAnswers) -> Vec<DriveRequest> {
    let mut wanted = vec![SCSI_VPD_PAGES, SCSI_LOG_PAGES, SCSI_CACHING];
    let vpd = pages_listed(known.data(SCSI_VPD_PAGES).unwrap_or_default());
    let logs = pages_listed(known.data(SCSI_LOG_PAGES).unwrap_or_default());
    let vpd = VPD.into_iter().filter(|page| vpd.contains(page));
    let logs = LOGS.into_iter().filter(|page| logs.contains(page));
    wanted.extend(vpd.map(|page| DriveRequest::ScsiVpd { page }));
    wanted.extend(logs.map(|page| DriveRequest::ScsiLog { page }));
    wanted
}
