// SPDX-License-Identifier: Apache-2.0
//! qcow2 images as qemu-img makes them, against what qemu-img makes of them.

use super::*;

/// A qcow2 image, and the disk that qemu-img unpacks from it.
struct Pair {
    qcow2: Vec<u8>,
    raw: Vec<u8>,
}

fn converted(options: &[&str], size: usize) -> Pair {
    let directory = tempfile::tempdir().expect("a directory");
    let (source, file) = (
        path(directory.path(), "source.raw"),
        path(directory.path(), "image.qcow2"),
    );
    std::fs::write(&source, image(size)).expect("written");
    let mut arguments = vec!["convert", "-f", "raw", "-O", "qcow2"];
    arguments.extend_from_slice(options);
    arguments.extend_from_slice(&[&source, &file]);
    qemu_img(&arguments);
    unpacked(directory.path(), "image.qcow2")
}

fn unpacked(directory: &Path, name: &str) -> Pair {
    let (file, raw) = (path(directory, name), path(directory, "out.raw"));
    qemu_img(&["convert", "-f", "qcow2", "-O", "raw", &file, &raw]);
    Pair {
        qcow2: std::fs::read(&file).expect("the image"),
        raw: std::fs::read(&raw).expect("the disk"),
    }
}

fn assert_deploys(pair: &Pair, served: Served, sector: u32, what: &str) {
    let server = Server::start();
    let url = server.serve("/disk.qcow2", served);
    let disk = disk(pair.raw.len().next_multiple_of(MIB) + MIB, sector);
    let (result, _) = deploy(&request(&url, "qcow2", &pair.qcow2), &disk);
    assert_eq!(result, Ok(0x1a2b_3c4d), "{what}");
    let found = disk.content(0, pair.raw.len()).expect("content");
    assert_same(&found, &pair.raw, what);
}

#[test]
fn every_kind_of_image_is_unpacked_as_qemu_does() {
    let kinds: [&[&str]; 9] = [
        &[],
        &["-o", "compat=0.10"],
        &["-o", "cluster_size=512"],
        &["-o", "cluster_size=4096"],
        &["-o", "cluster_size=2M"],
        &["-c"],
        &["-c", "-o", "cluster_size=4096"],
        &["-c", "-o", "compression_type=zstd"],
        &["-S", "0", "-W"],
    ];
    for options in kinds {
        let pair = converted(options, 9 * MIB + 512 * 3);
        for sector in [512, 4096] {
            let what = format!("{options:?}, sectors of {sector}");
            assert_deploys(&pair, has_ranges(&pair.qcow2), sector, &what);
            assert_deploys(
                &pair,
                no_ranges(&pair.qcow2),
                sector,
                &format!("{what}, no ranges"),
            );
        }
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
    let pair = unpacked(directory.path(), "image.qcow2");
    let number = |at: usize| u64::from_be_bytes(pair.qcow2[at..at + 8].try_into().expect("eight"));
    let l1 = number(40);
    let first_entry = number(usize::try_from(l1).expect("small")) & 0x00ff_ffff_ffff_fe00;
    assert!(first_entry < l1, "the first-level table did not move");
    assert_deploys(&pair, has_ranges(&pair.qcow2), 512, "grown");
    assert_deploys(&pair, no_ranges(&pair.qcow2), 512, "grown, no ranges");
    let secret = Served {
        no_length: true,
        ..no_ranges(&pair.qcow2)
    };
    assert_deploys(&pair, secret, 512, "grown, no ranges, no length");
}

#[test]
fn an_empty_image_zeroes_the_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = path(directory.path(), "image.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2", &file, "5M"]);
    let pair = unpacked(directory.path(), "image.qcow2");
    let server = Server::start();
    let url = server.serve("/disk.qcow2", has_ranges(&pair.qcow2));
    let disk = disk(6 * MIB, 512);
    assert_eq!(deploy(&request(&url, "qcow2", &pair.qcow2), &disk).0, Ok(0));
    let found = disk.content(0, 5 * MIB).expect("content");
    assert!(found.iter().all(|byte| *byte == 0));
}

#[test]
fn a_broken_transfer_goes_on() {
    use super::super::server::Act;
    let pair = converted(&["-c"], 5 * MIB);
    for ranges in [true, false] {
        let mut served = has_ranges(&pair.qcow2);
        served.ranges = ranges;
        let step = pair.qcow2.len() / 5;
        served.script = (1..4).map(|part| Act::Cut(part * step)).collect();
        assert_deploys(&pair, served, 512, "with cuts");
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
