// SPDX-License-Identifier: Apache-2.0
//! What an ATA drive is: IDENTIFY DEVICE data (ACS-4 §7.13.6). Words are
//! little-endian, texts have the bytes of each word swapped.

use super::security::{Password, Sanitize};

/// Words of the data.
const WORDS: usize = 256;

/// IDENTIFY DEVICE data that passed its checksum.
#[derive(Debug, Clone)]
pub(super) struct AtaIdentify([u16; WORDS]);

impl AtaIdentify {
    /// Takes 512 bytes; a checksum that is there has to be right (word 255).
    pub(super) fn new(bytes: &[u8]) -> Result<Self, String> {
        let block = bytes
            .get(..2 * WORDS)
            .ok_or("the IDENTIFY DEVICE data is cut short")?;
        let mut words = [0; WORDS];
        for (word, pair) in words.iter_mut().zip(block.as_chunks().0) {
            *word = u16::from_le_bytes(*pair);
        }
        let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        if words[255] & 0xff == 0xa5 && sum != 0 {
            return Err("the IDENTIFY DEVICE data fails its checksum".into());
        }
        Ok(Self(words))
    }

    /// A word; 0000h and FFFFh say nothing (§7.13.6.1).
    fn word(&self, number: usize) -> Option<u16> {
        let word = self.0.get(number).copied();
        word.filter(|word| *word != 0 && *word != 0xffff)
    }

    /// A word of which bits 15:14 = 01b say that it is filled.
    fn marked(&self, number: usize) -> Option<u16> {
        self.word(number).filter(|word| word >> 14 == 1)
    }

    fn text(&self, words: std::ops::RangeInclusive<usize>) -> Option<String> {
        let words = self.0.get(words)?;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        super::answers::text(&bytes)
    }

    pub(super) fn firmware(&self) -> Option<String> {
        self.text(23..=26)
    }

    /// Whether SMART is switched on (words 82, 85 bit 0); `None` if there is no SMART.
    pub(super) fn smart_enabled(&self) -> Option<bool> {
        self.enabled(0)
    }

    /// Whether the write cache is on (words 82, 85 bit 5).
    pub(super) fn write_cache_enabled(&self) -> Option<bool> {
        self.enabled(5)
    }

    /// A feature of word 82 and whether it is on by word 85; word 83 says that
    /// both are filled.
    fn enabled(&self, bit: u16) -> Option<bool> {
        self.marked(83)?;
        let has = |word: Option<u16>| word.is_some_and(|word| word >> bit & 1 != 0);
        has(self.word(82)).then(|| has(self.word(85)))
    }

    /// Whether READ LOG EXT is there (words 84, 87 bit 5).
    pub(super) fn has_general_logs(&self) -> bool {
        [84, 87]
            .iter()
            .any(|number| self.marked(*number).is_some_and(|word| word >> 5 & 1 != 0))
    }

    /// Rotations per minute (word 217); 0 for a drive without moving parts.
    pub(super) fn rotation_rpm(&self) -> Option<u32> {
        rotation_rpm(self.word(217)?)
    }

    /// Form factor (word 168 bits 3:0).
    pub(super) fn form_factor(&self) -> Option<&'static str> {
        form_factor(self.word(168)? & 0x0f)
    }

    /// Speed of the link now (word 77 bits 3:1) and at most (word 76), Mbit/s.
    pub(super) fn link_speeds_mbps(&self) -> (Option<u32>, Option<u32>) {
        const GENERATIONS: [u32; 3] = [1500, 3000, 6000];
        let now = self
            .word(77)
            .and_then(|word| GENERATIONS.get(usize::from(word >> 1 & 7).checked_sub(1)?));
        let most = self.word(76).and_then(|word| {
            let generations = GENERATIONS.iter().enumerate();
            let offered = generations.filter(|(bit, _)| word >> (bit + 1) & 1 != 0);
            offered.map(|(_, speed)| speed).next_back()
        });
        (now.copied(), most.copied())
    }

    /// Whether a discarded sector reads as zeroes (word 69 bits 14 and 5).
    pub(super) fn discarded_reads_zeroes(&self) -> Option<bool> {
        self.has_discard()?;
        Some(self.word(69).unwrap_or(0) & 0x4020 == 0x4020)
    }

    /// Whether DATA SET MANAGEMENT can discard (word 169 bit 0).
    fn has_discard(&self) -> Option<()> {
        (self.word(169)? & 1 != 0).then_some(())
    }

    /// Whether zones are the drive's own business (word 69 bits 1:0).
    pub(super) fn is_drive_managed(&self) -> bool {
        self.word(69).is_some_and(|word| word & 3 == 2)
    }

    /// Whether it takes Trusted Computing commands (word 48 bit 0).
    pub(super) fn trusted_computing(&self) -> Option<bool> {
        self.marked(48).map(|word| word & 1 != 0)
    }

    /// The security feature set (word 128); `None` if there is none.
    pub(super) fn password(&self) -> Option<Password> {
        let status = self.word(128)?;
        let has = |bit: u16| status >> bit & 1 != 0;
        has(0).then(|| Password {
            enabled: has(1),
            locked: has(2),
            frozen: has(3),
            attempts_expired: has(4),
            enhanced_erase: has(5),
            erase_minutes: self.word(89).and_then(erase_minutes),
            enhanced_erase_minutes: self.word(90).filter(|_| has(5)).and_then(erase_minutes),
        })
    }

    /// The ways to sanitize (word 59); `None` if there are none.
    pub(super) fn sanitize(&self) -> Option<Sanitize> {
        let word = self.word(59)?;
        let has = |bit: u16| word >> bit & 1 != 0;
        has(12).then(|| Sanitize {
            cryptographic_erase: has(13),
            overwrite: has(14),
            block_erase: has(15),
            ..Sanitize::default()
        })
    }
}

