// SPDX-License-Identifier: Apache-2.0
//! What every good deployment has in common: the disk equals the image, the config drive is on it,
//! the firmware starts the new system by an entry of its own, and the system says so.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::console::Console;
use crate::disk;
use crate::error::{Error, expect};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Machine, MachineSpec};
use crate::node::{Failure, ImageSource, Node};

/// From power-on to the marker of the deployed system.
const BOOT_LIMIT: Duration = Duration::from_mins(10);
/// What the deployed system prints; see `tests/os/ironseed-lab-marker`.
const MARKER: &str = "IRONSEED-LAB-OS";
/// An ISO 9660 volume begins with this, 32 KiB into the volume.
const ISO_MAGIC: &[u8] = b"\x01CD001\x01";

/// One deployment to check.
pub(super) struct Deployment<'a> {
    /// The machine.
    pub(super) spec: MachineSpec,
    /// How the agent gets onto it.
    pub(super) boot: BootInterface,
    /// The image file, as it is served.
    pub(super) image: &'a Path,
    /// The bytes of the disk that is in it.
    pub(super) contents: &'a Path,
    /// What Ironic is told that it is.
    pub(super) disk_format: &'static str,
    /// Root device hints.
    pub(super) root_device: Option<Value>,
    /// Which of the machine's disks must be chosen.
    pub(super) disk: usize,
}

/// Deploys and checks everything. The disk is not cleaned before: what an earlier owner left must
/// not shine through the holes of the image.
pub(super) fn check(lab: &Lab, deployment: &Deployment<'_>) -> Result<(), Error> {
    let machine = lab.machine(deployment.spec.clone())?;
    leave_old_data(&machine)?;
    let node = Node::enroll(lab, &machine, deployment.boot)?;
    make_available(&node, deployment.root_device.as_ref())?;
    let image = ImageSource::serve(lab, deployment.image, deployment.disk_format)?;
    node.choose_image(&image)?;
    let mut console = machine.console();
    node.start_deployment(&config_drive(&node))?;
    node.wait_for_deployment()?;
    check_boot(&mut console, &node)?;
    check_account(&mut machine.whole_console())?;
    check_disk(lab, &machine, deployment)
}

/// Makes a node available without cleaning, which has a scenario of its own.
pub(super) fn make_available(node: &Node<'_>, root_device: Option<&Value>) -> Result<(), Error> {
    node.set(&[("/automated_clean", json!(false))])?;
    if let Some(hints) = root_device {
        node.set(&[("/properties/root_device", hints.clone())])?;
    }
    node.manage()?;
    node.provide().map(drop)
}

/// A config drive that the deployed system can show to be this deployment's own.
pub(super) fn config_drive(node: &Node<'_>) -> Value {
    json!({
        "meta_data": {"uuid": node.uuid(), "name": "ironseed-deployed"},
        "user_data": "#cloud-config of the ironseed lab\n",
    })
}

/// Waits until a deployment has failed and returns Ironic's reasons, which there must be. `earlier`
/// are the failures from before it.
pub(super) fn expect_failure(
    node: &Node<'_>,
    earlier: &[Failure],
    limit: Duration,
) -> Result<String, Error> {
    let state = node.wait_for(&["deploy failed", "active"], limit)?;
    expect(
        state.provision == "deploy failed",
        "the deployment to fail",
        || state.describe(),
    )?;
    let reasons: Vec<String> = node
        .failures()?
        .into_iter()
        .filter(|failure| !earlier.contains(failure))
        .map(|failure| failure.text)
        .collect();
    expect(!reasons.is_empty(), "a reason for the failure", || {
        state.describe()
    })?;
    Ok(reasons.join("\n"))
}

