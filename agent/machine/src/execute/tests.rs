// SPDX-License-Identifier: Apache-2.0
//! Plans on fake disks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ironseed_core::block::{BlockDevice, BlockDevices, BlockKind};
use ironseed_core::guard::{self, GuardPolicy};
use ironseed_core::partition::Table;

use super::*;
use crate::block::fake::{FakeDisk, FakeDisks, Trouble};
use crate::block::partitions::read_table;
use crate::clock::TestClock;
use crate::efi::fake::FakeFirmware;

const MIB: usize = 1 << 20;

fn disk(name: &str, mib: usize) -> Arc<FakeDisk> {
    disk_with_sectors(name, mib, 512)
}

fn disk_with_sectors(name: &str, mib: usize, sector: u32) -> Arc<FakeDisk> {
    let file = tempfile::tempfile().expect("a file");
    let disk = FakeDisk::new(file, name, (mib * MIB) as u64, sector).expect("a disk");
    disk.put(0, &vec![0xa5; mib * MIB]).expect("filled");
    disk
}

fn machine(disks: &[Arc<FakeDisk>]) -> Machine {
    Machine {
        disks: Arc::new(FakeDisks::new(disks.iter().cloned())),
        variables: Arc::new(FakeFirmware::default()),
        clock: Arc::new(TestClock::default()),
    }
}

/// What discovery would know of the disks.
fn blocks(disks: &[Arc<FakeDisk>]) -> BlockDevices {
    let device = |disk: &Arc<FakeDisk>| {
        let identity = FakeDisk::identity(disk);
        BlockDevice {
            name: identity.name,
            kind: BlockKind::Disk,
            number: "8:0".into(),
            size: identity.size,
            logical_sectors: 512,
            physical_sectors: 512,
            serial: identity.serial,
            wwn: identity.wwn,
            ..BlockDevice::default()
        }
    };
    BlockDevices(disks.iter().map(device).collect())
}

fn checked(plan: Plan, disks: &[Arc<FakeDisk>]) -> Checked<Plan> {
    guard::check(plan, &blocks(disks), &GuardPolicy::default()).expect("nothing protected")
}

fn run(plan: Plan, disks: &[Arc<FakeDisk>]) -> Result<Outcome, Fault> {
    execute(&checked(plan, disks), &machine(disks), &|_| ())
}

fn identity(disk: &Arc<FakeDisk>) -> DeviceIdentity {
    FakeDisk::identity(disk)
}

fn overwrite_with(disk: &Arc<FakeDisk>, random_passes: u32, zeroize: bool) -> Op {
    Op::Overwrite {
        device: identity(disk),
        how: Overwrite {
            random_passes,
            zeroize,
        },
    }
}

fn all(disk: &FakeDisk) -> Vec<u8> {
    let size = usize::try_from(disk.identity().size).expect("small");
    disk.content(0, size).expect("content")
}

#[test]
fn metadata_is_gone_and_the_rest_is_not() {
    let disks = [disk("/dev/sda", 8)];
    let op = Op::WipeMetadata {
        device: identity(&disks[0]),
    };
    assert!(run(Plan::in_order(vec![op]), &disks).is_ok());
    let content = all(&disks[0]);
    assert!(content[..2 * MIB].iter().all(|byte| *byte == 0));
    assert!(content[7 * MIB..].iter().all(|byte| *byte == 0));
    assert_eq!(content[4 * MIB], 0xa5);
    assert_eq!(disks[0].rereads(), 1);
    disks[0].lose_power().expect("file");
    assert_eq!(disks[0].content(0, 1).expect("content"), [0]);
}

#[test]
fn tiny_devices_can_be_wiped_too() {
    let file = tempfile::tempfile().expect("a file");
    let disks = [FakeDisk::new(file, "/dev/sda", 512 * 3, 512).expect("a disk")];
    disks[0].put(0, &[1; 512 * 3]).expect("filled");
    let op = Op::WipeMetadata {
        device: identity(&disks[0]),
    };
    assert!(run(Plan::in_order(vec![op]), &disks).is_ok());
    assert_eq!(all(&disks[0]), [0; 512 * 3]);
}

#[test]
fn overwriting_leaves_noise_or_zeroes() {
    let disks = [disk("/dev/sda", 9), disk("/dev/sdb", 9)];
    let plan = Plan {
        ops: vec![
            overwrite_with(&disks[0], 1, false),
            overwrite_with(&disks[1], 2, true),
        ],
        concurrency: 2,
        on_failure: OnFailure::FinishOthers,
        choices: Vec::new(),
    };
    assert!(run(plan, &disks).is_ok());
    let noise = all(&disks[0]);
    let old = noise.chunks(8).filter(|word| **word == [0xa5; 8]).count();
    assert_eq!(old, 0);
    let mut counts = [0_u32; 256];
    noise
        .iter()
        .for_each(|byte| counts[usize::from(*byte)] += 1);
    let expected = u32::try_from(noise.len() / 256).expect("small");
    assert!(
        counts
            .iter()
            .all(|count| count.abs_diff(expected) < expected / 10)
    );
    assert!(all(&disks[1]).iter().all(|byte| *byte == 0));
    assert_eq!(disks[1].written(), 3 * 9 * MIB as u64);
}

