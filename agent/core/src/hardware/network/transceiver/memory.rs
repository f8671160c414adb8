// SPDX-License-Identifier: Apache-2.0
//! Reads fields of half a page of a module's memory by the numbers the
//! specifications give their bytes. What is not there reads as absent.

/// Half a page: its first byte has the number `first`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Half<'a> {
    bytes: &'a [u8],
    first: usize,
}

impl<'a> Half<'a> {
    /// Bytes 0 to 127.
    pub(super) fn lower(bytes: &'a [u8]) -> Self {
        Self { bytes, first: 0 }
    }

    /// Bytes 128 to 255.
    pub(super) fn upper(bytes: &'a [u8]) -> Self {
        Self { bytes, first: 128 }
    }

    /// The bytes of a field, if all of it was read.
    pub(super) fn range(&self, at: usize, length: usize) -> Option<&'a [u8]> {
        let start = at.checked_sub(self.first)?;
        self.bytes.get(start..start.checked_add(length)?)
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.range(at, 1)?.first().copied()
    }

    /// Whether a bit is set; bits that were not read are not.
    pub(super) fn bit(&self, at: usize, bit: u8) -> bool {
        self.byte(at).is_some_and(|byte| byte >> bit & 1 == 1)
    }

    /// A number of two bytes, the higher first.
    pub(super) fn word(&self, at: usize) -> Option<u16> {
        let bytes = self.range(at, 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    }

    /// The same, signed.
    pub(super) fn signed(&self, at: usize) -> Option<i16> {
        let bytes = self.range(at, 2)?;
        Some(i16::from_be_bytes(bytes.try_into().ok()?))
    }

    /// An IEEE 754 number of four bytes.
    pub(super) fn float(&self, at: usize) -> Option<f32> {
        let bytes = self.range(at, 4)?;
        Some(f32::from_be_bytes(bytes.try_into().ok()?))
    }

    /// A text without its padding (spaces; in some modules NULs or 0xFF);
    /// `None` if it is empty or no text.
    pub(super) fn text(&self, at: usize, length: usize) -> Option<String> {
        let bytes = self.range(at, length)?;
        let is_padding = |byte: &u8| matches!(byte, 0 | b' ' | 0xff);
        let start = bytes.iter().position(|byte| !is_padding(byte))?;
        let end = bytes.iter().rposition(|byte| !is_padding(byte))?;
        let text = bytes.get(start..=end)?;
        let readable = text
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        readable.then(|| String::from_utf8_lossy(text).into_owned())
    }

    /// The maker's IEEE number, `00:02:c9`; `None` if it is not given.
    pub(super) fn oui(&self, at: usize) -> Option<String> {
        let bytes = self.range(at, 3)?;
        let [a, b, c] = bytes else { return None };
        let given = !matches!(bytes, [0, 0, 0] | [0xff, 0xff, 0xff]);
        given.then(|| format!("{a:02x}:{b:02x}:{c:02x}"))
    }

    /// A date code of six digits (year, month, day) as a date, `2018-12-07`.
    pub(super) fn date(&self, at: usize) -> Option<String> {
        let code = self.text(at, 6)?;
        if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (year, rest) = code.split_at(2);
        let (month, day) = rest.split_at(2);
        let fits = |text: &str, last: u8| {
            let number = text.parse::<u8>();
            number.is_ok_and(|number| (1..=last).contains(&number))
        };
        (fits(month, 12) && fits(day, 31)).then(|| format!("20{year}-{month}-{day}"))
    }

    /// Whether the sum of the bytes before the checksum, modulo 256, is it.
    pub(super) fn sum_is_right(&self, from: usize, checksum_at: usize) -> Option<bool> {
        let bytes = self.range(from, checksum_at.checked_sub(from)?)?;
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        Some(sum == self.byte(checksum_at)?)
    }

    /// Names of the bits that are set, highest first; bits without a name are
    /// left out.
    pub(super) fn names(&self, at: usize, names: &[(u8, &'static str)]) -> Vec<String> {
        let set = names.iter().filter(|(bit, _)| self.bit(at, *bit));
        set.map(|(_, name)| (*name).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_their_padding_and_nothing_else() {
        for (bytes, expected) in [
            (&b"FINISAR CORP.   "[..], Some("FINISAR CORP.")),
            (b"A\0\0\0", Some("A")),
            (b"    ", None),
            (b"\xff\xff\xff\xff", None),
            (b"a\x01b ", None),
        ] {
            let half = Half::lower(bytes);
            assert_eq!(half.text(0, bytes.len()).as_deref(), expected);
        }
        assert_eq!(Half::lower(b"short").text(0, 16), None);
        assert_eq!(Half::upper(b"x").byte(0), None, "below the half");
    }

    #[test]
    fn dates_are_dates() {
        for (code, expected) in [
            (b"181207", Some("2018-12-07")),
            (b"181307", None),
            (b"18W207", None),
            (b"      ", None),
        ] {
            assert_eq!(Half::lower(code).date(0).as_deref(), expected);
        }
    }
}
