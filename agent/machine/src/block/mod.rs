// SPDX-License-Identifier: Apache-2.0
//! Block devices: the boundary, the kernel's devices behind it, and the work
//! that is done on them directly. Which device is touched is decided elsewhere.

mod aligned;
mod device;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod ioctl;
mod noise;
pub mod overwrite;
pub mod partitions;
pub(crate) mod position;
pub mod sectors;
mod sizes;
mod stream;
mod window;
pub mod wipe;

use std::fmt;
use std::io;

use ironseed_core::block::DeviceIdentity;
use ironseed_core::fault::Fault;
use ironseed_core::plan::NvmeErase;

pub use aligned::AlignedBuffer;
pub use device::{DeviceFile, Identify, KernelDisks};
pub use sizes::disk_sizes;
pub use stream::BlockStream;
pub use window::Window;

/// An open block device. Offsets and lengths are bytes and multiples of the
/// sector size; buffers may lie anywhere, but aligned ones are faster.
pub trait Block: Send + Sync + fmt::Debug {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Bytes of a logical sector.
    fn sector_size(&self) -> u32;

    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes a range read as zero, by the device itself where it can.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn zero(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Waits until everything written is on the medium.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn flush(&self) -> io::Result<()>;

    /// Another handle of the same open device, for a thread of its own. The
    /// device is closed when the last one is gone. `None`: this one cannot be
    /// shared, and requests go one after the other.
    fn share(&self) -> Option<Box<dyn Block>> {
        None
    }

    /// Makes the next reads come from the device and not from memory.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn forget_cache(&self) -> io::Result<()> {
        Ok(())
    }

    /// Makes the kernel read the partition table again.
    ///
    /// # Errors
    ///
    /// What the kernel says; `EBUSY` while a partition is in use.
    fn reread_partitions(&self) -> io::Result<()>;

    /// Erases an NVMe namespace by Format NVM, its format unchanged.
    ///
    /// # Errors
    ///
    /// What the kernel or the controller says.
    fn nvme_format(&self, erase: NvmeErase) -> io::Result<()>;
}

/// The disks of a machine.
pub trait Disks: Send + Sync + fmt::Debug {
    /// Opens a device for reading and writing, for this process alone.
    ///
    /// # Errors
    ///
    /// What the kernel says; `EBUSY` while somebody else uses it.
    fn open(&self, name: &str) -> io::Result<Box<dyn Block>>;

    /// What device the name stands for now; `None`: none.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    fn identity(&self, name: &str) -> io::Result<Option<DeviceIdentity>>;

    /// Writes every file system's and disk's cache out.
    fn sync(&self);
}

/// A failed operation on a device, as a fault.
pub(crate) fn io_fault(operation: &str, device: &str, error: &io::Error) -> Fault {
    Fault::DeviceIo {
        operation: operation.to_owned(),
        device: device.to_owned(),
        problem: error.to_string(),
    }
}

/// A failed request at a position of a device, as a fault.
pub(crate) fn io_fault_at(operation: &str, device: &str, at: u64, error: &io::Error) -> Fault {
    io_fault(operation, &format!("{device} at byte {at}"), error)
}

/// Reads a range of any alignment into memory.
///
/// # Errors
///
/// What the kernel says; a range behind the end of the device is an error too.
pub fn read_range(block: &dyn Block, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let sector = u64::from(block.sector_size());
    let from = offset / sector * sector;
    let end = offset.saturating_add(length as u64);
    if end > block.size() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let to = end.next_multiple_of(sector);
    let whole = usize::try_from(to - from).map_err(io::Error::other)?;
    let mut buffer = AlignedBuffer::new(whole);
    block.read_at(from, buffer.as_mut())?;
    let skip = usize::try_from(offset - from).map_err(io::Error::other)?;
    Ok(buffer.as_ref()[skip..skip + length].to_vec())
}

/// The beginning of a device, as much of it as there is.
///
/// # Errors
///
/// What the kernel says.
pub fn read_head(block: &dyn Block, length: usize) -> io::Result<Vec<u8>> {
    let available = usize::try_from(block.size()).unwrap_or(usize::MAX);
    read_range(block, 0, length.min(available))
}
