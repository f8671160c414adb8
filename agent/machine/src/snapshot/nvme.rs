// SPDX-License-Identifier: Apache-2.0
//! NVMe Identify Controller, by the kernel's admin pass-through.

use std::os::fd::AsRawFd as _;

use ironseed_core::snapshot::{Bytes, Snapshot};
use nix::errno::Errno;

use super::recorder::{DEVICE, words};
use crate::root::Root;

/// Bytes of every Identify data structure.
const IDENTIFY_LENGTH: u32 = 4096;
/// Admin command opcode 06h (NVMe base specification, Identify).
const IDENTIFY: u8 = 0x06;
/// CNS 01h: the controller itself.
const IDENTIFY_CONTROLLER: u32 = 0x01;
/// A drive that needs longer is reported as not answering.
const TIMEOUT_MS: u32 = 2000;

/// `struct nvme_admin_cmd` of `linux/nvme_ioctl.h`.
#[repr(C)]
#[derive(Debug, Default)]
struct AdminCommand {
    opcode: u8,
    flags: u8,
    rsvd1: u16,
    nsid: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    addr: u64,
    metadata_len: u32,
    data_len: u32,
    cdw10: u32,
    cdw11: u32,
    cdw12: u32,
    cdw13: u32,
    cdw14: u32,
    cdw15: u32,
    timeout_ms: u32,
    result: u32,
}

mod ioctl {
    nix::ioctl_readwrite!(nvme_admin_command, b'N', 0x41, super::AdminCommand);
}

/// Asks every controller the kernel knows.
pub(super) fn identify_all(root: &Root, snapshot: &mut Snapshot) {
    let controllers: Vec<String> = snapshot
        .files
        .names("/sys/class/nvme")
        .into_iter()
        .map(str::to_owned)
        .collect();
    for name in controllers {
        match identify(root, &name) {
            Ok(data) => {
                snapshot.nvme_controllers.insert(name, Bytes(data));
            }
            Err(error) => {
                snapshot
                    .problems
                    .insert(format!("/dev/{name}"), words(&error));
            }
        }
    }
}

fn identify(root: &Root, name: &str) -> std::io::Result<Vec<u8>> {
    let file = root.open_at(&format!("/dev/{name}"), DEVICE)?;
    let mut data = vec![0_u8; IDENTIFY_LENGTH as usize];
    let mut command = AdminCommand {
        opcode: IDENTIFY,
        addr: data.as_mut_ptr() as u64,
        data_len: IDENTIFY_LENGTH,
        cdw10: IDENTIFY_CONTROLLER,
        timeout_ms: TIMEOUT_MS,
        ..AdminCommand::default()
    };
    // SAFETY: the command is a valid `nvme_admin_cmd`; `addr` points to
    // `data_len` bytes that live until the call returns.
    #[expect(unsafe_code, reason = "the NVMe administration interface is an ioctl")]
    let status = unsafe { ioctl::nvme_admin_command(file.as_raw_fd(), &raw mut command) }?;
    if status != 0 {
        // A positive result is the controller's status code, not an errno.
        return Err(std::io::Error::other(format!(
            "the controller answered with status {status:#06x}"
        )));
    }
    if data.iter().all(|byte| *byte == 0) {
        return Err(Errno::ENODATA.into());
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_has_the_kernels_layout() {
        assert_eq!(size_of::<AdminCommand>(), 72);
        assert_eq!(std::mem::offset_of!(AdminCommand, addr), 24);
        assert_eq!(std::mem::offset_of!(AdminCommand, cdw10), 40);
    }
}
