// SPDX-License-Identifier: Apache-2.0
//! What differs between the architectures the image is built for, as data.

pub use hardware_profiles::Architecture;

/// Names and limits of one architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform {
    /// The architecture as the project names it.
    pub architecture: Architecture,
    /// The same in Debian's words.
    pub debian: &'static str,
    /// The package that always depends on Debian's newest signed 6.12 kernel.
    pub kernel_package: &'static str,
    /// Where our binaries are meant to run.
    pub rust_target: &'static str,
    /// The target to fall back to where the static C library of
    /// [`Self::rust_target`] cannot be had: glibc linked statically.
    pub fallback_target: Option<&'static str>,
    /// `e_machine` of an ELF file (ELF specification, and the psABI of the processor).
    pub elf_machine: u16,
    /// Where the kernel file carries which magic, to know a kernel from anything else.
    pub kernel_magic: (usize, &'static [u8]),
    /// How the kernel file is compressed, for the manifest.
    pub kernel_format: &'static str,
    /// Upper limit of kernel and initramfs together, in bytes.
    pub budget: u64,
}

/// 64-bit PCs. The magic is the header of Documentation/arch/x86/boot.rst.
const X86_64: Platform = Platform {
    architecture: Architecture::X86_64,
    debian: "amd64",
    kernel_package: "linux-image-6.12-amd64",
    rust_target: "x86_64-unknown-linux-musl",
    fallback_target: Some("x86_64-unknown-linux-gnu"),
    elf_machine: 62,
    kernel_magic: (0x202, b"HdrS"),
    kernel_format: "bzImage",
    budget: 34_000_000,
};

/// 64-bit ARM. Debian ships the raw `Image` (Documentation/arch/arm64/booting.rst)
/// without a decompressor of its own. It stays raw: UEFI starts it directly, while a
/// gzip file would need a boot loader that unpacks it and would not match Debian's
/// signature. It weighs 44 MB, hence the other limit.
const AARCH64: Platform = Platform {
    architecture: Architecture::Aarch64,
    debian: "arm64",
    kernel_package: "linux-image-6.12-arm64",
    rust_target: "aarch64-unknown-linux-musl",
    fallback_target: None,
    elf_machine: 183,
    kernel_magic: (0x38, b"ARM\x64"),
    kernel_format: "Image, uncompressed",
    budget: 64_000_000,
};

impl Platform {
    /// The data of an architecture.
    #[must_use]
    pub fn of(architecture: Architecture) -> &'static Self {
        match architecture {
            Architecture::X86_64 => &X86_64,
            Architecture::Aarch64 => &AARCH64,
        }
    }

    /// The architecture of that name, as the command line writes it.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        [&X86_64, &AARCH64]
            .into_iter()
            .find(|platform| platform.architecture.to_string() == name)
    }
}
