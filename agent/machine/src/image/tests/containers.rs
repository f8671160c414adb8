// SPDX-License-Identifier: Apache-2.0
//! Containers as qemu-img makes them, against what qemu-img makes of them.

use super::*;

/// Of the disks that are compared: no format has units that fit.
const SIZE: usize = 5 * MIB + 512 * 3;

/// A container, and the disk that qemu-img unpacks from it.
pub(super) struct Pair {
    pub(super) file: Vec<u8>,
    pub(super) raw: Vec<u8>,
}

/// Formats by Ironic's names and by QEMU's.
pub(super) const QCOW2: (&str, &str) = ("qcow2", "qcow2");
pub(super) const VMDK: (&str, &str) = ("vmdk", "vmdk");
pub(super) const VHD: (&str, &str) = ("vhd", "vpc");
pub(super) const VHDX: (&str, &str) = ("vhdx", "vhdx");

pub(super) fn converted(format: (&str, &str), options: &[&str], size: usize) -> Pair {
    let directory = tempfile::tempdir().expect("a directory");
    let (source, file) = (
        path(directory.path(), "source.raw"),
        path(directory.path(), "image"),
    );
    std::fs::write(&source, image(size)).expect("written");
    let mut arguments = vec!["convert", "-f", "raw", "-O", format.1];
    arguments.extend_from_slice(options);
    arguments.extend_from_slice(&[&source, &file]);
    qemu_img(&arguments);
    unpacked(directory.path(), format, "image")
}

pub(super) fn unpacked(directory: &Path, format: (&str, &str), name: &str) -> Pair {
    let (file, raw) = (path(directory, name), path(directory, "out.raw"));
    qemu_img(&["convert", "-f", format.1, "-O", "raw", &file, &raw]);
    Pair {
        file: std::fs::read(&file).expect("the image"),
        raw: std::fs::read(&raw).expect("the disk"),
    }
}

pub(super) fn assert_deploys(format: &str, pair: &Pair, served: Served, sector: u32, what: &str) {
    let server = Server::start();
    let url = server.serve("/disk", served);
    let disk = disk(pair.raw.len().next_multiple_of(MIB) + MIB, sector);
    let (result, _) = deploy(&request(&url, format, &pair.file), &disk);
    assert_eq!(result, Ok(0x1a2b_3c4d), "{what}");
    let found = disk.content(0, pair.raw.len()).expect("content");
    assert_same(&found, &pair.raw, what);
}

/// With ranges and without, on disks of either sector size.
fn assert_deploys_everywhere(format: (&str, &str), options: &[&str], size: usize) {
    let pair = converted(format, options, size);
    for sector in [512, 4096] {
        for (served, ranges) in [
            (has_ranges(&pair.file), "ranges"),
            (no_ranges(&pair.file), "no ranges"),
        ] {
            let what = format!("{} {options:?}, sectors of {sector}, {ranges}", format.0);
            assert_deploys(format.0, &pair, served, sector, &what);
        }
    }
}

#[test]
fn every_kind_of_qcow2_is_unpacked_as_qemu_does() {
    let kinds: [&[&str]; 10] = [
        &[],
        &["-o", "compat=0.10"],
        &["-o", "cluster_size=512"],
        &["-o", "cluster_size=4096"],
        &["-o", "cluster_size=2M"],
        &["-c"],
        &["-c", "-o", "cluster_size=4096"],
        &["-c", "-o", "compression_type=zstd"],
        &["-c", "-o", "compression_type=zstd,cluster_size=2M"],
        &["-S", "0", "-W"],
    ];
    for options in kinds {
        assert_deploys_everywhere(QCOW2, options, SIZE);
    }
}

#[test]
fn both_kinds_of_vmdk_are_unpacked_as_qemu_does() {
    for subformat in ["monolithicSparse", "streamOptimized"] {
        let option = format!("subformat={subformat}");
        assert_deploys_everywhere(VMDK, &["-o", &option], SIZE);
        // With two tables.
        let pair = converted(VMDK, &["-o", &option], 34 * MIB);
        assert_deploys("vmdk", &pair, has_ranges(&pair.file), 512, subformat);
    }
}

#[test]
fn every_kind_of_vhd_is_unpacked_as_qemu_does() {
    for subformat in ["dynamic", "fixed"] {
        for size in ["", ",force_size=on"] {
            let option = format!("subformat={subformat}{size}");
            assert_deploys_everywhere(VHD, &["-o", &option], SIZE);
        }
    }
}

#[test]
fn every_kind_of_vhdx_is_unpacked_as_qemu_does() {
    for option in ["subformat=dynamic", "subformat=fixed", "block_size=1M"] {
        assert_deploys_everywhere(VHDX, &["-o", option], SIZE);
    }
}

