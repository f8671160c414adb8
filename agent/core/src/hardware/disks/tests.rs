// SPDX-License-Identifier: Apache-2.0
//! Whole disks: from a machine's files and its drives' answers to what is told.

use super::requests::{NVME_FIRMWARE, NVME_HEALTH, NVME_NAMESPACES, NVME_SANITIZE, statistics};
use super::*;
use super::{
    ata_identify, ata_smart, ata_statistics, nvme_health, nvme_identify, nvme_namespace, scsi_pages,
};
use crate::snapshot::{
    Answer, Bytes, DeviceContent, DriveAnswer, DriveAnswers, DriveRequest, Entry, Snapshot,
};

const NVME: &str = "/sys/devices/pci0000:00/0000:00:01.0/nvme/nvme0";
const SATA: &str = "/sys/devices/pci0000:00/0000:00:17.0/ata5/host4/target4:0:0/4:0:0:0";
const SAS: &str =
    "/sys/devices/pci0000:00/0000:02:00.0/host7/port-7:0/end_device-7:0/target7:0:0/7:0:0:0";
const USB: &str = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/host9/target9:0:0/9:0:0:0";
const VIRTIO: &str = "/sys/devices/pci0000:00/0000:00:05.0/virtio0";

fn file(snapshot: &mut Snapshot, path: String, text: &str) {
    let entry = Entry::File(Bytes::from(text));
    snapshot.files.insert(path, entry);
}

/// Puts a disk of 1 TB below a device.
fn add_disk(snapshot: &mut Snapshot, name: &str, device: &str) {
    let place = if name.starts_with("nvme") {
        format!("{device}/{name}")
    } else {
        format!("{device}/block/{name}")
    };
    let up = if name.starts_with("nvme") {
        ".."
    } else {
        "../.."
    };
    let link = |target: &str| Entry::Link(target.to_owned());
    let files = &mut snapshot.files;
    files.insert(format!("/sys/class/block/{name}"), link(&place));
    files.insert(format!("{place}/device"), link(up));
    files.insert(format!("{device}/subsystem"), link("/sys/bus/scsi"));
    file(snapshot, format!("{place}/size"), "1953525168\n");
    file(snapshot, format!("{place}/queue/rotational"), "0\n");
    file(
        snapshot,
        format!("{place}/queue/logical_block_size"),
        "512\n",
    );
    file(
        snapshot,
        format!("{place}/queue/discard_max_bytes"),
        "2147450880\n",
    );
    file(
        snapshot,
        format!("{place}/queue/write_cache"),
        "write back\n",
    );
}

fn machine() -> Snapshot {
    let mut snapshot = Snapshot::default();
    add_disk(&mut snapshot, "nvme0n1", NVME);
    file(&mut snapshot, format!("{NVME}/nvme0n1/nsid"), "1\n");
    file(&mut snapshot, format!("{NVME}/transport"), "pcie\n");
    let class = Entry::Link(NVME.to_owned());
    snapshot.files.insert("/sys/class/nvme/nvme0", class);
    snapshot
        .nvme_controllers
        .insert("nvme0".into(), Bytes(nvme_identify::tests::controller()));
    add_disk(&mut snapshot, "sda", SATA);
    file(&mut snapshot, format!("{SATA}/vendor"), "ATA     \n");
    add_disk(&mut snapshot, "sdb", SAS);
    file(&mut snapshot, format!("{SAS}/vendor"), "SEAGATE \n");
    file(&mut snapshot, format!("{SAS}/rev"), "E005\n");
    file(
        &mut snapshot,
        format!("{SAS}/scsi_disk/7:0:0:0/protection_type"),
        "2\n",
    );
    add_disk(&mut snapshot, "sdc", USB);
    let usb = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1";
    let bus = Entry::Link("/sys/bus/usb".into());
    snapshot.files.insert(format!("{usb}/subsystem"), bus);
    add_disk(&mut snapshot, "vda", VIRTIO);
    snapshot
}

fn told(answers: Vec<(DriveRequest, Vec<u8>)>) -> DriveAnswers {
    let answers = answers.into_iter().map(|(request, bytes)| DriveAnswer {
        request,
        answer: Answer::Data(Bytes(bytes)),
    });
    DriveAnswers {
        answers: answers.collect(),
        problem: None,
    }
}

