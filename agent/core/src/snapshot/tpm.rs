// SPDX-License-Identifier: Apache-2.0
//! What a TPM answered.

use serde::{Deserialize, Serialize};

use super::Bytes;

/// One answer to TPM2_GetCapability (TCG TPM 2.0 Library, part 3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TpmAnswer {
    /// The group of capabilities that was asked for (`TPM_CAP`).
    pub capability: u32,
    /// The first property of the group that was asked for.
    pub property: u32,
    /// The whole response, with its header.
    pub response: Bytes,
}