/// Units of two minutes, in 15 bits if bit 15 says so and in 8 otherwise
/// (§7.13.6.39). The highest value stands for "longer", which is no number.
fn erase_minutes(word: u16) -> Option<u32> {
    let (count, longest) = if word >> 15 == 1 {
        (word & 0x7fff, 0x7fff)
    } else {
        (word & 0xff, 0xff)
    };
    (1..longest).contains(&count).then(|| 2 * u32::from(count))
}

/// Nominal media rotation rate, as ATA and SCSI code it: 1 for none, revolutions
/// per minute from 0401h.
pub(super) fn rotation_rpm(code: u16) -> Option<u32> {
    match code {
        1 => Some(0),
        0x0401..=0xfffe => Some(u32::from(code)),
        _ => None,
    }
}

/// Nominal form factor, as ATA and SCSI code it.
pub(super) fn form_factor(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "5.25 inch",
        2 => "3.5 inch",
        3 => "2.5 inch",
        4 => "1.8 inch",
        5 => "less than 1.8 inch",
        6 => "mSATA",
        7 => "M.2",
        8 => "MicroSSD",
        9 => "CFast",
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Words as an Intel DC S3520 reports them (`hdparm -I`: 2.5 inch, SATA
    /// 6 Gb/s, security frozen, enhanced erase, sanitize by block and crypto).
    pub(in super::super) fn data() -> Vec<u8> {
        let mut words = [0_u16; WORDS];
        for (word, pair) in words[23..27].iter_mut().zip(b"N2010112".chunks(2)) {
            *word = u16::from_be_bytes([pair[0], pair[1]]);
        }
        let filled = [
            (48, 0x4000),
            (59, 0xb010),
            (69, 0x4020),
            (76, 0x850e),
            (77, 0x0006),
            (82, 0x746b),
            (83, 0x7d09),
            (84, 0x6163),
            (85, 0x7469),
            (86, 0xbc01),
            (87, 0x6163),
            (89, 0x0001),
            (90, 0x8008),
            (128, 0x0029),
            (168, 0x0003),
            (169, 0x0001),
            (217, 0x0001),
        ];
        for (number, word) in filled {
            words[number] = word;
        }
        sealed(&words)
    }

    /// Bytes of the words with a right checksum.
    fn sealed(words: &[u16; WORDS]) -> Vec<u8> {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes[510] = 0xa5;
        bytes[511] = 0;
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes[511] = 0_u8.wrapping_sub(sum);
        bytes
    }

    #[test]
    fn an_ssd_tells_what_it_is() {
        let found = AtaIdentify::new(&data()).expect("identify data");
        assert_eq!(found.firmware().as_deref(), Some("N2010112"));
        assert_eq!(found.smart_enabled(), Some(true));
        assert_eq!(found.write_cache_enabled(), Some(true));
        assert!(found.has_general_logs());
        assert_eq!(found.rotation_rpm(), Some(0));
        assert_eq!(found.form_factor(), Some("2.5 inch"));
        assert_eq!(found.link_speeds_mbps(), (Some(6000), Some(6000)));
        assert_eq!(found.discarded_reads_zeroes(), Some(true));
        assert_eq!(found.trusted_computing(), Some(false));
        assert_eq!(
            found.password(),
            Some(Password {
                frozen: true,
                enhanced_erase: true,
                erase_minutes: Some(2),
                enhanced_erase_minutes: Some(16),
                ..Password::default()
            })
        );
        let sanitize = found.sanitize().expect("sanitize");
        assert!(sanitize.cryptographic_erase && sanitize.block_erase && !sanitize.overwrite);
    }

    #[test]
    fn security_states_are_told_apart() {
        for (word, enabled, locked, frozen, expired) in [
            (0x0001, false, false, false, false),
            (0x0007, true, true, false, false),
            (0x001f, true, true, true, true),
        ] {
            let mut words = [0; WORDS];
            words[128] = word;
            let found = AtaIdentify::new(&sealed(&words)).expect("data").password();
            let found = found.expect("a security feature set");
            assert_eq!(
                (
                    found.enabled,
                    found.locked,
                    found.frozen,
                    found.attempts_expired
                ),
                (enabled, locked, frozen, expired),
                "{word:#x}"
            );
        }
    }

    #[test]
    fn erase_times_have_two_lengths() {
        for (word, minutes) in [
            (0x0001, Some(2)),
            (0x00fe, Some(508)),
            (0x00ff, None),
            (0x8100, Some(512)),
            (0xffff, None),
            (0x8000, None),
        ] {
            assert_eq!(erase_minutes(word), minutes, "{word:#x}");
        }
    }

    #[test]
    fn codes_without_meaning_are_absent() {
        assert_eq!(rotation_rpm(7200), Some(7200));
        assert_eq!(rotation_rpm(2), None);
        assert_eq!(rotation_rpm(0xffff), None);
        assert_eq!(form_factor(0), None);
    }

    #[test]
    fn broken_data_is_refused() {
        let mut data = data();
        assert!(AtaIdentify::new(&data[..511]).is_err());
        data[20] ^= 1;
        let reason = AtaIdentify::new(&data).expect_err("a wrong checksum");
        assert!(reason.contains("checksum"), "{reason}");
    }
}
