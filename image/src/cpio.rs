// SPDX-License-Identifier: Apache-2.0
//! The archive format of an initramfs: cpio "newc"
//! (Documentation/driver-api/early-userspace/buffer-format.rst).
//!
//! The writer leaves nothing to chance: inodes count up, owner and times are zero, so
//! the same entries give the same bytes. The reader is for checking what was written.

use thiserror::Error;

/// An archive that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CpioError {
    /// A header, name or content goes past the end.
    #[error("cpio archive is cut short at byte {at}")]
    Truncated {
        /// Where the reader stood.
        at: usize,
    },
    /// The bytes are not a newc header.
    #[error("no cpio header at byte {at}")]
    NoHeader {
        /// Where one was expected.
        at: usize,
    },
}

/// One file, directory or link of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path without leading slash.
    pub path: String,
    /// File type and permission bits, as `st_mode` of stat(2).
    pub mode: u32,
    /// Content of a file, target of a link, nothing for a directory.
    pub content: Vec<u8>,
}

/// Magic of a header without checksums.
pub const MAGIC: &[u8; 6] = b"070701";

const HEADER: usize = 110;
const TRAILER: &str = "TRAILER!!!";
/// `S_IFMT` and the types of stat(2) that occur.
const TYPE_MASK: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

impl Entry {
    /// A directory with the usual permissions.
    #[must_use]
    pub fn directory(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            mode: DIRECTORY | 0o755,
            content: Vec::new(),
        }
    }

    /// A file with these permission bits.
    #[must_use]
    pub fn file(path: &str, permissions: u32, content: Vec<u8>) -> Self {
        Self {
            path: path.to_owned(),
            mode: FILE | permissions,
            content,
        }
    }

    /// A symbolic link.
    #[must_use]
    pub fn symlink(path: &str, target: &str) -> Self {
        Self {
            path: path.to_owned(),
            mode: SYMLINK | 0o777,
            content: target.as_bytes().to_vec(),
        }
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.mode & TYPE_MASK == FILE
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.mode & TYPE_MASK == SYMLINK
    }

    /// Whether anybody may execute it as a program.
    #[must_use]
    pub fn is_executable(&self) -> bool {
        self.is_file() && self.mode & 0o111 != 0
    }
}

/// Writes an archive of the entries in their order, with the trailer.
#[must_use]
pub fn write(entries: &[Entry]) -> Vec<u8> {
    let mut archive = Vec::new();
    let trailer = Entry {
        path: TRAILER.to_owned(),
        mode: 0,
        content: Vec::new(),
    };
    for (entry, inode) in entries.iter().zip(1_u32..) {
        append(&mut archive, entry, inode);
    }
    append(&mut archive, &trailer, 0);
    archive
}

fn append(archive: &mut Vec<u8>, entry: &Entry, inode: u32) {
    let links = if entry.mode & TYPE_MASK == DIRECTORY {
        2
    } else {
        1
    };
    let fields = [
        u64::from(inode),
        u64::from(entry.mode),
        0, // uid
        0, // gid
        links,
        0, // mtime
        entry.content.len() as u64,
        0, // device major
        0, // device minor
        0, // special device major
        0, // special device minor
        entry.path.len() as u64 + 1,
        0, // checksum
    ];
    archive.extend_from_slice(MAGIC);
    for field in fields {
        archive.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    archive.extend_from_slice(entry.path.as_bytes());
    archive.push(0);
    pad(archive);
    archive.extend_from_slice(&entry.content);
    pad(archive);
}

fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

/// Reads the archive at the beginning of the bytes: its entries, and where it ends.
///
/// # Errors
/// If the bytes end before the trailer, or something else stands where a header should.
pub fn read(bytes: &[u8]) -> Result<(Vec<Entry>, usize), CpioError> {
    let mut entries = Vec::new();
    let mut at = 0;
    loop {
        let (entry, next) = read_entry(bytes, at)?;
        if entry.path == TRAILER {
            return Ok((entries, next));
        }
        entries.push(entry);
        at = next;
    }
}

fn read_entry(bytes: &[u8], at: usize) -> Result<(Entry, usize), CpioError> {
    let header = slice(bytes, at, HEADER)?;
    if !header.starts_with(MAGIC) {
        return Err(CpioError::NoHeader { at });
    }
    let field = |index: usize| {
        let text = std::str::from_utf8(&header[6 + 8 * index..14 + 8 * index]).unwrap_or("");
        u32::from_str_radix(text, 16).map_err(|_| CpioError::NoHeader { at })
    };
    let len = |index: usize| Ok(usize::try_from(field(index)?).unwrap_or(usize::MAX));
    let (mode, content_len, name_len) = (field(1)?, len(6)?, len(11)?);
    let name = slice(bytes, at + HEADER, name_len)?;
    let path = String::from_utf8_lossy(name)
        .trim_end_matches('\0')
        .to_owned();
    let content_at = (at + HEADER + name_len).next_multiple_of(4);
    let content = slice(bytes, content_at, content_len)?.to_vec();
    Ok((
        Entry {
            path,
            mode,
            content,
        },
        (content_at + content_len).next_multiple_of(4),
    ))
}

fn slice(bytes: &[u8], at: usize, len: usize) -> Result<&[u8], CpioError> {
    let end = at.checked_add(len).ok_or(CpioError::Truncated { at })?;
    bytes.get(at..end).ok_or(CpioError::Truncated { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        vec![
            Entry::directory("usr"),
            Entry::symlink("lib", "usr/lib"),
            Entry::file("init", 0o755, b"#!hello".to_vec()),
            Entry::file("etc/hosts", 0o644, Vec::new()),
        ]
    }

    /// As `cpio -o -H newc --reproducible -R 0:0` of GNU cpio 2.13 writes it, but for
    /// the inode (it writes 0) and the case of the digits, which readers ignore.
    #[test]
    fn exact_bytes() {
        let archive = write(&[Entry::file("init", 0o755, b"#!hello".to_vec())]);
        let expected = "\
            07070100000001000081ed000000000000000000000001000000000000000700000000000000000000000000000000\
            0000000500000000init\0\0#!hello\0\
            07070100000000000000000000000000000000000000010000000000000000000000000000000000000000000000000\
            000000b00000000TRAILER!!!\0\0\0\0";
        assert_eq!(String::from_utf8(archive).unwrap(), expected);
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let mut bytes = write(&entries());
        let len = bytes.len();
        bytes.extend_from_slice(b"what follows");
        assert_eq!(read(&bytes), Ok((entries(), len)));
        assert!(len.is_multiple_of(4));
    }

    #[test]
    fn knows_kinds() {
        let kinds: Vec<_> = entries()
            .iter()
            .map(|e| (e.is_file(), e.is_symlink(), e.is_executable()))
            .collect();
        let expected = [
            (false, false, false),
            (false, true, false),
            (true, false, true),
            (true, false, false),
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn damaged_archives() {
        let bytes = write(&entries());
        for len in 0..bytes.len() - 4 {
            assert!(read(&bytes[..len]).is_err(), "cut to {len} bytes");
        }
        for at in 0..bytes.len() {
            for value in [0, b'0', b'f', b'x', 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                if let Ok((entries, end)) = read(&damaged) {
                    assert!(end <= damaged.len().next_multiple_of(4) && entries.len() <= 4);
                }
            }
        }
    }
}
