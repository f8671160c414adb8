// SPDX-License-Identifier: Apache-2.0
//! Partition images from the request to the disk, judged by the tools of the
//! distributions.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ironseed_core::block::{BlockDevice, BlockDevices, BlockKind};
use ironseed_core::guard::{self, GuardPolicy};
use ironseed_core::inventory::table_entries;
use ironseed_core::node::Node;
use ironseed_core::partition::layout::{Layout, Role};
use ironseed_core::partition::{HEAD, Table, TableError};
use ironseed_core::plan::{Op, Outcome, PartitionWork, Plan};
use ironseed_core::snapshot::DeviceContent;
use ironseed_core::steps::{PartitionImageSettings, StepContext, StepPhase, StepSettings, find};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use super::*;
use crate::block::fake::{FakeDisks, Trouble};
use crate::efi::fake::FakeFirmware;
use crate::efi::read_esp;
use crate::execute::{Machine, execute};

const ROOT_UUID: &str = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0";

/// A server with a root image, and a disk.
struct Lab {
    server: Server,
    directory: TempDir,
    file: NamedTempFile,
    disk: Arc<FakeDisk>,
    sector: u32,
    /// As stands in `image_info`.
    info: Value,
    drive: Value,
    uefi: bool,
}

fn lab(size: usize, sector: u32) -> Lab {
    let file = NamedTempFile::new().expect("a file");
    let reopened = file.reopen().expect("open");
    let disk = FakeDisk::new(reopened, DISK, size as u64, sector).expect("a disk");
    disk.put(0, &vec![OLD; size]).expect("filled");
    Lab {
        server: Server::start(),
        directory: tempfile::tempdir().expect("a directory"),
        file,
        disk,
        sector,
        info: json!({"id": "root", "image_type": "partition", "root_mb": 20,
            "ephemeral_mb": 16, "swap_mb": 8}),
        drive: json!(config_drive()),
        uefi: true,
    }
}

/// A gzip of a file system that nobody looks into, as Ironic sends it.
fn config_drive() -> String {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&[0x77; 5000]).expect("memory");
    STANDARD.encode(gzip.finish().expect("memory"))
}

impl Lab {
    /// A root file system with a boot loader that is told apart by `word`.
    fn root(&self, word: &str) -> Vec<u8> {
        let tree = self.directory.path().join(word);
        let debian = tree.join("boot/efi/EFI/debian");
        std::fs::create_dir_all(&debian).expect("made");
        let csv: Vec<u8> = format!("shimx64.efi,{word},,")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        std::fs::write(debian.join("BOOTX64.CSV"), csv).expect("written");
        std::fs::write(debian.join("shimx64.efi"), image(700_000)).expect("written");
        let raw = path(self.directory.path(), "root.raw");
        let _ = std::fs::remove_file(&raw);
        let output = Command::new("mke2fs")
            .args(["-q", "-t", "ext4", "-U", ROOT_UUID, "-d"])
            .args([tree.to_str().expect("text"), &raw, "12M"])
            .output()
            .expect("e2fsprogs is installed");
        assert!(output.status.success(), "{output:?}");
        std::fs::read(raw).expect("the image")
    }

    /// The image is what is asked for from now on.
    fn serve(&mut self, format: &str, body: &[u8], stream: bool) {
        let url = self.server.serve("/root", has_ranges(body));
        self.info["urls"] = json!([url]);
        self.info["disk_format"] = json!(format);
        self.info["stream_raw_images"] = json!(stream);
        self.info["checksum"] = json!(sha256(body).hex);
    }

    /// The disk and its partitions as discovery would find them.
    fn blocks(&self) -> BlockDevices {
        let identity = self.disk.identity();
        let disk = BlockDevice {
            name: DISK.into(),
            kind: BlockKind::Disk,
            number: "8:0".into(),
            size: identity.size,
            logical_sectors: self.sector,
            physical_sectors: self.sector,
            serial: identity.serial,
            ..BlockDevice::default()
        };
        let head = self.disk.content(0, HEAD).expect("content");
        let table = Table::read(&head, self.sector, identity.size);
        let mut content = DeviceContent::new(identity.size);
        content.insert(0, &head);
        let kinds = table_entries(&content, self.sector);
        let partitions = table.map(|table| table.partitions()).unwrap_or_default();
        let partition = |(found, kind): (&ironseed_core::partition::Partition, &_)| {
            let kind: &ironseed_core::inventory::TableEntry = kind;
            BlockDevice {
                name: format!("{DISK}{}", found.number),
                kind: BlockKind::Partition,
                parent: Some(DISK.into()),
                partition_number: Some(found.number),
                start: Some(found.offset),
                size: found.length,
                partition_type: Some(kind.kind.clone()),
                ..disk.clone()
            }
        };
        let partitions: Vec<_> = partitions.iter().zip(&kinds).map(partition).collect();
        BlockDevices(std::iter::once(disk).chain(partitions).collect())
    }

