// SPDX-License-Identifier: Apache-2.0
//! Containers that somebody tampered with. Their digests are right: the
//! tenant who uploads an image also names its digest.

use super::*;

use super::containers::{QCOW2, VHD, VHDX, VMDK, converted};

fn small_qcow2(options: &str, compressed: bool) -> Vec<u8> {
    match compressed {
        true => converted(QCOW2, &["-c", "-o", options], 2 * MIB).file,
        false => converted(QCOW2, &["-o", options], 2 * MIB).file,
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight"))
}

/// The places of header and tables.
fn vital_bytes(image: &[u8]) -> Vec<std::ops::Range<usize>> {
    let place = |offset: u64| usize::try_from(offset).expect("small");
    let l1 = place(u64_at(image, 40));
    let l2 = place(u64_at(image, l1) & 0x00ff_ffff_ffff_fe00);
    vec![0..112, l1..l1 + 8, l2..l2 + 256]
}

/// The places of header, descriptor, directory and first table.
fn vmdk_places(image: &[u8]) -> Vec<std::ops::Range<usize>> {
    let sector = |at: usize| {
        let number: [u8; 4] = image[at..at + 4].try_into().expect("four");
        usize::try_from(u32::from_le_bytes(number)).expect("small") * 512
    };
    let directory = sector(56);
    let table = sector(directory);
    vec![
        0..80,
        512..900,
        directory..directory + 4,
        table..table + 128,
    ]
}

/// An image and the places of its header and tables.
struct Case {
    format: &'static str,
    file: Vec<u8>,
    places: Vec<std::ops::Range<usize>>,
}

fn cases() -> Vec<Case> {
    let qcow2 = |options, compressed| {
        let file = small_qcow2(options, compressed);
        Case {
            format: "qcow2",
            places: vital_bytes(&file),
            file,
        }
    };
    let other = |format: (&'static str, &str), option: &str, places: &[std::ops::Range<usize>]| {
        let file = converted(format, &["-o", option], 2 * MIB).file;
        Case {
            format: format.0,
            places: places.to_vec(),
            file,
        }
    };
    let vmdk = |option| {
        let file = converted(VMDK, &["-o", option], 2 * MIB).file;
        let mut places = vmdk_places(&file);
        // The first marker, in a stream.
        places.push(65_536..65_552);
        Case {
            format: "vmdk",
            file,
            places,
        }
    };
    vec![
        qcow2("cluster_size=4096", false),
        qcow2("cluster_size=65536", true),
        vmdk("subformat=monolithicSparse"),
        vmdk("subformat=streamOptimized"),
        // Footer, header and the block table.
        other(VHD, "subformat=dynamic", &[0..72, 512..560, 1536..1544]),
        // Headers, region table, metadata and the block table.
        other(
            VHDX,
            "subformat=dynamic",
            &[
                0..8,
                65_536..65_616,
                131_072..131_152,
                196_608..196_688,
                2 << 20..(2 << 20) + 224,
                (2 << 20) + 65_536..(2 << 20) + 65_600,
                3 << 20..(3 << 20) + 16,
            ],
        ),
    ]
}

#[test]
fn whatever_is_changed_in_header_and_tables_ends_well_or_with_a_name() {
    let server = Server::start();
    let mut seed = 7_u64;
    let mut noise = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % (1 << 30)).expect("small")
    };
    for case in cases() {
        for round in 0..80 {
            let mut body = case.file.clone();
            for _ in 0..1 + noise() % 3 {
                let place = &case.places[noise() % case.places.len()];
                let at = place.start + noise() % place.len();
                body[at] ^= 1 << (noise() % 8);
            }
            if round % 10 == 0 {
                body.truncate(noise() % body.len());
            }
            let served = match round % 2 {
                0 => has_ranges(&body),
                _ => no_ranges(&body),
            };
            let url = server.serve("/x", served);
            let disk = disk(4 * MIB, 512);
            let (result, _) = deploy(&request(&url, case.format, &body), &disk);
            if let Err(fault) = result {
                let codes = ["image-invalid", "image-too-large"];
                assert!(codes.contains(&fault.code()), "{}: {fault}", case.format);
                assert_not_bootable(&disk);
            }
        }
    }
}