/// Many tiny clusters share a sector.
#[test]
fn clusters_of_few_bytes_are_no_overlap() {
    let directory = tempfile::tempdir().expect("a directory");
    let (source, file) = (
        path(directory.path(), "source.raw"),
        path(directory.path(), "image"),
    );
    let mut bytes = image(4 * MIB);
    bytes[MIB..].fill(0x5a);
    std::fs::write(&source, &bytes).expect("written");
    for option in ["cluster_size=512", "compression_type=zstd"] {
        qemu_img(&[
            "convert", "-f", "raw", "-O", "qcow2", "-c", "-o", option, &source, &file,
        ]);
        let pair = unpacked(directory.path(), QCOW2, "image");
        assert_deploys("qcow2", &pair, has_ranges(&pair.file), 512, option);
    }
}

/// Growing an image moves its first-level table behind its second-level ones.
#[test]
fn tables_may_lie_anywhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let (source, file) = (
        path(directory.path(), "source.raw"),
        path(directory.path(), "image.qcow2"),
    );
    std::fs::write(&source, image(3 * MIB)).expect("written");
    qemu_img(&[
        "convert",
        "-f",
        "raw",
        "-O",
        "qcow2",
        "-o",
        "cluster_size=512",
        &source,
        &file,
    ]);
    qemu_img(&["resize", "-q", &file, "20M"]);
    let pair = unpacked(directory.path(), QCOW2, "image.qcow2");
    let number = |at: usize| u64::from_be_bytes(pair.file[at..at + 8].try_into().expect("eight"));
    let l1 = number(40);
    let first_entry = number(usize::try_from(l1).expect("small")) & 0x00ff_ffff_ffff_fe00;
    assert!(first_entry < l1, "the first-level table did not move");
    assert_deploys("qcow2", &pair, has_ranges(&pair.file), 512, "grown");
    assert_deploys(
        "qcow2",
        &pair,
        no_ranges(&pair.file),
        512,
        "grown, no ranges",
    );
    let secret = Served {
        no_length: true,
        ..no_ranges(&pair.file)
    };
    assert_deploys("qcow2", &pair, secret, 512, "grown, no ranges, no length");
}

#[test]
fn an_empty_image_zeroes_the_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = path(directory.path(), "image.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2", &file, "5M"]);
    let pair = unpacked(directory.path(), QCOW2, "image.qcow2");
    let server = Server::start();
    let url = server.serve("/disk.qcow2", has_ranges(&pair.file));
    let disk = disk(6 * MIB, 512);
    assert_eq!(deploy(&request(&url, "qcow2", &pair.file), &disk).0, Ok(0));
    let found = disk.content(0, 5 * MIB).expect("content");
    assert!(found.iter().all(|byte| *byte == 0));
}

#[test]
fn a_broken_transfer_goes_on() {
    use super::super::server::Act;
    let stream = &["-o", "subformat=streamOptimized"];
    for (format, options) in [
        (QCOW2, &["-c"][..]),
        (VMDK, &[]),
        (VMDK, stream),
        (VHD, &[]),
        (VHDX, &[]),
    ] {
        let pair = converted(format, options, 5 * MIB);
        for ranges in [true, false] {
            let mut served = has_ranges(&pair.file);
            served.ranges = ranges;
            let step = pair.file.len() / 5;
            served.script = (1..4).map(|part| Act::Cut(part * step)).collect();
            assert_deploys(format.0, &pair, served, 512, "with cuts");
        }
    }
}

#[test]
fn a_virtual_size_larger_than_the_disk_does_not_touch_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = path(directory.path(), "image.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2", &file, "1T"]);
    let body = std::fs::read(&file).expect("the image");
    let server = Server::start();
    let url = server.serve("/disk.qcow2", has_ranges(&body));
    let disk = disk(2 * MIB, 512);
    let fault = deploy(&request(&url, "qcow2", &body), &disk)
        .0
        .expect_err("large");
    assert_eq!(fault.code(), "image-too-large");
    assert_untouched(&disk);
}

#[test]
fn images_that_need_other_files_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let (base, backed) = (
        path(directory.path(), "base.qcow2"),
        path(directory.path(), "backed.qcow2"),
    );
    let (data, outside) = (
        path(directory.path(), "data.raw"),
        path(directory.path(), "outside.qcow2"),
    );
    qemu_img(&["create", "-q", "-f", "qcow2", &base, "2M"]);
    qemu_img(&[
        "create", "-q", "-f", "qcow2", "-b", &base, "-F", "qcow2", &backed,
    ]);
    let option = format!("data_file={data}");
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", &option, &outside, "2M"]);
    let server = Server::start();
    for (file, problem) in [
        (&backed, "image image is refused: it needs a backing file"),
        (
            &outside,
            "image image is refused: it needs an external data file",
        ),
    ] {
        let body = std::fs::read(file).expect("the image");
        let url = server.serve("/x", has_ranges(&body));
        let disk = disk(4 * MIB, 512);
        let fault = deploy(&request(&url, "qcow2", &body), &disk)
            .0
            .expect_err(problem);
        assert_eq!(fault.to_string(), problem);
        assert_untouched(&disk);
    }
}