fn nvme_answers() -> DriveAnswers {
    let mut list = vec![0; 4096];
    list[0] = 1;
    let mut slots = vec![0; 512];
    slots[0] = 1;
    slots[8..16].copy_from_slice(b"EPK98B5Q");
    let mut sanitized = vec![0; 512];
    sanitized[2] = 1;
    told(vec![
        (NVME_HEALTH, nvme_health::tests::log()),
        (NVME_FIRMWARE, slots),
        (NVME_SANITIZE, sanitized),
        (NVME_NAMESPACES, list),
        (
            requests::identify_namespace(1),
            nvme_namespace::tests::namespace_data(),
        ),
    ])
}

fn ata_answers() -> DriveAnswers {
    let mut verdict = vec![0x72, 1, 0, 0x1d, 0, 0, 0, 14];
    verdict.extend([0x09, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0x4f, 0, 0xc2, 0, 0x50]);
    let mut directory = vec![0; 512];
    directory[0] = 1;
    directory[8] = 8;
    let mut list = vec![0; 512];
    list[8..12].copy_from_slice(&[3, 0, 1, 7]);
    let general = [(0x10, 0xc0, 31_000)];
    told(vec![
        (DriveRequest::AtaIdentify, ata_identify::tests::data()),
        (DriveRequest::AtaSmartStatus, verdict),
        (
            DriveRequest::AtaSmartData,
            ata_smart::tests::table(ata_smart::tests::SEAGATE),
        ),
        (
            DriveRequest::AtaSmartThresholds,
            ata_smart::tests::limits(&[(5, 10)]),
        ),
        (DriveRequest::AtaLog { log: 0, page: 0 }, directory),
        (statistics(0), list),
        (statistics(1), ata_statistics::tests::page(1, &general)),
        (
            statistics(7),
            ata_statistics::tests::page(7, &[(8, 0xc0, 5)]),
        ),
    ])
}

fn scsi_answers() -> DriveAnswers {
    let log = scsi_pages::tests::log;
    let mut rotation = vec![0, 0xb1, 0, 60, 0x27, 0x10, 0, 3, 0];
    rotation.resize(64, 0);
    let mut caching = vec![0, 26, 0, 0x10, 0, 0, 0, 0, 0x88, 0x12, 0x10];
    caching.resize(28, 0);
    told(vec![
        (
            DriveRequest::ScsiVpd { page: 0 },
            vec![0, 0, 0, 3, 0, 0x83, 0xb1],
        ),
        (
            DriveRequest::ScsiLog { page: 0 },
            vec![0, 0, 0, 3, 0, 0x0d, 0x2f],
        ),
        (DriveRequest::ScsiMode { page: 8 }, caching),
        (DriveRequest::ScsiVpd { page: 0xb1 }, rotation),
        (
            DriveRequest::ScsiLog { page: 0x0d },
            log(0x0d, &[(0, &[0, 34])]),
        ),
        (
            DriveRequest::ScsiLog { page: 0x2f },
            log(0x2f, &[(0, &[0x5d, 0x10, 34])]),
        ),
    ])
}

pub(super) fn answered_machine() -> Snapshot {
    let mut snapshot = machine();
    let drives = &mut snapshot.drives;
    drives.insert("nvme0".into(), nvme_answers());
    drives.insert("sda".into(), ata_answers());
    drives.insert("sdb".into(), scsi_answers());
    snapshot
}

pub(super) fn read_disks(snapshot: &Snapshot) -> (Vec<Disk>, Vec<super::super::Absence>) {
    let hardware = super::super::read(snapshot);
    (hardware.disks, hardware.absent)
}

fn named<'a>(disks: &'a [Disk], name: &str) -> &'a Disk {
    let node = format!("/dev/{name}");
    disks.iter().find(|disk| disk.name == node).expect("a disk")
}

