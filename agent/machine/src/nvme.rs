// SPDX-License-Identifier: Apache-2.0
//! NVMe administration: Format NVM with secure erase, the namespace's format
//! unchanged (NVM Express base specification, 5.x; `linux/nvme_ioctl.h`).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use ironseed_core::plan::NvmeErase;

use crate::block::AlignedBuffer;

const OPCODE_IDENTIFY: u8 = 0x06;
const OPCODE_FORMAT: u8 = 0x80;

/// Bytes of an Identify answer.
const IDENTIFY_LENGTH: usize = 4096;

/// A user data erase writes the whole disk; the largest take hours.
const FORMAT_TIMEOUT_MS: u32 = 6 * 3600 * 1000;

/// `struct nvme_passthru_cmd`.
#[repr(C)]
#[derive(Debug, Default)]
struct Command {
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
    use super::Command;
    use nix::{ioctl_none_bad, ioctl_readwrite, request_code_none};

    ioctl_none_bad!(
        /// `NVME_IOCTL_ID`: the namespace's number.
        namespace, request_code_none!(b'N', 0x40)
    );
    ioctl_readwrite!(
        /// `NVME_IOCTL_ADMIN_CMD`: one admin command.
        admin, b'N', 0x41, Command
    );
}

/// Formats the namespace behind an open block device.
///
/// # Errors
///
/// What the kernel says, or the status the controller answers with.
pub fn format(device: &File, erase: NvmeErase) -> io::Result<()> {
    let namespace = namespace(device)?;
    let identity = identify_namespace(device, namespace)?;
    let mut command = Command {
        opcode: OPCODE_FORMAT,
        namespace,
        cdw10: format_dword(identity.as_ref(), erase),
        timeout_ms: FORMAT_TIMEOUT_MS,
        ..Command::default()
    };
    admin(device, &mut command)
}

/// Dword 10 of Format NVM that changes nothing but erases: the same LBA
/// format, metadata placement and protection as Identify Namespace tells.
fn format_dword(identity: &[u8], erase: NvmeErase) -> u32 {
    let flbas = u32::from(identity[26]);
    let protection = u32::from(identity[29]);
    let erase = match erase {
        NvmeErase::UserData => 1,
        NvmeErase::Cryptographic => 2,
    };
    (flbas & 0b1111)
        | (flbas & 0b1_0000)
        | (protection & 0b111) << 5
        | (protection & 0b1000) << 5
        | erase << 9
        | (flbas >> 5 & 0b11) << 12
}

fn namespace(device: &File) -> io::Result<u32> {
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call; no memory is passed.
    let number = unsafe { request::namespace(device.as_raw_fd()) }?;
    u32::try_from(number).map_err(io::Error::other)
}

fn identify_namespace(device: &File, namespace: u32) -> io::Result<AlignedBuffer> {
    let mut answer = AlignedBuffer::new(IDENTIFY_LENGTH);
    let mut command = Command {
        opcode: OPCODE_IDENTIFY,
        namespace,
        address: answer.as_mut().as_mut_ptr() as u64,
        data_length: 4096,
        ..Command::default()
    };
    admin(device, &mut command)?;
    Ok(answer)
}

fn admin(device: &File, command: &mut Command) -> io::Result<()> {
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call, the command has the
    // kernel's layout, and the memory it refers to is of the length it tells
    // and lives as long as the caller's buffer.
    let status = unsafe { request::admin(device.as_raw_fd(), command) }?;
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "the controller answered with status {status:#x}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_has_the_kernels_layout() {
        assert_eq!(size_of::<Command>(), 72);
        assert_eq!(std::mem::offset_of!(Command, address), 24);
        assert_eq!(std::mem::offset_of!(Command, cdw10), 40);
        assert_eq!(std::mem::offset_of!(Command, timeout_ms), 64);
    }

    #[test]
    fn a_format_keeps_what_the_namespace_has() {
        let identity = |flbas, protection| {
            let mut bytes = [0; IDENTIFY_LENGTH];
            bytes[26] = flbas;
            bytes[29] = protection;
            bytes
        };
        let cases = [
            (0x00, 0, NvmeErase::UserData, 0x200),
            (0x01, 0, NvmeErase::Cryptographic, 0x401),
            (0x12, 0b1001, NvmeErase::UserData, 0x332),
            (0x61, 0, NvmeErase::UserData, 0x3201),
        ];
        for (flbas, protection, erase, dword) in cases {
            let found = format_dword(&identity(flbas, protection), erase);
            assert_eq!(found, dword, "{flbas:#x} {protection:#x}");
        }
    }

    #[test]
    fn what_is_no_nvme_disk_is_refused() {
        let file = tempfile::tempfile().expect("a file");
        assert!(format(&file, NvmeErase::UserData).is_err());
    }
}
