// SPDX-License-Identifier: Apache-2.0
//! Builds the image and boots it in QEMU with its firmware, from each kind of
//! disk. Needs root, the Debian archive and, beside `HOST_PACKAGES`, the packages
//! `qemu-system-x86 ovmf xorriso`:
//! `cargo test -p ironseed-lab os_image -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]
#![expect(clippy::print_stderr, reason = "it tells how long the boots took")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::step::Steps;
use super::{OsImageOptions, OsImages, build};

const MARK: &str = "IRONSEED-LAB-OS ";

/// Generous: software emulation on a machine with other work.
const LIMIT: Duration = Duration::from_secs(240);

const META_DATA: &str = "{\"uuid\": \"5aa0\",\n \"name\": \"lab-node-1\"}\n";

/// Devices of a disk with the drive `d`, and the root that the kernel sees.
const NVME: (&[&str], &str) = (&["nvme,drive=d,serial=N1,bootindex=1"], "/dev/nvme0n1p2");
const VIRTIO_BLK: (&[&str], &str) = (&["virtio-blk-pci,drive=d,bootindex=1"], "/dev/vda2");
const SATA: (&[&str], &str) = (&["ide-hd,drive=d,bus=ide.0,bootindex=1"], "/dev/sda2");
const VIRTIO_SCSI: (&[&str], &str) = (
    &["virtio-scsi-pci", "scsi-hd,drive=d,bootindex=1"],
    "/dev/sda2",
);

#[derive(Clone, Copy, PartialEq)]
enum ConfigDrive {
    /// The last partition of the disk, as Ironic's agent writes it.
    Partition,
    Cd,
    SecondDisk,
    None,
}

struct Lab {
    dir: tempfile::TempDir,
    images: OsImages,
    steps: Steps,
    iso: PathBuf,
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = std::env::var_os("IRONSEED_LAB_CACHE")
            .map_or_else(|| dir.path().join("cache"), PathBuf::from);
        let start = Instant::now();
        let images =
            build(&cache, &OsImageOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        eprintln!(
            "built in {:.1} s: {images:#?}",
            start.elapsed().as_secs_f64()
        );
        let start = Instant::now();
        assert_eq!(build(&cache, &OsImageOptions::default()).unwrap(), images);
        eprintln!("found again in {:.1} s", start.elapsed().as_secs_f64());

        let steps = Steps::new(dir.path().join("boot.log"));
        let iso = config_iso(&steps, dir.path());
        Self {
            dir,
            images,
            steps,
            iso,
        }
    }

    /// A copy of the disk with room for a config drive, and that in it.
    fn disk_with_partition(&self) -> PathBuf {
        let disk = self.dir.path().join("disk-with-partition.raw");
        fs::copy(&self.images.raw.path, &disk).unwrap();
        let mut file = File::options().write(true).open(&disk).unwrap();
        file.set_len(self.images.virtual_size + (64 << 20)).unwrap();
        let script = "echo size=+ | sfdisk --quiet --append \"$1\"";
        self.steps
            .run(
                "add a partition",
                Command::new("sh").args(["-c", script, "sh"]).arg(&disk),
            )
            .unwrap();
        let json = self
            .steps
            .output(
                "read the table",
                Command::new("sfdisk").arg("--json").arg(&disk),
            )
            .unwrap();
        let table: serde_json::Value = serde_json::from_str(&json).unwrap();
        let start = table["partitiontable"]["partitions"][2]["start"]
            .as_u64()
            .unwrap();
        file.seek(SeekFrom::Start(start * 512)).unwrap();
        std::io::copy(&mut File::open(&self.iso).unwrap(), &mut file).unwrap();
        disk
    }

    fn boot(
        &self,
        disk: &Path,
        format: &str,
        devices: &[&str],
        drive: ConfigDrive,
        secure: bool,
    ) -> Vec<String> {
        let firmware = Path::new("/usr/share/OVMF");
        let (code, vars) = if secure {
            ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd")
        } else {
            ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
        };
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-machine", if secure { "q35,smm=on" } else { "q35" }])
            .args(
                ["-global", "driver=cfi.pflash01,property=secure,value=on"]
                    .iter()
                    .filter(|_| secure),
            )
            .args([
                "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "512", "-net", "none",
            ])
            .args([
                "-display",
                "none",
                "-monitor",
                "none",
                "-serial",
                "stdio",
                "-no-reboot",
                "-snapshot",
            ])
            .arg("-drive")
            .arg(format!(
                "if=pflash,format=raw,readonly=on,file={}",
                firmware.join(code).display()
            ))
            .arg("-drive")
            .arg(format!(
                "if=pflash,format=raw,file={}",
                firmware.join(vars).display()
            ))
            .arg("-drive")
            .arg(format!(
                "file={},if=none,id=d,format={format}",
                disk.display()
            ));
        for device in devices {
            qemu.args(["-device", device]);
        }
        if let ConfigDrive::Cd | ConfigDrive::SecondDisk = drive {
            let cd = drive == ConfigDrive::Cd;
            qemu.arg("-drive")
                .arg(format!(
                    "file={},if=none,id=c,format=raw,readonly=on",
                    self.iso.display()
                ))
                .args([
                    "-device",
                    if cd {
                        "ide-cd,drive=c,bus=ide.1"
                    } else {
                        "virtio-blk-pci,drive=c"
                    },
                ]);
        }
        lines_until_ready(&mut qemu)
    }
}