/// The lines of the deployed system: it boots, by an entry of its own, and has its config drive.
pub(super) fn check_boot(console: &mut Console, node: &Node<'_>) -> Result<(), Error> {
    console.wait_for(&format!("{MARKER} booted"), BOOT_LIMIT)?;
    console.wait_for(&format!("{MARKER} ready"), BOOT_LIMIT)?;
    let line = |word: &str| {
        let start = format!("{MARKER} {word}");
        let found = console
            .lines()
            .find(|line| line.contains(&start))
            .map(str::to_owned);
        found.ok_or(Error::Expected {
            expected: format!("the deployed system to say {word}"),
            found: console
                .lines()
                .filter(|line| line.contains(MARKER))
                .collect::<Vec<_>>()
                .join("\n"),
        })
    };
    let efi = line("efi:")?;
    expect(
        efi.contains("label=debian"),
        "a boot entry named debian to be used",
        || efi.clone(),
    )?;
    let meta_data = line("meta_data:")?;
    expect(
        meta_data.contains(node.uuid()),
        "the node's UUID in the meta data",
        || meta_data.clone(),
    )?;
    let user_data = line("user_data:")?;
    expect(
        user_data.contains("of the ironseed lab"),
        "the user data of the config drive",
        || user_data.clone(),
    )
}

/// The agent has said where the time of the transfer went.
pub(super) fn check_account(console: &mut Console) -> Result<(), Error> {
    console.read_new()?;
    let said = console.lines().any(is_account);
    expect(said, "the agent to say where the time went", || {
        let about_images = console.lines().filter(|line| line.contains("image"));
        about_images.collect::<Vec<_>>().join("\n")
    })
}

/// `…; network 71 %, hash 12 %, disk 9 %; …` or the same in seconds, of the whole transfer.
fn is_account(line: &str) -> bool {
    let figure = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let follows = |name: &str| line.split(name).skip(1).any(figure);
    let parts = ["network ", ", hash ", ", disk "];
    !line.contains("progress:") && parts.iter().all(|name| follows(name))
}

fn check_disk(lab: &Lab, machine: &Machine, deployment: &Deployment<'_>) -> Result<(), Error> {
    machine.power_off()?;
    let path = machine.disk(deployment.disk);
    let sector = deployment.spec.disks[deployment.disk].sector;
    let compared = match sector {
        512 => disk::compare(&path, deployment.contents)?,
        sector => disk::compare_partitions(&path, sector.into(), deployment.contents)?,
    };
    lab.narrator().say(format!(
        "{} bytes of the disk equal the image",
        compared.bytes
    ));
    let Some(range) = compared.config_drive else {
        return Err(Error::Disk {
            path,
            problem: "it has no config drive partition".to_owned(),
        });
    };
    // ISO 9660 has sectors of 2048 bytes; for larger ones the agent makes a FAT file system of it,
    // whose boot sector tells the size of a sector at byte 11.
    let (what, offset, expected) = match sector {
        ..=2048 => ("an ISO 9660 volume", 0x8000, ISO_MAGIC.to_vec()),
        _ => ("a FAT volume", 11, sector.to_le_bytes()[..2].to_vec()),
    };
    let start = range.start + offset;
    let found = disk::read_range(&path, start..start + expected.len() as u64)?;
    expect(
        found == expected,
        &format!("{what} as config drive"),
        || format!("{found:02x?}"),
    )
}

/// Fills parts of every disk with what looks like nothing in particular.
fn leave_old_data(machine: &Machine) -> Result<(), Error> {
    let dirt = vec![0xa5; 1 << 20];
    for (index, disk) in machine.spec().disks.iter().enumerate() {
        for offset in (0..disk.bytes).step_by(48 << 20) {
            machine.write_disk(index, offset, &dirt)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_account_of_the_whole_transfer_counts() {
        let cases = [
            (
                "[   39.1] disk.raw: network 10.0 s, hash 1.2 s, unpack 0.0 s, disk 4.5 s",
                true,
            ),
            (
                "[   39.1] transferred: disk.raw on /dev/sda: 229 MiB served, 229 MiB written, 347 MiB \
                 zeroed in 20.1 s, 30.0 MB/s; network 71 %, hash 12 %, disk 9 %; the network was the \
                 slowest part: 71 % of the time was spent waiting for it",
                true,
            ),
            (
                "[   31.6] progress: writing x to /dev/sda: 50 MiB, 26.2 MB/s (network 70 %, hash 0 %, \
                 disk 10 %)",
                false,
            ),
            ("[   16.6] phase: network", false),
            ("[    1.1] futex hash table entries: 512", false),
        ];
        for (line, account) in cases {
            assert_eq!(is_account(line), account, "{line}");
        }
    }
}
