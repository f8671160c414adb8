// SPDX-License-Identifier: Apache-2.0
//! Images that cannot be deployed. Each deployment ends as failed, Ironic's reason says what is
//! wrong in words that help, and the disk does not begin with the image, so that no machine
//! ever boots half of something.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::deployed::{config_drive, expect_failure, make_available};
use super::{Scenario, default_options};
use crate::disk;
use crate::error::{Error, expect};
use crate::faults::{Fault, Seen};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, GIB, Machine, MachineSpec};
use crate::node::{ImageSource, Node};

mod images;

use images::Images;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "image_troubles",
    summary: "images that cannot be deployed fail by name and leave nothing that boots",
    configure: default_options,
    needs_os_image: false,
    play,
};

const FAIL_LIMIT: Duration = Duration::from_mins(15);
const DISK_GIB: u64 = 4;
const MIB: u64 = 1 << 20;
const SECTOR: usize = 512;
/// What the disk begins with before each deployment.
const DIRT: u8 = 0xa5;

/// One image that cannot be deployed.
struct Trouble {
    /// For the narration and for the name of the image on the file server.
    name: &'static str,
    /// The file.
    image: fn(&Images) -> &Path,
    /// What Ironic is told that it is.
    disk_format: &'static str,
    /// Another trouble, beside what is wrong with the file.
    spoil: fn(&Lab, &mut ImageSource),
    /// What Ironic's reason for the failure must contain.
    words: &'static [&'static str],
}

const TROUBLES: [Trouble; 6] = [
    Trouble {
        name: "not there",
        image: Images::raw,
        disk_format: "raw",
        spoil: |lab, image| {
            let faults = lab.files().faults();
            faults.add(&image.path(), Fault::NotFound, None);
        },
        words: &["answered HTTP 404", "image-refused"],
    },
    Trouble {
        name: "wrong checksum",
        image: Images::raw,
        disk_format: "raw",
        spoil: |_, image| image.hash_value = "0".repeat(64),
        words: &["has the sha256 digest", "expected 0000", "image-checksum"],
    },
    Trouble {
        name: "larger than the disk",
        image: Images::large,
        disk_format: "qcow2",
        spoil: as_it_is,
        words: &[
            "the image needs 8589934592 bytes",
            "has 4294967296",
            "image-too-large",
        ],
    },
    Trouble {
        name: "said to be raw, is qcow2",
        image: Images::qcow2,
        disk_format: "raw",
        spoil: as_it_is,
        words: &["is refused", "qcow2", "image-invalid"],
    },
    Trouble {
        name: "said to be qcow2, is raw",
        image: Images::raw,
        disk_format: "qcow2",
        spoil: as_it_is,
        words: &["is refused", "qcow2", "image-invalid"],
    },
    Trouble {
        name: "qcow2 with a backing file",
        image: Images::backed,
        disk_format: "qcow2",
        spoil: as_it_is,
        words: &["is refused", "backing file", "image-invalid"],
    },
];

/// A server that misbehaves, with an image that is fine.
struct ServerTrouble {
    /// What it does, for the narration and for the name of the image on it.
    name: &'static str,
    /// The fault.
    fault: Fault,
    /// How many requests meet it; `None` means all.
    times: Option<u32>,
    /// Whether the requests that were seen show both the trouble and how it was overcome.
    answered: fn(&[Seen]) -> bool,
}

const SERVER_TROUBLES: [ServerTrouble; 3] = [
    ServerTrouble {
        name: "is busy",
        fault: Fault::Unavailable,
        times: Some(2),
        answered: |seen| {
            let statuses: Vec<u16> = seen.iter().map(|seen| seen.status).collect();
            statuses.starts_with(&[503, 503, 200]) || statuses.starts_with(&[503, 503, 206])
        },
    },
    ServerTrouble {
        name: "cuts the connection at every megabyte",
        fault: Fault::CutAfter(MIB),
        times: None,
        answered: |seen| {
            let cuts = images::BYTES / MIB - 1;
            resumed(seen).is_some_and(|times| times as u64 >= cuts)
        },
    },
    ServerTrouble {
        name: "stalls",
        fault: Fault::StallAfter(MIB),
        times: Some(1),
        answered: |seen| resumed(seen) == Some(1),
    },
];

fn as_it_is(_lab: &Lab, _image: &mut ImageSource) {}

fn play(lab: &Lab) -> Result<(), Error> {
    let disk = DiskSpec::new(Bus::Scsi, DISK_GIB, "LAB-SCSI-1");
    let machine = lab.machine(MachineSpec::new("troubled").with_disk(disk))?;
    let images = Images::make(&lab.run_dir().join("trouble"), 2 * DISK_GIB * GIB)?;
    let node = Node::enroll(lab, &machine, BootInterface::VirtualMedia)?;
    make_available(&node, None)?;
    for trouble in &TROUBLES {
        lab.narrator().say(format!("image: {}", trouble.name));
        check(lab, &node, &machine, &images, trouble)?;
    }
    for trouble in &SERVER_TROUBLES {
        lab.narrator()
            .say(format!("image: fine, but the server {}", trouble.name));
        check_server(lab, &node, &machine, &images, trouble)?;
    }
    Ok(())
}

