// SPDX-License-Identifier: Apache-2.0
//! What a FAT file system is read from and written to: a range of a disk, or
//! memory. `fatfs` asks for single numbers, so both keep whole pages.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use super::front::Front;
use crate::block::position::after_seek;

/// Bytes of a page, a multiple of every sector.
pub(super) const PAGE: usize = 64 << 10;

/// Pages of a disk that are kept in memory.
const CACHED: usize = 32;

/// Pages of bytes.
pub(super) trait Pages {
    /// A page, to be read.
    fn page(&mut self, index: u64) -> io::Result<&[u8]>;

    /// A page, to be changed.
    fn page_mut(&mut self, index: u64) -> io::Result<&mut [u8]>;

    /// Writes changes to where they belong.
    fn flush(&mut self) -> io::Result<()>;
}

/// Pages in memory. Those that nobody wrote to are zero and cost nothing.
#[derive(Debug)]
pub(super) struct Memory {
    pages: BTreeMap<u64, Box<[u8]>>,
    limit: usize,
    zeroes: Box<[u8]>,
}

impl Memory {
    /// At most so many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            pages: BTreeMap::new(),
            limit: limit / PAGE,
            zeroes: vec![0; PAGE].into(),
        }
    }

    /// The pages that were written to, with the place of each.
    pub(super) fn written(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let pages = self.pages.iter();
        pages.map(|(index, page)| (index * PAGE as u64, &page[..]))
    }
}

impl Pages for Memory {
    fn page(&mut self, index: u64) -> io::Result<&[u8]> {
        Ok(self.pages.get(&index).unwrap_or(&self.zeroes))
    }

    fn page_mut(&mut self, index: u64) -> io::Result<&mut [u8]> {
        if !self.pages.contains_key(&index) && self.pages.len() >= self.limit {
            return Err(ErrorKind::OutOfMemory.into());
        }
        let page = self.pages.entry(index);
        Ok(page.or_insert_with(|| vec![0; PAGE].into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pages of a range of a disk, some of them kept in memory.
#[derive(Debug)]
pub(super) struct OnDisk<'a, 'b> {
    front: &'a mut Front<'b>,
    offset: u64,
    length: u64,
    pages: BTreeMap<u64, Page>,
    /// Counts uses, so that the page used longest ago is given up.
    now: u64,
}

#[derive(Debug)]
struct Page {
    bytes: Box<[u8]>,
    changed: bool,
    used: u64,
}

impl<'a, 'b> OnDisk<'a, 'b> {
    /// A range of whole sectors.
    pub(super) fn new(front: &'a mut Front<'b>, offset: u64, length: u64) -> Self {
        Self {
            front,
            offset,
            length,
            pages: BTreeMap::new(),
            now: 0,
        }
    }

    fn load(&mut self, index: u64) -> io::Result<&mut Page> {
        self.now += 1;
        if !self.pages.contains_key(&index) {
            if self.pages.len() >= CACHED {
                self.give_up_one()?;
            }
            let length = self.length_of(index)?;
            let mut bytes = vec![0; length];
            let at = self.offset + index * PAGE as u64;
            self.front.read(at, &mut bytes)?;
            let page = Page {
                bytes: bytes.into(),
                changed: false,
                used: 0,
            };
            self.pages.insert(index, page);
        }
        let page = self.pages.get_mut(&index).ok_or(ErrorKind::NotFound)?;
        page.used = self.now;
        Ok(page)
    }

    /// The last page of a range may be shorter.
    fn length_of(&self, index: u64) -> io::Result<usize> {
        let at = index.checked_mul(PAGE as u64);
        let left = at.and_then(|at| self.length.checked_sub(at));
        let left = left.ok_or(ErrorKind::UnexpectedEof)?;
        Ok(usize::try_from(left).map_or(PAGE, |left| left.min(PAGE)))
    }

    fn give_up_one(&mut self) -> io::Result<()> {
        let oldest = self.pages.iter().min_by_key(|(_, page)| page.used);
        let Some(index) = oldest.map(|(index, _)| *index) else {
            return Ok(());
        };
        if let Some(page) = self.pages.remove(&index)
            && page.changed
        {
            let at = self.offset + index * PAGE as u64;
            self.front.write(at, &page.bytes)?;
        }
        Ok(())
    }
}

impl Pages for OnDisk<'_, '_> {
    fn page(&mut self, index: u64) -> io::Result<&[u8]> {
        self.load(index).map(|page| &page.bytes[..])
    }

    fn page_mut(&mut self, index: u64) -> io::Result<&mut [u8]> {
        let page = self.load(index)?;
        page.changed = true;
        Ok(&mut page.bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        for (index, page) in &mut self.pages {
            if std::mem::take(&mut page.changed) {
                let at = self.offset + index * PAGE as u64;
                self.front.write(at, &page.bytes)?;
            }
        }
        Ok(())
    }
}

/// Pages as something that `fatfs` reads and writes.
#[derive(Debug)]
pub(super) struct Cursor<P> {
    pages: P,
    length: u64,
    position: u64,
    /// Requests until it is taken for a file system without an end.
    requests_left: u64,
}

impl<P: Pages> Cursor<P> {
    /// `length` bytes of pages.
    pub(super) fn new(pages: P, length: u64) -> Self {
        Self {
            pages,
            length,
            position: 0,
            requests_left: 4_000_000 + length / 64,
        }
    }

    /// The pages again.
    pub(super) fn into_pages(self) -> P {
        self.pages
    }

    /// The page of the position, the place in it, and how much of `wanted`
    /// bytes it has.
    fn place(&mut self, wanted: usize) -> io::Result<(u64, usize, usize)> {
        self.requests_left = self
            .requests_left
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("the file system has no end"))?;
        let index = self.position / PAGE as u64;
        let skip = usize::try_from(self.position % PAGE as u64).unwrap_or(0);
        let left = self.length.saturating_sub(self.position);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        Ok((index, skip, wanted.min(PAGE - skip).min(left)))
    }
}

impl<P: Pages> Read for Cursor<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (index, skip, count) = self.place(buffer.len())?;
        if count > 0 {
            let page = self.pages.page(index)?;
            let bytes = page.get(skip..skip + count);
            buffer[..count].copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
            self.position += count as u64;
        }
        Ok(count)
    }
}

impl<P: Pages> Write for Cursor<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (index, skip, count) = self.place(bytes.len())?;
        if count == 0 {
            return Ok(0);
        }
        let place = skip..skip + count;
        let same = self.pages.page(index)?.get(place.clone()) == Some(&bytes[..count]);
        if !same {
            let page = self.pages.page_mut(index)?;
            let page = page.get_mut(place).ok_or(ErrorKind::UnexpectedEof)?;
            page.copy_from_slice(&bytes[..count]);
        }
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pages.flush()
    }
}

impl<P: Pages> Seek for Cursor<P> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = after_seek(to, self.position, self.length);
        self.position = target
            .filter(|position| *position <= self.length)
            .ok_or_else(|| io::Error::other("the file system is larger than its place"))?;
        Ok(self.position)
    }
}