    fn plan(&self) -> Result<Plan, Fault> {
        let settings = StepSettings {
            image: ImagePolicy {
                permitted_formats: vec!["raw".into(), "qcow2".into()],
                inspect: true,
            },
            md5_allowed: true,
            download: policy(3),
            image_server: None,
            config_drive_rebuild: false,
            guard_special_filesystems: true,
            verify: Verification::Full,
            partition_image: PartitionImageSettings {
                efi_system_mib: 48,
                bios_boot_mib: 1,
                ignore_boot_loader_failure: !self.uefi,
            },
        };
        let node = Node {
            properties: json!({"root_device": {"name": DISK}})
                .as_object()
                .expect("hints")
                .clone(),
            ..Node::default()
        };
        let context = StepContext {
            node: &node,
            blocks: &self.blocks(),
            settings: &settings,
            uefi: self.uefi,
            written: None,
        };
        let arguments = json!({"image_info": self.info, "configdrive": self.drive});
        let step = find(StepPhase::Deploy, "write_image").expect("a step");
        (step.plan)(&context, arguments.as_object().expect("arguments"))
    }

    fn run(&self) -> Result<Outcome, Fault> {
        let checked = guard::check(self.plan()?, &self.blocks(), &GuardPolicy::default())?;
        let machine = Machine {
            disks: Arc::new(FakeDisks::new([Arc::clone(&self.disk)])),
            variables: Arc::new(FakeFirmware::default()),
            clock: Arc::new(TestClock::default()),
        };
        execute(&checked, &machine, &|_| ())
    }

    fn layout(&self) -> Layout {
        let plan = self.plan().expect("a plan");
        let layout = plan.ops.into_iter().find_map(|op| match op {
            Op::Partition {
                work: PartitionWork::Identify { layout, .. },
                ..
            } => Some(layout),
            _ => None,
        });
        layout.expect("it ends with names")
    }

    fn content(&self, role: Role) -> Vec<u8> {
        let place = self.layout().place(role).expect("such a partition");
        let length = usize::try_from(place.length).expect("small");
        self.disk.content(place.offset, length).expect("content")
    }

    /// A partition in a file of its own, and what a tool says of it.
    fn judged(&self, role: Role, program: &str, arguments: &[&str]) -> String {
        let copy = self.directory.path().join("partition");
        std::fs::write(&copy, self.content(role)).expect("written");
        tool(program, arguments, &copy)
    }

    fn table(&self) -> Result<Table, TableError> {
        let head = self.disk.content(0, HEAD).expect("content");
        Table::read(&head, self.sector, self.disk.identity().size)
    }

    /// The boot entries that would be made: label and path.
    fn loaders(&self) -> Vec<(String, String)> {
        let device = BlockDevice {
            name: path(Path::new("/"), self.file.path().to_str().expect("text")),
            ..self.blocks().0[0].clone()
        };
        let esp = read_esp(&device, None).expect("read").expect("an ESP");
        let chosen = esp.loaders().chosen.into_iter();
        chosen.map(|loader| (loader.label, loader.path)).collect()
    }
}

/// Runs a tool that must be content.
fn tool(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {text}{told}");
    text
}

/// A disk image of another deployment of the same size: GPT with partitions.
fn put_old_table(lab: &Lab) {
    for arguments in [["-o"], ["-n1:2048:0"]] {
        tool("sgdisk", &arguments, lab.file.path());
    }
    assert!(lab.table().is_ok());
}

fn check_everything(lab: &Lab, root: &[u8], what: &str) {
    let found = lab.content(Role::Root);
    assert_same(&found[..root.len()], root, what);
    lab.judged(Role::Root, "e2fsck", &["-f", "-n"]);
    let text = lab.judged(Role::Ephemeral, "dumpe2fs", &["-h"]);
    assert!(text.contains("ephemeral0"), "{text}");
    lab.judged(Role::Ephemeral, "e2fsck", &["-f", "-n"]);
    lab.judged(Role::EfiSystem, "fsck.fat", &["-n"]);
    let text = lab.judged(Role::Swap, "swaplabel", &[]);
    assert!(text.contains("swap1"), "{text}");
    let drive = lab.content(Role::ConfigDrive);
    assert!(drive[..5000] == [0x77; 5000] && drive[5000..].iter().all(|byte| *byte == 0));
    let shim = (
        String::from("one"),
        String::from(r"\EFI\debian\shimx64.efi"),
    );
    assert_eq!(lab.loaders(), [shim], "{what}");
}

