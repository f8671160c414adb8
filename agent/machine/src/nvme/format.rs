// SPDX-License-Identifier: Apache-2.0
//! Format NVM with secure erase, the namespace's format unchanged (NVM Express
//! base specification 2.0 §5.14).

use std::fs::File;
use std::io;
use std::time::Duration;

use ironseed_core::plan::NvmeErase;

use super::command::{Command, namespace};
use super::read::identify;

const OPCODE_FORMAT: u8 = 0x80;
/// CNS 00h: the namespace.
const IDENTIFY_NAMESPACE: u8 = 0x00;
/// The kernel takes its own timeout for 0.
const KERNELS_TIMEOUT: Duration = Duration::ZERO;

/// A user data erase writes the whole disk; the largest take hours.
const FORMAT_TIMEOUT_MS: u32 = 6 * 3600 * 1000;

/// Formats the namespace behind an open block device.
///
/// # Errors
///
/// What the kernel says, or the status the controller answers with.
pub fn format(device: &File, erase: NvmeErase) -> io::Result<()> {
    let namespace = namespace(device)?;
    let identity = identify(device, IDENTIFY_NAMESPACE, namespace, KERNELS_TIMEOUT)?;
    let command = Command {
        opcode: OPCODE_FORMAT,
        namespace,
        cdw10: format_dword(&identity, erase),
        timeout_ms: FORMAT_TIMEOUT_MS,
        ..Command::default()
    };
    command.run(device).map(drop)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_keeps_what_the_namespace_has() {
        let identity = |flbas, protection| {
            let mut bytes = [0; 4096];
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
