// SPDX-License-Identifier: Apache-2.0
//! Block devices of the kernel, written past the page cache.
//!
//! Direct I/O keeps an image of any size from pushing everything else out of a
//! small machine's memory, and an error comes back from the very write that
//! failed. `O_EXCL` makes the kernel refuse a device that is mounted or part
//! of something else, whatever was decided before.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironseed_core::block::DeviceIdentity;
use ironseed_core::plan::NvmeErase;
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, PosixFadviseAdvice, fallocate, posix_fadvise};
use nix::libc;

use super::aligned::is_aligned;
use super::{AlignedBuffer, Block, Disks, ioctl};
use crate::nvme;

/// Memory for callers whose buffers are not aligned.
const BOUNCE: usize = 1 << 20;

/// One request to zero covers at most this, so that the thread comes back
/// from the kernel now and then.
const ZERO_PIECE: u64 = 256 << 20;

/// An open device, or a file that stands for one.
#[derive(Debug)]
pub struct DeviceFile {
    file: Arc<File>,
    is_device: bool,
    /// Whether the page cache is passed by.
    is_direct: bool,
    size: u64,
    sector: u32,
    /// Allocated when it is needed first.
    bounce: Arc<Mutex<AlignedBuffer>>,
}

impl DeviceFile {
    /// Opens a device for this process alone.
    ///
    /// # Errors
    ///
    /// What the kernel says; `EBUSY` while somebody else uses the device.
    pub fn open(path: &str) -> io::Result<Self> {
        let open = |flags| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(flags)
                .open(path)
        };
        let (file, is_direct) = match open(libc::O_EXCL | libc::O_DIRECT) {
            // Some file systems below a file, and a few drivers, have no direct I/O.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                (open(libc::O_EXCL)?, false)
            }
            other => (other?, true),
        };
        let metadata = file.metadata()?;
        let is_device = metadata.file_type().is_block_device();
        let (size, sector) = if is_device {
            (ioctl::size_in_bytes(&file)?, ioctl::sector_size(&file)?)
        } else {
            (metadata.len(), 512)
        };
        Ok(Self {
            file: Arc::new(file),
            is_device,
            is_direct,
            size,
            sector,
            bounce: Arc::new(Mutex::new(AlignedBuffer::new(0))),
        })
    }

    fn bounce(&self) -> MutexGuard<'_, AlignedBuffer> {
        let mut bounce = self.bounce.lock().unwrap_or_else(PoisonError::into_inner);
        if bounce.as_ref().is_empty() {
            *bounce = AlignedBuffer::new(BOUNCE);
        }
        bounce
    }

    fn zero_piece(&self, offset: u64, length: u64) -> io::Result<()> {
        if !self.is_device {
            return self.allocate(FallocateFlags::FALLOC_FL_ZERO_RANGE, offset, length);
        }
        // A hole in a block device is a promise to read as zero, unlike a
        // discard: the kernel asks for WRITE ZEROES with the permission to
        // unmap (block/fops.c, blkdev_fallocate), and refuses where the device
        // has no such command. A thin disk stays thin.
        match self.allocate(FallocateFlags::FALLOC_FL_PUNCH_HOLE, offset, length) {
            Err(error) if is_unsupported(&error) => ioctl::zero_out(&self.file, offset, length),
            other => other,
        }
    }

    fn allocate(&self, how: FallocateFlags, offset: u64, length: u64) -> io::Result<()> {
        let narrow = |number| i64::try_from(number).map_err(io::Error::other);
        let flags = how | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        fallocate(&*self.file, flags, narrow(offset)?, narrow(length)?).map_err(io::Error::from)
    }

    fn write_zeroes(&self, offset: u64, length: u64) -> io::Result<()> {
        let mut bounce = self.bounce();
        bounce.as_mut().fill(0);
        for (at, count) in pieces(offset, length, BOUNCE as u64) {
            let count = usize::try_from(count).map_err(io::Error::other)?;
            self.file.write_all_at(&bounce.as_ref()[..count], at)?;
        }
        Ok(())
    }
}

/// Cuts a range into pieces.
fn pieces(offset: u64, length: u64, piece: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..length.div_ceil(piece)).map(move |index| {
        let done = index * piece;
        (offset + done, piece.min(length - done))
    })
}