#[test]
fn all_partitions_are_there_whatever_the_image_comes_as() {
    for (format, stream, sector) in [
        ("raw", true, 512),
        ("raw", false, 512),
        ("qcow2", true, 512),
        ("raw", true, 4096),
    ] {
        let mut lab = lab(100 * MIB, sector);
        let root = lab.root("one");
        let what = format!("{format}, streamed {stream}, sectors of {sector}");
        if format == "qcow2" {
            let raw = path(lab.directory.path(), "root.raw");
            let qcow2 = path(lab.directory.path(), "root.qcow2");
            qemu_img(&["convert", "-f", "raw", "-O", "qcow2", "-c", &raw, &qcow2]);
            let body = std::fs::read(&qcow2).expect("the image");
            lab.serve(format, &body, stream);
        } else {
            lab.serve(format, &root, stream);
        }
        let outcome = lab.run().unwrap_or_else(|fault| panic!("{what}: {fault}"));
        check_everything(&lab, &root, &what);
        let written = outcome.written.expect("an image");
        let uuids = written.partition_uuids();
        assert_eq!(uuids["root uuid"], ROOT_UUID);
        let esp = uuids["efi system partition uuid"].as_str().expect("text");
        assert!(esp.len() == 9 && esp.as_bytes()[4] == b'-', "{esp}");
        assert_eq!(
            uuids["partitions"],
            json!({"efi system partition": "/dev/vda1", "ephemeral": "/dev/vda2",
                "swap": "/dev/vda3", "configdrive": "/dev/vda4", "root": "/dev/vda5"})
        );
        assert_eq!((outcome.no_boot_loader, lab.disk.rereads()), (None, 1));
    }
}

#[test]
fn tools_find_nothing_wrong_with_the_table() {
    let mut lab = lab(100 * MIB, 512);
    let root = lab.root("one");
    lab.serve("raw", &root, true);
    lab.run().expect("deployed");
    let file = lab.file.path();
    let text = tool("sgdisk", &["-v"], file);
    assert!(text.contains("No problems found"), "{text}");
    let text = tool("sfdisk", &["--verify"], file);
    assert!(text.contains("No errors detected"), "{text}");
    let text = tool("sfdisk", &["--json"], file);
    let table: Value = serde_json::from_str(&text).expect("json");
    let partitions = table["partitiontable"]["partitions"].as_array();
    let found: Vec<(&str, &str)> = partitions
        .expect("partitions")
        .iter()
        .map(|found| {
            let text = |key: &str| found[key].as_str().unwrap_or_default();
            (text("name"), &text("type")[..8])
        })
        .collect();
    let expected = [
        ("efi-part", "C12A7328"),
        ("ephemeral0", "0FC63DAF"),
        ("swap1", "0657FD6D"),
        ("config-2", "0FC63DAF"),
        ("root", "0FC63DAF"),
    ];
    assert_eq!(found, expected);
    let guids: std::collections::BTreeSet<_> = partitions
        .expect("partitions")
        .iter()
        .map(|found| found["uuid"].to_string())
        .collect();
    assert_eq!(guids.len(), 5, "no two partitions have the same GUID");
}

#[test]
fn a_bios_gets_a_boot_record_with_an_active_root() {
    let mut lab = lab(72 * MIB, 512);
    lab.uefi = false;
    let body = image(20 * MIB)[1024..].to_vec();
    lab.serve("raw", &body, true);
    let outcome = lab.run().expect("deployed");
    let file = lab.file.path();
    tool("sfdisk", &["--verify"], file);
    let text = tool("sfdisk", &["--json"], file);
    let table: Value = serde_json::from_str(&text).expect("json");
    let table = &table["partitiontable"];
    assert_eq!(table["label"], "dos");
    let flags: Vec<&Value> = (0..4)
        .map(|i| &table["partitions"][i]["bootable"])
        .collect();
    assert_eq!(
        flags,
        [&Value::Null, &Value::Null, &Value::Null, &json!(true)]
    );
    let identifier = table["id"].as_str().expect("text")[2..].to_owned();
    let written = outcome.written.expect("an image");
    // A file system that nobody knows has the name of its partition.
    assert_eq!(written.root_uuid(), format!("{identifier}-04"));
    assert_eq!(
        written.partition_uuids()["efi system partition uuid"],
        Value::Null
    );
}