#[test]
fn a_controller_that_fails_is_replaced_if_that_is_allowed() {
    let how = Overwrite {
        random_passes: 0,
        zeroize: true,
    };
    let attempt = |fails, or_overwrite| {
        let disks = [disk("/dev/nvme0n1", 4)];
        disks[0].trouble(Trouble {
            format_fails: fails,
            ..Trouble::default()
        });
        let op = Op::NvmeFormat {
            device: identity(&disks[0]),
            erase: NvmeErase::UserData,
            or_overwrite,
        };
        let result = run(Plan::in_order(vec![op]), &disks);
        let erased = all(&disks[0]).iter().all(|byte| *byte == 0);
        (result, erased, disks[0].formats())
    };
    let (result, erased, formats) = attempt(false, None);
    assert!(result.is_ok() && erased);
    assert_eq!(formats, [NvmeErase::UserData]);
    let (result, erased, formats) = attempt(true, Some(how));
    assert!(result.is_ok() && erased && formats.is_empty());
    let (result, erased, _) = attempt(true, None);
    assert_eq!(
        result.expect_err("fails").to_string(),
        "formatting /dev/nvme0n1 failed: the controller answered with status 0x10a"
    );
    assert!(!erased);
}

#[test]
fn another_disk_under_the_same_name_is_not_touched() {
    let disks = [disk("/dev/sda", 4)];
    let plan = checked(
        Plan::in_order(vec![overwrite_with(&disks[0], 0, true)]),
        &disks,
    );
    disks[0].replace_serial("someone else");
    let fault = execute(&plan, &machine(&disks), &|_| ()).expect_err("changed");
    assert_eq!(
        fault.to_string(),
        "/dev/sda is not the device it was: its serial number was serial of /dev/sda and is someone else"
    );
    assert!(all(&disks[0]).iter().all(|byte| *byte == 0xa5));
}

#[test]
fn a_failure_stops_the_rest_or_not_as_the_plan_says() {
    for on_failure in [OnFailure::Stop, OnFailure::FinishOthers] {
        let disks = [disk("/dev/sda", 4), disk("/dev/sdb", 4)];
        disks[0].trouble(Trouble {
            fail_after: Some(0),
            ..Trouble::default()
        });
        let plan = Plan {
            ops: vec![
                overwrite_with(&disks[0], 0, true),
                Op::RepairGptBackup {
                    device: identity(&disks[0]),
                },
                overwrite_with(&disks[1], 0, true),
            ],
            concurrency: 1,
            on_failure,
            choices: Vec::new(),
        };
        assert_eq!(run(plan, &disks).expect_err("fails").code(), "device-io");
        let second = all(&disks[1]).iter().all(|byte| *byte == 0);
        assert_eq!(second, on_failure == OnFailure::FinishOthers);
    }
}

#[test]
fn several_failures_are_told_together() {
    let disks = [disk("/dev/sda", 4), disk("/dev/sdb", 4)];
    for disk in &disks {
        disk.trouble(Trouble {
            vanish_after: Some(0),
            ..Trouble::default()
        });
    }
    let plan = Plan {
        ops: disks
            .iter()
            .map(|disk| overwrite_with(disk, 0, true))
            .collect(),
        concurrency: 4,
        on_failure: OnFailure::FinishOthers,
        choices: Vec::new(),
    };
    let fault = run(plan, &disks).expect_err("both");
    assert!(
        matches!(&fault, Fault::Several(faults) if faults.len() == 2),
        "{fault}"
    );
}

#[test]
fn progress_is_told_about_twice_a_second() {
    let disks = [disk("/dev/sda", 40)];
    let clock = TestClock::default();
    let mut machine = machine(&disks);
    machine.clock = Arc::new(clock.clone());
    let told = AtomicUsize::new(0);
    let surroundings = Surroundings {
        clock: &clock,
        observer: &|event| {
            if matches!(event, Event::Progress(_)) {
                told.fetch_add(1, Ordering::Relaxed);
            }
        },
    };
    let mut meter = Meter::new(surroundings, "testing".into(), Some(100));
    for _ in 0..100 {
        clock.advance(Duration::from_millis(100));
        meter.add(1);
    }
    meter.finish();
    assert_eq!(told.load(Ordering::Relaxed), 21);
}

#[test]
fn boot_entries_reach_the_firmware() {
    let firmware = Arc::new(FakeFirmware::default());
    let mut machine = machine(&[]);
    machine.variables = Arc::clone(&firmware) as Arc<dyn EfiVariables>;
    let entries = Box::new(crate::efi::fake::debian(&[]));
    let plan = Plan::in_order(vec![Op::SetBootEntries { entries }, Op::Sync]);
    assert!(execute(&checked(plan, &[]), &machine, &|_| ()).is_ok());
    assert_eq!(firmware.order(), [0]);
}

