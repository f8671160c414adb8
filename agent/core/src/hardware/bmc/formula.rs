// SPDX-License-Identifier: Apache-2.0
//! From a sensor's raw reading to a value (IPMI 2.0 section 36.3).

/// `y = L[(M·x + B·10^K1)·10^K2]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Formula {
    signed: Signed,
    m: f64,
    b: f64,
    k2: i32,
    linearization: Linearization,
}

/// How the raw byte is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    Unsigned,
    OnesComplement,
    TwosComplement,
}

/// The functions of table 43-1, byte 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Linearization {
    Linear,
    Ln,
    Log10,
    Log2,
    Exp,
    Exp10,
    Exp2,
    Inverse,
    Square,
    Cube,
    SquareRoot,
    CubeRoot,
}

impl Formula {
    /// Reads it from the first byte of the units, and the seven bytes of a full
    /// record that begin with the linearization. `None` if the sensor has no
    /// number, or one whose factors differ from reading to reading.
    pub(super) fn read(units: u8, bytes: &[u8]) -> Option<Self> {
        let [linearization, m, m_high, b, b_high, _accuracy, exponents] = *bytes else {
            return None;
        };
        let signed = match units >> 6 {
            0b00 => Signed::Unsigned,
            0b01 => Signed::OnesComplement,
            0b10 => Signed::TwosComplement,
            _ => return None,
        };
        let linearization = match linearization & 0x7f {
            0 => Linearization::Linear,
            1 => Linearization::Ln,
            2 => Linearization::Log10,
            3 => Linearization::Log2,
            4 => Linearization::Exp,
            5 => Linearization::Exp10,
            6 => Linearization::Exp2,
            7 => Linearization::Inverse,
            8 => Linearization::Square,
            9 => Linearization::Cube,
            10 => Linearization::SquareRoot,
            11 => Linearization::CubeRoot,
            _ => return None,
        };
        let k1 = nibble(exponents & 0x0f);
        Some(Self {
            signed,
            m: f64::from(ten_bits(m, m_high)),
            b: f64::from(ten_bits(b, b_high)) * 10_f64.powi(k1),
            k2: nibble(exponents >> 4),
            linearization,
        })
    }

    /// The value of a raw reading, rounded to what a byte can tell; `None` if the
    /// function has none there.
    pub(super) fn value(&self, raw: u8) -> Option<f64> {
        let x = match self.signed {
            Signed::Unsigned => f64::from(raw),
            Signed::TwosComplement => f64::from(raw.cast_signed()),
            Signed::OnesComplement if raw & 0x80 != 0 => -f64::from(!raw),
            Signed::OnesComplement => f64::from(raw),
        };
        let y = (self.m * x + self.b) * 10_f64.powi(self.k2);
        let y = match self.linearization {
            Linearization::Linear => y,
            Linearization::Ln => y.ln(),
            Linearization::Log10 => y.log10(),
            Linearization::Log2 => y.log2(),
            Linearization::Exp => y.exp(),
            Linearization::Exp10 => 10_f64.powf(y),
            Linearization::Exp2 => y.exp2(),
            Linearization::Inverse => y.recip(),
            Linearization::Square => y * y,
            Linearization::Cube => y * y * y,
            Linearization::SquareRoot => y.sqrt(),
            Linearization::CubeRoot => y.cbrt(),
        };
        y.is_finite().then(|| rounded(y))
    }
}

/// Six significant digits: ten bits of factor times eight bits of reading have
/// fewer, and what stands behind them is noise of the arithmetic.
fn rounded(y: f64) -> f64 {
    // Zero without a sign.
    format!("{y:.5e}").parse().unwrap_or(y) + 0.0
}

/// Ten bits in two's complement, the upper two on top of the second byte.
fn ten_bits(low: u8, high: u8) -> i16 {
    let word = i16::from(high >> 6) << 8 | i16::from(low);
    if word >= 512 { word - 1024 } else { word }
}

/// Four bits in two's complement.
fn nibble(bits: u8) -> i32 {
    let bits = i32::from(bits);
    if bits >= 8 { bits - 16 } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_become_values() {
        let cases: &[(u8, [u8; 7], u8, Option<f64>)] = &[
            // A temperature in whole degrees, two's complement: 23 and -5.
            (0x80, [0, 1, 0, 0, 0, 0, 0], 23, Some(23.0)),
            (0x80, [0, 1, 0, 0, 0, 0, 0], 0xfb, Some(-5.0)),
            (0x40, [0, 1, 0, 0, 0, 0, 0], 0xfb, Some(-4.0)),
            // The inlet temperature of Dell's iDRAC: B = -128.
            (0, [0, 1, 0, 0x80, 0xc0, 0, 0], 151, Some(23.0)),
            // A fan of Supermicro: 100 RPM a step.
            (0, [0, 100, 0, 0, 0, 0, 0], 54, Some(5400.0)),
            // 12 V: M = 63, B = 0, K2 = -3.
            (0, [0, 63, 0, 0, 0, 0, 0xd0], 190, Some(11.97)),
            // B and K1: (2·10 + 5·10²)·10⁻¹.
            (0, [0, 2, 0, 5, 0, 0, 0xf2], 10, Some(52.0)),
            // Negative M in ten bits: -3.
            (0, [0, 0xfd, 0xc0, 0, 0, 0, 0], 4, Some(-12.0)),
            (0, [1, 1, 0, 0, 0, 0, 0], 1, Some(0.0)),
            (0, [1, 1, 0, 0, 0, 0, 0], 0, None),
            (0, [2, 1, 0, 0, 0, 0, 0], 100, Some(2.0)),
            (0, [3, 1, 0, 0, 0, 0, 0], 8, Some(3.0)),
            (0, [4, 1, 0, 0, 0, 0, 0], 0, Some(1.0)),
            (0, [5, 1, 0, 0, 0, 0, 0], 3, Some(1000.0)),
            (0, [6, 1, 0, 0, 0, 0, 0], 10, Some(1024.0)),
            (0, [7, 1, 0, 0, 0, 0, 0], 4, Some(0.25)),
            (0, [7, 1, 0, 0, 0, 0, 0], 0, None),
            (0, [8, 1, 0, 0, 0, 0, 0], 7, Some(49.0)),
            (0, [9, 1, 0, 0, 0, 0, 0], 3, Some(27.0)),
            (0, [10, 1, 0, 0, 0, 0, 0], 49, Some(7.0)),
            (0, [11, 1, 0, 0, 0, 0, 0], 27, Some(3.0)),
            // exp of the largest there is, and the root of a negative number.
            (0, [4, 0xff, 0x40, 0, 0, 0, 0x70], 255, None),
            (0x80, [10, 1, 0, 0, 0, 0, 0], 0xff, None),
        ];
        for (units, bytes, raw, expected) in cases {
            let formula = Formula::read(*units, bytes).expect("a formula");
            assert_eq!(formula.value(*raw), *expected, "{bytes:?} of {raw}");
        }
    }

    #[test]
    fn sensors_without_a_formula_have_none() {
        assert_eq!(Formula::read(0xc0, &[0, 1, 0, 0, 0, 0, 0]), None);
        assert_eq!(Formula::read(0, &[0x70, 1, 0, 0, 0, 0, 0]), None);
        assert_eq!(Formula::read(0, &[0, 1, 0]), None);
    }
}
