// SPDX-License-Identifier: Apache-2.0
//! qcow2 images that somebody tampered with. Their digests are right: the
//! tenant who uploads an image also names its digest.

use super::*;

fn small_qcow2(options: &str, compressed: bool) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let (source, file) = (
        path(directory.path(), "source.raw"),
        path(directory.path(), "image.qcow2"),
    );
    std::fs::write(&source, image(2 * MIB)).expect("written");
    let mut arguments = vec!["convert", "-f", "raw", "-O", "qcow2", "-o", options];
    if compressed {
        arguments.push("-c");
    }
    arguments.extend_from_slice(&[&source, &file]);
    qemu_img(&arguments);
    std::fs::read(&file).expect("the image")
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
    for (options, compressed) in [("cluster_size=4096", false), ("cluster_size=65536", true)] {
        let sound = small_qcow2(options, compressed);
        let places = vital_bytes(&sound);
        for round in 0..150 {
            let mut body = sound.clone();
            for _ in 0..1 + noise() % 3 {
                let place = &places[noise() % places.len()];
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
            let (result, _) = deploy(&request(&url, "qcow2", &body), &disk);
            if let Err(fault) = result {
                let codes = ["image-invalid", "image-too-large"];
                assert!(codes.contains(&fault.code()), "{fault}");
                assert_not_bootable(&disk);
            }
        }
    }
}

#[test]
fn a_truncated_image_is_named() {
    let server = Server::start();
    let sound = small_qcow2("cluster_size=4096", false);
    for ranges in [true, false] {
        for length in [50, 5000, sound.len() / 2, sound.len() - 4096] {
            let body = &sound[..length];
            let url = server.serve(
                "/x",
                Served {
                    ranges,
                    ..has_ranges(body)
                },
            );
            let disk = disk(4 * MIB, 512);
            let fault = deploy(&request(&url, "qcow2", body), &disk).0;
            let fault = fault.expect_err("truncated");
            assert_eq!(fault.code(), "image-invalid", "{fault}");
            assert_not_bootable(&disk);
        }
    }
}

#[test]
fn tables_served_as_ranges_must_be_those_of_the_file() {
    let server = Server::start();
    let body = small_qcow2("cluster_size=65536", false);
    let lying = Served {
        ranges_lie: true,
        ..has_ranges(&body)
    };
    let url = server.serve("/x", lying);
    let disk = disk(4 * MIB, 512);
    let fault = deploy(&request(&url, "qcow2", &body), &disk)
        .0
        .expect_err("lies");
    assert_eq!(fault.code(), "image-invalid");
    assert_not_bootable(&disk);
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
        "image image is refused: its clusters overlap"
    );
    assert_not_bootable(&disk);
}
