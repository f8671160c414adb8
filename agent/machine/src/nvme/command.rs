// SPDX-License-Identifier: Apache-2.0
//! One NVMe admin command (`linux/nvme_ioctl.h`).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

/// Identify (NVM Express base specification 2.0 §5.17).
pub(super) const OPCODE_IDENTIFY: u8 = 0x06;
/// Bytes of every Identify answer.
pub(super) const IDENTIFY_LENGTH: usize = 4096;

/// What a command is given; the rest of the kernel's structure follows from it.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub(super) opcode: u8,
    pub(super) namespace: u32,
    pub(super) cdw10: u32,
    pub(super) cdw11: u32,
    /// 0 for the kernel's own.
    pub(super) timeout_ms: u32,
}

/// `struct nvme_passthru_cmd`, also called `nvme_admin_cmd`.
#[repr(C)]
#[derive(Debug, Default)]
struct PassThrough {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    address: u64,
    metadata_length: u32,
    data_length: u32,
    cdw10: u32,
    cdw11: u32,
    cdw12: u32,
    cdw13: u32,
    cdw14: u32,
    cdw15: u32,
    timeout_ms: u32,
    result: u32,
}

mod request {
    use super::PassThrough;
    use nix::{ioctl_none_bad, ioctl_readwrite, request_code_none};

    ioctl_none_bad!(
        /// `NVME_IOCTL_ID`: the namespace's number.
        namespace, request_code_none!(b'N', 0x40)
    );
    ioctl_readwrite!(
        /// `NVME_IOCTL_ADMIN_CMD`: one admin command.
        admin, b'N', 0x41, PassThrough
    );
}

impl Command {
    /// Sends a command that moves no data; answers with dword 0 of the completion.
    pub(super) fn run(self, device: &File) -> io::Result<u32> {
        self.read_into(device, &mut [])
    }

    /// Sends a command that reads as many bytes as the buffer has; answers with
    /// dword 0 of the completion.
    pub(super) fn read_into(self, device: &File, buffer: &mut [u8]) -> io::Result<u32> {
        let mut raw = PassThrough {
            opcode: self.opcode,
            namespace: self.namespace,
            cdw10: self.cdw10,
            cdw11: self.cdw11,
            timeout_ms: self.timeout_ms,
            data_length: u32::try_from(buffer.len()).map_err(io::Error::other)?,
            ..PassThrough::default()
        };
        if !buffer.is_empty() {
            raw.address = buffer.as_mut_ptr() as u64;
        }
        #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
        // SAFETY: the descriptor is open for the whole call, the command has
        // the kernel's layout, and it refers to no memory but the buffer, whose
        // length it tells and which is borrowed until the call returns.
        let status = unsafe { request::admin(device.as_raw_fd(), &raw mut raw) }?;
        if status == 0 {
            Ok(raw.result)
        } else {
            // A positive result is the controller's status code, not an errno.
            Err(io::Error::other(format!(
                "the controller answered with status {status:#06x}"
            )))
        }
    }
}

/// The number of the namespace behind an open block device.
pub(super) fn namespace(device: &File) -> io::Result<u32> {
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call; no memory is passed.
    let number = unsafe { request::namespace(device.as_raw_fd()) }?;
    u32::try_from(number).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_has_the_kernels_layout() {
        assert_eq!(size_of::<PassThrough>(), 72);
        assert_eq!(std::mem::offset_of!(PassThrough, namespace), 4);
        assert_eq!(std::mem::offset_of!(PassThrough, address), 24);
        assert_eq!(std::mem::offset_of!(PassThrough, data_length), 36);
        assert_eq!(std::mem::offset_of!(PassThrough, cdw10), 40);
        assert_eq!(std::mem::offset_of!(PassThrough, timeout_ms), 64);
        assert_eq!(std::mem::offset_of!(PassThrough, result), 68);
    }
}
