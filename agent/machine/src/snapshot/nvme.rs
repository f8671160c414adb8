// SPDX-License-Identifier: Apache-2.0
//! NVMe Identify Controller of every controller.

use std::io;
use std::time::Duration;

use ironseed_core::snapshot::{Bytes, Snapshot};
use nix::errno::Errno;

use super::each_device::Asked;
use super::recorder::{DEVICE, words};
use crate::nvme::identify;
use crate::root::Root;

/// CNS 01h: the controller itself.
const IDENTIFY_CONTROLLER: u8 = 0x01;
/// A drive that needs longer is reported as not answering.
const TIMEOUT: Duration = Duration::from_secs(2);
/// When a command takes too long the kernel resets the controller, which may
/// take a while; nobody waits for that.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks every controller the kernel knows, all at the same time.
pub(super) fn identify_all(root: &Root, snapshot: &mut Snapshot) {
    let controllers: Vec<(String, ())> = snapshot
        .files
        .names("/sys/class/nvme")
        .into_iter()
        .map(|name| (name.to_owned(), ()))
        .collect();
    let root = root.clone();
    let asked = Asked::start(controllers, PATIENCE, move |name, (), tell| {
        tell(identify_controller(&root, name));
    });
    let silent = asked.finish(|name, answer: io::Result<Vec<u8>>| match answer {
        Ok(data) => {
            snapshot
                .nvme_controllers
                .insert(name.to_owned(), Bytes(data));
        }
        Err(error) => {
            snapshot
                .problems
                .insert(format!("/dev/{name}"), words(&error));
        }
    });
    for (name, reason) in silent {
        snapshot.problems.insert(format!("/dev/{name}"), reason);
    }
}

fn identify_controller(root: &Root, name: &str) -> io::Result<Vec<u8>> {
    let file = root.open_at(&format!("/dev/{name}"), DEVICE)?;
    let data = identify(&file, IDENTIFY_CONTROLLER, 0, TIMEOUT)?;
    if data.iter().all(|byte| *byte == 0) {
        return Err(Errno::ENODATA.into());
    }
    Ok(data)
}