#[test]
fn a_truncated_image_is_named() {
    let server = Server::start();
    for case in cases() {
        let sound = &case.file;
        for ranges in [true, false] {
            for length in [50, 5000, sound.len() / 2, sound.len() * 3 / 4] {
                let body = &sound[..length];
                let url = server.serve(
                    "/x",
                    Served {
                        ranges,
                        ..has_ranges(body)
                    },
                );
                let disk = disk(4 * MIB, 512);
                let fault = deploy(&request(&url, case.format, body), &disk).0;
                let Err(fault) = fault else {
                    panic!("{} of {length} bytes was written", case.format);
                };
                assert_eq!(fault.code(), "image-invalid", "{fault}");
                assert_not_bootable(&disk);
            }
        }
    }
}

#[test]
fn tables_served_as_ranges_must_be_those_of_the_file() {
    let server = Server::start();
    for (format, option) in [
        (QCOW2, "cluster_size=65536"),
        (VMDK, "subformat=monolithicSparse"),
        (VHD, "subformat=dynamic"),
        (VHDX, "subformat=dynamic"),
    ] {
        let body = converted(format, &["-o", option], 2 * MIB).file;
        let lying = Served {
            ranges_lie: true,
            ..has_ranges(&body)
        };
        let url = server.serve("/x", lying);
        let disk = disk(4 * MIB, 512);
        let fault = deploy(&request(&url, format.0, &body), &disk)
            .0
            .expect_err("lies");
        assert_eq!(fault.code(), "image-invalid", "{fault}");
        assert_not_bootable(&disk);
    }
}

#[test]
fn clusters_on_top_of_each_other_are_refused() {
    let server = Server::start();
    let mut body = small_qcow2("cluster_size=4096", false);
    let l1 = usize::try_from(u64_at(&body, 40)).expect("small");
    let l2 = usize::try_from(u64_at(&body, l1) & 0x00ff_ffff_ffff_fe00).expect("small");
    let entry: [u8; 8] = body[l2..l2 + 8].try_into().expect("eight");
    for place in body[l2..l2 + 4096].chunks_exact_mut(8) {
        place.copy_from_slice(&entry);
    }
    let url = server.serve("/x", has_ranges(&body));
    let disk = disk(4 * MIB, 512);
    let fault = deploy(&request(&url, "qcow2", &body), &disk)
        .0
        .expect_err("pile");
    assert_eq!(
        fault.to_string(),
        "image image is refused: its pieces overlap"
    );
    assert_not_bootable(&disk);
}

/// Every grain and every block lies where the first one does.
#[test]
fn tables_that_point_to_one_place_are_refused() {
    let server = Server::start();
    let vmdk = converted(VMDK, &[], 8 * MIB).file;
    let table = vmdk_places(&vmdk)[3].start;
    let directory = tempfile::tempdir().expect("a directory");
    let file = path(directory.path(), "disk.vhd");
    qemu_img(&["create", "-q", "-f", "vpc", &file, "140M"]);
    let mut vhd = std::fs::read(&file).expect("the image");
    vhd[1536..1540].copy_from_slice(&4_u32.to_be_bytes());
    vhd.resize(4 * MIB, 0);
    for (format, table, size, mut body) in [("vmdk", table, 10, vmdk), ("vhd", 1536, 142, vhd)] {
        let first = body[table..table + 4].to_vec();
        for place in body[table..table + 66 * 4].chunks_exact_mut(4) {
            place.copy_from_slice(&first);
        }
        let url = server.serve("/x", has_ranges(&body));
        let disk = disk(size * MIB, 512);
        let fault = deploy(&request(&url, format, &body), &disk).0;
        assert_eq!(
            fault.expect_err(format).to_string(),
            "image image is refused: its pieces overlap",
            "{format}"
        );
        assert_not_bootable(&disk);
    }
}
