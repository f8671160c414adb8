// SPDX-License-Identifier: Apache-2.0
//! Every decision the agent takes, as pure functions over values.
//!
//! Nothing here opens a file, a socket or a process, reads a clock or draws a
//! random number: what the machine looks like comes in as a value
//! ([`snapshot`]), what shall happen to it goes out as a value ([`plan`],
//! [`network`], [`lifecycle`]). The crate `ironseed-machine` carries them out.

pub mod block;
pub mod boot;
pub mod clock;
pub mod config_drive;
pub mod dry_run;
pub mod event;
pub mod fault;
pub mod file_system;
pub mod guard;
pub mod hardware;
pub mod hints;
pub mod image;
pub mod image_request;
pub mod inspection;
pub mod inventory;
pub mod ipmi;
pub mod iso9660;
pub mod lifecycle;
pub mod lldp;
pub mod log_archive;
pub mod network;
pub mod node;
pub mod partition;
pub mod pci_config;
pub mod plan;
pub mod profile;
pub mod scs;
pub mod smbios;
pub mod snapshot;
pub mod steps;
pub mod tpm;