/// A disk with an MBR and one partition.
fn partitioned(mib: usize) -> Arc<FakeDisk> {
    let disk = disk("/dev/sda", mib);
    let mut sector = [0; 512];
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector[450] = 0x83;
    sector[454..458].copy_from_slice(&2048_u32.to_le_bytes());
    sector[458..462].copy_from_slice(&2048_u32.to_le_bytes());
    disk.put(0, &sector).expect("written");
    disk
}

fn config_drive(disk: &Arc<FakeDisk>, drive: Vec<u8>) -> Op {
    Op::WriteConfigDrive {
        device: identity(disk),
        drive: ConfigDrive::Image(drive),
        download: DownloadPolicy {
            timeout: Duration::from_secs(1),
            retries: 0,
            retry_interval: Duration::ZERO,
            max_duration: None,
            verify_tls: true,
            ca_file: None,
        },
        rebuild: false,
    }
}

fn labelled(size: usize) -> Vec<u8> {
    let mut drive = vec![3; size];
    drive[0x8001..0x8006].copy_from_slice(b"CD001");
    drive[0x8028..0x8048].fill(b' ');
    drive[0x8028..0x8030].copy_from_slice(b"config-2");
    drive
}

fn partitions_of(disk: &Arc<FakeDisk>) -> Vec<ironseed_core::partition::Partition> {
    read_table(disk, "/dev/sda").expect("a table").partitions()
}

#[test]
fn a_config_drive_gets_a_partition_and_reuses_it() {
    let disks = [partitioned(100)];
    let first = labelled(70_000);
    let plan = Plan::in_order(vec![config_drive(&disks[0], first.clone())]);
    assert!(run(plan, &disks).is_ok());
    let partitions = partitions_of(&disks[0]);
    assert_eq!(partitions.len(), 2);
    let at = partitions[1].offset;
    assert_eq!(at, 36 * MIB as u64);
    assert_eq!(disks[0].content(at, first.len()).expect("content"), first);
    assert_eq!(disks[0].rereads(), 1);

    let second = labelled(40_000);
    let plan = Plan::in_order(vec![config_drive(&disks[0], second.clone())]);
    assert!(run(plan, &disks).is_ok());
    assert_eq!(partitions_of(&disks[0]).len(), 2);
    assert_eq!(disks[0].content(at, second.len()).expect("content"), second);
    let rest = disks[0].content(at + 40_448, 40_000).expect("content");
    assert!(
        rest.iter().all(|byte| *byte == 0),
        "the old drive shines through"
    );
}

#[test]
fn two_config_drive_partitions_are_one_too_many() {
    let disks = [partitioned(200)];
    let plan = Plan::in_order(vec![config_drive(&disks[0], labelled(70_000))]);
    assert!(run(plan, &disks).is_ok());
    disks[0]
        .put(MIB as u64, &labelled(70_000))
        .expect("written");
    let plan = Plan::in_order(vec![config_drive(&disks[0], labelled(70_000))]);
    assert_eq!(run(plan, &disks).expect_err("two").code(), "config-drive");
}

#[test]
fn a_config_drive_that_does_not_fit_is_named() {
    let disks = [partitioned(100)];
    disks[0]
        .put(MIB as u64, &labelled(70_000))
        .expect("written");
    let plan = Plan::in_order(vec![config_drive(&disks[0], labelled(2 * MIB))]);
    assert_eq!(
        run(plan, &disks).expect_err("large").to_string(),
        "the config drive cannot be used: it has 2097152 bytes, partition 1 of /dev/sda has 1048576"
    );
}

#[test]
fn an_iso_config_drive_is_not_put_where_it_cannot_be_mounted() {
    let disks = [disk_with_sectors("/dev/sda", 100, 4096)];
    let plan = Plan::in_order(vec![config_drive(&disks[0], labelled(70_000))]);
    assert_eq!(run(plan, &disks).expect_err("4Kn").code(), "config-drive");
    assert!(all(&disks[0]).iter().all(|byte| *byte == 0xa5));
}

#[test]
fn a_disk_without_partitions_is_no_deployment() {
    let disks = [disk("/dev/sda", 4)];
    let device = || identity(&disks[0]);
    let ops = vec![
        Op::RepairGptBackup { device: device() },
        Op::RereadPartitions { device: device() },
    ];
    let fault = run(Plan::in_order(ops), &disks).expect_err("no table");
    assert_eq!(
        fault.to_string(),
        "the partition table of /dev/sda: there is none"
    );
    assert!(matches!(
        read_table(&partitioned(4), "/dev/sda"),
        Ok(Table::Mbr(_))
    ));
}
