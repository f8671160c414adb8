// SPDX-License-Identifier: Apache-2.0
//! The kernel's requests for block devices (`linux/fs.h`).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

mod request {
    use nix::libc::{c_int, size_t};
    use nix::{ioctl_none_bad, ioctl_read, ioctl_read_bad, ioctl_write_ptr_bad, request_code_none};

    ioctl_read!(
        /// `BLKGETSIZE64`: the size in bytes. The type in the request's number
        /// is `size_t`, what is written is 64 bits on all our machines.
        size_in_bytes, 0x12, 114, size_t
    );
    ioctl_read_bad!(
        /// `BLKSSZGET`: bytes of a logical sector.
        sector_size, request_code_none!(0x12, 104), c_int
    );
    ioctl_none_bad!(
        /// `BLKRRPART`: read the partition table again.
        reread_partitions, request_code_none!(0x12, 95)
    );
    ioctl_none_bad!(
        /// `BLKFLSBUF`: forget cached blocks.
        flush_buffers, request_code_none!(0x12, 97)
    );
    ioctl_write_ptr_bad!(
        /// `BLKZEROOUT`: make a range read as zero; offset and length in bytes.
        /// The kernel only hands the range to a device that promises zeroes
        /// (Write Zeroes, WRITE SAME, without giving the blocks back), and
        /// sends pages of zeroes to any other, so that the range reads as zero
        /// in every case. `BLKDISCARD` promises nothing of the kind
        /// (`blkdev_issue_zeroout` with `BLKDEV_ZERO_NOUNMAP`, `block/ioctl.c`).
        zero_out, request_code_none!(0x12, 127), [u64; 2]
    );
}

/// Size of a block device in bytes.
pub(super) fn size_in_bytes(file: &File) -> io::Result<u64> {
    let mut size = 0;
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call and the kernel writes
    // one number of this type to the pointer.
    unsafe { request::size_in_bytes(file.as_raw_fd(), &raw mut size) }?;
    Ok(size as u64)
}

/// Bytes of a logical sector of a block device.
pub(super) fn sector_size(file: &File) -> io::Result<u32> {
    let mut size = 0;
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call and the kernel writes
    // one int to the pointer.
    unsafe { request::sector_size(file.as_raw_fd(), &raw mut size) }?;
    u32::try_from(size).map_err(io::Error::other)
}

/// Makes the kernel read the partition table again.
pub(super) fn reread_partitions(file: &File) -> io::Result<()> {
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call; no memory is passed.
    unsafe { request::reread_partitions(file.as_raw_fd()) }?;
    Ok(())
}

/// Makes the kernel forget what it cached of the device.
pub(super) fn flush_buffers(file: &File) -> io::Result<()> {
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call; no memory is passed.
    unsafe { request::flush_buffers(file.as_raw_fd()) }?;
    Ok(())
}

/// Makes a range of a device read as zero.
pub(super) fn zero_out(file: &File, offset: u64, length: u64) -> io::Result<()> {
    let range = [offset, length];
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call and the kernel reads
    // two 64-bit numbers from the pointer.
    unsafe { request::zero_out(file.as_raw_fd(), &raw const range) }?;
    Ok(())
}