#[test]
fn power_that_fails_at_any_time_leaves_no_table() {
    let mut lab = lab(100 * MIB, 512);
    let root = lab.root("one");
    lab.serve("raw", &root, true);
    put_old_table(&lab);
    lab.disk.trouble(Trouble::default());
    lab.run().expect("deployed");
    let all = lab.disk.written();
    let step = all / 9;
    for limit in (1..9)
        .map(|part| part * step)
        .chain([all - 512, all - 20_000])
    {
        put_old_table(&lab);
        lab.disk.trouble(Trouble {
            fail_after: Some(limit),
            ..Trouble::default()
        });
        let fault = lab.run().expect_err("it fails");
        assert_eq!(fault.code(), "device-io", "{limit} of {all}");
        lab.disk.lose_power().expect("file");
        assert_eq!(lab.table(), Err(TableError::Missing), "{limit} of {all}");
    }
    // The next attempt works.
    lab.disk.trouble(Trouble::default());
    lab.run().expect("deployed");
    check_everything(&lab, &root, "after all");
}

#[test]
fn preserving_changes_neither_the_table_nor_the_ephemeral_partition() {
    let mut lab = lab(100 * MIB, 512);
    let root = lab.root("zero");
    lab.serve("raw", &root, true);
    lab.run().expect("deployed");
    let place = lab.layout().place(Role::Ephemeral).expect("ephemeral");
    lab.disk
        .put(place.offset + (5 << 20), b"somebody's data")
        .expect("put");
    let kept = lab.content(Role::Ephemeral);
    let ends = |lab: &Lab| {
        let tail = lab.disk.identity().size - MIB as u64;
        let head = lab.disk.content(0, MIB).expect("content");
        head.into_iter()
            .chain(lab.disk.content(tail, MIB).expect("content"))
            .collect::<Vec<u8>>()
    };
    let table = ends(&lab);
    let root = lab.root("one");
    lab.serve("raw", &root, false);
    lab.info["preserve_ephemeral"] = json!(true);
    lab.run().expect("deployed again");
    assert_same(&lab.content(Role::Ephemeral), &kept, "ephemeral");
    assert_same(&ends(&lab), &table, "table");
    check_everything(&lab, &root, "rebuilt");
    // Another size of the ephemeral partition would need another table.
    let before = lab.content(Role::Root);
    lab.info["ephemeral_mb"] = json!(17);
    let fault = lab.run().expect_err("refused");
    assert_eq!(fault.code(), "partition-layout");
    lab.info["ephemeral_mb"] = json!(16);
    assert_same(&lab.content(Role::Root), &before, "root");
}

#[test]
fn an_image_larger_than_its_partition_does_not_touch_the_disk() {
    for stream in [true, false] {
        let mut lab = lab(100 * MIB, 512);
        lab.info["root_mb"] = json!(11);
        let root = lab.root("one");
        lab.serve("raw", &root, stream);
        let fault = lab.run().expect_err("too large");
        assert_eq!(
            fault.to_string(),
            "the image needs 12582912 bytes, partition 5 (root) of /dev/vda has 11534336"
        );
        assert_untouched(&lab.disk);
    }
}

#[test]
fn an_image_without_a_boot_loader_is_written_and_told() {
    let mut lab = lab(100 * MIB, 512);
    let body = image(20 * MIB)[1024..].to_vec();
    lab.serve("raw", &body, true);
    let outcome = lab.run().expect("deployed");
    let written = outcome.written.expect("an image");
    let reason = written.partitions.expect("partitions").no_boot_loader;
    let reason = reason.expect("a reason");
    assert!(reason.contains("needs a sound ext4"), "{reason}");
    assert_eq!(lab.loaders(), []);
    lab.judged(Role::EfiSystem, "fsck.fat", &["-n"]);
}

#[test]
fn a_table_that_changed_meanwhile_is_left_alone() {
    let mut lab = lab(100 * MIB, 512);
    let root = lab.root("one");
    lab.serve("raw", &root, true);
    lab.run().expect("deployed");
    lab.info["preserve_ephemeral"] = json!(true);
    let plan = lab.plan().expect("a plan");
    let checked = guard::check(plan, &lab.blocks(), &GuardPolicy::default()).expect("free");
    tool("sgdisk", &["-d2"], lab.file.path());
    let machine = Machine {
        disks: Arc::new(FakeDisks::new([Arc::clone(&lab.disk)])),
        variables: Arc::new(FakeFirmware::default()),
        clock: Arc::new(TestClock::default()),
    };
    lab.disk.trouble(Trouble::default());
    let fault = execute(&checked, &machine, &|_| ()).expect_err("changed");
    assert_eq!(fault.code(), "device-changed");
    assert_eq!(lab.disk.written(), 0);
}