/// Answering from a full set of answers, a drive is asked for exactly these.
#[test]
fn every_drive_is_asked_for_what_it_offers_and_once() {
    let snapshot = answered_machine();
    let drives = drives_to_ask(&snapshot);
    let names: Vec<&str> = drives.iter().map(|drive| drive.name.as_str()).collect();
    assert_eq!(names, ["nvme0", "sda", "sdb"], "never USB, never virtio");
    for drive in &drives {
        let all = &snapshot.drives[&drive.name];
        let mut known = DriveAnswers::default();
        while let Some(request) = drive.next_request(&known) {
            let answer = all.answer(request);
            let answer = answer.unwrap_or_else(|| panic!("{}: {request:?}", drive.name));
            let answer = answer.clone();
            known.answers.push(DriveAnswer { request, answer });
        }
        assert_eq!(known.answers.len(), all.answers.len(), "{}", drive.name);
    }
}

#[test]
fn what_is_refused_is_not_asked_again() {
    for drive in drives_to_ask(&machine()) {
        let mut known = DriveAnswers::default();
        while let Some(request) = drive.next_request(&known) {
            let answer = Answer::Refused("no".into());
            known.answers.push(DriveAnswer { request, answer });
            assert!(known.answers.len() < 12, "{known:?}");
        }
        assert!(!known.answers.is_empty());
    }
}

#[test]
fn fabrics_and_removable_media_are_left_alone() {
    let mut snapshot = machine();
    file(&mut snapshot, format!("{NVME}/transport"), "tcp\n");
    file(&mut snapshot, format!("{SATA}/block/sda/removable"), "1\n");
    let drives = drives_to_ask(&snapshot);
    let names: Vec<&str> = drives.iter().map(|drive| drive.name.as_str()).collect();
    assert_eq!(names, ["sdb"]);
}

#[test]
fn an_nvme_namespace_is_told_in_depth() {
    let (disks, _) = read_disks(&answered_machine());
    let disk = named(&disks, "nvme0n1");
    assert_eq!(disk.protocol.as_deref(), Some("nvme"));
    assert_eq!(disk.verdict, Verdict::Healthy);
    assert_eq!(disk.power_loss_protection, Some(true));
    assert_eq!(disk.write_cache.present, Some(false));
    let nvme = disk.nvme.as_ref().expect("a controller");
    assert_eq!(nvme.namespaces.len(), 1);
    assert_eq!(nvme.firmware_slots.len(), 1);
    let discard = disk.discard.as_ref().expect("discard");
    assert_eq!(discard.reads_zeroes, Some(true));
    let sanitize = disk.security.as_ref().and_then(|s| s.sanitize.as_ref());
    let state = sanitize.and_then(|sanitize| sanitize.state);
    assert_eq!(state, Some(SanitizeState::Succeeded));
    let health = disk.health.as_ref().expect("health");
    assert_eq!(health.temperature_limit_celsius, Some(76));
}

#[test]
fn a_sata_drive_is_told_in_depth() {
    let (disks, absent) = read_disks(&answered_machine());
    let disk = named(&disks, "sda");
    assert_eq!(disk.protocol.as_deref(), Some("sata"));
    assert_eq!(disk.firmware.as_deref(), Some("N2010112"));
    assert_eq!((disk.solid_state, disk.rotation_rpm), (Some(true), None));
    let health = disk.health.as_ref().expect("health");
    assert_eq!(health.power_on_hours, Some(31_000), "from the statistics");
    assert_eq!(health.power_cycles, Some(33), "from the attributes");
    assert_eq!(health.endurance_used_percent, Some(5));
    assert_eq!(disk.verdict, Verdict::Worn);
    assert_eq!(disk.verdict_reasons.len(), 4, "{:?}", disk.verdict_reasons);
    let security = disk.security.as_ref().expect("security");
    assert!(security.password.as_ref().is_some_and(|p| p.frozen));
    let of_sda = absent.iter().filter(|a| a.subject == "/dev/sda");
    let values: Vec<&str> = of_sda.map(|absence| absence.value.as_str()).collect();
    assert_eq!(values, ["power_loss_protection"]);
}

