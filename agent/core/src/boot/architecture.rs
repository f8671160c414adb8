// SPDX-License-Identifier: Apache-2.0
//! What firmware can start, and the one path where it looks for it without a
//! boot entry (UEFI specification §3.5.1.1).

/// The machine type of the programs that firmware starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// 32-bit x86. A 64-bit processor may have such firmware.
    Ia32,
    /// 64-bit x86.
    X64,
    /// 64-bit ARM.
    Aa64,
    /// 64-bit RISC-V.
    Riscv64,
    /// Another one, whose path is not known here.
    Other,
}

impl Architecture {
    /// The architecture by the name Rust has for the processor's, and the
    /// bits that the firmware's programs have (`/sys/firmware/efi/fw_platform_size`).
    #[must_use]
    pub fn of(processor: &str, firmware_bits: Option<u32>) -> Self {
        match (processor, firmware_bits) {
            ("x86" | "x86_64", Some(32)) | ("x86", None) => Self::Ia32,
            ("x86_64", _) => Self::X64,
            ("aarch64", _) => Self::Aa64,
            ("riscv64", _) => Self::Riscv64,
            _ => Self::Other,
        }
    }

    /// The path from the root of the partition, with slashes, of the program
    /// that is started when no boot entry can be.
    #[must_use]
    pub fn fallback_path(self) -> Option<&'static str> {
        match self {
            Self::Ia32 => Some("EFI/BOOT/BOOTIA32.EFI"),
            Self::X64 => Some("EFI/BOOT/BOOTX64.EFI"),
            Self::Aa64 => Some("EFI/BOOT/BOOTAA64.EFI"),
            Self::Riscv64 => Some("EFI/BOOT/BOOTRISCV64.EFI"),
            Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_firmware_decides_and_not_the_processor() {
        for (processor, bits, path) in [
            ("x86_64", Some(64), Some("EFI/BOOT/BOOTX64.EFI")),
            ("x86_64", None, Some("EFI/BOOT/BOOTX64.EFI")),
            ("x86_64", Some(32), Some("EFI/BOOT/BOOTIA32.EFI")),
            ("x86", None, Some("EFI/BOOT/BOOTIA32.EFI")),
            ("aarch64", Some(64), Some("EFI/BOOT/BOOTAA64.EFI")),
            ("riscv64", Some(64), Some("EFI/BOOT/BOOTRISCV64.EFI")),
            ("s390x", None, None),
        ] {
            let found = Architecture::of(processor, bits).fallback_path();
            assert_eq!(found, path, "{processor} {bits:?}");
        }
    }
}
