// SPDX-License-Identifier: Apache-2.0
//! The commands that are sent to a TPM 2.0 and what its responses mean (TCG TPM
//! 2.0 Library, part 2 "Structures" and part 3 "Commands"). Everything on this
//! wire is big-endian.

mod response;

pub use response::{Capability, PcrBank, Refusal, capability, length};

/// `TPM_ST_NO_SESSIONS`: the command needs no authorization.
const NO_SESSIONS: u16 = 0x8001;
/// `TPM_CC_GetCapability`.
const GET_CAPABILITY: u32 = 0x0000_017a;
/// Bytes of header before every command and response: tag, size, code.
pub const HEADER: usize = 10;
/// No response is longer; drivers of real chips take 4096 bytes.
pub const MAX_RESPONSE: usize = 4096;

/// `TPM_CAP_HANDLES`.
pub const HANDLES: u32 = 1;
/// `TPM_CAP_PCRS`.
pub const PCRS: u32 = 5;
/// `TPM_CAP_TPM_PROPERTIES`.
pub const PROPERTIES: u32 = 6;

/// First of the fixed properties (`PT_FIXED`).
pub const FIXED: u32 = 0x100;
/// The permanent flags (`TPM_PT_PERMANENT`).
pub const PERMANENT: u32 = 0x200;
/// First of the NV indices that the TCG's EK credential profile gives away.
pub const EK_INDICES: u32 = 0x01c0_0000;

/// One question: which group, from which property on, how many at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The group (`TPM_CAP`).
    pub capability: u32,
    /// The first property.
    pub property: u32,
    /// How many at most.
    pub count: u32,
}

/// Everything discovery asks a TPM.
pub const QUESTIONS: &[Question] = &[
    Question {
        capability: PROPERTIES,
        property: FIXED,
        count: 16,
    },
    Question {
        capability: PROPERTIES,
        property: PERMANENT,
        count: 1,
    },
    Question {
        capability: PCRS,
        property: 0,
        count: 16,
    },
    Question {
        capability: HANDLES,
        property: EK_INDICES,
        count: 64,
    },
];

impl Question {
    /// The command that asks it.
    #[must_use]
    pub fn command(&self) -> Vec<u8> {
        const SIZE: u32 = 22;
        let mut command = NO_SESSIONS.to_be_bytes().to_vec();
        for word in [
            SIZE,
            GET_CAPABILITY,
            self.capability,
            self.property,
            self.count,
        ] {
            command.extend(word.to_be_bytes());
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_of_the_specification() {
        assert_eq!(
            QUESTIONS[0].command(),
            [
                0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7a, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 0, 16
            ]
        );
    }
}
