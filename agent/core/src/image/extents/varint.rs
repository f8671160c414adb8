// SPDX-License-Identifier: Apache-2.0
//! Whole numbers in as few bytes as they need: seven bits each, the least
//! first; the eighth says that more follow.

/// No number takes more bytes.
pub(super) const LONGEST: usize = 19;

/// Appends a number.
pub(super) fn put(to: &mut Vec<u8>, mut value: u128) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            to.push(low);
            return;
        }
        to.push(low | 0x80);
    }
}

/// Reads the number at `at` and moves `at` behind it; `None` at the end.
pub(super) fn get(from: &[u8], at: &mut usize) -> Option<u128> {
    let mut value = 0;
    for shift in (0..LONGEST * 7).step_by(7) {
        let byte = *from.get(*at)?;
        *at += 1;
        value |= u128::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// How far it is from one place to another, so that short ways in both
/// directions are small numbers.
pub(super) fn way(from: u64, to: u64) -> u128 {
    match to.checked_sub(from) {
        Some(ahead) => u128::from(ahead) << 1,
        None => (u128::from(from - to) << 1) | 1,
    }
}

/// Goes the way.
pub(super) fn go(from: u64, way: u128) -> u64 {
    let distance = u64::try_from(way >> 1).unwrap_or(u64::MAX);
    match way & 1 {
        0 => from.saturating_add(distance),
        _ => from.saturating_sub(distance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_small_ones_are_short() {
        for (value, length) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (16383, 2),
            (16384, 3),
            (u128::from(u64::MAX), 10),
            (u128::from(u64::MAX) << 4, 10),
        ] {
            let (mut bytes, mut at) = (Vec::new(), 0);
            put(&mut bytes, value);
            assert_eq!(bytes.len(), length, "{value}");
            assert_eq!(get(&bytes, &mut at), Some(value));
            assert_eq!(at, length);
            assert_eq!(get(&bytes[..length - 1], &mut 0), None, "cut off");
        }
    }

    #[test]
    fn ways_lead_where_they_were_measured_to() {
        for (from, to) in [(5, 5), (5, 6), (6, 5), (0, u64::MAX), (u64::MAX, 0)] {
            assert_eq!(go(from, way(from, to)), to);
        }
    }
}
