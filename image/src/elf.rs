// SPDX-License-Identifier: Apache-2.0
//! As much of ELF as the builder needs: one section of a kernel module, and whether
//! a program is static. 64-bit little-endian only, which is all we build for.
//!
//! Offsets are those of the ELF specification (System V ABI, chapters 4 and 5).

use thiserror::Error;

/// Not an ELF file of the kind we read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ElfError {
    /// The first bytes are not those of a 64-bit little-endian ELF file.
    #[error("not a 64-bit little-endian ELF file")]
    NotElf,
    /// A header points outside of the file.
    #[error("truncated ELF file: {0} lies outside")]
    Truncated(&'static str),
    /// There is no section of that name.
    #[error("no section {0}")]
    NoSection(String),
}

/// `p_type` of the program header that names a dynamic linker.
const PT_INTERP: u32 = 3;

/// An ELF file whose identification has been checked.
#[derive(Debug, Clone, Copy)]
pub struct Elf<'a> {
    bytes: &'a [u8],
}

impl<'a> Elf<'a> {
    /// Checks the identification; nothing else is looked at yet.
    ///
    /// # Errors
    /// If the bytes are not a 64-bit little-endian ELF file.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ElfError> {
        if bytes.len() < 64 || bytes[..6] != *b"\x7fELF\x02\x01" {
            return Err(ElfError::NotElf);
        }
        Ok(Self { bytes })
    }

    /// `e_machine`.
    ///
    /// # Errors
    /// Never for a file accepted by [`Self::new`]; the type keeps the reads uniform.
    pub fn machine(&self) -> Result<u16, ElfError> {
        self.u16(18, "machine")
    }

    /// Whether the program needs a dynamic linker.
    ///
    /// # Errors
    /// If a program header lies outside of the file.
    pub fn has_interpreter(&self) -> Result<bool, ElfError> {
        let (table, size, count) = (
            self.u64(32, "e_phoff")?,
            self.u16(54, "e_phentsize")?,
            self.u16(56, "e_phnum")?,
        );
        for index in 0..count {
            let header = entry(table, size, index, "program header")?;
            if self.u32(header, "program header")? == PT_INTERP {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The content of the section of that name.
    ///
    /// # Errors
    /// If there is none, or a header lies outside of the file.
    pub fn section(&self, name: &str) -> Result<&'a [u8], ElfError> {
        let (table, size, count) = (
            self.u64(40, "e_shoff")?,
            self.u16(58, "e_shentsize")?,
            self.u16(60, "e_shnum")?,
        );
        let names = self.content(entry(
            table,
            size,
            self.u16(62, "e_shstrndx")?,
            "section header",
        )?)?;
        for index in 0..count {
            let header = entry(table, size, index, "section header")?;
            let at = usize::try_from(self.u32(header, "section header")?).unwrap_or(usize::MAX);
            let rest = names.get(at..).ok_or(ElfError::Truncated("section name"))?;
            if rest
                .strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.first() == Some(&0))
            {
                return self.content(header);
            }
        }
        Err(ElfError::NoSection(name.to_owned()))
    }

    fn content(&self, header: usize) -> Result<&'a [u8], ElfError> {
        const WHAT: &str = "section content";
        let at = |offset| header.checked_add(offset).ok_or(ElfError::Truncated(WHAT));
        let (start, len) = (self.usize(at(24)?, WHAT)?, self.usize(at(32)?, WHAT)?);
        let end = start.checked_add(len).ok_or(ElfError::Truncated(WHAT))?;
        self.bytes.get(start..end).ok_or(ElfError::Truncated(WHAT))
    }

    fn array<const N: usize>(&self, at: usize, what: &'static str) -> Result<[u8; N], ElfError> {
        let rest = self.bytes.get(at..).ok_or(ElfError::Truncated(what))?;
        rest.first_chunk().copied().ok_or(ElfError::Truncated(what))
    }

    fn u16(&self, at: usize, what: &'static str) -> Result<u16, ElfError> {
        self.array(at, what).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize, what: &'static str) -> Result<u32, ElfError> {
        self.array(at, what).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize, what: &'static str) -> Result<u64, ElfError> {
        self.array(at, what).map(u64::from_le_bytes)
    }

    fn usize(&self, at: usize, what: &'static str) -> Result<usize, ElfError> {
        usize::try_from(self.u64(at, what)?).map_err(|_| ElfError::Truncated(what))
    }
}

