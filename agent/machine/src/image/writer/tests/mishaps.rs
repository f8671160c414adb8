// SPDX-License-Identifier: Apache-2.0
//! Disks that fail, vanish and lie, and machines that lose power, at every
//! single request.

use super::*;
use crate::block::fake::AtRequest;

const SIZE: usize = 4 * MIB;

/// An image of data and holes, whose first sector would boot.
fn image() -> Vec<u8> {
    let mut image = bytes(SIZE);
    for start in (MIB + (MIB / 2)..SIZE).step_by(MIB) {
        image[start..start + (200 << 10)].fill(0);
    }
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    image
}

fn attempt(disk: &Arc<FakeDisk>, image: &[u8], verify: Verification) -> Result<(), Fault> {
    let written = write_to(disk, verify, |writer| {
        let mut at = 0;
        for piece in image.chunks(100_000) {
            writer.put_sparse(at, piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    });
    written.0
}

/// How many requests an attempt takes without trouble.
fn requests(image: &[u8], sector: u32, verify: Verification) -> u64 {
    let disk = disk(6 * MIB, sector);
    disk.arm(None);
    attempt(&disk, image, verify).expect("written");
    disk.counts().requests
}

/// Each of the first requests, and some of the others.
fn sampled(requests: u64) -> impl Iterator<Item = u64> {
    (0..requests).filter(|number| *number < 200 || number.is_multiple_of(17))
}

fn front(disk: &FakeDisk) -> Vec<u8> {
    disk.content(0, MIB).expect("content")
}

/// The disk boots the new image, or the old system untouched, or nothing and
/// says why.
fn assert_one_or_the_other(disk: &FakeDisk, image: &[u8], what: &str) {
    let sector = disk.content(0, 512).expect("content");
    if sector == image[..512] {
        let found = disk.content(0, image.len()).expect("content");
        assert_same(&found, image, what);
    } else if sector.iter().all(|byte| *byte == OLD) {
        let size = usize::try_from(disk.identity().size).expect("small");
        let all = disk.content(0, size).expect("content");
        assert!(all.iter().all(|byte| *byte == OLD), "{what}: half old");
    } else {
        assert_eq!(marked(disk).as_deref(), Some("image"), "{what}");
    }
}

fn assert_next_attempt_works(disk: &Arc<FakeDisk>, image: &[u8], what: &str) {
    disk.arm(None);
    attempt(disk, image, Verification::Full).expect(what);
    let found = disk.content(0, image.len()).expect("content");
    assert_same(&found, image, what);
}

#[test]
fn a_failed_request_names_its_place_and_nothing_boots() {
    let image = image();
    let all = requests(&image, 512, Verification::Sample);
    for number in sampled(all) {
        for at_request in [AtRequest::Fail(number), AtRequest::Vanish(number)] {
            let what = format!("{at_request:?} of {all}");
            let disk = disk(6 * MIB, 512);
            disk.arm(Some(at_request));
            let fault = attempt(&disk, &image, Verification::Sample).expect_err(&what);
            assert_eq!(fault.code(), "device-io", "{what}");
            assert!(fault.to_string().contains("/dev/vda"), "{what}: {fault}");
            // A failure after the last sector was written leaves the image.
            assert_one_or_the_other(&disk, &image, &what);
            assert_next_attempt_works(&disk, &image, &what);
        }
    }
}

#[test]
fn a_failed_write_says_at_which_byte() {
    let image = image();
    let disk = disk(6 * MIB, 512);
    // The marker, its flush, front, tail and their flush come first.
    disk.arm(Some(AtRequest::Fail(5)));
    let fault = attempt(&disk, &image, Verification::Off).expect_err("failed");
    let text = fault.to_string();
    let (before, after) = text.split_once(" at byte ").expect("a position");
    assert_eq!(before, "writing /dev/vda");
    let position: usize = after
        .split(' ')
        .next()
        .expect("a word")
        .parse()
        .expect("a number");
    assert!((MIB..SIZE).contains(&position), "{text}");
    assert!(text.contains("Input/output error"), "{text}");
}

#[test]
fn power_may_fail_at_every_request() {
    let image = image();
    for sector in [512, 4096] {
        let all = requests(&image, sector, Verification::Off);
        for number in sampled(all) {
            // Everything that was not flushed is lost, nothing, or a part.
            for lost in [u64::MAX, 0, 0x5555_5555_5555_5555, 0x9e37_79b9_7f4a_7c15] {
                let what = format!("request {number} of {all}, lost {lost:x}");
                let disk = disk(6 * MIB, sector);
                disk.arm(Some(AtRequest::PowerLoss(number, lost)));
                attempt(&disk, &image, Verification::Off).expect_err(&what);
                if number > 1 && number < all - 2 {
                    // The marker is flushed, the last sector not yet written.
                    assert_eq!(marked(&disk).as_deref(), Some("image"), "{what}");
                }
                assert_one_or_the_other(&disk, &image, &what);
                assert_next_attempt_works(&disk, &image, &what);
            }
        }
    }
}

#[test]
fn an_attempt_that_is_given_up_leaves_the_marker_only() {
    let image = image();
    let disk = disk(6 * MIB, 512);
    let (result, _) = write_to(&disk, Verification::Off, |writer| {
        writer.put_sparse(0, &image)?;
        Err(Fault::Internal("the digest is wrong".into()))
    });
    result.expect_err("given up");
    assert_eq!(marked(&disk).as_deref(), Some("image"));
    assert!(front(&disk)[512..].iter().all(|byte| *byte == 0));
    assert_next_attempt_works(&disk, &image, "after giving up");
}

#[test]
fn a_disk_that_lies_is_found_out_and_does_not_boot() {
    let image = image();
    let all = requests(&image, 512, Verification::Off);
    for number in 0..all {
        for lie in [AtRequest::LoseWrite(number), AtRequest::FlipBit(number)] {
            let what = format!("{lie:?} of {all}");
            let disk = disk(6 * MIB, 512);
            disk.arm(Some(lie));
            let result = attempt(&disk, &image, Verification::Full);
            let found = disk.content(0, image.len()).expect("content");
            if found == image {
                // The write that was lost was one that came again: the marker,
                // or zeroes where data came later.
                result.expect(&what);
                continue;
            }
            let fault = result.expect_err(&what);
            assert_eq!(fault.code(), "read-back", "{what}: {fault}");
            assert_ne!(front(&disk)[..512], image[..512], "{what}");
            assert_next_attempt_works(&disk, &image, &what);
        }
    }
}

#[test]
fn without_verification_a_lie_is_not_noticed() {
    let image = image();
    let disk = disk(6 * MIB, 512);
    disk.arm(Some(AtRequest::FlipBit(5)));
    attempt(&disk, &image, Verification::Off).expect("nobody looks");
    assert_ne!(disk.content(0, image.len()).expect("content"), image);
}

#[test]
fn the_fault_says_where_and_progress_is_told() {
    let disk = disk(40 * MIB, 512);
    let image = bytes(40 * MIB);
    let (result, events) = write_to(&disk, Verification::Full, |writer| writer.put(0, &image));
    result.expect("right");
    let told = events.iter().any(|event| {
        event
            .to_string()
            .starts_with("progress: verifying /dev/vda: 39 MiB of 39 MiB, 100 %")
    });
    assert!(told, "{events:?}");
    let (result, _) = write_to(&disk, Verification::Full, |writer| {
        writer.put(0, &image[..33 * MIB])?;
        writer.pipeline.settle_all()?;
        disk.put((18 * MIB + 5) as u64, b"x").expect("damage");
        writer.put(33 * MIB as u64, &image[33 * MIB..])
    });
    assert_eq!(
        result,
        Err(Fault::ReadBack {
            device: DISK.into(),
            offset: 16 << 20,
            length: 16 << 20
        })
    );
}
