// SPDX-License-Identifier: Apache-2.0
//! SCSI commands that only read, and ATA commands inside them, by the kernel's
//! `SG_IO` (`scsi/sg.h`).

pub(crate) mod ata;
mod command;
mod sg;

pub(crate) use command::{PAGE_LENGTH, VPD_LENGTH, inquiry, log_sense, mode_sense};
pub(crate) use sg::{read, sense_of};
