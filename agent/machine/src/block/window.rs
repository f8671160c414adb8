// SPDX-License-Identifier: Apache-2.0
//! A range of an open disk as a device of its own: a partition that the kernel
//! does not know yet.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use ironseed_core::plan::NvmeErase;

use super::Block;

/// What happens once, right before the first change.
type Claim = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

/// The range.
pub struct Window {
    disk: Arc<dyn Block>,
    offset: u64,
    length: u64,
    claim: Mutex<Option<Claim>>,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (offset, length) = (self.offset, self.length);
        write!(f, "{length} bytes from {offset} on of {:?}", self.disk)
    }
}

impl Window {
    /// A range of a disk. Both numbers are bytes and multiples of its sectors.
    #[must_use]
    pub fn new(disk: Arc<dyn Block>, offset: u64, length: u64) -> Self {
        Self {
            disk,
            offset,
            length,
            claim: Mutex::default(),
        }
    }

    /// Does something right before the first write, if there ever is one.
    #[must_use]
    pub fn claiming(self, claim: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self {
            claim: Mutex::new(Some(Box::new(claim))),
            ..self
        }
    }

    /// Where a range of this window lies on the disk.
    fn at(&self, offset: u64, length: u64) -> io::Result<u64> {
        let end = offset.checked_add(length).filter(|end| *end <= self.length);
        end.map(|_| self.offset + offset)
            .ok_or_else(|| io::Error::other("the range lies outside of the partition"))
    }

    fn change(&self, offset: u64, length: u64) -> io::Result<u64> {
        let at = self.at(offset, length)?;
        let mut claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = claim.as_ref() {
            first()?;
            *claim = None;
        }
        Ok(at)
    }
}

impl Block for Window {
    fn size(&self) -> u64 {
        self.length
    }

    fn sector_size(&self) -> u32 {
        self.disk.sector_size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk
            .read_at(self.at(offset, buffer.len() as u64)?, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk
            .write_at(self.change(offset, bytes.len() as u64)?, bytes)
    }

    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        self.disk.zero(self.change(offset, length)?, length)
    }

    fn flush(&self) -> io::Result<()> {
        self.disk.flush()
    }

    /// Only once the claim was made: it is made once.
    fn share(&self) -> Option<Box<dyn Block>> {
        let claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        if claim.is_some() {
            return None;
        }
        let disk = Arc::from(self.disk.share()?);
        Some(Box::new(Self::new(disk, self.offset, self.length)))
    }

    fn forget_cache(&self) -> io::Result<()> {
        self.disk.forget_cache()
    }

    fn reread_partitions(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn nvme_format(&self, _: NvmeErase) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::fake::FakeDisk;
    use super::*;

    fn disk() -> Arc<FakeDisk> {
        let file = tempfile::tempfile().expect("a file");
        FakeDisk::new(file, "/dev/vda", 8192, 512).expect("a disk")
    }

    #[test]
    fn only_the_range_can_be_reached() {
        let disk = disk();
        let window = Window::new(Arc::new(Arc::clone(&disk)), 1024, 2048);
        window.write_at(512, &[7; 512]).expect("inside");
        assert_eq!(disk.content(1536, 512).expect("content"), [7; 512]);
        let mut sector = [0; 512];
        window.read_at(512, &mut sector).expect("inside");
        assert_eq!(sector, [7; 512]);
        window.zero(0, 2048).expect("the whole range");
        assert!(window.write_at(2048, &[1; 512]).is_err());
        assert!(window.zero(1536, 1024).is_err());
        assert!(window.read_at(u64::MAX - 511, &mut sector).is_err());
        assert!(
            disk.content(0, 8192)
                .expect("content")
                .iter()
                .all(|byte| *byte == 0)
        );
        assert!(window.reread_partitions().is_err());
    }

    #[test]
    fn the_claim_comes_once_and_before_the_first_change() {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let window = Window::new(Arc::new(disk()), 0, 4096).claiming(move || {
            // The first attempt fails, and so must the write.
            match counted.fetch_add(1, Ordering::Relaxed) {
                0 => Err(io::Error::other("no")),
                _ => Ok(()),
            }
        });
        window
            .read_at(0, &mut [0; 512])
            .expect("reading claims nothing");
        assert!(window.write_at(8192, &[1; 512]).is_err());
        assert_eq!(count.load(Ordering::Relaxed), 0);
        assert!(window.write_at(0, &[1; 512]).is_err());
        for _ in 0..3 {
            window.write_at(0, &[1; 512]).expect("claimed");
        }
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_window_is_shared_once_it_was_claimed() {
        let disk = disk();
        let window = Window::new(Arc::new(Arc::clone(&disk)), 1024, 2048).claiming(|| Ok(()));
        assert!(window.share().is_none(), "the claim would be made twice");
        window.write_at(0, &[1; 512]).expect("claimed");
        let other = window.share().expect("another handle");
        other.write_at(512, &[2; 512]).expect("inside");
        assert_eq!(disk.content(1536, 512).expect("content"), [2; 512]);
        assert!(other.write_at(2048, &[1; 512]).is_err());
    }
}
