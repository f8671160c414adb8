// SPDX-License-Identifier: Apache-2.0
//! The immutable flag: efivarfs sets it on variables whose loss could make a
//! machine unusable, so that `rm -r` alone does not remove them
//! (kernel, Documentation/filesystems/efivarfs.rst).

use std::ffi::c_long;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;

/// `FS_IMMUTABLE_FL` of `linux/fs.h`.
const IMMUTABLE: c_long = 0x10;

mod ioctl {
    use std::ffi::c_long;

    // The numbers are made with `long`, but the kernel moves 32 bits.
    nix::ioctl_read!(get_flags, b'f', 1, c_long);
    nix::ioctl_write_ptr!(set_flags, b'f', 2, c_long);
}

/// Takes the flag off. File systems that have no flags have nothing to take off.
pub(super) fn clear(file: &File) -> io::Result<()> {
    let mut flags: c_long = 0;
    // SAFETY: `flags` is large enough for what the kernel writes, and lives
    // until the call returns.
    #[expect(unsafe_code, reason = "inode flags are read by an ioctl")]
    match unsafe { ioctl::get_flags(file.as_raw_fd(), &raw mut flags) } {
        Err(Errno::ENOTTY | Errno::EOPNOTSUPP) => return Ok(()),
        result => result?,
    };
    if flags & IMMUTABLE == 0 {
        return Ok(());
    }
    let without = flags & !IMMUTABLE;
    // SAFETY: `without` is larger than what the kernel reads, and lives until
    // the call returns.
    #[expect(unsafe_code, reason = "inode flags are set by an ioctl")]
    unsafe { ioctl::set_flags(file.as_raw_fd(), &raw const without) }?;
    Ok(())
}
