// SPDX-License-Identifier: Apache-2.0
//! Asks drives about their health and abilities. Which drives and what is
//! decided by [`drives_to_ask`] and [`Drive::next_request`]; every command only
//! reads.

use std::fs::File;
use std::io;
use std::time::Duration;

use ironseed_core::hardware::{Drive, drives_to_ask};
use ironseed_core::snapshot::{Answer, Bytes, DriveAnswer, DriveAnswers, DriveRequest, Snapshot};

use super::each_device::Asked;
use super::recorder::{DEVICE, words};
use crate::root::Root;
use crate::{nvme, scsi};

/// How long one command may take. The kernel resets a drive that needs longer,
/// so this is longer than a disk takes to spin up.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long all drives together are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

type Told = io::Result<DriveAnswer>;

/// Drives that are being asked.
pub(super) struct Drives(Asked<Told>);

/// Begins to ask. The snapshot has to have its files, and the controllers'
/// identify data.
pub(super) fn ask_in_background(root: &Root, snapshot: &Snapshot) -> Drives {
    let drives = drives_to_ask(snapshot)
        .into_iter()
        .map(|drive| (drive.name.clone(), drive))
        .collect();
    let root = root.clone();
    Drives(Asked::start(drives, PATIENCE, move |name, drive, tell| {
        if let Err(error) = ask(&root, name, &drive, tell) {
            tell(Err(error));
        }
    }))
}

impl Drives {
    /// Waits for those that have not answered yet.
    pub(super) fn finish(self, snapshot: &mut Snapshot) {
        let drives = &mut snapshot.drives;
        let silent = self.0.finish(|name, told| {
            let drive = drives.entry(name.to_owned()).or_default();
            match told {
                Ok(answer) => drive.answers.push(answer),
                Err(error) => drive.problem = Some(words(&error)),
            }
        });
        for (name, reason) in silent {
            drives.entry(name).or_default().problem = Some(reason);
        }
    }
}

fn ask(root: &Root, name: &str, drive: &Drive, tell: &mut dyn FnMut(Told)) -> io::Result<()> {
    let file = root.open_at(&format!("/dev/{}", name.replace('!', "/")), DEVICE)?;
    let mut known = DriveAnswers::default();
    while let Some(request) = drive.next_request(&known) {
        let answer = DriveAnswer {
            request,
            answer: match send(&file, request) {
                Ok(bytes) => Answer::Data(Bytes(bytes)),
                Err(error) => Answer::Refused(words(&error)),
            },
        };
        known.answers.push(answer.clone());
        tell(Ok(answer));
    }
    Ok(())
}

fn send(device: &File, request: DriveRequest) -> io::Result<Vec<u8>> {
    match request {
        DriveRequest::NvmeIdentify { cns, namespace } => {
            nvme::identify(device, cns, namespace, TIMEOUT)
        }
        DriveRequest::NvmeLog { page, length } => nvme::log_page(device, page, length, TIMEOUT),
        DriveRequest::NvmeFeature { feature } => {
            nvme::feature(device, feature, TIMEOUT).map(|value| value.to_le_bytes().to_vec())
        }
        DriveRequest::AtaSmartStatus => scsi::sense_of(device, &scsi::ata::SMART_STATUS, TIMEOUT),
        DriveRequest::AtaIdentify => scsi::read(device, &scsi::ata::IDENTIFY, SECTOR, TIMEOUT),
        DriveRequest::AtaSmartData => scsi::read(device, &scsi::ata::SMART_DATA, SECTOR, TIMEOUT),
        DriveRequest::AtaSmartThresholds => {
            scsi::read(device, &scsi::ata::SMART_THRESHOLDS, SECTOR, TIMEOUT)
        }
        DriveRequest::AtaLog { log, page } => {
            scsi::read(device, &scsi::ata::read_log(log, page), SECTOR, TIMEOUT)
        }
        DriveRequest::ScsiVpd { page } => {
            scsi::read(device, &scsi::inquiry(page), scsi::VPD_LENGTH, TIMEOUT)
        }
        DriveRequest::ScsiLog { page } => {
            scsi::read(device, &scsi::log_sense(page), scsi::PAGE_LENGTH, TIMEOUT)
        }
        DriveRequest::ScsiMode { page } => {
            scsi::read(device, &scsi::mode_sense(page), scsi::PAGE_LENGTH, TIMEOUT)
        }
    }
}

/// Bytes of an ATA data block.
const SECTOR: u16 = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use ironseed_core::snapshot::Entry;

    /// Files in place of device nodes refuse every command; a node that is not
    /// there is a problem of its drive only.
    #[test]
    fn drives_that_refuse_or_are_gone_are_told_apart() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(directory.path().join("dev")).expect("make");
        std::fs::write(directory.path().join("dev/sda"), [0; 512]).expect("write");
        let root = Root::open(directory.path()).expect("open");
        let mut snapshot = Snapshot::default();
        for name in ["sda", "sdb"] {
            let device = format!("/sys/devices/pci0/host0/target0:0:0/0:0:0:0/block/{name}");
            let files = &mut snapshot.files;
            let class = format!("/sys/class/block/{name}");
            files.insert(class, Entry::Link(device.clone()));
            let size = Entry::File(Bytes::from("2048"));
            files.insert(format!("{device}/size"), size);
        }
        ask_in_background(&root, &snapshot).finish(&mut snapshot);
        let here = &snapshot.drives["sda"];
        assert_eq!(here.problem, None);
        assert!(!here.answers.is_empty());
        for answer in &here.answers {
            let refused = matches!(&answer.answer, Answer::Refused(reason) if !reason.is_empty());
            assert!(refused, "{answer:?}");
        }
        let gone = &snapshot.drives["sdb"];
        assert_eq!(gone.problem.as_deref(), Some("No such file or directory"));
        assert!(gone.answers.is_empty());
    }
}
