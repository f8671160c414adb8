// SPDX-License-Identifier: Apache-2.0
//! Responses to TPM2_GetCapability.

use std::fmt;

use super::{HANDLES, HEADER, PCRS, PROPERTIES};

/// What a TPM answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Handles of objects and NV indices.
    Handles(Vec<u32>),
    /// The PCR banks.
    Pcrs(Vec<PcrBank>),
    /// Properties and their values.
    Properties(Vec<(u32, u32)>),
}

/// A PCR bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcrBank {
    /// The hash algorithm (`TPM_ALG_ID`).
    pub algorithm: u16,
    /// How many PCRs of it are in use; none if the bank is off.
    pub registers: u32,
}

/// Why there is no answer in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The TPM says no: `TPM_RC`.
    Code(u32),
    /// The response is shorter than it claims, or of another kind than asked.
    Malformed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "the TPM answered with code {code:#x}"),
            Self::Malformed => f.write_str("the TPM's answer is malformed"),
        }
    }
}

/// How long a response says it is, header included; `None` as long as that part
/// of it has not come.
#[must_use]
pub fn length(response: &[u8]) -> Option<usize> {
    let mut bytes = Reader(response);
    bytes.half()?;
    usize::try_from(bytes.word()?).ok()
}

/// Reads a response.
///
/// # Errors
/// See [`Refusal`]. Lists that end early give what they have: some firmware
/// counts entries that it does not send.
pub fn capability(response: &[u8]) -> Result<Capability, Refusal> {
    let told = length(response).ok_or(Refusal::Malformed)?;
    let response = response.get(..told).ok_or(Refusal::Malformed)?;
    let mut bytes = Reader(response.get(HEADER - 4..).ok_or(Refusal::Malformed)?);
    match bytes.word().ok_or(Refusal::Malformed)? {
        0 => list(bytes).ok_or(Refusal::Malformed),
        code => Err(Refusal::Code(code)),
    }
}

/// `TPMI_YES_NO moreData`, then `TPMS_CAPABILITY_DATA`.
fn list(mut bytes: Reader<'_>) -> Option<Capability> {
    bytes.take(1)?;
    let kind = bytes.word()?;
    let count = usize::try_from(bytes.word()?).ok()?;
    Some(match kind {
        HANDLES => Capability::Handles(entries(count, || bytes.word())),
        PCRS => Capability::Pcrs(entries(count, || bytes.bank())),
        PROPERTIES => {
            Capability::Properties(entries(count, || Some((bytes.word()?, bytes.word()?))))
        }
        _ => return None,
    })
}

fn entries<T>(count: usize, next: impl FnMut() -> Option<T>) -> Vec<T> {
    std::iter::from_fn(next).take(count).collect()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn half(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn word(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// `TPMS_PCR_SELECTION`: a bit for each PCR in use.
    fn bank(&mut self) -> Option<PcrBank> {
        let algorithm = self.half()?;
        let [octets] = *self.take(1)? else {
            return None;
        };
        let selection = self.take(usize::from(octets))?;
        Some(PcrBank {
            algorithm,
            registers: selection.iter().map(|octet| octet.count_ones()).sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::random::Random;

    fn response(code: u32, body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(HEADER + body.len()).expect("short");
        [
            &[0x80, 1][..],
            &size.to_be_bytes(),
            &code.to_be_bytes(),
            body,
        ]
        .concat()
    }

    const BANKS: &[u8] = &[
        0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 4, 3, 0, 0, 0, 0, 0xb, 3, 0xff, 0xff, 0xff,
    ];

    #[test]
    fn answers_are_read() {
        let handles = [
            0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0xc0, 0, 2, 1, 0xc0, 0, 0xa, 9, 9,
        ];
        let properties = [0, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 1, 5, b'I', b'F', b'X', 0];
        let banks = vec![
            PcrBank {
                algorithm: 4,
                registers: 0,
            },
            PcrBank {
                algorithm: 0xb,
                registers: 24,
            },
        ];
        for (body, expected) in [
            (
                &handles[..],
                Capability::Handles(vec![0x01c0_0002, 0x01c0_000a]),
            ),
            (
                &properties,
                Capability::Properties(vec![(0x105, 0x4946_5800)]),
            ),
            (BANKS, Capability::Pcrs(banks)),
        ] {
            assert_eq!(capability(&response(0, body)), Ok(expected));
        }
    }

    #[test]
    fn refusals_are_told() {
        let short = response(0, BANKS);
        for (bytes, expected) in [
            (response(0x100, &[]), Refusal::Code(0x100)),
            (
                response(0, &[0, 0, 0, 0, 9, 0, 0, 0, 0]),
                Refusal::Malformed,
            ),
            (short[..short.len() - 1].to_vec(), Refusal::Malformed),
            (vec![], Refusal::Malformed),
        ] {
            assert_eq!(capability(&bytes), Err(expected), "{bytes:?}");
        }
    }

    #[test]
    fn broken_answers_are_no_trouble() {
        let whole = response(0, BANKS);
        let mut random = Random::new(20);
        for _ in 0..20_000 {
            let mut broken = whole.clone();
            broken.truncate(random.below(whole.len() + 1));
            for _ in 0..random.below(4) {
                let length = broken.len();
                if length > 0 {
                    broken[random.below(length)] = random.byte();
                }
            }
            if let Ok(Capability::Pcrs(banks)) = capability(&broken) {
                assert!(banks.len() <= whole.len() / 3);
            }
        }
    }
}
