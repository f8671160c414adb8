// SPDX-License-Identifier: Apache-2.0
//! Disks for tests: sparse files that can fail, vanish and lose power.

mod medium;
mod trouble;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironseed_core::block::DeviceIdentity;
use ironseed_core::plan::NvmeErase;

use super::{Block, Disks};
use medium::{Change, Unflushed};
use trouble::Lie;

pub use trouble::{AtRequest, Counts, Trouble};

/// A disk over a sparse file.
#[derive(Debug)]
pub struct FakeDisk {
    file: File,
    sector: u32,
    identity: Mutex<DeviceIdentity>,
    state: Mutex<State>,
    rereads: AtomicU32,
    formats: Mutex<Vec<NvmeErase>>,
}

#[derive(Debug, Default)]
struct State {
    trouble: Trouble,
    at_request: Option<AtRequest>,
    counts: Counts,
    gone: bool,
    unflushed: Unflushed,
}

impl FakeDisk {
    /// A disk whose content is a file.
    ///
    /// # Errors
    ///
    /// What the kernel says about the file.
    pub fn new(file: File, name: &str, size: u64, sector: u32) -> io::Result<Arc<Self>> {
        file.set_len(size)?;
        Ok(Arc::new(Self {
            file,
            sector,
            identity: Mutex::new(DeviceIdentity {
                name: name.to_owned(),
                size,
                serial: Some(format!("serial of {name}")),
                wwn: None,
            }),
            state: Mutex::default(),
            rereads: AtomicU32::new(0),
            formats: Mutex::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the disk says it is.
    #[must_use]
    pub fn identity(&self) -> DeviceIdentity {
        let identity = self.identity.lock();
        identity.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another disk takes this one's name.
    pub fn replace_serial(&self, serial: &str) {
        let mut identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        identity.serial = Some(serial.to_owned());
    }

    /// Arms what shall go wrong; the count of bytes starts again.
    pub fn trouble(&self, trouble: Trouble) {
        let mut state = self.state();
        state.trouble = trouble;
        state.at_request = None;
        state.counts = Counts::default();
        state.gone = false;
    }

    /// Arms what shall go wrong with one request; all counts start again.
    pub fn arm(&self, at_request: Option<AtRequest>) {
        self.trouble(Trouble::default());
        self.state().at_request = at_request;
    }

    /// The machine loses power: what was not flushed is lost, all of it.
    ///
    /// # Errors
    ///
    /// What the kernel says about the file.
    pub fn lose_power(&self) -> io::Result<()> {
        self.state().unflushed.lose(&self.file, |_| true)
    }

    /// Counts a request, and says what it comes to.
    fn request(&self, is_write: bool) -> io::Result<Option<Lie>> {
        let mut state = self.state();
        let number = state.counts.requests;
        state.counts.requests += 1;
        let gone = || io::Error::from_raw_os_error(nix::libc::ENODEV);
        let lie = match state.at_request {
            _ if state.gone => return Err(gone()),
            Some(AtRequest::Fail(at)) if at == number => {
                return Err(io::Error::from_raw_os_error(nix::libc::EIO));
            }
            Some(AtRequest::Vanish(at)) if at == number => {
                state.gone = true;
                return Err(gone());
            }
            Some(AtRequest::PowerLoss(at, choice)) if at == number => {
                state.gone = true;
                let lost = |write: usize| (choice >> (write % 64)) & 1 == 1;
                state.unflushed.lose(&self.file, lost)?;
                return Err(gone());
            }
            Some(at_request) if is_write => at_request.lie(number),
            _ => None,
        };
        if lie.is_some() {
            state.at_request = None;
        }
        Ok(lie)
    }

    /// Content, past all trouble.
    ///
    /// # Errors
    ///
    /// What the kernel says about the file.
    pub fn content(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Puts content there, past all trouble.
    ///
    /// # Errors
    ///
    /// What the kernel says about the file.
    pub fn put(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// How often the partition table was read again.
    #[must_use]
    pub fn rereads(&self) -> u32 {
        self.rereads.load(Ordering::Relaxed)
    }

    /// Bytes written or zeroed since trouble was last armed.
    #[must_use]
    pub fn written(&self) -> u64 {
        let counts = self.counts();
        counts.written + counts.zeroed
    }

    /// What it did since trouble was last armed.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Every Format NVM that succeeded.
    #[must_use]
    pub fn formats(&self) -> Vec<NvmeErase> {
        let formats = self.formats.lock();
        formats.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn check(&self, offset: u64, length: u64) -> io::Result<()> {
        if self.state().gone {
            return Err(io::Error::from_raw_os_error(nix::libc::ENODEV));
        }
        let sector = u64::from(self.sector);
        if !offset.is_multiple_of(sector) || !length.is_multiple_of(sector) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if offset + length > self.identity().size {
            return Err(io::Error::from_raw_os_error(nix::libc::ENOSPC));
        }
        Ok(())
    }

    fn change(&self, offset: u64, change: Change<'_>, lie: Option<Lie>) -> io::Result<()> {
        let length = change.length();
        self.check(offset, length)?;
        let mut state = self.state();
        match change {
            Change::Bytes(_) => state.counts.written += length,
            Change::Zeroes(_) => state.counts.zeroed += length,
        }
        let sum = state.counts.written + state.counts.zeroed;
        let over = |limit: Option<u64>| limit.is_some_and(|limit| sum > limit);
        if over(state.trouble.fail_after) {
            return Err(io::Error::from_raw_os_error(nix::libc::EIO));
        }
        if over(state.trouble.vanish_after) {
            state.gone = true;
            return Err(io::Error::from_raw_os_error(nix::libc::ENODEV));
        }
        state.unflushed.remember(&self.file, offset, length)?;
        change.apply(&self.file, offset, lie)
    }
}

impl Block for Arc<FakeDisk> {
    fn size(&self) -> u64 {
        FakeDisk::identity(self).size
    }

    fn sector_size(&self) -> u32 {
        self.sector
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.request(false)?;
        self.check(offset, buffer.len() as u64)?;
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let lie = self.request(true)?;
        self.change(offset, Change::Bytes(bytes), lie)
    }

    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        let lie = self.request(true)?;
        let mut done = 0;
        while done < length {
            let count = (length - done).min(1 << 20);
            self.change(offset + done, Change::Zeroes(count), lie)?;
            done += count;
        }
        Ok(())
    }

    fn share(&self) -> Option<Box<dyn Block>> {
        Some(Box::new(Arc::clone(self)))
    }

    fn flush(&self) -> io::Result<()> {
        self.request(false)?;
        self.state().unflushed.clear();
        Ok(())
    }

    fn reread_partitions(&self) -> io::Result<()> {
        self.check(0, 0)?;
        self.rereads.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn nvme_format(&self, erase: NvmeErase) -> io::Result<()> {
        if self.state().trouble.format_fails {
            return Err(io::Error::other(
                "the controller answered with status 0x10a",
            ));
        }
        let size = FakeDisk::identity(self).size;
        self.file.set_len(0)?;
        self.file.set_len(size)?;
        let mut formats = self.formats.lock().unwrap_or_else(PoisonError::into_inner);
        formats.push(erase);
        Ok(())
    }
}

/// Fake disks by name.
#[derive(Debug, Default)]
pub struct FakeDisks(BTreeMap<String, Arc<FakeDisk>>);

impl FakeDisks {
    /// Plugs disks in.
    #[must_use]
    pub fn new(disks: impl IntoIterator<Item = Arc<FakeDisk>>) -> Self {
        Self(
            disks
                .into_iter()
                .map(|disk| (FakeDisk::identity(&disk).name, disk))
                .collect(),
        )
    }
}

impl Disks for FakeDisks {
    fn open(&self, name: &str) -> io::Result<Box<dyn Block>> {
        let disk = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        disk.check(0, 0)?;
        Ok(Box::new(Arc::clone(disk)))
    }

    fn identity(&self, name: &str) -> io::Result<Option<DeviceIdentity>> {
        Ok(self.0.get(name).map(|disk| FakeDisk::identity(disk)))
    }

    fn sync(&self) {}
}
