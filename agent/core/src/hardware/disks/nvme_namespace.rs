// SPDX-License-Identifier: Apache-2.0
//! What an NVMe namespace is: Identify Namespace (NVM command set specification
//! 1.0 §4.1.5.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answers::{byte, le};

/// A namespace: what the kernel shows as a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Namespace {
    /// Its number.
    pub id: u32,
    /// Size, bytes.
    pub size_bytes: Option<u64>,
    /// What may be allocated at one time, bytes; less than the size if thin.
    pub capacity_bytes: Option<u64>,
    /// What is allocated now, bytes.
    pub used_bytes: Option<u64>,
    /// EUI-64, hexadecimal.
    pub eui64: Option<String>,
    /// NGUID, hexadecimal.
    pub nguid: Option<String>,
    /// Number of the format in use.
    pub format: Option<u8>,
    /// The formats it can be given.
    pub formats: Vec<LbaFormat>,
    /// Whether metadata comes at the end of each block instead of by itself.
    pub metadata_in_block: bool,
    /// End-to-end protection in use, type 1 to 3; absent if off.
    pub protection_type: Option<u8>,
    /// Whether several controllers may use it.
    pub shared: bool,
    /// What a discarded block reads as: `zeroes`, `ones`; absent if not told.
    pub discarded_reads: Option<String>,
}

/// A format of blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LbaFormat {
    /// Bytes of data in a block.
    pub data_bytes: u32,
    /// Bytes of metadata beside them.
    pub metadata_bytes: u16,
    /// 0 is the fastest, 3 the slowest.
    pub relative_performance: u8,
}

/// Identify Namespace; `None` if it holds nothing, as for an inactive one.
pub(super) fn namespace(id: u32, data: &[u8]) -> Option<Namespace> {
    let blocks = le(data, 0, 8).filter(|blocks| *blocks > 0)?;
    // NLBAF counts from 0. FLBAS has the number's low bits in 3:0, the high
    // ones in 6:5.
    let count = usize::from(byte(data, 25)?) + 1;
    let chosen = byte(data, 26)?;
    let high = if count > 16 { chosen >> 5 & 3 } else { 0 };
    let number = high << 4 | chosen & 0x0f;
    let formats: Vec<LbaFormat> = (0..count.min(64))
        .map_while(|index| lba_format(le(data, 128 + 4 * index, 4)?))
        .collect();
    let block = formats.get(usize::from(number));
    let bytes = |blocks: u64| blocks.checked_mul(u64::from(block?.data_bytes));
    let protection = byte(data, 29)? & 7;
    Some(Namespace {
        id,
        size_bytes: bytes(blocks),
        capacity_bytes: le(data, 8, 8).and_then(bytes),
        used_bytes: le(data, 16, 8).and_then(bytes),
        nguid: identifier(data.get(104..120)?),
        eui64: identifier(data.get(120..128)?),
        format: block.is_some().then_some(number),
        metadata_in_block: chosen & 0x10 != 0,
        protection_type: (1..=3).contains(&protection).then_some(protection),
        shared: byte(data, 30)? & 1 != 0,
        discarded_reads: match byte(data, 33)? & 7 {
            1 => Some("zeroes".into()),
            2 => Some("ones".into()),
            _ => None,
        },
        formats,
    })
}

/// MS in bits 15:0, LBADS (a power of two) 23:16, RP 25:24. A block has at
/// least 512 bytes; zero marks a format that is not there.
fn lba_format(dword: u64) -> Option<LbaFormat> {
    let exponent = u32::try_from(dword >> 16 & 0xff).ok()?;
    (9..=24).contains(&exponent).then(|| LbaFormat {
        data_bytes: 1 << exponent,
        metadata_bytes: u16::try_from(dword & 0xffff).unwrap_or(0),
        relative_performance: u8::try_from(dword >> 24 & 3).unwrap_or(0),
    })
}

fn identifier(bytes: &[u8]) -> Option<String> {
    let told = bytes.iter().any(|b| *b != 0) && bytes.iter().any(|b| *b != 0xff);
    told.then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Identify Namespace: 3.84 TB in blocks of 512 bytes, four formats.
    pub(in super::super) fn namespace_data() -> Vec<u8> {
        let mut data = vec![0; 4096];
        let mut put = |at: usize, bytes: &[u8]| data[at..at + bytes.len()].copy_from_slice(bytes);
        let blocks = 7_501_476_528_u64.to_le_bytes();
        put(0, &blocks);
        put(8, &blocks);
        put(16, &1_000_u64.to_le_bytes());
        put(25, &[3, 0]);
        put(33, &[0b1001]);
        put(120, &[0, 0x25, 0x38, 0xb1, 0x11, 0x50, 0x30, 0x7f]);
        put(128, &0x0009_0000_u32.to_le_bytes());
        put(132, &0x0109_0008_u32.to_le_bytes());
        put(136, &0x000c_0000_u32.to_le_bytes());
        put(140, &0x030c_0040_u32.to_le_bytes());
        data
    }

    #[test]
    fn a_namespace_has_its_formats() {
        let found = namespace(1, &namespace_data()).expect("a namespace");
        assert_eq!(found.size_bytes, Some(3_840_755_982_336));
        assert_eq!(found.used_bytes, Some(512_000));
        assert_eq!(found.format, Some(0));
        assert_eq!(found.formats.len(), 4);
        assert_eq!(
            found.formats[3],
            LbaFormat {
                data_bytes: 4096,
                metadata_bytes: 64,
                relative_performance: 3
            }
        );
        assert_eq!(found.eui64.as_deref(), Some("002538b11150307f"));
        assert_eq!(found.nguid, None);
        assert_eq!(found.discarded_reads.as_deref(), Some("zeroes"));
        assert_eq!(found.protection_type, None);
        let mut protected = namespace_data();
        protected[26] = 0x11;
        protected[29] = 0b1010;
        let found = namespace(1, &protected).expect("a namespace");
        assert_eq!(found.format, Some(1));
        assert!(found.metadata_in_block);
        assert_eq!(found.protection_type, Some(2));
    }

    #[test]
    fn a_format_that_is_not_there_gives_no_size() {
        let mut data = namespace_data();
        data[26] = 9;
        let found = namespace(1, &data).expect("a namespace");
        assert_eq!((found.size_bytes, found.format), (None, None));
        assert_eq!(namespace(1, &[0; 4096]), None, "an inactive namespace");
        assert_eq!(namespace(1, &data[..100]), None);
    }
}
