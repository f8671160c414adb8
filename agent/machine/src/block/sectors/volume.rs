// SPDX-License-Identifier: Apache-2.0
//! FAT file systems made anew: formatted for the disk's sectors and filled.

use std::io::{self, Read as _, Write as _};

use fatfs::{Dir, FileSystem, FormatVolumeOptions, FsOptions, OemCpConverter, ReadWriteSeek};

/// Directories below directories.
const DEEPEST: usize = 16;
/// Files and directories in all.
const MOST: usize = 20_000;
/// Bytes copied at once.
const COPY: usize = 64 << 10;

/// What a new file system is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// Volume serial number: the UUID that Linux shows, `1234-ABCD`.
    pub(super) id: u32,
    /// Volume label, filled up with spaces.
    pub(super) label: Option<[u8; 11]>,
}

/// Makes an empty file system of `length` bytes on something that is zero.
///
/// FAT32 must have 65525 clusters, FAT16 4085; a cluster has at least one
/// sector. So the type follows from length and sector, and not every length
/// can be had with every cluster: larger ones are tried in turn.
pub(super) fn format<D: ReadWriteSeek>(
    mut disk: D,
    length: u64,
    sector: u32,
    name: Name,
) -> io::Result<()> {
    let bytes_per_sector = u16::try_from(sector).map_err(io::Error::other)?;
    let sectors = u32::try_from(length / u64::from(sector)).map_err(io::Error::other)?;
    let mut cluster = sector;
    loop {
        let mut options = FormatVolumeOptions::new()
            .bytes_per_sector(bytes_per_sector)
            .bytes_per_cluster(cluster)
            .total_sectors(sectors)
            .volume_id(name.id);
        if let Some(label) = name.label {
            options = options.volume_label(label);
        }
        disk.rewind()?;
        match fatfs::format_volume(&mut disk, options) {
            Ok(()) => return disk.rewind(),
            Err(error) if error.kind() != io::ErrorKind::Other => return Err(error),
            Err(error) if cluster >= 32 << 10 => return Err(error),
            Err(_) => cluster *= 2,
        }
    }
}

/// Copies everything from one file system into an empty one. Times and
/// attributes are not kept: nothing that boots depends on them.
pub(super) fn copy_all<S: ReadWriteSeek, D: ReadWriteSeek>(
    from: &FileSystem<S>,
    to: &FileSystem<D>,
    limit: u64,
) -> io::Result<()> {
    let mut left = limit;
    let mut seen = 0;
    let mut waiting = vec![(from.root_dir(), to.root_dir(), 0)];
    while let Some((source, target, depth)) = waiting.pop() {
        for entry in source.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if name == "." || name == ".." {
                continue;
            }
            seen += 1;
            if seen > MOST || depth > DEEPEST {
                return Err(io::Error::other("it has too many files or directories"));
            }
            if is_taken(&target, &name) {
                return Err(io::Error::other(format!("it has two files named {name:?}")));
            }
            if entry.is_dir() {
                waiting.push((entry.to_dir(), target.create_dir(&name)?, depth + 1));
            } else {
                left = left
                    .checked_sub(entry.len())
                    .ok_or_else(|| io::Error::other("its files are larger than itself"))?;
                copy(&mut entry.to_file(), &mut target.create_file(&name)?)?;
            }
        }
    }
    Ok(())
}

/// `fatfs` opens what exists already; here that would mix two files.
pub(super) fn is_taken<D: ReadWriteSeek>(directory: &Dir<'_, D>, name: &str) -> bool {
    directory.open_file(name).is_ok() || directory.open_dir(name).is_ok()
}

fn copy<S: ReadWriteSeek, D: ReadWriteSeek>(
    from: &mut fatfs::File<'_, S>,
    to: &mut fatfs::File<'_, D>,
) -> io::Result<()> {
    let mut buffer = vec![0; COPY];
    loop {
        match from.read(&mut buffer)? {
            0 => return to.flush(),
            count => to.write_all(&buffer[..count])?,
        }
    }
}

/// Opens a file system.
pub(super) fn open<D: ReadWriteSeek>(disk: D) -> io::Result<FileSystem<D>> {
    FileSystem::new(disk, FsOptions::new().oem_cp_converter(&CodePage437))
}

/// Characters of short names from 128 on, in the code page that Linux takes
/// for granted too.
#[derive(Debug)]
struct CodePage437;

const FROM_128: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

impl OemCpConverter for CodePage437 {
    fn decode(&self, byte: u8) -> char {
        match byte.checked_sub(128) {
            None => char::from(byte),
            Some(index) => {
                let character = FROM_128.chars().nth(usize::from(index));
                character.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
        }
    }

    fn encode(&self, character: char) -> Option<u8> {
        if character.is_ascii() {
            return u8::try_from(character).ok();
        }
        let index = FROM_128.chars().position(|known| known == character)?;
        u8::try_from(index + 128).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_short_name_is_one_character() {
        for byte in 0..=255 {
            let character = CodePage437.decode(byte);
            assert_eq!(CodePage437.encode(character), Some(byte));
        }
        assert_eq!(CodePage437.decode(0xe1), 'ß');
        assert_eq!(CodePage437.encode('\u{20ac}'), None);
    }
}