/// Offset of an entry in a header table.
fn entry(table: u64, size: u16, index: u16, what: &'static str) -> Result<usize, ElfError> {
    let offset = table
        .checked_add(u64::from(size) * u64::from(index))
        .ok_or(ElfError::Truncated(what))?;
    usize::try_from(offset).map_err(|_| ElfError::Truncated(what))
}

/// Small ELF files for tests of this crate.
#[cfg(test)]
pub(crate) mod fixture {
    /// A file with one section of that name and content, as a module would have it.
    pub(crate) fn with_section(name: &str, content: &[u8]) -> Vec<u8> {
        let mut names = b"\0.shstrtab\0".to_vec();
        let name_at = u32::try_from(names.len()).unwrap_or_default();
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        let mut file = header(62);
        let names_at = file.len();
        file.extend_from_slice(&names);
        let content_at = file.len();
        file.extend_from_slice(content);
        let table = file.len() as u64;
        file.extend_from_slice(&[0; 64]);
        file.extend_from_slice(&section(1, names_at, names.len()));
        file.extend_from_slice(&section(name_at, content_at, content.len()));
        file[40..48].copy_from_slice(&table.to_le_bytes());
        file[58..60].copy_from_slice(&64_u16.to_le_bytes());
        file[60..62].copy_from_slice(&3_u16.to_le_bytes());
        file[62..64].copy_from_slice(&1_u16.to_le_bytes());
        file
    }

    /// A program with one program header of that type.
    pub(crate) fn program(machine: u16, header_type: u32) -> Vec<u8> {
        let mut file = header(machine);
        file[32..40].copy_from_slice(&64_u64.to_le_bytes());
        file[54..56].copy_from_slice(&56_u16.to_le_bytes());
        file[56..58].copy_from_slice(&1_u16.to_le_bytes());
        file.extend_from_slice(&header_type.to_le_bytes());
        file.resize(64 + 56, 0);
        file
    }

    fn header(machine: u16) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file
    }

    fn section(name: u32, offset: usize, len: usize) -> [u8; 64] {
        let mut header = [0; 64];
        header[..4].copy_from_slice(&name.to_le_bytes());
        header[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(len as u64).to_le_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_section_by_its_whole_name() {
        let file = fixture::with_section(".modinfo", b"license=GPL\0");
        let elf = Elf::new(&file);
        assert_eq!(
            elf.and_then(|elf| elf.section(".modinfo")),
            Ok(&b"license=GPL\0"[..])
        );
        assert_eq!(
            elf_section(&file, ".mod"),
            Err(ElfError::NoSection(".mod".to_owned()))
        );
        assert_eq!(Elf::new(b"\x7fELF").map(drop), Err(ElfError::NotElf));
    }

    #[test]
    fn knows_static_programs() {
        for (header_type, expected) in [(PT_INTERP, true), (1, false)] {
            let file = fixture::program(183, header_type);
            assert_eq!(
                Elf::new(&file).and_then(|elf| elf.has_interpreter()),
                Ok(expected)
            );
            assert_eq!(Elf::new(&file).and_then(|elf| elf.machine()), Ok(183));
        }
    }

    /// Damaged headers give an error or a slice of the file, never a panic.
    #[test]
    fn damaged_files() {
        let file = fixture::with_section(".modinfo", b"license=GPL\0");
        for len in 0..file.len() - 24 {
            assert!(
                elf_section(&file[..len], ".modinfo").is_err(),
                "cut to {len} bytes"
            );
        }
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] = value;
                if let Ok(section) = elf_section(&damaged, ".modinfo") {
                    assert!(section.len() <= damaged.len());
                }
                let _ = Elf::new(&damaged).and_then(|elf| elf.has_interpreter());
            }
        }
    }

    fn elf_section<'a>(file: &'a [u8], name: &str) -> Result<&'a [u8], ElfError> {
        Elf::new(file)?.section(name)
    }
}
