// SPDX-License-Identifier: Apache-2.0
//! Ethernet link modes as `linux/ethtool.h` numbers them
//! (`enum ethtool_link_mode_bit_indices`, up to kernel 6.19).

/// What one bit of a link mode mask stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bit {
    /// A link mode, `25000baseSR/Full`; the speed in Mbit/s stands before `base`.
    Mode(&'static str),
    /// A kind of port: `TP`, `FIBRE`.
    Port(&'static str),
    /// Forward error correction, as ethtool names it.
    Fec(&'static str),
    /// What link settings tell elsewhere: autonegotiation, pause frames.
    Other,
}

use Bit::{Fec, Mode, Other, Port};

/// Every bit, by its number.
#[rustfmt::skip]
const BITS: &[Bit] = &[
    Mode("10baseT/Half"), Mode("10baseT/Full"),
    Mode("100baseT/Half"), Mode("100baseT/Full"),
    Mode("1000baseT/Half"), Mode("1000baseT/Full"),
    Other, Port("TP"), Port("AUI"), Port("MII"), Port("FIBRE"), Port("BNC"),
    Mode("10000baseT/Full"), Other, Other,
    Mode("2500baseX/Full"), Port("Backplane"), Mode("1000baseKX/Full"),
    Mode("10000baseKX4/Full"), Mode("10000baseKR/Full"), Mode("10000baseR_FEC"),
    Mode("20000baseMLD2/Full"), Mode("20000baseKR2/Full"),
    Mode("40000baseKR4/Full"), Mode("40000baseCR4/Full"),
    Mode("40000baseSR4/Full"), Mode("40000baseLR4/Full"),
    Mode("56000baseKR4/Full"), Mode("56000baseCR4/Full"),
    Mode("56000baseSR4/Full"), Mode("56000baseLR4/Full"),
    Mode("25000baseCR/Full"), Mode("25000baseKR/Full"), Mode("25000baseSR/Full"),
    Mode("50000baseCR2/Full"), Mode("50000baseKR2/Full"),
    Mode("100000baseKR4/Full"), Mode("100000baseSR4/Full"),
    Mode("100000baseCR4/Full"), Mode("100000baseLR4_ER4/Full"),
    Mode("50000baseSR2/Full"), Mode("1000baseX/Full"),
    Mode("10000baseCR/Full"), Mode("10000baseSR/Full"), Mode("10000baseLR/Full"),
    Mode("10000baseLRM/Full"), Mode("10000baseER/Full"),
    Mode("2500baseT/Full"), Mode("5000baseT/Full"),
    Fec("off"), Fec("RS"), Fec("BaseR"),
    Mode("50000baseKR/Full"), Mode("50000baseSR/Full"), Mode("50000baseCR/Full"),
    Mode("50000baseLR_ER_FR/Full"), Mode("50000baseDR/Full"),
    Mode("100000baseKR2/Full"), Mode("100000baseSR2/Full"), Mode("100000baseCR2/Full"),
    Mode("100000baseLR2_ER2_FR2/Full"), Mode("100000baseDR2/Full"),
    Mode("200000baseKR4/Full"), Mode("200000baseSR4/Full"),
    Mode("200000baseLR4_ER4_FR4/Full"), Mode("200000baseDR4/Full"), Mode("200000baseCR4/Full"),
    Mode("100baseT1/Full"), Mode("1000baseT1/Full"),
    Mode("400000baseKR8/Full"), Mode("400000baseSR8/Full"),
    Mode("400000baseLR8_ER8_FR8/Full"), Mode("400000baseDR8/Full"), Mode("400000baseCR8/Full"),
    Fec("LLRS"),
    Mode("100000baseKR/Full"), Mode("100000baseSR/Full"), Mode("100000baseLR_ER_FR/Full"),
    Mode("100000baseCR/Full"), Mode("100000baseDR/Full"),
    Mode("200000baseKR2/Full"), Mode("200000baseSR2/Full"),
    Mode("200000baseLR2_ER2_FR2/Full"), Mode("200000baseDR2/Full"), Mode("200000baseCR2/Full"),
    Mode("400000baseKR4/Full"), Mode("400000baseSR4/Full"),
    Mode("400000baseLR4_ER4_FR4/Full"), Mode("400000baseDR4/Full"), Mode("400000baseCR4/Full"),
    Mode("100baseFX/Half"), Mode("100baseFX/Full"), Mode("10baseT1L/Full"),
    Mode("800000baseCR8/Full"), Mode("800000baseKR8/Full"), Mode("800000baseDR8/Full"),
    Mode("800000baseDR8_2/Full"), Mode("800000baseSR8/Full"), Mode("800000baseVR8/Full"),
    Mode("10baseT1S/Full"), Mode("10baseT1S/Half"), Mode("10baseT1S_P2MP/Half"),
    Mode("10baseT1BRR/Full"),
    Mode("200000baseCR/Full"), Mode("200000baseKR/Full"), Mode("200000baseDR/Full"),
    Mode("200000baseDR_2/Full"), Mode("200000baseSR/Full"), Mode("200000baseVR/Full"),
    Mode("400000baseCR2/Full"), Mode("400000baseKR2/Full"), Mode("400000baseDR2/Full"),
    Mode("400000baseDR2_2/Full"), Mode("400000baseSR2/Full"), Mode("400000baseVR2/Full"),
    Mode("800000baseCR4/Full"), Mode("800000baseKR4/Full"), Mode("800000baseDR4/Full"),
    Mode("800000baseDR4_2/Full"), Mode("800000baseSR4/Full"), Mode("800000baseVR4/Full"),
    Mode("1600000baseCR8/Full"), Mode("1600000baseKR8/Full"), Mode("1600000baseDR8/Full"),
    Mode("1600000baseDR8_2/Full"),
];

/// The numbers of the bits that are set.
fn set_bits(mask: &[u32]) -> impl Iterator<Item = usize> {
    mask.iter().enumerate().flat_map(|(index, word)| {
        (0..32)
            .filter(move |bit| word >> bit & 1 == 1)
            .map(move |bit| index * 32 + bit)
    })
}

/// Speed of a link mode in Mbit/s.
fn speed_of(mode: &str) -> Option<u32> {
    mode.split_once("base")?.0.parse().ok()
}

/// The highest speed in a mask of link modes, in Mbit/s; `None` if it names no
/// speed that is known.
#[must_use]
pub fn highest_speed(mask: &[u32]) -> Option<u32> {
    let speeds = set_bits(mask).filter_map(|bit| match BITS.get(bit) {
        Some(Mode(name)) => speed_of(name),
        _ => None,
    });
    speeds.max()
}

/// Names of the link modes in a mask, in the order of their numbers. Modes
/// newer than this table are named by their number, `mode 130`.
#[must_use]
pub(crate) fn link_mode_names(mask: &[u32]) -> Vec<String> {
    let names = set_bits(mask).filter_map(|bit| match BITS.get(bit) {
        Some(Mode(name)) => Some((*name).to_owned()),
        Some(_) => None,
        None => Some(format!("mode {bit}")),
    });
    names.collect()
}

/// Names of the forward error corrections in a mask.
#[must_use]
pub(crate) fn fec_modes(mask: &[u32]) -> Vec<String> {
    let names = set_bits(mask).filter_map(|bit| match BITS.get(bit) {
        Some(Fec(name)) => Some((*name).to_owned()),
        _ => None,
    });
    names.collect()
}

/// Kinds of port in a mask: what the port can be, whatever is plugged now.
#[must_use]
pub(crate) fn port_kinds(mask: &[u32]) -> Vec<String> {
    let names = set_bits(mask).filter_map(|bit| match BITS.get(bit) {
        Some(Port(name)) => Some((*name).to_owned()),
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(bits: &[usize]) -> Vec<u32> {
        let mut words = vec![0_u32; 5];
        for bit in bits {
            words[bit / 32] |= 1 << (bit % 32);
        }
        words
    }

    #[test]
    fn the_highest_speed_is_found() {
        for (bits, expected) in [
            (&[0, 1, 2, 3, 5, 6, 7, 13][..], Some(1000)),
            (&[17, 31, 10], Some(25_000)),
            (&[12, 41], Some(10_000)),
            (&[6, 13, 74], None),
            (&[62], Some(200_000)),
            (&[99, 124], Some(1_600_000)),
            (&[5, 140], Some(1000)),
            (&[], None),
        ] {
            assert_eq!(highest_speed(&mask(bits)), expected, "{bits:?}");
        }
        assert_eq!(highest_speed(&[]), None);
    }

    /// Numbers from `linux/ethtool.h`, spread over the table: a name left out
    /// anywhere would shift those after it.
    #[test]
    fn names_stand_at_the_kernels_numbers() {
        for (bit, name) in [
            (0, "10baseT/Half"),
            (12, "10000baseT/Full"),
            (17, "1000baseKX/Full"),
            (31, "25000baseCR/Full"),
            (39, "100000baseLR4_ER4/Full"),
            (41, "1000baseX/Full"),
            (48, "5000baseT/Full"),
            (56, "50000baseDR/Full"),
            (66, "200000baseCR4/Full"),
            (73, "400000baseCR8/Full"),
            (79, "100000baseDR/Full"),
            (89, "400000baseCR4/Full"),
            (92, "10baseT1L/Full"),
            (98, "800000baseVR8/Full"),
            (102, "10baseT1BRR/Full"),
            (108, "200000baseVR/Full"),
            (120, "800000baseVR4/Full"),
            (124, "1600000baseDR8_2/Full"),
            (130, "mode 130"),
        ] {
            assert_eq!(link_mode_names(&mask(&[bit])), [name], "bit {bit}");
        }
        assert_eq!(BITS.len(), 125);
        let nameless = BITS.iter().any(|bit| match bit {
            Mode(name) => speed_of(name).is_none(),
            _ => false,
        });
        assert!(!nameless, "every mode begins with its speed");
    }

    #[test]
    fn what_is_no_mode_is_told_apart() {
        let all = mask(&[6, 7, 10, 13, 16, 33, 49, 50, 51, 74]);
        assert_eq!(link_mode_names(&all), ["25000baseSR/Full"]);
        assert_eq!(port_kinds(&all), ["TP", "FIBRE", "Backplane"]);
        assert_eq!(fec_modes(&all), ["off", "RS", "BaseR", "LLRS"]);
    }
}