#[test]
fn a_sas_drive_is_told_in_depth() {
    let (disks, _) = read_disks(&answered_machine());
    let disk = named(&disks, "sdb");
    assert_eq!(disk.protocol.as_deref(), Some("sas"));
    assert_eq!(disk.rotation_rpm, Some(10_000));
    assert_eq!(disk.solid_state, Some(false));
    assert_eq!(disk.form_factor.as_deref(), Some("2.5 inch"));
    assert_eq!(disk.write_cache.enabled, Some(false));
    assert_eq!(disk.protection_type, Some(2));
    assert_eq!(disk.firmware.as_deref(), Some("E005"));
    assert_eq!(disk.verdict, Verdict::Failing);
}

#[test]
fn what_is_not_known_has_a_reason() {
    let mut snapshot = machine();
    let hung = DriveAnswers {
        problem: Some("no answer within 10 s".into()),
        ..DriveAnswers::default()
    };
    snapshot.drives.insert("sda".into(), hung);
    let empty = told(vec![(NVME_HEALTH, vec![0xff; 512])]);
    snapshot.drives.insert("nvme0".into(), empty);
    let (disks, absent) = read_disks(&snapshot);
    assert_eq!(disks.len(), 5);
    for (name, expected) in [
        ("nvme0n1", "empty page"),
        ("sda", "no answer within 10 s"),
        ("sdb", "was not asked"),
        ("sdc", "usb disks are not asked"),
        ("vda", "virtio disks are not asked"),
    ] {
        assert_eq!(named(&disks, name).verdict, Verdict::Unknown, "{name}");
        let node = format!("/dev/{name}");
        let mut of_disk = absent.iter().filter(|a| a.subject == node);
        let health = of_disk.find(|absence| absence.value == "health");
        let reason = &health.expect("an absence").reason;
        assert!(reason.contains(expected), "{name}: {reason}");
    }
}

/// As `scsi_debug` does, and host adapters that translate but block commands.
#[test]
fn a_drive_behind_a_closed_translation_is_asked_as_scsi() {
    let mut snapshot = machine();
    let drives = drives_to_ask(&snapshot);
    let drive = drives.iter().find(|drive| drive.name == "sda");
    let drive = drive.expect("an ATA drive");
    let all = scsi_answers();
    let mut known = DriveAnswers::default();
    while let Some(request) = drive.next_request(&known) {
        let refused = Answer::Refused("invalid command".into());
        let answer = all.answer(request).cloned().unwrap_or(refused);
        known.answers.push(DriveAnswer { request, answer });
    }
    snapshot.drives.insert("sda".into(), known);
    let (disks, absent) = read_disks(&snapshot);
    let disk = named(&disks, "sda");
    assert_eq!(disk.rotation_rpm, Some(10_000));
    assert_eq!(disk.verdict, Verdict::Failing);
    let of_sda = absent.iter().filter(|a| a.subject == "/dev/sda");
    let told = of_sda.map(|absence| (absence.value.as_str(), absence.reason.as_str()));
    assert!(
        told.into_iter()
            .any(|it| it == ("identify data", "invalid command"))
    );
}

#[test]
fn a_controller_without_a_disk_is_told() {
    let mut snapshot = Snapshot::default();
    let identity = Bytes(nvme_identify::tests::controller());
    snapshot.nvme_controllers.insert("nvme3".into(), identity);
    let (disks, absent) = read_disks(&snapshot);
    assert!(disks.is_empty());
    let found = absent
        .iter()
        .find(|absence| absence.subject == "/dev/nvme3");
    assert!(found.is_some_and(|absence| absence.reason.contains("no namespace")));
    let (_, absent) = read_disks(&machine());
    assert!(!absent.iter().any(|absence| absence.subject == "/dev/nvme0"));
}

#[test]
fn an_image_that_was_not_finished_is_told() {
    let mut snapshot = machine();
    let mut content = DeviceContent::new(1 << 40);
    content.insert(0, &unfinished::marker("7c5a6f2e"));
    snapshot.contents.insert("sda".into(), content);
    let mut other = DeviceContent::new(1 << 40);
    other.insert(0, &[0x55; 4096]);
    snapshot.contents.insert("nvme0n1".into(), other);
    let told: Vec<_> = read_disks(&snapshot)
        .0
        .into_iter()
        .filter_map(|disk| disk.unfinished_image.map(|image| (disk.name, image)))
        .collect();
    assert_eq!(told, [("/dev/sda".to_owned(), "7c5a6f2e".to_owned())]);
}
