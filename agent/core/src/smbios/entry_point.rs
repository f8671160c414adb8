// SPDX-License-Identifier: Apache-2.0
//! The version in the SMBIOS entry point (DSP0134 §5.2).

/// Major and minor version, from a 64-bit or a 32-bit entry point.
#[must_use]
pub fn version(entry_point: &[u8]) -> Option<(u8, u8)> {
    let at = match entry_point {
        [b'_', b'S', b'M', b'3', b'_', ..] => 7,
        [b'_', b'S', b'M', b'_', ..] => 6,
        _ => return None,
    };
    match entry_point.get(at..at + 2)? {
        [major, minor] => Some((*major, *minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_entry_points_tell_their_version() {
        for (bytes, expected) in [
            (&b"_SM3_\x9c\x18\x03\x02\0\x01\0"[..], Some((3, 2))),
            (&b"_SM_\x10\x1f\x02\x08\x5a\x01"[..], Some((2, 8))),
            (&b"_SM3_\x9c\x18\x03"[..], None),
            (&b"_DMI_"[..], None),
            (&b""[..], None),
        ] {
            assert_eq!(version(bytes), expected, "{bytes:?}");
        }
    }
}