impl Block for DeviceFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn sector_size(&self) -> u32 {
        self.sector
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if is_aligned(buffer) {
            return self.file.read_exact_at(buffer, offset);
        }
        let mut bounce = self.bounce();
        let mut at = offset;
        for piece in buffer.chunks_mut(BOUNCE) {
            let aligned = &mut bounce.as_mut()[..piece.len()];
            self.file.read_exact_at(aligned, at)?;
            piece.copy_from_slice(aligned);
            at += piece.len() as u64;
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if is_aligned(bytes) {
            return self.file.write_all_at(bytes, offset);
        }
        let mut bounce = self.bounce();
        let mut at = offset;
        for piece in bytes.chunks(BOUNCE) {
            let aligned = &mut bounce.as_mut()[..piece.len()];
            aligned.copy_from_slice(piece);
            self.file.write_all_at(aligned, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        for (at, count) in pieces(offset, length, ZERO_PIECE) {
            match self.zero_piece(at, count) {
                Err(error) if is_unsupported(&error) => self.write_zeroes(at, count)?,
                other => other?,
            }
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn share(&self) -> Option<Box<dyn Block>> {
        Some(Box::new(Self {
            file: Arc::clone(&self.file),
            bounce: Arc::clone(&self.bounce),
            ..*self
        }))
    }

    fn forget_cache(&self) -> io::Result<()> {
        if self.is_direct {
            return Ok(());
        }
        self.file.sync_all()?;
        if self.is_device {
            return ioctl::flush_buffers(&self.file);
        }
        posix_fadvise(&*self.file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
            .map_err(io::Error::from)
    }

    fn reread_partitions(&self) -> io::Result<()> {
        if self.is_device {
            ioctl::flush_buffers(&self.file)?;
            ioctl::reread_partitions(&self.file)?;
        }
        Ok(())
    }

    fn nvme_format(&self, erase: NvmeErase) -> io::Result<()> {
        nvme::format(&self.file, erase)
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::EOPNOTSUPP, Errno::ENOTTY, Errno::EINVAL];
    error
        .raw_os_error()
        .is_some_and(|number| unsupported.contains(&Errno::from_raw(number)))
}

/// Tells what device a name stands for now.
pub type Identify = dyn Fn(&str) -> Option<DeviceIdentity> + Send + Sync;

/// The disks of the machine this runs on.
pub struct KernelDisks {
    identify: Box<Identify>,
}

impl KernelDisks {
    /// `identify` must read the machine afresh on each call, in the way that
    /// the identities in plans were read, or they will not be equal.
    #[must_use]
    pub fn new(identify: Box<Identify>) -> Self {
        Self { identify }
    }
}

impl fmt::Debug for KernelDisks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kernel's disks")
    }
}

impl Disks for KernelDisks {
    fn open(&self, name: &str) -> io::Result<Box<dyn Block>> {
        Ok(Box::new(DeviceFile::open(name)?))
    }

    fn identity(&self, name: &str) -> io::Result<Option<DeviceIdentity>> {
        Ok((self.identify)(name))
    }

    fn sync(&self) {
        nix::unistd::sync();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64) -> (tempfile::NamedTempFile, DeviceFile) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(size).expect("a size");
        let path = file.path().to_str().expect("text").to_owned();
        let device = DeviceFile::open(&path).expect("open");
        (file, device)
    }

    #[test]
    fn bytes_come_back_aligned_or_not() {
        let (_keep, device) = file(4 << 20);
        let bytes: Vec<u8> = (0..=250).cycle().take(8192 + 1).collect();
        device.write_at(4096, &bytes[1..]).expect("written");
        let mut aligned = AlignedBuffer::new(8192);
        device.read_at(4096, aligned.as_mut()).expect("read");
        assert_eq!(aligned.as_ref(), &bytes[1..]);
        assert_eq!(
            super::super::read_range(&device, 4097, 5).expect("read"),
            bytes[2..7]
        );
        assert!(super::super::read_range(&device, 4 << 20, 1).is_err());
    }

    #[test]
    fn zeroed_ranges_read_as_zero() {
        let (_keep, device) = file(4 << 20);
        device.write_at(0, &vec![1; 3 << 20]).expect("written");
        device.zero(512, 1 << 20).expect("zeroed");
        device.write_zeroes(2 << 20, 512).expect("zeroed");
        let all = super::super::read_head(&device, 4 << 20).expect("read");
        assert_eq!(all[..512], [1; 512]);
        assert!(all[512..512 + (1 << 20)].iter().all(|byte| *byte == 0));
        assert_eq!(all[512 + (1 << 20)], 1);
        assert!(all[2 << 20..(2 << 20) + 512].iter().all(|byte| *byte == 0));
        assert_eq!(device.size(), 4 << 20);
    }

    #[test]
    fn ranges_are_cut_without_remainder() {
        let cut: Vec<_> = pieces(10, 25, 10).collect();
        assert_eq!(cut, [(10, 10), (20, 10), (30, 5)]);
        assert_eq!(pieces(10, 0, 10).count(), 0);
    }
}