fn check(
    lab: &Lab,
    node: &Node<'_>,
    machine: &Machine,
    images: &Images,
    trouble: &Trouble,
) -> Result<(), Error> {
    let file = (trouble.image)(images);
    let mut image = ImageSource::serve_as(lab, file, trouble.disk_format, trouble.name)?;
    (trouble.spoil)(lab, &mut image);
    let reason = failed_deployment(node, machine, &image)?;
    for words in trouble.words {
        expect(
            reason.contains(words),
            &format!("{}: {words:?} in Ironic's reason", trouble.name),
            || reason.clone(),
        )?;
    }
    for unwanted in [file, images.raw()] {
        expect_beginning_is_absent(machine, unwanted, trouble.name)?;
    }
    Ok(())
}

/// The image arrives whole, however the server behaves. That it holds no boot loader is the next
/// trouble, and no less clear.
fn check_server(
    lab: &Lab,
    node: &Node<'_>,
    machine: &Machine,
    images: &Images,
    trouble: &ServerTrouble,
) -> Result<(), Error> {
    let image = ImageSource::serve_as(lab, images.raw(), "raw", trouble.name)?;
    let faults = lab.files().faults();
    faults.add(&image.path(), trouble.fault, trouble.times);
    let reason = failed_deployment(node, machine, &image)?;
    let downloads: Vec<Seen> = faults
        .seen(&image.path())
        .into_iter()
        .filter(|seen| seen.method == "GET")
        .collect();
    expect(
        (trouble.answered)(&downloads),
        &format!("the server {} and the agent to go on", trouble.name),
        || format!("{downloads:?}"),
    )?;
    expect(
        reason.contains("no-boot-loader"),
        "a complaint about the missing boot loader in Ironic's reason",
        || reason.clone(),
    )?;
    disk::compare(&machine.disk(0), images.raw()).map(drop)
}

/// How often the transfer went on; `None` if it ever went back. Not every byte that was sent before
/// a cut arrives: a reset throws away what nobody has read yet.
fn resumed(downloads: &[Seen]) -> Option<usize> {
    let begins = |seen: &Seen| {
        let range = seen.range.as_deref()?.strip_prefix("bytes=")?;
        range.split_once('-')?.0.parse::<u64>().ok()
    };
    let resumed = downloads.iter().filter(|seen| seen.status == 206);
    let begins: Vec<u64> = resumed.filter_map(begins).collect();
    let forward = begins.windows(2).all(|pair| pair[0] < pair[1]);
    forward.then_some(begins.len())
}

/// Deploys, expects that to fail, and returns Ironic's reason.
fn failed_deployment(
    node: &Node<'_>,
    machine: &Machine,
    image: &ImageSource,
) -> Result<String, Error> {
    machine.power_off()?;
    let dirt = vec![DIRT; usize::try_from(MIB).unwrap_or(0)];
    machine.write_disk(0, 0, &dirt)?;
    let earlier = node.failures()?;
    node.choose_image(image)?;
    node.start_deployment(&config_drive(node))?;
    let reason = expect_failure(node, &earlier, FAIL_LIMIT)?;
    machine.power_off()?;
    Ok(reason)
}

/// Fails if any sector of the first MiB of `file` that is not empty is at its place on the disk.
fn expect_beginning_is_absent(machine: &Machine, file: &Path, name: &str) -> Result<(), Error> {
    let path: PathBuf = machine.disk(0);
    let bytes = file_bytes(file).min(MIB);
    let unwanted = disk::read_range(file, 0..bytes)?;
    let found = disk::read_range(&path, 0..bytes)?;
    match shared_sector(&unwanted, &found) {
        None => Ok(()),
        Some(sector) => Err(Error::Disk {
            path,
            problem: format!("{name}: sector {sector} is that of {}", file.display()),
        }),
    }
}

/// The first sector that is the same in both and not empty.
fn shared_sector(ours: &[u8], theirs: &[u8]) -> Option<usize> {
    let sectors = ours.chunks(SECTOR).zip(theirs.chunks(SECTOR));
    sectors
        .enumerate()
        .find(|(_, (one, other))| one == other && one.iter().any(|byte| *byte != 0))
        .map(|(sector, _)| sector)
}

fn file_bytes(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |data| data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_goes_on_and_never_back() {
        let seen = |range: Option<&str>, status| Seen {
            method: "GET".to_owned(),
            path: "/images/x".to_owned(),
            range: range.map(str::to_owned),
            status,
        };
        let whole = seen(None, 200);
        let from = |first: u64| seen(Some(&format!("bytes={first}-")), 206);
        let cases = [
            (vec![], Some(0)),
            (vec![whole.clone()], Some(0)),
            (
                vec![whole.clone(), seen(Some("bytes=1048576-"), 200)],
                Some(0),
            ),
            (
                vec![
                    whole.clone(),
                    from(1_048_576),
                    from(2_097_152),
                    from(3_002_152),
                ],
                Some(3),
            ),
            (vec![whole, from(2_097_152), from(1_048_576)], None),
            (vec![from(1_048_576), from(1_048_576)], None),
        ];
        for (downloads, times) in cases {
            assert_eq!(resumed(&downloads), times, "{downloads:?}");
        }
    }

    #[test]
    fn a_sector_of_the_image_is_noticed_and_empty_ones_are_not() {
        let mut image = vec![0; 4 * SECTOR];
        image[2 * SECTOR] = 7;
        let mut disk = vec![0; 4 * SECTOR];
        assert_eq!(shared_sector(&image, &disk), None);
        disk[2 * SECTOR] = 7;
        assert_eq!(shared_sector(&image, &disk), Some(2));
        disk[2 * SECTOR + 1] = 1;
        assert_eq!(shared_sector(&image, &disk), None);
    }
}
