// SPDX-License-Identifier: Apache-2.0
//! `BOOT*.CSV`: the file in which an operating system says how its boot entry
//! shall look. Shim's fallback program reads it, and so does
//! `install_bootloader` (contract §17).

/// The first line of such a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootCsv {
    /// The boot loader, relative to the directory of the file: `shimx64.efi`.
    pub file: String,
    /// Label of the boot entry: `debian`. May be empty.
    pub label: String,
}

impl BootCsv {
    /// Reads `file,label,…` from UTF-16 with a byte order mark, or UTF-16LE
    /// without one.
    ///
    /// `None` if there is no line with a file name in it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let text = text(bytes);
        let line = text.lines().find(|line| !clean(line).is_empty())?;
        let mut fields = line.split(',');
        let file = clean(fields.next()?);
        // A file without any comma is no CSV of boot entries.
        let label = clean(fields.next()?);
        (!file.is_empty()).then_some(Self { file, label })
    }
}

fn text(bytes: &[u8]) -> String {
    let big_endian = bytes.starts_with(&[0xfe, 0xff]);
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs
        .iter()
        .map(|pair| {
            if big_endian {
                u16::from_be_bytes(*pair)
            } else {
                u16::from_le_bytes(*pair)
            }
        })
        .collect();
    String::from_utf16_lossy(&units)
}

/// A field without byte order mark, padding and control characters: none of
/// them can stand in a path or in a firmware's menu.
fn clean(field: &str) -> String {
    let printable: String = field
        .chars()
        .filter(|character| !character.is_control() && *character != '\u{feff}')
        .collect();
    printable.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn little(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn big(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn files_of_distributions_are_read() {
        let debian = "shimx64.efi,debian,,This is the boot entry for debian\n";
        let fedora = "\u{feff}shimx64.efi,Fedora,,This is the boot entry for Fedora ";
        let two = "\u{feff}\r\nshim.efi,openSUSE Größe,\r\nother.efi,other\r\n";
        for (bytes, file, label) in [
            (little(debian), "shimx64.efi", "debian"),
            (little(fedora), "shimx64.efi", "Fedora"),
            (big(fedora), "shimx64.efi", "Fedora"),
            (little(two), "shim.efi", "openSUSE Größe"),
            (little(" grubaa64.efi , , \0"), "grubaa64.efi", ""),
            (little("a.efi,x\0y"), "a.efi", "xy"),
        ] {
            let expected = BootCsv {
                file: file.into(),
                label: label.into(),
            };
            assert_eq!(BootCsv::decode(&bytes), Some(expected), "{file} {label}");
        }
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for bytes in [
            Vec::new(),
            vec![0xff],
            little("\u{feff}"),
            little("\r\n\r\n"),
            little("shimx64.efi"),
            little(",label,"),
            b"shimx64.efi,debian,,".to_vec(),
        ] {
            assert_eq!(BootCsv::decode(&bytes), None, "{bytes:02x?}");
        }
    }
}
