// SPDX-License-Identifier: Apache-2.0
//! What stands at the front of a disk while an image is written to it: a text
//! that says so. Whoever finds a disk that does not boot can read the reason
//! from its first sector, and discovery recognises it.

/// Bytes of the marker: the smallest sector of a disk.
pub const LENGTH: usize = 512;

/// The text ends before this: what follows in the first sector of a disk is
/// the disk identifier, the partition table and the boot signature, and all of
/// them stay zero.
const TEXT: usize = 440;

/// The first line, by which the marker is recognised.
const FIRST_LINE: &str = "ironseed: unfinished image\n";

/// What stands before the image's id.
const NAME: &str = "image: ";

/// What follows it, for people.
const ADVICE: &str = "\nThis disk does not boot: an image was being written to it and was not finished.\nThe deployment can be tried again.\n";

/// Room for the image's id.
const ID: usize = TEXT - FIRST_LINE.len() - NAME.len() - ADVICE.len();

/// The marker of an image. It has no boot signature, no partition and no
/// disk identifier. What cannot be printed of the id becomes a question mark,
/// and what does not fit is left out.
#[must_use]
pub fn marker(image: &str) -> [u8; LENGTH] {
    let mut sector = [0; LENGTH];
    let id = image.chars().map(|character| match character {
        ' '..='~' => character as u8,
        _ => b'?',
    });
    let text = FIRST_LINE
        .bytes()
        .chain(NAME.bytes())
        .chain(id.take(ID))
        .chain(ADVICE.bytes());
    for (place, byte) in sector.iter_mut().zip(text) {
        *place = byte;
    }
    sector
}

/// The id of the image that was being written to a disk, from the disk's
/// first bytes; `None` if no marker stands there.
#[must_use]
pub fn read(head: &[u8]) -> Option<String> {
    let head = head.get(..LENGTH)?;
    let (text, rest) = head.split_at(TEXT);
    let text = text.strip_prefix(FIRST_LINE.as_bytes())?;
    let text = text.strip_prefix(NAME.as_bytes())?;
    let end = text
        .windows(ADVICE.len())
        .position(|piece| piece == ADVICE.as_bytes())?;
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    let sound = text[..end].iter().all(printable) && rest.iter().all(|byte| *byte == 0);
    sound.then(|| String::from_utf8_lossy(&text[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_comes_back_as_far_as_it_can_be_printed() {
        let long = "x".repeat(1000);
        let cases = [
            (
                "7c5a6f2e-3b1e-4f4e-9d0b-8a4b7f3d2c11",
                "7c5a6f2e-3b1e-4f4e-9d0b-8a4b7f3d2c11",
            ),
            ("debian 13.qcow2", "debian 13.qcow2"),
            ("", ""),
            ("größe\n\u{0}", "gr??e??"),
            (&long, &long[..ID]),
        ];
        for (image, expected) in cases {
            assert_eq!(read(&marker(image)).as_deref(), Some(expected));
        }
        // An id of usual length fits.
        const { assert!(ID >= 100) };
    }

    #[test]
    fn nothing_boots_from_a_marker() {
        for image in ["", "image", &"\u{aa55}".repeat(600)] {
            let sector = marker(image);
            assert!(sector[TEXT..].iter().all(|byte| *byte == 0));
            assert!(sector.starts_with(b"ironseed"));
            assert!(crate::partition::Table::read(&sector, 512, 1 << 30).is_err());
        }
    }

    #[test]
    fn other_first_sectors_are_no_marker() {
        let sound = marker("image");
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0; 4096]), None);
        for length in 0..LENGTH {
            assert_eq!(read(&sound[..length]), None, "{length} bytes");
        }
        // Damage is never taken for another text than an id's.
        for bit in 0..LENGTH * 8 {
            let mut damaged = sound;
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Some(id) = read(&damaged) {
                assert_eq!(id.len(), "image".len(), "bit {bit}");
            }
        }
        let mut boots = sound;
        boots[510..].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(read(&boots), None);
    }
}
