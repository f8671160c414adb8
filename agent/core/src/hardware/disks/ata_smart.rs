// SPDX-License-Identifier: Apache-2.0
//! ATA SMART: attributes and thresholds (SFF-8035i; the layout every drive
//! kept), and the drive's own verdict (ACS-4 §7.44.8).

use super::answers::{byte, le};
use super::health::{AttributeBelowThreshold, Health, Warning};

/// Attributes in the table, bytes of each, and where the table begins.
const ATTRIBUTES: usize = 30;
const ATTRIBUTE_LENGTH: usize = 12;
const TABLE: usize = 2;
/// Flag bit 0: at its threshold the attribute predicts failure.
const PRE_FAILURE: u64 = 1;

/// One attribute of SMART READ DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attribute {
    id: u8,
    flags: u64,
    value: u8,
    /// Six bytes whose meaning is the vendor's.
    raw: u64,
}

/// Puts in what attributes tell that means the same for every vendor.
///
/// # Errors
///
/// Why the data cannot be trusted.
pub(super) fn add_attributes(
    health: &mut Health,
    data: &[u8],
    thresholds: &[u8],
) -> Result<(), String> {
    check(data)?;
    let attributes: Vec<Attribute> = (0..ATTRIBUTES)
        .filter_map(|index| attribute(data, TABLE + ATTRIBUTE_LENGTH * index))
        .collect();
    let raw = |id: u8| attributes.iter().find(|a| a.id == id).map(|a| a.raw);
    // Where a vendor keeps more than the count it does so in the high bytes.
    let count = |id: u8| raw(id).map(|raw| raw & 0xffff_ffff);
    health.reallocated_sectors = count(5);
    health.pending_sectors = count(197);
    health.uncorrectable_sectors = count(198);
    health.link_errors = count(199);
    health.power_cycles = count(12);
    health.power_on_hours = raw(9).map(|raw| raw & 0xff_ffff);
    health.uncorrected_errors = raw(187).map(|raw| raw & 0xffff);
    health.temperature_celsius = raw(194)
        .or_else(|| raw(190))
        .and_then(|raw| i16::try_from(raw & 0xff).ok())
        .filter(|celsius| (1..120).contains(celsius));
    if check(thresholds).is_ok() {
        let below = attributes.iter().filter_map(|a| below(*a, thresholds));
        health.attributes_below_threshold = below.collect();
    }
    Ok(())
}

/// The structure has 512 bytes that add up to zero (§9.16.1).
fn check(data: &[u8]) -> Result<(), String> {
    let block = data.get(..512).ok_or("the SMART data is cut short")?;
    let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if sum == 0 {
        Ok(())
    } else {
        Err("the SMART data fails its checksum".into())
    }
}

fn attribute(data: &[u8], at: usize) -> Option<Attribute> {
    Some(Attribute {
        id: byte(data, at).filter(|id| *id != 0)?,
        flags: le(data, at + 1, 2)?,
        value: byte(data, at + 3)?,
        raw: le(data, at + 5, 6)?,
    })
}

/// Thresholds are a table of the same shape. 0 never trips, FEh and FFh are
/// for tests; values of 0 and above 253 are no values.
fn below(attribute: Attribute, thresholds: &[u8]) -> Option<AttributeBelowThreshold> {
    let at = (0..ATTRIBUTES)
        .map(|index| TABLE + ATTRIBUTE_LENGTH * index)
        .find(|at| byte(thresholds, *at) == Some(attribute.id))?;
    let threshold = byte(thresholds, at + 1).filter(|limit| (1..0xfe).contains(limit))?;
    let reached = (1..0xfe).contains(&attribute.value) && attribute.value <= threshold;
    reached.then_some(AttributeBelowThreshold {
        id: attribute.id,
        value: attribute.value,
        threshold,
        predicts_failure: attribute.flags & PRE_FAILURE != 0,
    })
}

/// Puts in the drive's own verdict: LBA C24Fh if nothing is exceeded, 2CF4h if
/// something is.
pub(super) fn add_status(health: &mut Health, sense: &[u8]) -> Result<(), String> {
    match lba_high_and_mid(sense) {
        Some((0xc2, 0x4f)) => health.passed = Some(true),
        Some((0x2c, 0xf4)) => {
            health.passed = Some(false);
            health.warnings.push(Warning::FailurePredicted);
        }
        _ => return Err("SMART RETURN STATUS brought no verdict".into()),
    }
    Ok(())
}

