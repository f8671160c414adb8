// SPDX-License-Identifier: Apache-2.0
//! vhd and vhdx files that need something else, and footers that are wrong.

use super::super::server::Act;
use super::containers::{VHD, converted};
use super::*;

#[test]
fn differencing_disks_are_refused() {
    let mut vhd = converted(VHD, &[], 2 * MIB).file;
    vhd[63] = 4;
    let sum = vhd[..512]
        .iter()
        .enumerate()
        .filter(|(at, _)| !(64..68).contains(at))
        .map(|(_, byte)| u32::from(*byte))
        .sum::<u32>();
    vhd[64..68].copy_from_slice(&(!sum).to_be_bytes());
    let server = Server::start();
    let url = server.serve("/disk", has_ranges(&vhd));
    let disk = disk(4 * MIB, 512);
    let fault = deploy(&request(&url, "vhd", &vhd), &disk).0;
    assert_eq!(
        fault.expect_err("differencing").to_string(),
        "image image is refused: it is a differencing disk and needs its parent"
    );
    assert_untouched(&disk);
}

#[test]
fn a_fixed_disk_needs_its_footer() {
    let sound = converted(VHD, &["-o", "subformat=fixed,force_size=on"], 2 * MIB).file;
    let end = sound.len();
    let changed = |at: usize| {
        let mut file = sound.clone();
        file[at] ^= 1;
        file
    };
    let server = Server::start();
    for (file, problem) in [
        (sound[..end - 512].to_vec(), "it has no vhd footer"),
        (changed(end - 512), "it has no vhd footer"),
        (changed(end - 1), "the checksum of its footer is wrong"),
        (
            [&sound[..MIB], &sound[end - 512..]].concat(),
            "its size of 2097152 bytes is out of range",
        ),
    ] {
        for served in [has_ranges(&file), no_ranges(&file)] {
            let url = server.serve("/disk", served);
            let disk = disk(4 * MIB, 512);
            let fault = deploy(&request(&url, "vhd", &file), &disk).0;
            let expected = format!("image image is refused: {problem}");
            assert_eq!(fault.expect_err(problem).to_string(), expected);
            match problem.starts_with("its size") {
                true => assert_not_bootable(&disk),
                false => assert_untouched(&disk),
            }
        }
    }
}

#[test]
fn a_footer_served_as_a_range_must_be_that_of_the_file() {
    let file = converted(VHD, &["-o", "subformat=fixed,force_size=on"], 2 * MIB).file;
    let mut other = file.clone();
    let end = other.len();
    // A time stamp, so that only the checksum has to follow.
    other[end - 512 + 24] ^= 1;
    let sum = other[end - 512..]
        .iter()
        .enumerate()
        .filter(|(at, _)| !(64..68).contains(at))
        .map(|(_, byte)| u32::from(*byte))
        .sum::<u32>();
    other[end - 448..end - 444].copy_from_slice(&(!sum).to_be_bytes());
    let server = Server::start();
    let mut served = has_ranges(&file);
    served.etag = None;
    served.script = [
        Act::Serve,
        Act::Change(other, "\"one\""),
        Act::Change(file.clone(), "\"one\""),
    ]
    .into();
    let url = server.serve("/disk", served);
    let disk = disk(4 * MIB, 512);
    let fault = deploy(&request(&url, "vhd", &file), &disk).0;
    assert_eq!(
        fault.expect_err("another footer").to_string(),
        "image image is refused: its footer differs from the one that was served before"
    );
    assert_not_bootable(&disk);
}
