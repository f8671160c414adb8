// SPDX-License-Identifier: Apache-2.0
//! Every effect on the machine the agent runs on, without policy.
//!
//! One file or folder per kernel interface. What shall be done comes in as a
//! value that `ironseed-core` decided; what was found goes out as a value.

pub mod block;
pub mod boot_sources;
pub mod clock;
pub mod efi;
mod ethtool;
pub mod execute;
pub mod file_system;
pub mod image;
mod kmsg;
pub mod lldp;
pub mod logs;
pub mod meter;
pub mod net;
pub mod nvme;
mod partition_image;
pub mod power;
pub mod processes;
pub mod progress;
pub mod root;
pub(crate) mod scsi;
pub mod snapshot;
pub mod state;
pub mod terminal;
pub mod tls;
