// SPDX-License-Identifier: Apache-2.0
//! Images made for sectors of 512 bytes, deployed onto a disk with 4096.

use ironseed_core::partition::Partition;

use super::*;
use crate::block::partitions::{read_table, repair_gpt_backup};
use crate::block::sectors::made::{Loop, Made, noise, run, text};

/// A GPT as sgdisk makes it: ESP, and a root file system up to the last sector.
fn whole(options: &[&str]) -> Made {
    let made = Made::gpt(80, &[(1, 40, "ef00")]);
    run("sgdisk", &["-n2:41M:0", "-t2:8304", text(&made.path)]);
    let loader = ("EFI/BOOT/BOOTX64.EFI", noise(300_000));
    made.fat(1, 40, options, &[loader]);
    made.ext4(
        41,
        38,
        4096,
        &[("etc/fstab", b"UUID=1234-ABCD /boot/efi".to_vec())],
    );
    made
}

fn deploy_made(made: &Made, format: &str, served: Served) -> (Result<u32, Fault>, Arc<FakeDisk>) {
    let server = Server::start();
    let body = served.body.clone();
    let url = server.serve("/disk.img", served);
    let (disk, _) = made.on_disk(120 * MIB as u64, 4096);
    // What was there before is not what will be.
    disk.put(0, &vec![OLD; 120 * MIB]).expect("filled");
    (deploy(&request(&url, format, &body), &disk).0, disk)
}

#[test]
fn an_image_for_small_sectors_works_on_large_ones() {
    for options in [
        &["-F", "32", "-s", "1"][..],
        &["-F", "16", "-s", "8", "-R", "8"],
    ] {
        let made = whole(options);
        let qcow2 = path(made.directory.path(), "disk.qcow2");
        qemu_img(&[
            "convert",
            "-f",
            "raw",
            "-O",
            "qcow2",
            text(&made.path),
            &qcow2,
        ]);
        for (format, file) in [("raw", text(&made.path)), ("qcow2", &qcow2)] {
            let body = std::fs::read(file).expect("an image");
            let (result, disk) = deploy_made(&made, format, has_ranges(&body));
            assert_eq!(result, Ok(0), "{format}");
            assert_eq!(repair_gpt_backup(&disk, DISK), Ok(None));
            assert_works(&made, &disk);
        }
    }
}

fn assert_works(made: &Made, disk: &Arc<FakeDisk>) {
    let partitions = read_table(disk, DISK).expect("a table").partitions();
    assert_eq!(partitions.len(), 2);
    let file = |number: usize| {
        let partition = &partitions[number];
        let length = usize::try_from(partition.length).expect("small");
        let bytes = disk.content(partition.offset, length).expect("content");
        let file = path(made.directory.path(), "partition");
        std::fs::write(&file, bytes).expect("a file");
        file
    };
    let esp = file(0);
    run("fsck.fat", &["-n", &esp]);
    assert!(run("mdir", &["-i", &esp, "-/", "::"]).contains("1234-ABCD"));
    run(
        "mcopy",
        &[
            "-n",
            "-i",
            &esp,
            "::EFI/BOOT/BOOTX64.EFI",
            &path(made.directory.path(), "out"),
        ],
    );
    let out = path(made.directory.path(), "out");
    assert!(std::fs::read(&out).expect("a file") == noise(300_000));
    std::fs::remove_file(out).expect("removed");
    run("e2fsck", &["-fn", &file(1)]);
    assert_kernel_agrees(&made.directory.path().join("disk"), &partitions);
}

/// The kernel's own view, where this process may ask for it.
fn assert_kernel_agrees(disk: &Path, partitions: &[Partition]) {
    let Some(device) = Loop::new(disk) else {
        return;
    };
    let said = run("sgdisk", &["-v", &device.0]);
    assert!(said.contains("No problems found"), "{said}");
    run("sfdisk", &["--verify", &device.0]);
    // The kernel may have no reader of tables; partx has libblkid's.
    let seen = run("partx", &["-rg", "-o", "START,SECTORS", &device.0]);
    let expected = partitions.iter().map(|partition| {
        // In units of 512 bytes, whatever the sectors are.
        format!("{} {}\n", partition.offset / 512, partition.length / 512)
    });
    assert_eq!(seen, expected.collect::<String>());
    drop(device);
    let part = |partition: &Partition| {
        Loop::of_partition(disk, partition.offset, partition.length).expect("one more")
    };
    let esp = part(&partitions[0]);
    assert!(run("blkid", &["-p", &esp.0]).contains("UUID=\"1234-ABCD\""));
    let root = part(&partitions[1]);
    run("e2fsck", &["-fn", &root.0]);
    let mount = tempfile::tempdir().expect("a directory");
    let mounted = Command::new("mount")
        .args(["-o", "ro", &root.0, text(mount.path())])
        .status()
        .expect("mount is installed");
    if mounted.success() {
        let fstab = std::fs::read(mount.path().join("etc/fstab"));
        run("umount", &[text(mount.path())]);
        assert_eq!(fstab.expect("the file"), b"UUID=1234-ABCD /boot/efi");
    }
}

#[test]
fn an_image_that_cannot_be_converted_is_refused_early() {
    let made = Made::gpt(20, &[]);
    run("sgdisk", &["-a1", "-n1:2049:+8M", text(&made.path)]);
    let body = std::fs::read(&made.path).expect("an image");
    let server = Server::start();
    let url = server.serve("/disk.raw", has_ranges(&body));
    let disk = disk(40 * MIB, 4096);
    let fault = deploy(&request(&url, "raw", &body), &disk).0;
    assert_eq!(fault.expect_err("unaligned").code(), "sector-size");
    assert_untouched(&disk);
}

#[test]
fn a_root_file_system_that_cannot_be_mounted_fails_and_leaves_nothing_bootable() {
    let made = Made::gpt(40, &[(1, 30, "8300")]);
    made.ext4(1, 30, 1024, &[]);
    let body = std::fs::read(&made.path).expect("an image");
    let server = Server::start();
    let url = server.serve("/disk.raw", has_ranges(&body));
    let disk = disk(60 * MIB, 4096);
    let fault = deploy(&request(&url, "raw", &body), &disk).0;
    let fault = fault.expect_err("blocks of 1024 bytes");
    assert_eq!(fault.code(), "sector-size");
    assert!(
        fault.to_string().contains("partition 1 has an ext"),
        "{fault}"
    );
    assert_not_bootable(&disk);
}
