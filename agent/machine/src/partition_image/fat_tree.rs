// SPDX-License-Identifier: Apache-2.0
//! A new FAT file system that files are copied into.
//!
//! `fatfs` 0.3 gives the entries `.` and `..` of a new directory long names,
//! and lets `..` lead to the root directory's cluster where 0 is demanded
//! (Microsoft's FAT specification 1.03, chapter 6.5). Checkers complain, and firmware
//! need not be lenient. So it is watched where these entries are written, and
//! they are put right in the end.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use fatfs::{Dir, FileSystem, FsOptions};

use crate::block::BlockStream;

/// Bytes of a directory entry.
const ENTRY: u64 = 32;
const DOT: &[u8; 11] = b".          ";
const DOT_DOT: &[u8; 11] = b"..         ";
/// First byte of an entry that is free.
const FREE: u8 = 0xe5;

/// Where a new directory has its two own entries.
#[derive(Debug, Default)]
struct Made {
    dot: Option<u64>,
    dot_dot: Option<u64>,
    is_top: bool,
}

/// Directories so far; the last one is being made while `watching`.
#[derive(Debug, Default)]
struct Log {
    watching: bool,
    made: Vec<Made>,
}

/// The device under `fatfs`, with an eye on what is written.
pub(super) struct Watched<'a> {
    /// Shared, because `fatfs` never gives it back nor flushes it.
    stream: Rc<RefCell<BlockStream<'a>>>,
    position: u64,
    log: Rc<RefCell<Log>>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.borrow_mut().read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.log.borrow_mut();
        if log.watching
            && let Some(made) = log.made.last_mut()
        {
            if bytes == DOT {
                made.dot = Some(self.position);
            } else if bytes == DOT_DOT {
                made.dot_dot = Some(self.position);
            }
        }
        let count = self.stream.borrow_mut().write(bytes)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.borrow_mut().flush()
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.stream.borrow_mut().seek(to)?;
        Ok(self.position)
    }
}

/// A directory of the new file system.
pub(super) type Directory<'a, 'b> = Dir<'a, Watched<'b>>;

/// Makes directories, and remembers where.
pub(super) struct Maker(Rc<RefCell<Log>>);

impl Maker {
    /// A new directory in another one.
    pub(super) fn directory<'a, 'b>(
        &self,
        parent: &Directory<'a, 'b>,
        name: &str,
        is_top: bool,
    ) -> io::Result<Directory<'a, 'b>> {
        let mut log = self.0.borrow_mut();
        log.watching = true;
        log.made.push(Made {
            is_top,
            ..Made::default()
        });
        drop(log);
        let made = parent.create_dir(name);
        self.0.borrow_mut().watching = false;
        made
    }
}

/// Lets `fill` put files into the file system on a device, then makes it sound
/// and writes it out.
pub(super) fn fill<T, E: From<io::Error>>(
    device: &dyn crate::block::Block,
    fill: impl FnOnce(&Directory<'_, '_>, &Maker) -> Result<T, E>,
) -> Result<T, E> {
    let log = Rc::new(RefCell::new(Log::default()));
    let stream = Rc::new(RefCell::new(BlockStream::new(device)));
    let watched = Watched {
        stream: Rc::clone(&stream),
        position: 0,
        log: Rc::clone(&log),
    };
    let file_system = FileSystem::new(watched, FsOptions::new())?;
    let filled = fill(&file_system.root_dir(), &Maker(Rc::clone(&log)))?;
    // Counts the free clusters, so that the number that is stored is right.
    file_system.stats()?;
    file_system.unmount()?;
    let mut stream = stream.borrow_mut();
    for made in &log.borrow().made {
        mend(&mut stream, made)?;
    }
    stream.flush()?;
    Ok(filled)
}

/// The own entries stand first, and what their long names took is free.
fn mend(stream: &mut BlockStream<'_>, made: &Made) -> io::Result<()> {
    let (Some(dot), Some(dot_dot)) = (made.dot, made.dot_dot) else {
        return Ok(());
    };
    let mut read = |at| -> io::Result<[u8; 32]> {
        let mut entry = [0; 32];
        stream.seek(SeekFrom::Start(at))?;
        stream.read_exact(&mut entry)?;
        Ok(entry)
    };
    let (own, mut parent) = (read(dot)?, read(dot_dot)?);
    if made.is_top {
        // Both halves of the first cluster.
        parent[20..22].fill(0);
        parent[26..28].fill(0);
    }
    let mut free = [0; 32];
    free[0] = FREE;
    let entries: &[[u8; 32]] = &[own, parent, free, free];
    // Without long names the two already follow each other.
    let (start, count) = match dot_dot - dot {
        ENTRY => (dot, 2),
        _ => (dot - ENTRY, 4),
    };
    stream.seek(SeekFrom::Start(start))?;
    entries[..count]
        .iter()
        .try_for_each(|entry| stream.write_all(entry))
}
