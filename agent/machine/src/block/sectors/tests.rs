// SPDX-License-Identifier: Apache-2.0
//! Images as the usual programs make them for sectors of 512 bytes, on disks
//! with 4096; and what these programs say afterwards.

mod adapting;
mod config_drive;
pub(crate) mod made;
