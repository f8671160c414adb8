// SPDX-License-Identifier: Apache-2.0
//! How a drive protects its data, and how it can be erased.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Security state and ways to erase.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Security {
    /// The ATA security feature set: passwords and SECURITY ERASE UNIT.
    pub password: Option<Password>,
    /// Whether it takes security protocols (TCG Opal and the like): Security
    /// Send and Receive of NVMe, Trusted Computing of ATA.
    pub security_protocols: Option<bool>,
    /// Format NVM.
    pub format: Option<Format>,
    /// Sanitize.
    pub sanitize: Option<Sanitize>,
}

/// The ATA security feature set (IDENTIFY DEVICE word 128).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Password {
    /// Whether a password is set.
    pub enabled: bool,
    /// Whether the drive refuses access until it gets the password.
    pub locked: bool,
    /// Whether it refuses security commands until it loses power; firmware
    /// freezes drives at boot.
    pub frozen: bool,
    /// Whether too many wrong passwords were tried.
    pub attempts_expired: bool,
    /// Whether it can overwrite reallocated sectors too.
    pub enhanced_erase: bool,
    /// How long an erase takes by its own word, minutes.
    pub erase_minutes: Option<u32>,
    /// How long an enhanced erase takes, minutes.
    pub enhanced_erase_minutes: Option<u32>,
}

/// Format NVM (NVMe base specification 2.0 §5.14).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Format {
    /// Whether the controller has the command.
    pub supported: bool,
    /// Whether it can erase by throwing the encryption key away.
    pub cryptographic_erase: bool,
    /// Whether a format of one namespace formats all of them.
    pub formats_every_namespace: bool,
    /// Whether an erase of one namespace erases all of them.
    pub erases_every_namespace: bool,
}

/// Sanitize of NVMe and ATA: erases everything, caches and spares included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sanitize {
    /// By throwing the encryption key away.
    pub cryptographic_erase: bool,
    /// By erasing the flash blocks.
    pub block_erase: bool,
    /// By overwriting.
    pub overwrite: bool,
    /// How the last one ended (NVMe).
    pub state: Option<SanitizeState>,
    /// How far one that is running is, percent (NVMe).
    pub progress_percent: Option<u8>,
    /// How long a cryptographic erase takes by its own word, seconds (NVMe).
    pub cryptographic_erase_seconds: Option<u32>,
    /// How long a block erase takes, seconds (NVMe).
    pub block_erase_seconds: Option<u32>,
    /// How long an overwrite takes, seconds (NVMe).
    pub overwrite_seconds: Option<u32>,
}

/// How the last sanitize ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SanitizeState {
    /// There never was one.
    Never,
    /// It succeeded.
    Succeeded,
    /// It is running; the drive takes no data.
    Running,
    /// It failed; the drive may take no data until another one succeeds.
    Failed,
}