fn config_iso(steps: &Steps, dir: &Path) -> PathBuf {
    let latest = dir.join("config/openstack/latest");
    fs::create_dir_all(&latest).unwrap();
    fs::write(latest.join("meta_data.json"), META_DATA).unwrap();
    fs::write(latest.join("user_data"), "#cloud-config\nusers: []\n").unwrap();
    fs::write(latest.join("network_data.json"), "{\"links\": []}").unwrap();
    let iso = dir.join("config.iso");
    let mut command = Command::new("xorriso");
    command.args([
        "-as", "mkisofs", "-quiet", "-V", "config-2", "-J", "-R", "-o",
    ]);
    steps
        .run(
            "make the config drive",
            command.arg(&iso).arg(dir.join("config")),
        )
        .unwrap();
    iso
}

/// A machine that dies with the test.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The marked lines up to `ready`, without the mark.
fn lines_until_ready(qemu: &mut Command) -> Vec<String> {
    let start = Instant::now();
    let mut machine = Machine(
        qemu.stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let console = BufReader::new(machine.0.stdout.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in console.split(b'\n').map_while(Result::ok) {
            let _ = sender.send(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
    });
    let (mut marked, mut all) = (Vec::new(), Vec::new());
    while marked.last().is_none_or(|line| line != "ready") {
        let left = LIMIT.saturating_sub(start.elapsed());
        let Ok(line) = receiver.recv_timeout(left) else {
            panic!(
                "not ready after {LIMIT:?} or stopped; console:\n{}",
                all.join("\n")
            );
        };
        if let Some((_, text)) = line.split_once(MARK) {
            eprintln!("{:6.1} {text}", start.elapsed().as_secs_f64());
            marked.push(text.to_owned());
        }
        all.push(line);
    }
    marked
}

#[test]
#[ignore = "builds an operating system and boots it: root, network, minutes"]
fn the_image_boots_from_every_disk_and_reads_its_config_drive() {
    let lab = Lab::new();
    let with_partition = lab.disk_with_partition();
    let (raw, qcow2, compressed) = (
        &lab.images.raw.path,
        &lab.images.qcow2.path,
        &lab.images.qcow2_compressed.path,
    );
    let cases = [
        (
            "NVMe",
            &with_partition,
            "raw",
            NVME,
            ConfigDrive::Partition,
            false,
        ),
        (
            "NVMe, Secure Boot",
            &with_partition,
            "raw",
            NVME,
            ConfigDrive::Partition,
            true,
        ),
        (
            "virtio-blk, CD",
            qcow2,
            "qcow2",
            VIRTIO_BLK,
            ConfigDrive::Cd,
            false,
        ),
        (
            "virtio-scsi, second disk",
            compressed,
            "qcow2",
            VIRTIO_SCSI,
            ConfigDrive::SecondDisk,
            false,
        ),
        ("SATA, nothing", raw, "raw", SATA, ConfigDrive::None, false),
    ];
    for (name, disk, format, (devices, root), drive, secure) in cases {
        eprintln!("-- {name}");
        let lines = lab.boot(disk, format, devices, drive, secure);
        check(&lines, &lab.images.kernel_version, root, drive, secure);
    }
}

fn check(lines: &[String], kernel: &str, root: &str, drive: ConfigDrive, secure: bool) {
    let state = if secure { "enabled" } else { "disabled" };
    assert_eq!(
        lines[0],
        format!("booted kernel={kernel} root={root} secureboot={state}")
    );
    assert!(lines[1].starts_with("efi: current=0"), "{}", lines[1]);
    if drive == ConfigDrive::None {
        assert_eq!(&lines[2..], ["no config drive", "ready"]);
        return;
    }
    assert!(lines[2].starts_with("config drive /dev/"), "{}", lines[2]);
    assert_eq!(
        &lines[3..],
        [
            "meta_data: {\"uuid\": \"5aa0\",  \"name\": \"lab-node-1\"}",
            "user_data: #cloud-config",
            "network_data: {\"links\": []}",
            "ready"
        ]
    );
}