/// The registers in the sense data: the ATA Status Return descriptor (SAT-4
/// §12.2.2.6), or the places fixed format has for them (§12.2.2.7).
fn lba_high_and_mid(sense: &[u8]) -> Option<(u8, u8)> {
    match byte(sense, 0)? & 0x7f {
        0x72 | 0x73 => {
            let mut at = 8;
            loop {
                let (kind, length) = (byte(sense, at)?, byte(sense, at + 1)?);
                if kind == 0x09 && length >= 0x0c {
                    return Some((byte(sense, at + 11)?, byte(sense, at + 9)?));
                }
                at += 2 + usize::from(length);
            }
        }
        0x70 | 0x71 => Some((byte(sense, 11)?, byte(sense, 10)?)),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn seal(data: &mut [u8]) {
        data[511] = 0;
        let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        data[511] = 0_u8.wrapping_sub(sum);
    }

    type Row = (u8, u16, u8, u64);

    pub(in super::super) fn table(rows: &[Row]) -> Vec<u8> {
        let mut data = vec![0; 512];
        data[0] = 0x10;
        for (index, (id, flags, value, raw)) in rows.iter().enumerate() {
            let at = TABLE + ATTRIBUTE_LENGTH * index;
            data[at] = *id;
            data[at + 1..at + 3].copy_from_slice(&flags.to_le_bytes());
            data[at + 3] = *value;
            data[at + 4] = *value;
            data[at + 5..at + 11].copy_from_slice(&raw.to_le_bytes()[..6]);
        }
        seal(&mut data);
        data
    }

    pub(in super::super) fn limits(rows: &[(u8, u8)]) -> Vec<u8> {
        let mut data = vec![0; 512];
        for (index, (id, limit)) in rows.iter().enumerate() {
            let at = TABLE + ATTRIBUTE_LENGTH * index;
            data[at..at + 2].copy_from_slice(&[*id, *limit]);
        }
        seal(&mut data);
        data
    }

    /// Rows as smartctl shows them for a Seagate ST4000NM0033.
    pub(in super::super) const SEAGATE: &[Row] = &[
        (1, 0x000f, 83, 206_193_544),
        (3, 0x0003, 92, 0),
        (5, 0x0033, 100, 24),
        (9, 0x0032, 66, 30_287),
        (10, 0x0013, 100, 0),
        (12, 0x0032, 100, 33),
        (187, 0x0032, 98, 2),
        (190, 0x0022, 70, 0x001e_001a_001e),
        (194, 0x0022, 30, 0x000f_0000_001e),
        (197, 0x0012, 100, 8),
        (198, 0x0010, 100, 8),
        (199, 0x003e, 200, 1),
    ];

    #[test]
    fn attributes_that_mean_the_same_everywhere_are_told() {
        let limits = limits(&[(1, 44), (3, 0), (5, 10), (10, 97), (197, 0)]);
        let mut found = Health::default();
        add_attributes(&mut found, &table(SEAGATE), &limits).expect("attributes");
        assert_eq!(found.reallocated_sectors, Some(24));
        assert_eq!(found.pending_sectors, Some(8));
        assert_eq!(found.uncorrectable_sectors, Some(8));
        assert_eq!(found.link_errors, Some(1));
        assert_eq!(found.power_on_hours, Some(30_287));
        assert_eq!(found.power_cycles, Some(33));
        assert_eq!(found.uncorrected_errors, Some(2));
        assert_eq!(found.temperature_celsius, Some(30));
        assert!(found.attributes_below_threshold.is_empty());
    }

    #[test]
    fn a_threshold_that_is_reached_is_told() {
        let data = table(&[(5, 0x33, 9, 4000), (231, 0x32, 1, 0), (9, 0x32, 1, 0)]);
        let limits = limits(&[(5, 10), (231, 1), (9, 0)]);
        let mut found = Health::default();
        add_attributes(&mut found, &data, &limits).expect("attributes");
        let below: Vec<(u8, bool)> = found
            .attributes_below_threshold
            .iter()
            .map(|attribute| (attribute.id, attribute.predicts_failure))
            .collect();
        assert_eq!(below, [(5, true), (231, false)]);
    }

    #[test]
    fn the_verdict_comes_in_both_formats_of_sense() {
        let descriptor = |high, mid| {
            let mut sense = vec![0x72, 1, 0, 0x1d, 0, 0, 0, 14];
            sense.extend([0x09, 0x0c, 0, 0, 0, 0, 0, 0, 0, mid, 0, high, 0, 0x50]);
            sense
        };
        let fixed = |high, mid| {
            let mut sense = vec![0; 18];
            sense[0] = 0x70;
            sense[10] = mid;
            sense[11] = high;
            sense
        };
        for (sense, passed) in [
            (descriptor(0xc2, 0x4f), Some(true)),
            (descriptor(0x2c, 0xf4), Some(false)),
            (descriptor(0, 0), None),
            (fixed(0xc2, 0x4f), Some(true)),
            (fixed(0x2c, 0xf4), Some(false)),
            (vec![0x72, 1, 0, 0x1d, 0, 0, 0, 0], None),
            (vec![], None),
        ] {
            let mut found = Health::default();
            let told = add_status(&mut found, &sense);
            assert_eq!(found.passed, passed, "{sense:x?}");
            assert_eq!(told.is_ok(), passed.is_some());
        }
    }

    #[test]
    fn data_with_a_wrong_checksum_is_refused() {
        let mut data = table(SEAGATE);
        data[30] ^= 4;
        let mut found = Health::default();
        assert!(add_attributes(&mut found, &data, &[]).is_err());
        assert!(add_attributes(&mut found, &data[..100], &[]).is_err());
        assert_eq!(found, Health::default());
    }
}
